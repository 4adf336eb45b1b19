"""Does an estimator find the truth, as often as it says? Simulation-based calibration.

Truths and data are drawn together, the estimator sees the data alone. If it is right, the place of each truth among
its draws is uniform (Cook, Gelman and Rubin 2006; Talts, Betancourt, Simpson, Vehtari and Gelman 2018), and intervals
of 95 % hold 95 % of the truths. The band for all places together is Säilynoja's, Bürkner's and Vehtari's (2022).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from potomac.engine import Progress, Quiet
from potomac.errors import Fault, NoAnswer, StudyError, listing
from potomac.simulation.arrow import table_of
from potomac.simulation.hooks import spread_over
from potomac.simulation.validity.judged import AGREES, DIFFERS, UNSURE, holm, in_columns
from potomac.simulation.validity.trials import Placed, Probabilities, Read, Refused, Trial, is_classifier
from potomac.simulation.validity.uniformity import chi_square, ecdf_table, uniform_p
from potomac.stats.intervals import mean_interval, proportion_interval, ratio_interval
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Calibration", "Finding", "calibrate"]

Floats = npt.NDArray[np.float64]
LEVELS = (0.5, 0.8, 0.95)
"""Confidence of the intervals that are looked at."""

LARGE = 0.1
"""A departure of coverage, or of a slope, that is too large to go unseen where all is said to be right."""

SLACK = 0.1
"""Slopes and intercepts of probabilities may be off by it, and their mean by a tenth of it: all that learn from few
rows are off a little."""


@dataclass(frozen=True)
class Finding:
    """One property of an estimator, held against what it should be.

    Attributes:
        parameter: of which number of the truth; empty where there is one.
        what: ``coverage 95 %``, ``ranks``, ``bias``, ``spread`` (of z-scores), ``slope``, ``intercept``.
        value: as it was found; of ranks the p-value.
        low, high: its interval, with the confidence 95 %; NaN of ranks.
        nominal: as it should be.
        p: chance of a value as far away, if all is right.
        p_holm: the same, raised for the number of properties.
        detectable: departure that would have been found in four of five cases; NaN of ranks.
        verdict: ``agrees``, ``does not agree`` or ``cannot tell: too few``.
        words: a clause that says it.
    """

    parameter: str
    what: str
    value: float
    low: float
    high: float
    nominal: float
    p: float
    p_holm: float
    detectable: float
    verdict: str
    words: str


@dataclass(frozen=True, repr=False)
class Calibration:
    """What came of calibrating an estimator.

    Attributes:
        verdict: in words; begins with "agrees", "does not agree" or "cannot tell".
        agrees: True, False, or None where it cannot be told.
        findings: properties of the estimator.
        runs: how often data were drawn and the estimator fitted.
        refused: in how many of them it gave no answer, for a reason of its own.
        ranks: one row a run and parameter: parameter, run, truth, estimate, error, sd, z, rank (place of the truth,
            uniform from 0 to 1 if all is right).
        coverage: parameter, confidence, covered, low, high, runs.
        ecdf: parameter, z, ecdf, low, high, difference: the distribution of the ranks and its band, for pictures.
        reliability: of classifiers: predicted, true (mean probabilities by group), low, high.
        notes: what a reader must know, in sentences.
    """

    verdict: str
    agrees: bool | None
    findings: tuple[Finding, ...]
    runs: int
    refused: int
    ranks: pa.Table
    coverage: pa.Table | None = None
    ecdf: pa.Table | None = None
    reliability: pa.Table | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        head = ("parameter", "what", "value", "low", "high", "nominal", "together", "verdict")
        rows = [
            (f.parameter, f.what, f.value, f.low, f.high, f.nominal, f.p_holm, f.verdict.partition(":")[0])
            for f in self.findings
        ]
        cut = 0 if any(f.parameter for f in self.findings) else 1
        return "\n".join([self.verdict, "", in_columns([head[cut:], *(row[cut:] for row in rows)]), *self.notes])

    @property
    def table(self) -> pa.Table:
        """Arrow table of the findings: parameter, what, value, low, high, nominal, p, p_holm, detectable, verdict."""
        columns = {}
        for name in Finding.__dataclass_fields__:
            values = [getattr(f, name) for f in self.findings]
            columns[name] = [x if isinstance(x, str) or isfinite(x) else None for x in values]
        return table_of(columns)

    def finding(self, what: str, parameter: str = "") -> Finding:
        """One of the findings.

        Raises:
            StudyError: there is none of that name.
        """
        for f in self.findings:
            if f.what == what and f.parameter == parameter:
                return f
        expected = f"expected one of {listing((f'{f.parameter}: {f.what}' for f in self.findings), 30)}"
        raise StudyError(Fault("simulation.measure", f"there is no {what!r:.40} of {parameter!r:.40}", expected))


def calibrate(
    simulator: Callable[[np.random.Generator], Any], estimator: Any, *, runs: int = 300, read: Read | None = None,
    at: Any = None, confidence: Sequence[float] = LEVELS, tolerance: float | None = None, level: float = 0.05,
    seed: int = 0, jobs: int = 1, progress: Progress | None = None,
) -> Calibration:  # fmt: skip
    """See whether an estimator's intervals, draws, estimates or probabilities are as good as it says.

    ``simulator(generator)`` draws a truth and data: it returns ``(truth, data)`` or ``(truth, X, y)``; the truth is a
    number, an array, or a mapping from names to numbers. For Bayesian ranks the truth must be drawn from the prior of
    the estimator; coverage of classical intervals may be looked at for one truth. The estimator is either

    - in the manner of scikit-learn: a fresh copy is fitted to the data of each run and then read: ``sample(n,
      generator)``; ``interval(confidence)``; ``estimate_`` or ``coef_`` with ``standard_error_``, ``params`` with
      ``bse``, or ``coef_`` with ``sigma_``; with ``at``, whose expected values are then the truth,
      ``predict_interval(at, confidence)`` or ``predict(at, return_std=True)``; or
    - a function of the data that gives ``Draws``, ``Normal``, ``Bounds``, ``Point`` or ``Places``; or
    - a classifier (``predict_proba``), with a simulator of ``(X, y, p)``, p the true probabilities of the second
      class: it is fitted to one draw and held against the true probabilities of another.

    Args:
        simulator: draws a truth and data.
        estimator: what is calibrated.
        runs: how often.
        read: function of the fitted estimator to one of these forms, where it has none of those methods; of a
            classifier or detector: function of it and of X to probabilities.
        at: rows whose expected values are the truth.
        confidence: of the intervals that are looked at.
        tolerance: departures that do not matter: of coverage (default 0), or of the calibration slope and intercept of
            probabilities (default .1; of their mean a tenth of it).
        level: chance that an estimator that is right fails any of the tests (Holm 1979).
        seed: the same seed gives the same answer.
        jobs: processes; the answer is the same with one or many.
        progress: hears how far it is.

    Raises:
        StudyError: an argument is wrong, the simulator gives different shapes, the estimator says nothing of the truth,
            or a function cannot be sent to another process.
        NoAnswer: the estimator fails, or refuses more than half of the runs.
    """
    _check(runs, confidence, tolerance, level)
    stream = Stream(seed).child("simulation", "calibrate")
    classes = is_classifier(estimator, read, simulator, stream)
    one = Trial(simulator, estimator, read, at, tuple(confidence), stream, classes)
    made = spread_over(one, runs, jobs, progress or Quiet(), "runs of the estimator")
    done = [r for r in made if not isinstance(r, Refused)]
    refusals = [r for r in made if isinstance(r, Refused)]
    if 2 * len(refusals) > runs:
        found = f"the estimator gives no answer in {len(refusals)} of {runs} runs: {refusals[0].why}"
        raise NoAnswer(Fault("simulation.estimator", found, key="estimator"))
    notes = (f"In {len(refusals)} of {runs} runs there was no answer: {refusals[0].why}",) if refusals else ()
    if classes:
        return _of_classes(
            [r for r in done if isinstance(r, Probabilities)],
            runs,
            SLACK if tolerance is None else tolerance,
            level,
            notes,
        )
    return _of_truths(
        [r for r in done if isinstance(r, Placed)], runs, tuple(confidence), tolerance or 0.0, level, notes
    )


def _check(runs: int, confidence: Sequence[float], tolerance: float | None, level: float) -> None:
    wrong = ""
    if isinstance(runs, bool) or runs < 10:
        wrong, key, expected = f"runs is {runs!r:.40}", "runs", "10 or more"
    elif not confidence or any(not 0 < c < 1 for c in confidence):
        wrong, key, expected = f"confidence is {confidence!r:.60}", "confidence", "shares between 0 and 1"
    elif tolerance is not None and not 0 <= tolerance < 1:
        wrong, key, expected = f"tolerance is {tolerance!r:.40}", "tolerance", "a share from 0 to 1"
    elif not 0 < level <= 0.5:
        wrong, key, expected = f"level is {level!r:.40}", "level", "a chance above 0 and of at most .5"
    if wrong:
        raise StudyError(Fault("simulation.run", wrong, f"expected {expected}", key=key))


# ---- all runs -----------------------------------------------------------------------------------------------------


def _of_truths(
    found: Sequence[Placed], runs: int, confidence: tuple[float, ...], tolerance: float, level: float,
    notes: tuple[str, ...],
) -> Calibration:  # fmt: skip
    names = found[0].names
    odd = next((f for f in found if f.names != names or f.truth.shape != found[0].truth.shape), None)
    if odd is not None:
        said = f"the simulator gives {len(names)} values of the truth, and then {len(odd.names)}"
        raise StudyError(Fault("simulation.simulator", said, "expected the same ones in each run"))
    truth, estimate, sd, place = (
        np.stack([getattr(f, k) for f in found]) for k in ("truth", "estimate", "sd", "place")
    )
    drafts, coverage, ecdf = [], [], []
    for i, name in enumerate(names):
        for c in sorted({c for f in found for c in f.covered}):
            inside = np.array([f.covered[c][i] for f in found if c in f.covered])
            drafts.append(_coverage(name, c, inside, level / len(names), tolerance))
            coverage.append((name, c, drafts[-1].value, drafts[-1].low, drafts[-1].high, inside.size))
        u = place[:, i]
        if np.isfinite(u).all():
            drafts += [_ranks(name, u)]
            ecdf.append((name, ecdf_table(u)))
        error = estimate[:, i] - truth[:, i]
        if np.isfinite(error).all():
            drafts += _errors(name, error, sd[:, i], level / len(names))
    if not drafts:
        said = "the estimator gives no estimate, no interval and no place of the truth"
        raise StudyError(Fault("simulation.estimator", said, "expected one of them in each run", key="estimator"))
    findings = _together(drafts, level, tolerance)
    agrees = _agreement(findings)
    return Calibration(
        _verdict(findings, agrees), agrees, findings, runs, runs - len(found),
        _rank_table(names, truth, estimate, sd, place), _columns(coverage), _stacked(ecdf), None, notes,
    )  # fmt: skip


def _coverage(name: str, c: float, inside: Floats, level: float, tolerance: float) -> Finding:
    from scipy.stats import binomtest

    n, k = inside.size, int(inside.sum())
    low, high = proportion_interval(k, n)
    test = binomtest(k, n, c)
    z = NormalDist().inv_cdf(1 - level / 2) + NormalDist().inv_cdf(0.8)
    detectable = z * sqrt(c * (1 - c) / n)
    how = "too narrow" if k / n < c else "too wide"
    words = f"intervals are {how}: nominal {100 * c:g} % cover {_per_cent(k / n)} % ({_range(low, high)})"
    return Finding(name, f"coverage {100 * c:g} %", k / n, low, high, c, float(test.pvalue), 1.0, detectable, "", words)


def _per_cent(x: float) -> str:
    return f"{100 * x:.3g}" if 0.005 < x < 0.995 else f"{100 * x:.4g}"


def _range(low: float, high: float) -> str:
    return f"{_per_cent(low)} to {_per_cent(high)}"


def _ranks(name: str, u: Floats) -> Finding:
    """Uniformity by the band; the chi-square test of the histogram is told beside it."""
    p = uniform_p(u)
    half, out = np.abs(u - 0.5), float((np.abs(u - 0.5) > 0.4).mean())
    how = "crowd at both ends" if out > 0.2 else "crowd in the middle"
    if abs(u.mean() - 0.5) > abs(half.mean() - 0.25):
        how = "lie too high" if u.mean() > 0.5 else "lie too low"
    words = f"places of the truth {how} (p = {p:.2g}; chi-square {chi_square(u):.2g})"
    return Finding(name, "ranks", p, nan, nan, nan, p, 1.0, nan, "", words)


def _errors(name: str, error: Floats, sd: Floats, level: float) -> list[Finding]:
    """Bias, by Student's test; and whether z-scores have the spread 1, by the chi-square law."""
    from scipy.stats import t as student

    n, spread = error.size, float(error.std(ddof=1))
    mean = float(error.mean())
    low, high = mean_interval(error)
    t = abs(mean) / (spread / sqrt(n)) if spread > 0 else (0.0 if abs(mean) <= 1e-12 else np.inf)
    z = NormalDist().inv_cdf(1 - level / 2) + NormalDist().inv_cdf(0.8)
    way = "upwards" if mean > 0 else "downwards"
    words = f"biased {way} by {abs(mean):.3g} ({min(abs(low), abs(high)):.3g} to {max(abs(low), abs(high)):.3g})"
    p = float(2 * student.sf(t, n - 1))
    return [Finding(name, "bias", mean, low, high, 0.0, p, 1.0, z * spread / sqrt(n), "", words)]


