"""Systems of components that fail: structures, standby, repair."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError
from potomac.simulation.closed_forms.birth_death import passage_up, stationary
from potomac.simulation.closed_forms.checks import not_less, positive, positives, share, shares, whole

__all__ = [
    "Repairable", "availability", "k_out_of_n", "mttf_k_out_of_n", "parallel", "repairable_k_out_of_n", "series",
    "standby_mttf", "standby_reliability",
]  # fmt: skip

Floats = npt.NDArray[np.float64]


def series(reliabilities: npt.ArrayLike) -> float:
    """Chance that all components work, the product of theirs (Barlow and Proschan 1975, ch. 2).

    Raises:
        StudyError: they are no shares.
    """
    return float(np.prod(shares("reliabilities", reliabilities)))


def parallel(reliabilities: npt.ArrayLike) -> float:
    """Chance that one component at least works, 1 - prod (1 - r_i) (Barlow and Proschan 1975, ch. 2).

    Raises:
        StudyError: they are no shares.
    """
    return 1 - float(np.prod(1 - shares("reliabilities", reliabilities)))


def k_out_of_n(k: int, reliabilities: npt.ArrayLike, n: int | None = None) -> float:
    """Chance that k components at least work, which may differ (Barlow and Proschan 1975, ch. 2).

    The distribution of the number that work is built up one component at a time, by adding positive numbers only.

    Args:
        k: that must work.
        reliabilities: r_i of each, shape (n,), or one number for n alike.
        n: number of components where they are alike.

    Raises:
        StudyError: the arguments are no such numbers.
    """
    r = shares("reliabilities", reliabilities)
    if n is not None:
        r = shares("reliabilities", np.full(whole("n", n), r[0]) if len(r) == 1 else r, n)
    return float(_at_least(_least(k, len(r)), r[:, None])[0])


def _least(k: int, n: int) -> int:
    if whole("k", k) > n:
        raise StudyError(Fault("simulation.parameter", f"k is {k} of {n} components", f"expected {n} at most", key="k"))
    return int(k)


def _at_least(k: int, r: Floats) -> Floats:
    """Chance that k at least work, for columns of reliabilities, shape (n, m) to (m,)."""
    n, m = r.shape
    p = np.zeros((n + 1, m))
    p[0] = 1
    for i in range(n):
        p[1 : i + 2] = p[1 : i + 2] * (1 - r[i]) + p[: i + 1] * r[i]
        p[0] *= 1 - r[i]
    return np.asarray(p[k:].sum(axis=0))


def mttf_k_out_of_n(k: int, fail_rates: npt.ArrayLike, n: int | None = None) -> float:
    """Mean time to failure of k out of n components with exponential lives, none repaired.

    Alike: sum over i = k..n of 1 / (i lambda) (Barlow and Proschan 1975, ch. 2). Else the integral of the chance that
    k work, by Gauss and Kronrod. A series is k = n, a parallel system is k = 1.

    Args:
        k: that must work.
        fail_rates: lambda_i of each, shape (n,), or one number for n alike.
        n: number of components where they are alike.

    Raises:
        StudyError: the arguments are no such numbers.
    """
    rates = positives("fail_rates", fail_rates)
    if n is not None:
        rates = positives("fail_rates", np.full(whole("n", n), rates[0]) if len(rates) == 1 else rates, n)
    k = _least(k, len(rates))
    if (rates == rates[0]).all():
        return float(np.sum(1 / np.arange(k, len(rates) + 1)) / rates[0])
    if k == len(rates):
        return 1 / float(rates.sum())
    from scipy.integrate import quad

    scale = 1 / float(rates.min())

    def works(t: float) -> float:
        return float(_at_least(k, np.exp(-rates * t * scale)[:, None])[0])

    ends = np.concatenate([[0.0], np.sort(1 / rates) / scale, [5.0, 50.0]])
    return scale * float(sum(quad(works, a, b, epsabs=0, epsrel=1e-12, limit=200)[0] for a, b in pairwise(ends)))


def standby_mttf(n: int, fail_rate: float, needed: int = 1, standby_rate: float = 0.0, switch: float = 1.0) -> float:
    """Mean time to failure of k components at work and n - k in standby, none repaired, lives exponential.

    Stage i, with i lost, takes 1 / (k lambda + (n - k - i) lambda_s) on average; it is cold standby where
    lambda_s = 0, warm between, and hot (parallel) where it is lambda (Trivedi,
    Probability and Statistics with Reliability, ch. 3). Where the switch fails, the system does.

    Args:
        n: components in all.
        fail_rate: lambda, of each at work.
        needed: k.
        standby_rate: lambda_s, of each in standby.
        switch: chance that a spare is switched on when it is wanted.

    Raises:
        StudyError: the arguments are no such numbers.
    """
    lam, k = positive("fail_rate", fail_rate), _least(needed, whole("n", n))
    waiting, works = not_less("standby_rate", standby_rate), share("switch", switch)
    spares = np.arange(n - k, -1, -1.0)
    rates = k * lam + spares * waiting
    goes_on = (k * lam * works + spares * waiting) / rates  # a spare that fails in standby asks nothing of the switch
    reached = np.concatenate([[1.0], np.cumprod(goes_on[:-1])])
    return float(np.sum(reached / rates))


def standby_reliability(time: float, n: int, fail_rate: float, needed: int = 1) -> float:
    """Chance that cold standby still works at ``time``: at most n - k failures of a Poisson process of rate k lambda.

    Trivedi, ch. 3; arguments as of :func:`standby_mttf`, with a perfect switch.

    Raises:
        StudyError: the arguments are no such numbers.
    """
    from scipy.special import pdtr

    t, lam, k = not_less("time", time), positive("fail_rate", fail_rate), _least(needed, whole("n", n))
    return float(pdtr(n - k, k * lam * t))


def availability(mtbf: float, mttr: float) -> float:
    """Long-run share of the time that a component works, whatever the distributions (Barlow and Proschan 1975, ch. 7).

    Args:
        mtbf: mean time that it works between two failures.
        mttr: mean time until it works again.

    Raises:
        StudyError: they are no such numbers.
    """
    up, down = positive("mtbf", mtbf), not_less("mttr", mttr)
    return up / (up + down)


@dataclass(frozen=True, slots=True)
class Repairable:
    """A repairable system in the long run.

    Attributes:
        availability: share of the time that it works.
        mttf: mean time to its first failure, when all components are in order at first.
        failures: failures of the system in a unit of time.
        mean_up: mean time that it works between two failures.
        mean_down: mean time that it is down each time.
        shares: of 0, 1, ... failed components.
    """

    availability: float
    mttf: float
    failures: float
    mean_up: float
    mean_down: float
    shares: tuple[float, ...]


def repairable_k_out_of_n(
    k: int, n: int, fail_rate: float, repair_rate: float, crews: int = 1, *, standby_rate: float | None = None,
    suspended: bool = False,
) -> Repairable:  # fmt: skip
    """A system of k out of n components with repair crews, lives and repairs exponential: a birth-death chain.

    Barlow and Proschan 1975, ch. 7. The failed are repaired one a crew.

    Args:
        k: that must work.
        n: components in all.
        fail_rate: of each component that runs.
        repair_rate: of each crew.
        crews: that repair at once.
        standby_rate: of each that is in order and not needed: 0 is cold standby. Default: all run, ``fail_rate``.
        suspended: whether nothing fails while the system is down. Default: what is in order runs on.

    Raises:
        StudyError: the arguments are no such numbers.
    """
    k = _least(k, whole("n", n))
    lam, mu, c = positive("fail_rate", fail_rate), positive("repair_rate", repair_rate), whole("crews", crews)
    waiting = lam if standby_rate is None else not_less("standby_rate", standby_rate)
    failed = np.arange(n + 1)
    good = n - failed
    birth = np.minimum(good, k) * lam + np.maximum(good - k, 0) * waiting
    last = n - k + 1 if suspended else n  # the most that can have failed
    death = mu * np.minimum(failed, c)
    p = stationary(birth[:last], death[1 : last + 1])
    up = float(p[: n - k + 1].sum())
    failures = float(p[n - k] * birth[n - k])
    mttf = float(passage_up(birth[: n - k + 1], death[: n - k + 1]).sum())
    with np.errstate(divide="ignore", invalid="ignore"):  # where failures are rarer than floats can tell
        between, down = np.array([up, p[n - k + 1 :].sum()]) / failures
    return Repairable(up, mttf, failures, float(between), float(down), tuple(p.tolist()))
