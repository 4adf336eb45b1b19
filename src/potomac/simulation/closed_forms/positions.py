"""Stocks by their inventory position: compound Poisson demand, known always or looked at now and then, fixed lead time.

The position (on hand, and on order, less what is owed) moves with demand alone; what is on hand a lead time later is
the position less the demand in between, which is independent of it (Hadley and Whitin 1963, ch. 4 and 5; Zheng and
Federgruen 1991 for (s, S); Zipkin 2000, ch. 6 and 9).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Literal

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError
from potomac.simulation.closed_forms.checks import not_less, positive, shares, whole
from potomac.simulation.closed_forms.stock import Stock

__all__ = ["Policy", "rq_lost", "stock_by_position"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Policy:
    """When how much is ordered.

    Attributes:
        kind: base (up to S at once), up_to (s, S), lots (r, nQ).
        s: reorder point, of up_to and lots.
        S: order-up-to level, of base and up_to.
        Q: size of a lot.
        review: time between looks; 0 where the position is always known.
    """

    kind: Literal["base", "up_to", "lots"]
    s: int = 0
    S: int = 0
    Q: int = 0
    review: float = 0.0


def stock_by_position(policy: Policy, rate: float, quantities: npt.ArrayLike, lead: float = 0.0) -> Stock:
    """A stock whose customers come as a Poisson process, each asking for a whole quantity; what is short is owed.

    Args:
        policy: when how much is ordered.
        rate: lambda, customers a unit of time.
        quantities: chances that one asks for 0, 1, 2, ..., shape (n,), summing to 1.
        lead: L, the same for each order, 0 or more.

    Returns:
        ``fill_rate`` is the share of the units that are met at once.

    Raises:
        StudyError: the arguments are no such numbers, nobody asks for anything, or the lots and the quantities have a
            common divisor, so that the position depends on where it began.
    """
    f, lam, L = shares("quantities", quantities), positive("rate", rate), not_less("lead", lead)
    positive("the mean quantity", float(f @ np.arange(len(f))))
    lam, f = lam * float(1 - f[0]), np.append(0.0, f[1:]) / (1 - f[0])  # who asks for nothing is nobody
    T = not_less("review", policy.review)
    step = _total(lam, f, T, 0.0) if T else f
    y, p, orders = _positions(policy, step)
    demand = _total(lam, f, L, T)
    net = y[:, None] - np.arange(len(demand))
    weights = p[:, None] * demand
    on_hand = np.maximum(net, 0)
    met = float((weights * np.take(_given(f), np.minimum(on_hand, len(f)))).sum())
    mean = float(f @ np.arange(len(f)))
    return Stock(
        float((weights * on_hand).sum()), float((weights * np.maximum(-net, 0)).sum()),
        float(weights[net <= 0].sum()), met / mean, orders / (T or 1 / lam),
    )  # fmt: skip


def _given(f: Floats) -> Floats:
    """E min(X, n), n = 0 .. len(f)."""
    beyond = np.append(np.cumsum(f[::-1])[::-1], 0.0)[1:]  # P(X >= 1), P(X >= 2), ...
    return np.concatenate([[0.0], np.cumsum(beyond)])


def _positions(policy: Policy, step: Floats) -> tuple[npt.NDArray[np.int64], Floats, float]:
    """The positions, their shares, and orders a step; ``step``: chances of the demand from one look to the next."""
    if policy.kind == "base":
        return np.array([policy.S]), np.ones(1), float(1 - step[0])
    if policy.kind == "lots":
        Q = whole("Q", policy.Q)
        sizes = [int(x) for x in np.flatnonzero(step > 0)]
        if gcd(Q, *sizes) > 1:
            found = f"lots of {Q} and all that is asked for are multiples of {gcd(Q, *sizes)}"
            raise StudyError(Fault("simulation.parameter", found, "expected no common divisor", key="Q"))
        crossing = float(step @ np.minimum(np.arange(len(step)), Q)) / Q
        return policy.s + np.arange(1, Q + 1), np.full(Q, 1 / Q), crossing
    gap = policy.S - policy.s
    if gap <= 0:
        raise StudyError(
            Fault("simulation.parameter", f"s is {policy.s} and S is {policy.S}", "expected s < S", key="s")
        )
    m = np.empty(gap)  # renewal numbers, as of ss_periodic
    m[0] = 1 / (1 - step[0])
    for j in range(1, gap):
        i = min(j, len(step) - 1)
        m[j] = step[1 : i + 1] @ m[j - i : j][::-1] * m[0]
    return policy.S - np.arange(gap), m / m.sum(), float(1 / m.sum())


def _total(lam: float, f: Floats, time: float, spread: float) -> Floats:
    """Chances of the demand in ``time`` and a part of ``spread`` more, uniform: its transform turned back by FFT."""
    x = np.arange(len(f))
    longest = lam * (time + spread)
    reach = longest * (f @ x) + 15 * np.sqrt(longest * (f @ x**2)) + 60 + 40 * len(f)
    n = 1 << int(np.ceil(np.log2(reach)))
    if n > MOST:
        found = f"about {longest * (f @ x):,.0f} are asked for in a lead time"
        raise StudyError(Fault("simulation.parameter", found, "expected a smaller number", key="lead"))
    phi = lam * (np.fft.rfft(f, n) - 1)
    phi[0] = 0.0
    hat = np.exp(phi * time)
    if spread:
        z = phi * spread
        hat *= np.where(np.abs(z) > 0, np.expm1(z) / np.where(z == 0, 1, z), 1.0)
    p = np.fft.irfft(hat, n)
    return np.trim_zeros(np.where(p < 1e-17, 0.0, p), "b") if time or spread else np.ones(1)


MOST = 1 << 20
"""Values of a demand, at most."""


def rq_lost(r: int, Q: int, demand_rate: float, lead: float, lead_shape: float | None = None) -> Stock:
    """(r, Q) where who finds nothing goes elsewhere, r < Q: at most one order is under way (Hadley and Whitin 1963).

    A cycle begins when the stock falls to r. In the lead time i units are asked for before it ends with the chance
    a_i = P(Gamma(i, lambda) < L); the order finds r - D, and what follows takes 1 / lambda for each unit down to r.

    Args:
        r: reorder point, 0 or more.
        Q: order quantity, above r.
        demand_rate: lambda, Poisson, one by one.
        lead: mean lead time L, above 0.
        lead_shape: k of a gamma lead time; 1 is exponential. Default: the same for each order.

    Raises:
        StudyError: the arguments are no such numbers.
    """
    from scipy.special import betainc, gammainc

    lam, L = positive("demand_rate", demand_rate), positive("lead", lead)
    low, lot = whole("r", r, 0), whole("Q", Q, whole("r", r, 0) + 1)
    i = np.arange(1.0, low + 1)
    if lead_shape is None:
        reached = gammainc(i, lam * L)
    else:
        k = positive("lead_shape", lead_shape)
        reached = betainc(i, k, lam * L / (lam * L + k))
    before = low - np.arange(low)  # r, r - 1, ..., 1 on hand, while the order is under way
    waited = before @ reached / lam  # of the integral of the stock over the lead time
    empty = L - float(reached.sum()) / lam
    chances = np.append(1.0, reached) - np.append(reached, 0.0)  # of D = 0 .. r in the lead time, all beyond at r
    y = lot + low - np.arange(low + 1)
    cycle = L + float(chances @ (y - low)) / lam
    held = float(waited) + float(chances @ (y * (y + 1) - low * (low + 1))) / (2 * lam)
    out = empty / cycle
    return Stock(held / cycle, 0.0, out, 1 - out, 1 / cycle, lam * out)