_SLACK = {"coverage": 1.0, "slope": 1.0, "intercept": 1.0, "bias": 0.1}
"""How much of the tolerance each may use."""


def _together(drafts: Sequence[Finding], level: float, tolerance: float, probable: bool = False) -> tuple[Finding, ...]:
    """Holm's steps over all findings, and what each then means; ``probable``: they are of probabilities."""
    raised = holm([f.p for f in drafts])
    out = []
    for f, p in zip(drafts, raised, strict=True):
        slack = tolerance * _SLACK.get(f.what.split()[0], 0.0) if probable or f.what != "bias" else 0.0
        matters = not abs(f.value - f.nominal) <= slack  # of ranks there is no such thing
        shared = f.what.startswith("coverage") or f.what == "slope"
        blind = shared and f.detectable > max(LARGE, tolerance) and (f.what == "slope" or f.nominal > 0.75)
        verdict = DIFFERS if p <= level and matters else UNSURE if blind else AGREES
        out.append(replace(f, p_holm=p, verdict=verdict))
    return tuple(out)


def _agreement(findings: Sequence[Finding]) -> bool | None:
    if any(f.verdict == DIFFERS for f in findings):
        return False
    return None if any(f.verdict == UNSURE for f in findings) else True


def _verdict(findings: Sequence[Finding], agrees: bool | None) -> str:
    if agrees is False:
        wrong = sorted((f for f in findings if f.verdict == DIFFERS), key=lambda f: (f.what == "ranks", -f.nominal))
        told = dict[tuple[str, str], str]()
        for f in wrong:  # of several levels the highest
            told.setdefault((f.parameter, f.what.split()[0]), f"{f.parameter}: {f.words}" if f.parameter else f.words)
        said = [*told.values()]
        return f"{DIFFERS}: {'; '.join(said[:3])}" + (f"; and {len(said) - 3} more" if len(said) > 3 else "")
    able = [f for f in findings if isfinite(f.detectable) and f.what != "bias"]
    if agrees is None:
        worst = max((f for f in able if f.verdict == UNSURE), key=lambda f: f.detectable)
        return f"{UNSURE}: {worst.what} could be off by {worst.detectable:.2g} unseen; give more runs"
    last = max(able, key=lambda f: f.nominal, default=None)
    if last is None:
        return f"{AGREES} in {'all ' * (len(findings) > 1)}{len(findings)} test{'s' * (len(findings) > 1)}"
    scale, unit = (100.0, " points") if last.what.startswith("coverage") else (1.0, "")
    seen = f"{_per_cent(last.value)} %" if unit else f"{last.value:.3g}"
    return f"{AGREES}: {last.what} is {seen}; off by {scale * last.detectable:.2g}{unit}, it would mostly be found"


