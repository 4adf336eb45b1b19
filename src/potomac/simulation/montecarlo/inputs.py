"""Random inputs of an experiment by name: distributions, repeated draws, random sums, hands of cards, from uniforms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, PotomacError, StudyError, did_you_mean, listing
from potomac.simulation.distributions import Distribution, discrete, distribution

__all__ = ["Cards", "Drawn", "Inputs", "cards", "coins", "dice", "drawn"]

Floats = npt.NDArray[np.float64]

WIDEST = 20_000
"""Most uniforms of one input; Sobol' points have no more dimensions either."""

SURE = 1 - 1e-12
"""A random sum has as many terms as its count exceeds with less than the rest to 1."""

INSIDE = 2.0**-53
"""Uniforms keep so far from 0 and 1, where quantiles are infinite."""


@dataclass(frozen=True)
class Drawn:
    """A distribution that is drawn from several times, independently.

    Attributes:
        distribution: of each.
        draws: how many; the input has then shape (n, draws).
        total: name of another input that says how many are added up; the input is then their sum, shape (n,).
    """

    distribution: Distribution
    draws: int = 1
    total: str = ""


@dataclass(frozen=True)
class Cards:
    """Cards from a shuffled deck, without putting back.

    Attributes:
        deck: how many there are; they are called 0 to deck - 1.
        draws: how many are dealt; the input has shape (n, draws).
    """

    deck: int = 52
    draws: int = 5


def cards(deck: int = 52, draws: int = 5) -> Cards:
    """Cards 0 to ``deck - 1``, ``draws`` of them without putting back: of 52, ``card % 13`` is the rank.

    Raises:
        StudyError: the numbers are not whole, or more are dealt than there are.
    """
    whole = all(not isinstance(x, bool) and x % 1 == 0 for x in (deck, draws))
    if not whole or not 1 <= draws <= deck:
        found = f"{draws!r:.40} cards of a deck of {deck!r:.40}"
        raise StudyError(
            Fault("simulation.input", found, "expected whole numbers, at least 1 and not more than there are")
        )
    return Cards(int(deck), int(draws))


def dice(sides: int = 6, draws: int = 1) -> Drawn:
    """``draws`` dice with ``sides`` sides."""
    if isinstance(sides, bool) or sides != int(sides) or sides < 1:
        raise StudyError(
            Fault("simulation.input", f"a die with {sides!r:.40} sides", "expected a whole number, 1 or more")
        )
    return Drawn(discrete(range(1, int(sides) + 1), [1 / int(sides)] * int(sides)), draws)


def coins(p: float = 0.5, draws: int = 1) -> Drawn:
    """``draws`` coins, each 1 (heads) with probability ``p``, else 0."""
    return Drawn(discrete((0.0, 1.0), (1 - p, p)), draws)


_GAMES: Mapping[str, Any] = {"cards": cards, "dice": dice, "coins": coins}


def drawn(what: object) -> Drawn | Cards:
    """The input that is meant.

    Args:
        what: an input; a distribution, in any of the forms of
            :func:`~potomac.simulation.distributions.distribution`; a table with ``draws`` or ``total`` beside the
            family (or ``from``, a distribution that was made); ``{cards = {deck = 52, draws = 5}}``,
            ``{dice = {sides = 6, draws = 2}}`` or ``{coins = {p = 0.5}}``; or a pair of a distribution and a number of
            draws.

    Raises:
        StudyError: it is none of these.
    """
    if isinstance(what, (Drawn, Cards)):
        return what
    if isinstance(what, tuple) and len(what) == 2:
        return Drawn(distribution(what[0]), what[1])
    if not isinstance(what, Mapping):
        return Drawn(distribution(what))
    given = dict(what)
    draws, total = given.pop("draws", 1), given.pop("total", "")
    if len(given) == 1 and (name := next(iter(given))) in _GAMES:
        return _game(name, given[name], draws, total)
    found = given.pop("from") if "from" in given else distribution(given)
    return Drawn(found, draws, str(total))


def _game(name: str, given: Any, draws: Any, total: Any) -> Drawn | Cards:
    arguments = dict(given) if isinstance(given, Mapping) else {}
    if draws != 1:
        arguments.setdefault("draws", draws)
    try:
        made: Drawn | Cards = _GAMES[name](**arguments) if isinstance(given, Mapping) else _GAMES[name](given)
    except TypeError:
        found, expected = f"{name} does not take {given!r:.60}", f"expected e.g. {{ {name} = {{ draws = 2 }} }}"
        raise StudyError(Fault("simulation.input", found, expected)) from None
    if isinstance(made, Drawn):
        return replace(made, total=str(total)) if total else made
    if total:
        raise StudyError(Fault("simulation.input", "a number of cards cannot be added up", "", "Leave total out"))
    return made


