"""Which distribution do these values come from? Fits, how good each is, and a verdict in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import Fault, NoAnswer, StudyError, did_you_mean, listing
from potomac.simulation.distributions import Distribution, deterministic, empirical
from potomac.simulation.inputs.checked import grid, observed, shown
from potomac.simulation.inputs.families import DEFAULT, FAMILIES, MOMENTS, Family
from potomac.simulation.inputs.goodness import on_grid, p_values, statistics
from potomac.stats.streams import Stream

__all__ = ["LEVEL", "Fit", "Fits", "fit"]

Floats = npt.NDArray[np.float64]

LEVEL = 0.05
"""A family is rejected where the data would lie as far from their fit with less than this chance."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One family, fitted.

    Attributes:
        family: its name.
        method: "ml" (maximum likelihood) or "moments".
        distribution: the fitted one; None where it cannot be fitted.
        parameters: name and value of each, as the likelihood takes them.
        log_likelihood: of the data.
        aic: 2 k - 2 log-likelihood (Akaike 1974); smaller is better.
        bic: k ln n - 2 log-likelihood (Schwarz 1978).
        ks: Kolmogorov and Smirnov's D.
        ks_p: chance that data of this distribution lie as far from their own fit.
        ad: Anderson and Darling's A squared, which looks at the tails as well.
        ad_p: the same for it.
        note: what is to be known, or why it cannot be fitted.
    """

    family: str
    method: str
    distribution: Distribution | None
    parameters: tuple[tuple[str, float], ...] = ()
    log_likelihood: float = -np.inf
    aic: float = np.inf
    bic: float = np.inf
    ks: float = np.nan
    ks_p: float = np.nan
    ad: float = np.nan
    ad_p: float = np.nan
    note: str = ""

    @property
    def p(self) -> float:
        """The chance that decides: Anderson and Darling's, of counts Kolmogorov and Smirnov's."""
        return self.ks_p if np.isnan(self.ad_p) else self.ad_p

    @property
    def rejected(self) -> bool:
        """Whether the data speak against the family."""
        return not self.p >= LEVEL

    def __getitem__(self, parameter: str) -> float:
        return dict(self.parameters)[parameter]


@dataclass(frozen=True, slots=True)
class Fits:
    """All families that were fitted, the one with the least AIC first.

    Attributes:
        fits: one for each family and method.
        n: number of values.
        mean: of the values.
        sd: their standard deviation, with n - 1.
        verdict: what to do, in words.
        recommended: what to draw from: the best family that is not rejected, else the values themselves.
    """

    fits: tuple[Fit, ...]
    n: int
    mean: float
    sd: float
    verdict: str
    recommended: Distribution

    @property
    def best(self) -> Fit:
        """The fit by maximum likelihood with the least AIC, rejected or not.

        Raises:
            NoAnswer: no family could be fitted.
        """
        for each in self.fits:
            if each.method == "ml" and each.distribution is not None:
                return each
        raise NoAnswer(Fault("simulation.family", "no family could be fitted", self.verdict))

    def __getitem__(self, family: str) -> Fit:
        return self.of(family)

    def of(self, family: str, method: str = "ml") -> Fit:
        """The fit of a family by a method.

        Raises:
            StudyError: it is not among them.
        """
        for each in self.fits:
            if (each.family, each.method) == (family, method):
                return each
        expected = f"expected one of {listing(f'{each.family} by {each.method}' for each in self.fits)}"
        raise StudyError(Fault("simulation.family", f"there is no fit of {family!r:.60} by {method!r:.20}", expected))

    @property
    def table(self) -> pa.Table:
        """One row a fit: family, method, distribution, log_likelihood, aic, bic, ks, ks_p, ad, ad_p, rejected, note."""
        made = [str(each.distribution) if each.distribution else None for each in self.fits]
        names = ("log_likelihood", "aic", "bic", "ks", "ks_p", "ad", "ad_p")
        measured = {name: pa.array([_known(getattr(each, name)) for each in self.fits], pa.float64()) for name in names}
        return pa.table(
            {
                "family": [each.family for each in self.fits],
                "method": [each.method for each in self.fits],
                "distribution": pa.array(made, pa.string()),
                **measured,
                "rejected": [each.rejected for each in self.fits],
                "note": [each.note for each in self.fits],
            }
        )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def fit(values: Any, families: Iterable[str] | None = None, *, seed: int = 0, draws: int = 499) -> Fits:
    """Fit distributions to observed durations or amounts and say which holds.

    Maximum likelihood for each family, gamma by moments too. Goodness of fit by Kolmogorov and Smirnov's and Anderson
    and Darling's statistics, whose p-values come from refitted samples (parametric bootstrap), as the parameters are
    fitted to the same data (Law, Simulation Modeling and Analysis, ch. 6). Values that are rounded, so that some are
    equal and all lie on a grid, are placed at random in their cells for the statistics.

    Args:
        values: shape (n,): NumPy, Arrow, pandas or a list; 0 or more.
        families: names; default exponential, gamma, weibull, lognormal, normal and uniform. Also erlang, pareto, and
            poisson and geometric for whole numbers.
        seed: of the samples.
        draws: number of samples behind each p-value.

    Raises:
        DataError: a value is missing or negative (with its row), or there are fewer than five.
        StudyError: there is no such family.
    """
    x = np.sort(observed(values))
    asked = [_family(name) for name in (DEFAULT if families is None else families)]
    if draws < 1 or not asked:
        found = f"draws is {draws}" if draws < 1 else "families is empty"
        raise StudyError(Fault("simulation.family", found, "expected one at least"))
    mean, sd = float(x.mean()), float(x.std(ddof=1))
    if x[0] == x[-1]:
        said = f"All {len(x):,} values are {shown(mean)}: there is nothing to fit. Use deterministic({shown(mean)})."
        return Fits((), len(x), mean, 0.0, said, deterministic(mean))
    stream = Stream(seed, ("inputs", "fit"))
    jobs = [(family, "ml") for family in asked] + [(family, "moments") for family in asked if family.name in MOMENTS]
    fits = sorted((_fitted(f, m, x, stream.child(f.name, m), draws) for f, m in jobs), key=lambda each: each.aic)
    recommended, verdict = _verdict(fits, x)
    return Fits(tuple(fits), len(x), mean, sd, verdict, recommended)


def _family(name: str) -> Family:
    if name not in FAMILIES:
        expected, mend = f"expected one of {listing(FAMILIES)}", did_you_mean(str(name), list(FAMILIES))
        raise StudyError(Fault("simulation.family", f"there is no family {name!r:.60} to fit", expected, mend))
    return FAMILIES[name]


def _fitted(family: Family, method: str, x: Floats, stream: Stream, draws: int) -> Fit:
    """One family fitted to sorted values, with the statistics and their p-values."""
    why = _impossible(family, x)
    if why:
        return Fit(family.name, method, None, note=why)
    by = family.fit if method == "ml" else MOMENTS[family.name]
    p = by(x[None])
    n, k = len(x), p.shape[1]
    likelihood = float(family.log_density(x[None], p).sum())
    step = grid(x) if (x[1:] == x[:-1]).any() and not family.counts else 0.0
    if step:
        D, A = on_grid(family, x, p, step, stream)
    else:
        D, A = (float(each[0]) for each in statistics(family, x[None], p))
    ks_p, ad_p = p_values(family, by, p[0], (D, A), n, stream, draws)
    parameters = tuple(zip(family.parameters, p[0].tolist(), strict=True))
    return Fit(
        family.name, method, family.made(*p[0].tolist()), parameters, likelihood, 2 * k - 2 * likelihood,
        k * float(np.log(n)) - 2 * likelihood, D, ks_p, A, ad_p, _note(family, x, p),
    )  # fmt: skip


def _impossible(family: Family, x: Floats) -> str:
    """Why the family cannot be fitted to these values, or nothing."""
    if family.positive and x[0] <= 0:
        zeros = int(np.count_nonzero(x == 0))
        return f"{zeros:,} {'value is' if zeros == 1 else 'values are'} 0, which has no chance there"
    if family.counts and (x != np.floor(x)).any():
        return "not all values are whole numbers"
    if family.name == "exponential" and x[-1] == 0:
        return "all values are 0"
    return ""


def _note(family: Family, x: Floats, p: Floats) -> str:
    if family.name == "normal":
        below = float(family.cdf(np.zeros((1, 1)), p)[0, 0])
        if below > 0.001:
            return f"{100 * below:.2g} % of it lies below 0, which is cut off where a time is drawn"
    if family.name == "uniform":
        return "its ends are the least and the largest value"
    return ""


def _verdict(fits: list[Fit], x: Floats) -> tuple[Distribution, str]:
    """What to draw from, and why."""
    possible = [(each, each.distribution) for each in fits if each.distribution is not None and each.method == "ml"]
    if not possible:
        return empirical(x), "No family can be fitted; the notes say why. Draw from the values: empirical(values)."
    first, _ = possible[0]
    lead = f", {possible[1][0].aic - first.aic:,.2f} below {possible[1][0].family}" if len(possible) > 1 else ""
    words = f"{_named(first)} fits best (AIC {first.aic:.2f}{lead})"
    few = f" {len(x)} values are too few to tell families apart." if len(x) < 20 else ""
    holds = [(each, made) for each, made in possible if not each.rejected]
    if not holds:
        others = "" if len(possible) == 1 else f", and so are the other {len(possible) - 1}"
        large = " Of so many values even departures of no consequence are found: look at D." if len(x) > 10_000 else ""
        return empirical(x), (
            f"{words}, but it is rejected ({_tested(first)}){others}. Draw from the values themselves, "
            f"empirical(values), or take the fit as an approximation.{large}"
        )
    other, made = holds[0]
    if other is first:
        return made, f"{words} and is not rejected ({_tested(first)}).{few}"
    return made, (
        f"{words} but is rejected ({_tested(first)}); {_named(other)} is not ({_tested(other)}, "
        f"AIC {other.aic:.2f}).{few}"
    )


def _named(each: Fit) -> str:
    parameters = each.distribution.parameters if each.distribution else ()
    parts = ", ".join(f"{name}={value:.4g}" for name, value in parameters)
    return f"{each.family}({parts})"


def _tested(each: Fit) -> str:
    ks = f"Kolmogorov-Smirnov D = {each.ks:.3g}, p = {each.ks_p:.2g}"
    return ks if np.isnan(each.ad_p) else f"Anderson-Darling p = {each.ad_p:.2g}; {ks}"
