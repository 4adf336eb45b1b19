"""Which inputs drive an experiment: shares of its variance by Sobol', FAST, Morris, PAWN and others, through SALib."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, isfinite, nan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError, did_you_mean, listing
from potomac.simulation.arrow import table_of
from potomac.simulation.montecarlo.experiment import Experiment
from potomac.simulation.montecarlo.formulas import function_of
from potomac.simulation.montecarlo.inputs import Inputs
from potomac.simulation.montecarlo.sampling import power
from potomac.stats.streams import Stream

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["WAYS", "Index", "Sensitivity", "Way", "sensitivity"]

Floats = npt.NDArray[np.float64]

Way = Literal["sobol", "morris", "fast", "rbd_fast", "pawn"]

WAYS: tuple[Way, ...] = ("sobol", "morris", "fast", "rbd_fast", "pawn")

DRAWN = 20_000
"""Draws that a method makes about, where none are asked for."""

RESAMPLED = 200
"""Resamples behind the intervals."""

BLOCK = 1 << 21
"""Uniforms that the experiment is handed at once."""


@dataclass(frozen=True)
class Index:
    """How much a value depends on an input.

    Attributes:
        value: which value of the experiment.
        input: which input.
        index: ``first`` (share of the variance by the input alone), ``total`` (interactions included), ``mu_star`` and
            ``sigma`` (Morris: mean size and spread of its effects), ``median`` and ``maximum`` (PAWN).
        mean: the estimate.
        low, high: its interval; NaN where the method gives none.
    """

    value: str
    input: str
    index: str
    mean: float
    low: float = nan
    high: float = nan


@dataclass(frozen=True)
class Sensitivity:
    """What came of it.

    Attributes:
        indices: all of them.
        method: by which.
        samples: draws that were made.
        notes: what a reader must know.
    """

    indices: tuple[Index, ...]
    method: Way
    samples: int
    notes: tuple[str, ...] = ()
    values: tuple[str, ...] = field(default=())

    @property
    def table(self) -> pa.Table:
        """Arrow table: value, input, index, mean, low, high."""
        names = ("value", "input", "index", "mean", "low", "high")
        return table_of({n: [_known(getattr(i, n)) for i in self.indices] for n in names})

    def ranked(self, value: str = "") -> list[Index]:
        """The inputs by their influence on a value (default the first), by the index that tells it best."""
        value = value or self.indices[0].value
        best = next(n for n in ("total", "mu_star", "median", "first") if any(i.index == n for i in self.indices))
        return sorted((i for i in self.indices if (i.value, i.index) == (value, best)), key=lambda i: -i.mean)


def _known(x: Any) -> Any:
    return None if isinstance(x, float) and not isfinite(x) else x


def sensitivity(
    experiment: Callable[[dict[str, Floats]], Any], inputs: Mapping[str, object] | Inputs, method: Way = "sobol", *,
    samples: int | None = None, confidence: float = 0.95, seed: int = 0,
) -> Sensitivity:  # fmt: skip
    """How much each input of an experiment matters, all of its distribution taken into account.

    Args:
        experiment: takes arrays by name, as that of :func:`~potomac.simulation.montecarlo.monte_carlo`, and gives an
            array or arrays by name; booleans count as 0 and 1. A formula (``potomac.simulation.expressions``) is one.
        inputs: two or more, in any of the forms of :meth:`Inputs.read`. What has several draws counts as one input.
        method: ``sobol`` (Saltelli 2010; first and total shares), ``morris`` (elementary effects, few draws), ``fast``
            and ``rbd_fast`` (by Fourier series) or ``pawn`` (distributions in place of variances).
        samples: draws about; what each method makes of them is in ``samples`` of the result.
        confidence: of the intervals, a share.
        seed: of the draws and of the resamples.

    Raises:
        StudyError: SALib is not installed; a method is unknown or does not take the inputs; a value never varies.
        DataError: the experiment gives NaN.
    """
    read = inputs if isinstance(inputs, Inputs) else Inputs.read(inputs)
    _check(read, method, samples, confidence)
    way = _Way(read, method, samples or DRAWN, confidence, Stream(seed).child("sensitivity", method))
    x = way.sample()
    names, y = _evaluated(experiment, read, x)
    found, notes = list[Index](), list[str]()
    for j, name in enumerate(names):
        if np.ptp(y[:, j]) == 0:
            notes.append(f"{name} was {y[0, j]:.6g} in all {len(y):,} draws: nothing drives it that could be seen.")
            continue
        found += [Index(name, *each) for each in way.indices(x, y[:, j])]
    if not found:
        mend = "Take a value that varies, or more samples"
        raise StudyError(Fault("simulation.sensitivity", "no value of the experiment varies", "", mend))
    return Sensitivity(tuple(found), method, len(y), tuple(notes), names)


def _check(inputs: Inputs, method: str, samples: int | None, confidence: float) -> None:
    faults = []
    if method not in WAYS:
        mend = did_you_mean(str(method), WAYS)
        found, expected = f"there is no method {method!r:.40}", f"expected one of {listing(WAYS)}"
        faults.append(Fault("simulation.sensitivity", found, expected, mend, key="sensitivity"))
    if len(inputs.of) < 2:
        found, expected = f"sensitivity to {listing(inputs.of)} alone", "expected two inputs or more"
        faults.append(Fault("simulation.sensitivity", found, expected, key="inputs"))
    wide = [name for name, width in inputs.widths.items() if width > 1]
    if wide and method not in ("sobol", "morris"):
        found = f"{listing(wide)} take several uniforms, which {method} cannot treat as one input"
        faults.append(Fault("simulation.sensitivity", found, "expected sobol or morris", key="sensitivity"))
    if samples is not None and (isinstance(samples, bool) or samples < 64):
        faults.append(Fault("simulation.sensitivity", f"{samples!r:.40} samples", "expected 64 or more", key="samples"))
    if not 0.5 <= confidence < 1:
        expected = "expected a share of at least .5 and below 1"
        faults.append(Fault("simulation.run", f"confidence is {confidence!r:.40}", expected, key="confidence"))
    if faults:
        raise StudyError(faults)


def _evaluated(experiment: Callable[..., Any], inputs: Inputs, u: Floats) -> tuple[tuple[str, ...], Floats]:
    """Names of the values, and what they are, shape (n, values)."""
    done, rows, out = Experiment(function_of(experiment), inputs), max(BLOCK // u.shape[1], 1), []
    names: tuple[str, ...] = ()
    for start in range(0, len(u), rows):
        names, y = done.at(u[start : start + rows], start)
        out.append(y)
    return names, np.concatenate(out)


@dataclass(frozen=True)
class _Way:
    """One of SALib's methods: its draws, and its indices. It works in the unit cube of the uniforms."""

    inputs: Inputs
    method: Way
    samples: int
    confidence: float
    stream: Stream

    @property
    def problem(self) -> dict[str, Any]:
        """As SALib declares it; uniforms of one input are a group."""
        names = [name for name, width in self.inputs.widths.items() for _ in range(width)]
        d = len(names)
        problem: dict[str, Any] = {"num_vars": d, "bounds": [[0.0, 1.0]] * d, "names": names}
        if d > len(self.inputs.of):
            problem |= {"names": [f"{name}.{k}" for k, name in enumerate(names)], "groups": names}
        return problem

    def sample(self) -> Floats:
        """Uniforms, shape (n, width)."""
        problem, seed, k = self.problem, self.stream.child("sample").seed32(), len(self.inputs.of)
        make: Callable[[], Any] = {
            "sobol": lambda: _salib("sample.sobol").sample(
                problem, power(self.samples / (k + 2)), calc_second_order=False, seed=seed
            ),
            "morris": lambda: _salib("sample.morris").sample(
                problem, ceil(self.samples / (k + 1)), num_levels=8, seed=seed
            ),
            "fast": lambda: _salib("sample.fast_sampler").sample(problem, max(self.samples // k, 65), seed=seed),
        }.get(self.method, lambda: _salib("sample.latin").sample(problem, self.samples, seed=seed))  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(make(), float)

    def indices(self, x: Floats, y: Floats) -> Iterator[tuple[str, str, float, float, float]]:
        """Input, index, estimate and interval."""
        found, names = self._analysed(x, y), [*self.inputs.of]
        for index, key, error in _TOLD[self.method]:
            estimates = np.asarray(found[key], float)
            errors = np.asarray(found[error], float) if error else np.full(estimates.size, nan)
            for name, mean, half in zip(names, estimates.tolist(), errors.tolist(), strict=True):
                yield name, index, mean, mean - half, mean + half

    def _analysed(self, x: Floats, y: Floats) -> Any:
        problem, seed = self.problem, self.stream.child("resample").seed32() or 1
        same = {"conf_level": self.confidence, "num_resamples": RESAMPLED, "seed": seed}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if self.method == "sobol":
                return _salib("analyze.sobol").analyze(problem, y, calc_second_order=False, **same)
            if self.method == "fast":
                return _salib("analyze.fast").analyze(problem, y, **same)
            if self.method == "morris":
                return _salib("analyze.morris").analyze(problem, x, y, num_levels=8, **same)
            if self.method == "pawn":
                return _salib("analyze.pawn").analyze(problem, x, y, seed=seed)
            return _salib(f"analyze.{self.method}").analyze(problem, x, y, **same)


_TOLD: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "sobol": (("first", "S1", "S1_conf"), ("total", "ST", "ST_conf")),
    "fast": (("first", "S1", "S1_conf"), ("total", "ST", "ST_conf")),
    "rbd_fast": (("first", "S1", "S1_conf"),),
    "morris": (("mu_star", "mu_star", "mu_star_conf"), ("sigma", "sigma", "")),
    "pawn": (("median", "median", ""), ("maximum", "maximum", "")),
}
"""Index of Potomac, name of the estimate in SALib, name of the half-width there."""


def _salib(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(f"SALib.{module}")
    except ImportError:
        found = "sensitivity needs SALib, which is not installed"
        raise StudyError(
            Fault("simulation.extra", found, "", "pip install 'potomac[simulation]'", key="sensitivity")
        ) from None
