"""Whether readiness is right where the answer is known, both ways.

``python -m benchmarks recommend.verdicts [--seeds N] [--first N] [--only WORD] [--likes FILE]``. Worlds are simulated
(``potomac.recommend.worlds``), each with several seeds, sizes and strengths. ``--likes`` names a Parquet file of real
interactions with columns user, item and time, of which it is known that collaboration pays: it is judged whole, in
halves, and shuffled.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import markdown
from potomac.recommend import Interactions, Items, readiness, shuffled, simulated
from potomac.stats.streams import Stream

VERDICTS = ("not_yet", "content_based", "collaborative")
Made = tuple[Interactions, Items | None]


@dataclass(frozen=True)
class Family:
    """Worlds of one kind.

    Attributes:
        name: what they are.
        right: verdicts that are right, the first of them the one that is meant.
        made: the interactions and the catalogue by seed.
        times: how often for each seed of the command.
    """

    name: str
    right: tuple[str, ...]
    made: Callable[[int], Made]
    times: int = 1


def families() -> list[Family]:
    """All of them."""
    no, content, build = ("not_yet",), ("content_based",), ("collaborative",)
    return [
        Family("popularity only", no, popularity, 4),
        Family("popularity that drifts", no, drifting, 4),
        Family("popularity that drifts, people who come for a while", no, passing, 4),
        Family("tastes, shuffled", no, lambda seed: broken(tastes(seed), seed), 4),
        Family("attributes, shuffled", no, lambda seed: broken(attributes(seed), seed), 2),
        Family("a shop of 20 to 50 items", no, small_shop, 2),
        Family("20 to 60 people", no, few_people, 2),
        Family("popularity and bots that copy each other", no, bots),
        Family("everybody has everything", no, everything),
        Family("tastes", build, tastes, 2),
        Family("tastes and drift", build, tastes_and_drift),
        Family("tastes, rated and without times", build, bare_tastes),
        Family("tastes of busy people", build, busy),
        Family("tastes and attributes, many people", build, both),
        Family("attributes, many items, few interactions", content, attributes, 2),
        Family("attributes, half of the items new", content, cold),
    ]


# ---- worlds in which there is nothing to find ---------------------------------------------------------------------


def _between(seed: int, *ranges: tuple[float, float]) -> list[float]:
    """A number from each range, evenly on a logarithmic scale."""
    draws = Stream(seed).child("verdicts").generator()
    return [float(np.exp(draws.uniform(np.log(low), np.log(high)))) for low, high in ranges]


def popularity(seed: int) -> Made:
    users, items, each, skew = _between(seed, (150, 4000), (110, 2000), (4, 40), (0.3, 2.0))
    world = simulated(int(users), int(items), per_user=each, popularity=skew, times=seed % 2 == 0, seed=seed)
    return world.interactions, world.items


def drifting(seed: int) -> Made:
    users, items, each, drift = _between(seed, (150, 3000), (110, 1500), (4, 30), (0.5, 8))
    world = simulated(int(users), int(items), per_user=each, drift=drift, seed=seed)
    return world.interactions, world.items


def passing(seed: int) -> Made:
    users, items, each, drift, stay = _between(seed, (300, 3000), (110, 1500), (5, 30), (1, 8), (0.05, 0.5))
    world = simulated(int(users), int(items), per_user=each, drift=drift, stay=stay, seed=seed)
    return world.interactions, world.items


def broken(made: Made, seed: int) -> Made:
    return shuffled(made[0], seed=seed), made[1]


def small_shop(seed: int) -> Made:
    users, items, each = _between(seed, (150, 2000), (20, 50), (3, 12))
    world = simulated(int(users), int(items), per_user=each, taste=2.0, seed=seed)
    return world.interactions, world.items


def few_people(seed: int) -> Made:
    users, items, each = _between(seed, (20, 60), (150, 1000), (3, 30))
    world = simulated(int(users), int(items), per_user=each, taste=1.5, seed=seed)
    return world.interactions, world.items


def bots(seed: int) -> Made:
    """A tenth of the people are copies of one of three bots; one more has everything."""
    known, items = popularity(seed)
    draws = Stream(seed).child("bots").generator()
    first = int(np.asarray(known.users.to_numpy()).max()) + 1
    lists = [draws.choice(known.n_items, 12, replace=False) for _ in range(3)]
    many = [lists[k % 3] for k in range(known.n_users // 10)] + [np.arange(known.n_items)]
    user = np.concatenate([np.full(len(one), first + k) for k, one in enumerate(many)])
    item = known.items.take(pa.array(np.concatenate(many)))
    real = np.repeat(known.users.to_numpy(), known.of_users)
    table = {
        "user": np.concatenate([real, user]),
        "item": pa.concat_arrays([known.items.take(pa.array(known.indices.astype(np.int64))), item]),
    }
    return Interactions.of(table, items=known.items), items


def everything(seed: int) -> Made:
    users, items = (int(x) for x in _between(seed, (100, 500), (110, 300)))
    table = {"user": np.repeat(np.arange(users), items), "item": np.tile(np.arange(items), users)}
    return Interactions.of(table), None


# ---- worlds in which there is ------------------------------------------------------------------------------------


def tastes(seed: int) -> Made:
    users, items, each, taste = _between(seed, (600, 4000), (150, 1000), (12, 40), (1.2, 2.5))
    world = simulated(int(users), int(items), per_user=each, taste=taste, seed=seed)
    return world.interactions, world.items


def tastes_and_drift(seed: int) -> Made:
    users, items, each, drift, stay = _between(seed, (1000, 4000), (200, 1000), (15, 40), (1, 5), (0.1, 1.0))
    world = simulated(int(users), int(items), per_user=each, taste=1.8, drift=drift, stay=stay, seed=seed)
    return world.interactions, world.items


def bare_tastes(seed: int) -> Made:
    users, items, each = _between(seed, (800, 3000), (150, 800), (15, 40))
    world = simulated(int(users), int(items), per_user=each, taste=1.6, rated=True, times=False, seed=seed)
    return world.interactions, None


def busy(seed: int) -> Made:
    users, items, each = _between(seed, (150, 500), (500, 2000), (80, 200))
    world = simulated(int(users), int(items), per_user=each, taste=1.5, seed=seed)
    return world.interactions, None


def both(seed: int) -> Made:
    users, items, each = _between(seed, (3000, 5000), (300, 900), (15, 30))
    world = simulated(int(users), int(items), per_user=each, taste=1.5, attributes=1.0, seed=seed)
    return world.interactions, world.items


def attributes(seed: int) -> Made:
    users, items, each, strength = _between(seed, (1500, 4000), (3000, 6000), (5, 10), (2.0, 3.0))
    world = simulated(int(users), int(items), per_user=each, popularity=0.7, attributes=strength, seed=seed)
    return world.interactions, world.items


def cold(seed: int) -> Made:
    users, items, each, drift = _between(seed, (1500, 3000), (2000, 4000), (5, 10), (2, 4))
    world = simulated(
        int(users), int(items), per_user=each, popularity=0.7, attributes=2.5, drift=drift, cold=0.3, seed=seed
    )
    return world.interactions, world.items


# ---- real interactions --------------------------------------------------------------------------------------------


def real(file: str) -> list[Family]:
    """Interactions of which it is known that collaboration pays, and their shuffles."""
    known = Interactions.of(pq.read_table(file))

    def part(seed: int, people: int) -> Made:
        chosen = Stream(seed).child("part").generator().permutation(known.n_users)[:people]
        return known.take_users(np.sort(chosen)), None

    return [
        Family("real", ("collaborative",), lambda seed: (known, None)),
        Family("real, half of the people", ("collaborative",), lambda seed: part(seed, known.n_users // 2)),
        Family("real, 60 people", ("not_yet",), lambda seed: part(seed, 60)),
        Family("real, shuffled", ("not_yet",), lambda seed: (shuffled(known, seed=seed), None), 4),
        Family("real, half of the people, shuffled", ("not_yet",), lambda seed: broken(part(seed, 450), seed), 2),
    ]


def judged(family: Family, seeds: int, first: int = 0) -> Iterator[tuple[str, float]]:
    """Verdict and seconds of each."""
    for seed in range(first, first + seeds * family.times):
        known, items = family.made(seed)
        begun = perf_counter()
        found = readiness(replace(known), items, seed=seed, growth=False)
        yield found.verdict, perf_counter() - begun


def main(argv: list[str] | None = None) -> str:
    """The table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks recommend.verdicts", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="number of the first seed")
    parser.add_argument("--only", default="", help="part of a family's name")
    parser.add_argument("--likes", default="", help="Parquet file of real interactions")
    asked = parser.parse_args(argv)
    every = families() + (real(asked.likes) if asked.likes else [])
    lines, wrong, nulls, false = [], 0, 0, 0
    for family in every:
        if asked.only not in family.name:
            continue
        found = list(judged(family, asked.seeds, asked.first))
        count = Counter(verdict for verdict, _ in found)
        missed = sum(many for verdict, many in count.items() if verdict not in family.right)
        wrong += missed
        if family.right == ("not_yet",):
            nulls, false = nulls + len(found), false + missed
        slow = max(seconds for _, seconds in found)
        told = [str(count.get(verdict, 0)) for verdict in VERDICTS]
        lines.append([family.name, family.right[0], str(len(found)), *told, str(missed), markdown.seconds(slow)])
        print(lines[-1], flush=True)
    head = ["worlds", "right", "judged", *VERDICTS, "wrong", "slowest"]
    said = f"Built for nothing: {false} of {nulls}. Wrong in all: {wrong}."
    return f"{markdown.table(head, lines)}\n\n{said}"


if __name__ == "__main__":
    print(main())
