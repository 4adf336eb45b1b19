"""What is written down while a model of the user's own runs: areas under curves by slice of time, sums over customers.

Customers count in the slice in which they came, as in the event loop; time counts until the last slice ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

import numpy as np
import numpy.typing as npt

from potomac.errors import NoAnswer
from potomac.simulation.distributions import Distribution
from potomac.simulation.executors.recursions import fill
from potomac.simulation.executors.replication import Window, exhausted
from potomac.simulation.loop.draws import keyed, seeded, table_of
from potomac.simulation.loop.world import BINS, BITS, HISTOGRAM, LOWEST
from potomac.stats.streams import Stream

__all__ = ["Area", "Draws", "Slices", "Values", "Visit", "Visits"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BUFFER = 1024
"""Values, or draws, that are handled together."""


class Slices:
    """The slices of time, and the one that counts now; the number past the last one stands for what does not count."""

    def __init__(self, window: Window) -> None:
        self.edges = [float(e) for e in window.edges] + [inf]
        self.number, self.first, self.now = window.edges.size, window.first, 0
        self.open = 0  # visits that began within the time that counts and go on

    def at(self, t: float) -> int:
        """The slice in which ``t`` lies, which never falls."""
        while self.now < self.number and t >= self.edges[self.now]:
            self.now += 1
        return self.now


class Area:
    """The area under a curve that changes by steps, by slice."""

    def __init__(self, slices: Slices, t: float, value: float = 0.0) -> None:
        self.slices, self.value, self.last, self.slice = slices, value, t, slices.at(t)
        self.sums = [0.0] * (slices.number + 1)

    def upto(self, t: float) -> None:
        """Bring the area up to ``t``."""
        edges = self.slices.edges
        while t >= edges[self.slice] and self.slice < self.slices.number:
            self.sums[self.slice] += self.value * (edges[self.slice] - self.last)
            self.last = edges[self.slice]
            self.slice += 1
        self.sums[self.slice] += self.value * (t - self.last)
        self.last = t

    def set(self, t: float, value: float) -> None:
        """The curve takes another value at ``t``."""
        self.upto(t)
        self.value = value

    def add(self, t: float, step: float) -> None:
        """The curve rises by ``step`` at ``t``."""
        self.upto(t)
        self.value += step


class Values:
    """Numbers of customers, by the slice in which these came: how many, their sum, and a histogram of those that count.

    Memory does not grow with how many there are.
    """

    def __init__(self, slices: Slices) -> None:
        self.slices = slices
        self.count, self.sums = [0] * (slices.number + 1), [0.0] * (slices.number + 1)
        self.histogram, self.least, self._new = np.zeros(HISTOGRAM, np.int64), inf, list[float]()

    def add(self, b: int, x: float) -> None:
        """One more, of slice ``b``."""
        self.count[b] += 1
        self.sums[b] += x
        if self.slices.first <= b < self.slices.number:
            self._new.append(x)
            if len(self._new) == BUFFER:
                self.counted()

    def counted(self) -> Ints:
        """The histogram, with all values in it, shape (bins,)."""
        if self._new:
            x = np.array(self._new)
            self.least = min(self.least, float(x.min()))
            self._new.clear()
            at = (np.maximum(x, 0.0).view(np.int64) >> (52 - BITS)) - ((1023 + LOWEST) << BITS) + 1
            self.histogram += np.bincount(np.clip(at, 0, BINS), minlength=HISTOGRAM)
        return self.histogram


@dataclass
class Visit:
    """A customer at a place.

    Attributes:
        kind: of the customer.
        slice: in which it came.
        came: when.
        whole: whether the customer says when the visit ends; else it is one request.
        since: when it began to wait, while it does.
        waited: how long it has waited so far.
        waits: whether it waits now.
        served: whether it is served now.
        done: whether it has ever been served.
    """

    kind: str
    slice: int
    came: float
    whole: bool = False
    since: float = 0.0
    waited: float = 0.0
    waits: bool = False
    served: bool = False
    done: bool = False


@dataclass
class _Kind:
    """What is counted of one kind of customers."""

    queue: Area
    service: Area
    wait: Values
    stay: Values
    arrived: list[int]
    left: list[int]
    delayed: list[int]
    lost: dict[str, list[int]] = field(default_factory=dict)


class Visits:
    """The customers of a place, by kind: who waits, who is served, how long; who left, gave up or turned back."""

    def __init__(self, slices: Slices, lost: tuple[str, ...] = ()) -> None:
        self.slices, self.lost = slices, lost
        self.kinds: dict[str, _Kind] = {}

    def of(self, kind: str, t: float) -> _Kind:
        """What is counted of a kind."""
        found = self.kinds.get(kind)
        if found is None:
            n, s = self.slices.number + 1, self.slices
            found = self.kinds[kind] = _Kind(
                Area(s, t), Area(s, t), Values(s), Values(s), [0] * n, [0] * n, [0] * n, {w: [0] * n for w in self.lost}
            )
        return found

    def come(self, t: float, kind: str, whole: bool = False) -> Visit:
        """Somebody comes."""
        b = self.slices.at(t)
        self.of(kind, t).arrived[b] += 1
        self.slices.open += b < self.slices.number
        return Visit(kind, b, t, whole)

    def refuse(self, t: float, kind: str, how: str) -> None:
        """Somebody comes and turns back (p_balk), or finds no room (p_block)."""
        b, found = self.slices.at(t), self.of(kind, t)
        found.arrived[b] += 1
        found.lost.setdefault(how, [0] * (self.slices.number + 1))[b] += 1

    def wait(self, t: float, v: Visit) -> None:
        """The customer begins to wait."""
        v.waits, v.since = True, t
        self.of(v.kind, t).queue.add(t, 1)

    def begin(self, t: float, v: Visit) -> None:
        """The customer's service begins, or what it waited for is there."""
        self.stop(t, v)
        v.served = v.done = True
        self.of(v.kind, t).service.add(t, 1)

    def stop(self, t: float, v: Visit) -> None:
        """The customer waits no longer, and is not served."""
        if v.waits:
            v.waited += t - v.since
            v.waits = False
            self.of(v.kind, t).queue.add(t, -1)
        if v.served:
            v.served = False
            self.of(v.kind, t).service.add(t, -1)

    def leave(self, t: float, v: Visit, how: str = "") -> None:
        """The visit is over: served, or lost as ``how`` says."""
        self.stop(t, v)
        found = self.of(v.kind, t)
        self.slices.open -= v.slice < self.slices.number
        found.wait.add(v.slice, v.waited)
        found.delayed[v.slice] += v.waited > 0
        if how:
            found.lost[how][v.slice] += 1
        else:
            found.left[self.slices.at(t)] += 1
            found.stay.add(v.slice, t - v.came)

    def areas(self) -> Iterator[Area]:
        """All curves."""
        for found in self.kinds.values():
            yield found.queue
            yield found.service