def _rank_table(names: tuple[str, ...], truth: Floats, estimate: Floats, sd: Floats, place: Floats) -> pa.Table:
    runs, d = truth.shape
    error = estimate - truth
    with np.errstate(divide="ignore", invalid="ignore"):
        z = error / sd
    columns: dict[str, list[Any]] = {"parameter": [*names] * runs, "run": np.repeat(np.arange(runs), d).tolist()}
    for name, x in (("truth", truth), ("estimate", estimate), ("error", error), ("sd", sd), ("z", z), ("rank", place)):
        columns[name] = [v if isfinite(v) else None for v in x.ravel().tolist()]
    return table_of(columns)


def _columns(rows: Sequence[tuple[Any, ...]]) -> pa.Table | None:
    names = ("parameter", "confidence", "covered", "low", "high", "runs")
    return table_of({name: [row[n] for row in rows] for n, name in enumerate(names)}) if rows else None


def _stacked(made: Sequence[tuple[str, pa.Table]]) -> pa.Table | None:
    import pyarrow as pa

    each = [t.add_column(0, "parameter", pa.array([name] * t.num_rows, pa.string())) for name, t in made]
    return pa.concat_tables(each) if each else None


def _of_classes(
    found: Sequence[Probabilities], runs: int, tolerance: float, level: float, notes: tuple[str, ...]
) -> Calibration:
    """Slope, intercept and excess of predicted probabilities against the true ones, over the runs."""
    columns = {"run": [*range(len(found))]}
    values = {k: np.array([getattr(r, k) for r in found]) for k in ("slope", "intercept", "bias")}
    drafts = []
    for what, nominal in (("slope", 1.0), ("intercept", 0.0), ("bias", 0.0)):
        x = values[what]
        x = x[np.isfinite(x)]
        if x.size < len(found):
            notes = (*notes, f"In {len(found) - x.size} of {len(found)} runs the {what} cannot be told.")
        if x.size < 10:
            continue
        (draft,) = _errors("", x - nominal, x, level)
        value, low, high = draft.value + nominal, draft.low + nominal, draft.high + nominal
        words = _of_slope(what, value, low, high)
        drafts.append(Finding("", what, value, low, high, nominal, draft.p, 1.0, draft.detectable, "", words))
    findings = _together(drafts, level, tolerance, True)
    agrees = _agreement(findings)
    table = table_of({**columns, **{k: [v if isfinite(v) else None for v in x.tolist()] for k, x in values.items()}})
    sums = np.stack([r.sums for r in found])
    return Calibration(
        _verdict(findings, agrees), agrees, findings, runs, runs - len(found), table, None, None, _reliable(sums), notes
    )


def _of_slope(what: str, value: float, low: float, high: float) -> str:
    if what == "slope":
        how = "too extreme" if value < 1 else "too timid"
        return f"probabilities are {how}: calibration slope {value:.3g} ({low:.3g} to {high:.3g})"
    way = "high" if value > 0 else "low"
    ends = sorted((abs(low), abs(high)))
    if what == "bias":
        return f"probabilities are too {way} by {abs(value):.2g} on average ({ends[0]:.2g} to {ends[1]:.2g})"
    return f"calibration intercept {value:.3g} ({low:.3g} to {high:.3g})"


def _reliable(sums: Floats) -> pa.Table:
    """Mean true probability by group of predicted ones; interval over the runs, shape (runs, 3, groups)."""
    n, q, p = sums.sum(0)
    rows = []
    for k in np.flatnonzero(n):
        low, high = ratio_interval(sums[:, 2, k], sums[:, 0, k])
        rows.append((int(n[k]), q[k] / n[k], p[k] / n[k], low, high))
    names = ("n", "predicted", "true", "low", "high")
    clean = [[v if isfinite(v) else None for v in row] for row in rows]
    return table_of({name: [row[m] for row in clean] for m, name in enumerate(names)})
