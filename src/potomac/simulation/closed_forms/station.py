"""What is known of a station in the long run: the measures, by the names that a simulation gives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
import numpy.typing as npt

from potomac.simulation.closed_forms.checks import share

__all__ = ["Station", "Tail", "exponential_tail", "of_wait"]

Floats = npt.NDArray[np.float64]
Tail = Callable[[Floats], Floats]
"""Times, any shape, to the chance that a wait is longer."""

MEASURES = (
    "wait", "time_in_station", "queue_length", "number_in_station", "utilization", "throughput", "p_wait", "p_block",
    "p_renege",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Station:
    """Long-run measures of a station. Times are in the unit of the rates, probabilities are shares.

    Attributes:
        wait: mean time in the queue of those who come in (Wq).
        time_in_station: mean time in queue and service of those who come in (W).
        queue_length: mean number in the queue (Lq).
        number_in_station: mean number in queue and service (L).
        utilization: mean share of the servers that are busy.
        throughput: customers who come in a unit of time, those who give up later included.
        p_wait: chance that one who comes in must wait; None where it is not known.
        p_block: share of the arrivals that are turned away.
        p_renege: share of the arrivals that give up waiting.
        tail: chance that a wait is longer than a time; None where it is not known.
    """

    wait: float
    time_in_station: float
    queue_length: float
    number_in_station: float
    utilization: float
    throughput: float
    p_wait: float | None = None
    p_block: float = 0.0
    p_renege: float = 0.0
    tail: Tail | None = field(default=None, compare=False, repr=False)

    def wait_beyond(self, time: npt.ArrayLike) -> Floats:
        """The chance that a wait is longer than ``time``, of any shape.

        Raises:
            ValueError: the distribution of the wait is not known here.
        """
        if self.tail is None:
            raise ValueError("the distribution of this station's wait has no closed form here")
        t = np.asarray(time, float)
        return np.where(t < 0, 1.0, self.tail(np.maximum(t, 0.0)))

    def wait_quantile(self, q: float) -> float:
        """The least time that the share ``q`` of the waits does not exceed, to the last digits; infinite for q = 1.

        Raises:
            ValueError: the distribution of the wait is not known here.
            StudyError: ``q`` is no share.
        """
        over = 1 - share("q", q)
        if self.wait_beyond(0.0) <= over:
            return 0.0
        if over == 0:
            return np.inf
        from scipy.optimize import brentq

        high = self.wait or 1.0
        while self.wait_beyond(high) > over:
            high *= 2
        return float(brentq(lambda t: float(self.wait_beyond(t)) - over, 0.0, high, xtol=1e-15 * high, rtol=1e-15))

    def measures(self) -> dict[str, float]:
        """Each measure that is known, quantiles of the wait included."""
        known = {name: value for name in MEASURES if (value := getattr(self, name)) is not None}
        if self.tail is not None:
            known |= {f"wait_q{100 * q:.0f}": self.wait_quantile(q) for q in (0.5, 0.9, 0.99)}
        return {name: float(value) for name, value in known.items() if isfinite(value)}


def exponential_tail(p_wait: float, rate: float) -> Tail:
    """P(W > t) = p_wait e^(-rate t)."""
    return lambda t: p_wait * np.exp(-rate * t)


def of_wait(
    arrival_rate: float, wait: float, service_mean: float, servers: int = 1, *, p_wait: float | None = None,
    tail: Tail | None = None,
) -> Station:  # fmt: skip
    """All measures of a station that loses nobody from its mean wait, by Little's law (Little 1961)."""
    W = wait + service_mean
    return Station(
        wait=wait, time_in_station=W, queue_length=arrival_rate * wait, number_in_station=arrival_rate * W,
        utilization=arrival_rate * service_mean / servers, throughput=arrival_rate, p_wait=p_wait, tail=tail,
    )  # fmt: skip
