"""Cards, dice and ruin: chances that can be counted."""

from __future__ import annotations

from fractions import Fraction
from math import comb, exp, expm1, inf, log, log1p

from potomac.errors import Fault, StudyError, did_you_mean, listing
from potomac.simulation.closed_forms.checks import share, whole

__all__ = ["HANDS", "craps", "dice_sum", "poker_hand", "ruin", "ruin_duration"]

HANDS = {
    "royal flush": 4,
    "straight flush": 4 * 9,  # royal ones aside
    "four of a kind": 13 * 48,
    "full house": 13 * comb(4, 3) * 12 * comb(4, 2),
    "flush": 4 * (comb(13, 5) - 10),
    "straight": 10 * (4**5 - 4),
    "three of a kind": 13 * comb(4, 3) * comb(12, 2) * 4**2,
    "two pair": comb(13, 2) * comb(4, 2) ** 2 * 44,
    "one pair": 13 * comb(4, 2) * comb(12, 3) * 4**3,
    "high card": (comb(13, 5) - 10) * (4**5 - 4),
}
"""Of the binom(52, 5) hands of five cards, how many are what; each counts as the best that it is."""


def poker_hand(hand: str) -> Fraction:
    """Chance of being dealt the hand, five cards of 52 (Feller, An Introduction to Probability Theory I, II).

    Args:
        hand: one of :data:`HANDS`. A straight flush does not include the royal ones.

    Raises:
        StudyError: there is no such hand.
    """
    name = " ".join(str(hand).lower().replace("-", " ").replace("_", " ").split())
    name = {"pair": "one pair", "two pairs": "two pair", "poker": "four of a kind"}.get(name, name)
    if name not in HANDS:
        expected, mend = f"expected one of {listing(HANDS)}", did_you_mean(str(hand), list(HANDS))
        raise StudyError(Fault("simulation.parameter", f"there is no hand {hand!r:.60}", expected, mend, key="hand"))
    return Fraction(HANDS[name], comb(52, 5))


def dice_sum(dice: int, total: int, sides: int = 6) -> Fraction:
    """Chance that so many dice show this sum.

    Ways: sum over k of (-1)^k binom(n, k) binom(t - s k - 1, n - 1) (Feller I, XI).

    Raises:
        StudyError: the arguments are no whole numbers, dice and sides at least 1.
    """
    n, s, t = whole("dice", dice), whole("sides", sides), whole("total", total, 0)
    if not n <= t <= n * s:
        return Fraction(0)
    ways = sum((-1) ** k * comb(n, k) * comb(t - s * k - 1, n - 1) for k in range((t - n) // s + 1))
    return Fraction(ways, s**n)


def craps() -> Fraction:
    """Chance that the shooter wins: 7 or 11 at once, or his point before a 7 (Leemis and Park 2006, ch. 2)."""
    p = {total: dice_sum(2, total) for total in range(2, 13)}
    return p[7] + p[11] + sum((p[x] * p[x] / (p[x] + p[7]) for x in (4, 5, 6, 8, 9, 10)), Fraction(0))


def ruin(p: float, start: int, target: int | float = inf) -> float:
    """Chance that a gambler loses all before he has reached the target, one unit a game.

    (r^start - r^target) / (1 - r^target) with r = (1 - p) / p (Feller I, XIV.2), written so that no power overflows.

    Args:
        p: chance to win a game.
        start: what he has.
        target: at which he stops; infinite where he never does.

    Raises:
        StudyError: the arguments are no such numbers.
    """
    p, a = share("p", p), whole("start", start, 0)
    N = inf if target == inf else whole("target", target, max(a, 1))
    if a == 0 or a == N:
        return 1.0 if a == 0 else 0.0
    if p in (0.0, 1.0):
        return 1 - p
    if p == 0.5:
        return 1 - a / N
    h = log1p(-p) - log(p)  # ln r
    if h > 0:
        return expm1(-h * (N - a)) / expm1(-h * N)
    return float(exp(h * a) * expm1(h * (N - a)) / expm1(h * N))


def ruin_duration(p: float, start: int, target: int) -> float:
    """Mean number of games until he has lost all or reached the target (Feller I, XIV.3).

    Raises:
        StudyError: the arguments are no such numbers.
    """
    p, a, N = share("p", p), whole("start", start, 0), whole("target", target)
    whole("target", target, max(a, 1))
    if p == 0.5:
        return float(a * (N - a))
    return (a - N * (1 - ruin(p, a, N))) / (1 - 2 * p)