@dataclass(frozen=True)
class Inputs:
    """Named inputs, each with its own columns of a matrix of uniforms, so that a change of one leaves the others be.

    Attributes:
        of: name -> input.
    """

    of: Mapping[str, Drawn | Cards]

    @classmethod
    def read(cls, given: Mapping[str, object]) -> Inputs:
        """Inputs in any of the forms of :func:`drawn`, which fit together.

        Raises:
            StudyError: one is wrong; all faults together, keyed by the names.
        """
        made, faults = dict[str, Drawn | Cards](), list[Fault]()
        for name, what in given.items():
            try:
                made[name] = drawn(what)
            except PotomacError as error:
                faults += [replace(f, key=name) for f in error.faults]
        if not given:
            faults.append(Fault("simulation.input", "an experiment without inputs", "expected one at least"))
        faults = faults or [*_faults(made)]
        if faults:
            raise StudyError(faults)
        return cls(made)

    @cached_property
    def widths(self) -> Mapping[str, int]:
        """How many uniforms each takes."""
        return {name: self._width(each) for name, each in self.of.items()}

    @property
    def width(self) -> int:
        """How many uniforms all take: the dimension of the experiment."""
        return sum(self.widths.values())

    @cached_property
    def columns(self) -> Mapping[str, slice]:
        """Which uniforms each takes."""
        ends = np.cumsum([*self.widths.values()]).tolist()
        return {name: slice(end - w, end) for (name, w), end in zip(self.widths.items(), ends, strict=True)}

    def _width(self, each: Drawn | Cards) -> int:
        if isinstance(each, Drawn) and each.total:
            return max(int(self._count(each).ppf(SURE)), 1)
        return each.draws

    def _count(self, each: Drawn) -> Distribution:
        count = self.of[each.total]
        assert isinstance(count, Drawn)  # noqa: S101 - seen when they were read
        return count.distribution

    def values(self, u: Floats) -> dict[str, Floats]:
        """What the inputs are.

        Args:
            u: uniforms, shape (n, width).

        Returns:
            Name -> shape (n,), or (n, draws) where there are several draws.
        """
        inner = np.clip(u, INSIDE, 1 - INSIDE)
        out: dict[str, Floats] = {}
        for name, each in sorted(self.of.items(), key=lambda item: isinstance(item[1], Drawn) and bool(item[1].total)):
            v = inner[:, self.columns[name]]
            out[name] = _dealt(v, each.deck) if isinstance(each, Cards) else _sampled(each, v, out)
        return {name: out[name] for name in self.of}

    def mean(self, name: str) -> float:
        """The mean of an input (of one of its draws); of a random sum by Wald's equation."""
        each = self.of[name]
        if isinstance(each, Cards):
            return (each.deck - 1) / 2
        return each.distribution.mean * (self._count(each).mean if each.total else 1.0)

    def endless(self) -> Iterator[tuple[str, Distribution]]:
        """Inputs of infinite variance."""
        for name, each in self.of.items():
            if isinstance(each, Drawn) and not isfinite(each.distribution.variance):
                yield name, each.distribution


def _sampled(each: Drawn, v: Floats, others: Mapping[str, Floats]) -> Floats:
    x = each.distribution.ppf(v)
    if each.total:
        counts = others[each.total].reshape(v.shape[0], 1)
        return np.asarray(np.where(np.arange(v.shape[1]) < counts, x, 0.0).sum(axis=1))
    return x if each.draws > 1 else x[:, 0]


def _dealt(v: Floats, deck: int) -> Floats:
    """Cards one after the other, each among those that are left (Fisher and Yates 1938).

    The j-th is the k-th of those left, k uniform on 0 to deck - j - 1; counting past those that are gone, in their
    order, gives its number.
    """
    n, draws = v.shape
    dealt = np.empty((n, draws))
    for j in range(draws):
        card = np.floor(v[:, j] * (deck - j))
        for gone in np.sort(dealt[:, :j], axis=1).T:
            card += card >= gone
        dealt[:, j] = card
    return dealt


def _faults(made: Mapping[str, Drawn | Cards]) -> Iterator[Fault]:
    for name, each in made.items():
        if not name.isidentifier():
            yield Fault("simulation.input", f"{name!r:.60} is no name", "expected letters, digits and _", key=name)
        if isinstance(each, Cards):
            continue
        if each.distribution.is_trace:
            mend = "Use empirical(values), which draws from them"
            yield Fault("simulation.input", f"{name!r:.60} is a trace, which is not drawn", "", mend, key=name)
        if isinstance(each.draws, bool) or each.draws % 1 or not 1 <= each.draws <= WIDEST:
            expected = f"expected a whole number between 1 and {WIDEST:,}"
            yield Fault("simulation.input", f"{name!r:.60} has {each.draws!r:.40} draws", expected, key=name)
        if each.total:
            yield from _total_faults(name, each, made)


def _total_faults(name: str, each: Drawn, made: Mapping[str, Drawn | Cards]) -> Iterator[Fault]:
    """What is wrong with a random sum."""
    count = made.get(each.total)
    if each.draws != 1:
        yield Fault("simulation.input", f"{name!r:.60} has draws and total", "expected one of the two", key=name)
    elif count is None or each.total == name:
        mend = did_you_mean(each.total, [n for n in made if n != name])
        expected = f"expected another input, which counts: {listing(n for n in made if n != name)}"
        yield Fault("simulation.input", f"{name!r:.60} adds up {each.total!r:.60} draws", expected, mend, key=name)
    elif isinstance(count, Cards) or count.total or count.draws != 1:
        yield Fault("simulation.input", f"{each.total!r:.60} is no single number that counts", key=name)
    else:
        most = float(count.distribution.ppf(SURE)) if not count.distribution.is_trace else inf
        least = float(count.distribution.ppf(INSIDE)) if isfinite(most) else 0.0
        if not isfinite(most) or most > WIDEST or least < 0:
            found = f"{each.total!r:.60} counts {least:,.6g} to {most:,.6g}"
            yield Fault("simulation.input", found, f"expected 0 to {WIDEST:,} terms of a sum", key=name)