class Draws:
    """Draws by the names of their streams: those of the event loop, where names and distributions are the same.

    Args:
        stream: keys them all.
        replication: number.
        mirrored: 1 - u in place of u.
    """

    def __init__(self, stream: Stream, replication: int, mirrored: bool = False) -> None:
        self.stream, self.replication, self.mirrored = stream, replication, mirrored
        self._named: dict[str, _Drawn] = {}

    def draw(self, name: str, d: Distribution) -> float:
        """The next draw of ``d`` by the numbers of the stream ``name``.

        Raises:
            NoAnswer: a trace has no more values.
        """
        drawn = self._named.get(name)
        if drawn is None:
            state = keyed(self.stream.child(name, self.replication), self.mirrored)
            drawn = self._named[name] = _Drawn(state, d)
        elif drawn.of is not d and drawn.of != d:
            drawn = self._named[name] = drawn.turned(d)
        x = drawn.next()
        if x == inf:
            raise NoAnswer(exhausted(name, len(d.values)))
        return x

    def generator(self, name: str) -> np.random.Generator:
        """NumPy's generator at the start of the stream ``name``, for what no distribution says."""
        return self.stream.child(name, self.replication, "generator").generator()


class _Drawn:
    """A stream and what is drawn from it, with some draws in store."""

    def __init__(self, state: npt.NDArray[np.uint64], d: Distribution, size: int = 16) -> None:
        self.of, self.at, self.size = d, 0, size
        rows, self.values = table_of([d])
        self.rows = seeded(rows, self.values, state[None])
        self.start, self.store = self.rows.copy(), list[float]()

    def next(self) -> float:
        """The next draw."""
        if self.at == len(self.store):
            self.start, self.at = self.rows.copy(), 0
            out = np.empty(self.size)
            fill(self.rows, 0, out)
            self.store, self.size = out.tolist(), min(2 * self.size, BUFFER)
        self.at += 1
        return self.store[self.at - 1]

    def turned(self, d: Distribution) -> _Drawn:
        """The same stream where it stands now, for another distribution."""
        fill(self.start, 0, np.empty(self.at))
        state = np.array([self.start[name][0] for name in ("s0", "s1", "s2", "s3", "generator")], np.uint64)
        return _Drawn(state, d, 1)
