"""Serving: suggestions among a million titles as somebody types, and ten items of 18,000 with filters, in process.

``python -m benchmarks.recommend.serving [--titles N] [--items N]``. Titles are made of words whose frequencies fall as
they do in language; what is typed are the beginnings of titles as often as they are popular, a third of them from a
word further on or in another order, a third with a slip or two. Each side answers one question at a time on one core;
told are the median and the 99th percentile by the clock, and by the time of the thread, which does not count what else
the machine does. rapidfuzz and implicit run in interpreters that have them: this one, and those that
``POTOMAC_BENCH_PEERS`` names.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import markdown
from benchmarks.child import measured, peak_mb
from benchmarks.recommend.shape import simulated

HERE = "benchmarks.recommend.serving"
USERS, INTERACTIONS = 20_000, 1_000_000
WORDS = 200_000
ONSETS = (
    "b bl br c ch cl cr d dr f fl fr g gl gr h j k kl l m n p pl pr qu r s sc sh sl sm sn sp st str t th tr v w y z"
)
NUCLEI = "a e i o u a e i o ai ea ee ie oo ou y"
CODAS = "b ck d f g l ll m n nd ng nt p r rd rn s ss st t th x"
FREQUENT = "the of a and in to love for my man night is me on with from day little time life"

METHODS = {
    "popularity": "popular", "EASE": "ease", "item-KNN": "item_knn", "ALS": "als", "content": "content",
    "a blend of three": "hybrid",
}  # fmt: skip
HOW = {
    "plain": "", "reasons": ", with reasons", "new": ", people with new interactions",
    "longest": ", the 300 longest histories",
}  # fmt: skip

Strokes = list[str]
Times = dict[str, float]


def words(draw: np.random.Generator, count: int) -> npt.NDArray[np.object_]:
    """Words of one to four syllables, no two alike, the frequent ones first."""
    parts = [ONSETS.split(), NUCLEI.split(), [*CODAS.split(), *[""] * 18]]
    found = dict.fromkeys(FREQUENT.split())
    while len(found) < count:
        syllables = [draw.choice(part, count) for part in parts]
        whole = np.char.add(np.char.add(syllables[0], syllables[1]), syllables[2])
        ends = np.cumsum(draw.choice([1, 2, 3, 4], count // 4, p=[0.15, 0.45, 0.3, 0.1]))
        ends = ends[ends <= count]
        found |= dict.fromkeys("".join(one) for one in np.split(whole, ends)[:-1])
    return np.array(list(found)[:count], object)


def titles(count: int) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Titles of one to nine words, and their popularity."""
    draw = np.random.default_rng(1)
    known = words(draw, WORDS)
    frequency = 1 / (np.arange(WORDS) + 3.7) ** 0.95
    lengths = draw.choice(np.arange(1, 10), count, p=[0.09, 0.2, 0.22, 0.18, 0.12, 0.08, 0.05, 0.04, 0.02])
    said = known[draw.choice(WORDS, lengths.sum(), p=frequency / frequency.sum())]
    ends = np.cumsum(lengths)
    made = [" ".join(said[end - size : end]).title() for end, size in zip(ends.tolist(), lengths.tolist(), strict=True)]
    return made, draw.pareto(1.4, count) + 1


def slipped(draw: np.random.Generator, text: str) -> str:
    """A letter left out, put in, another one, or two that changed places."""
    at, letter = int(draw.integers(len(text))), "abcdefghijklmnopqrstuvwxyz"[draw.integers(26)]
    before, after = text[:at], text[at:]
    return before + (after[1:], letter + after, letter + after[1:], after[1::-1] + after[2:])[draw.integers(4)]


def strokes(made: list[str], popularity: npt.NDArray[np.float64], count: int) -> Strokes:
    """Everything that stands in the field while ``count`` titles are typed."""
    draw, found = np.random.default_rng(2), []
    for row in draw.choice(len(made), count, p=popularity / popularity.sum()).tolist():
        text, kind = made[row].lower(), draw.integers(6)
        if kind == 1:
            text = text.partition(" ")[2] or text
        elif kind == 2:
            text = " ".join(draw.permutation(text.split()))
        elif kind in (3, 4):
            for _ in range(kind - 2 if len(text) > 7 else 1):
                text = slipped(draw, text)
        found += [text[:size] for size in range(1, min(len(text), 30) + 1)]
    return found


def times(ask: Callable[[Any], Any], asked: list[Any]) -> Times:
    """Median, 99th percentile and longest, milliseconds."""
    clock, thread = [], []
    for one in asked:
        begun, own = time.perf_counter(), time.thread_time()
        ask(one)
        clock.append(time.perf_counter() - begun)
        thread.append(time.thread_time() - own)
    found = {"p50": np.percentile(clock, 50), "p99": np.percentile(clock, 99), "own": np.percentile(thread, 99)}
    return {name: 1e3 * float(value) for name, value in found.items()} | {"most": 1e3 * max(clock)}


def suggest_task(count: int) -> dict[str, Any]:
    """A suggester of so many titles: seconds until it is there and back from its tables, memory, times."""
    import pyarrow as pa

    from potomac.recommend.suggestion.suggest import Suggester

    made, popularity = titles(count)
    Suggester(["warm is it"], [1.0]).suggest("wram as")
    texts = pa.array(made)
    before = peak_mb()
    begun = time.perf_counter()
    suggester = Suggester(texts, popularity)
    built = time.perf_counter() - begun
    tables = suggester.to_tables()
    begun = time.perf_counter()
    Suggester.from_tables(tables)
    loaded = time.perf_counter() - begun
    for text in ("a", "the", "xyzzyxwv", "love of the"):
        suggester.suggest(text)
    typed = strokes(made, popularity, 1000)
    letters = times(suggester.suggest, list("abcdefghijklmnopqrstuvwxyz") * 4)
    return {
        **times(suggester.suggest, typed), "built": built, "loaded": loaded, "strokes": len(typed),
        "held": suggester.nbytes / 2**20, "peak": peak_mb() - before, "letter": letters["p99"],
    }  # fmt: skip


def rapidfuzz_task(count: int) -> Times | None:
    """``rapidfuzz.process.extract`` with its quick ratio over the same titles; None where there is none."""
    from benchmarks.recommend.accuracy import interpreter_of

    python = interpreter_of("rapidfuzz")
    if python is None:
        return None
    made, popularity = titles(count)
    typed = strokes(made, popularity, 1000)[:: max(1, 20_000 // 60)]
    return _elsewhere(python, RAPIDFUZZ, {"titles": made, "typed": typed[:60]})


def items_task(model: str, items: int) -> dict[str, Times]:
    """The ten best of so many items for people, among those that may be offered and without what they had.

    Returns:
        ``plain`` for people drawn at random; with ``reasons`` for each item; with ``new`` interactions that came after
        fitting; for those with the ``longest`` histories.
    """
    from potomac.recommend.matrix.interactions import Interactions
    from potomac.recommend.matrix.items import Items

    indptr, indices = simulated(INTERACTIONS, USERS, items)
    draw = np.random.default_rng(0)
    table = {"user": np.repeat(np.arange(USERS), np.diff(indptr)), "item": indices}
    table["time"] = draw.integers(0, 10**9, len(indices)) * np.timedelta64(1, "s") + np.datetime64(0, "us")
    known = Interactions.of(table, items=np.arange(items))
    made = _made(model, known, Items.of(_catalogue(known.items, draw)).aligned(known.items))
    allowed = draw.random(known.n_items) < 0.7
    people = draw.integers(0, USERS, 1000)
    also = made.with_interactions({"user": people, "item": draw.choice(known.items.to_numpy(), len(people))})

    def asking(fitted: Any, reasons: bool) -> Callable[[int], Any]:
        def ask(row: int) -> Any:
            history = fitted.histories([row])
            numbers, _ = fitted.best(history, 10, allowed=allowed)
            return fitted.reasons(history, numbers[0][numbers[0] >= 0]) if reasons else numbers

        return ask

    longest = np.argsort(-known.of_users, kind="stable")[:300].tolist()
    asked = {
        "plain": (made, False, people.tolist()), "reasons": (made, True, people[:300].tolist()),
        "new": (also, False, people.tolist()), "longest": (made, False, longest),
    }  # fmt: skip
    found = {}
    for name, (fitted, reasons, rows) in asked.items():
        times(asking(fitted, reasons), rows[:20])
        found[name] = times(asking(fitted, reasons), rows)
    return found


def _catalogue(ids: Any, draw: np.random.Generator) -> dict[str, Any]:
    """Items with a kind, an author, a year and a text."""
    many, known = len(ids), words(draw, 5000)
    kinds = ["Crime", "Drama", "Family", "Horror", "Poetry", "Romance", "Science", "Travel", "War", "Western"]
    texts = draw.choice(known, (many, 30))
    return {
        "item": ids, "title": [f"Title {row}" for row in range(many)],
        "kind": ["|".join(draw.choice(kinds, 2, replace=False)) for _ in range(many)],
        "author": [f"Author {row}" for row in draw.integers(0, many // 6 + 1, many)],
        "year": draw.integers(1950, 2026, many), "blurb": [" ".join(text) for text in texts],
    }  # fmt: skip


def _made(name: str, known: Any, items: Any) -> Any:
    """A method fitted as far as the time of an answer depends on it."""
    from potomac.recommend import ALS, EASE, Content, Hybrid, Popular
    from potomac.recommend.methods import method_named

    if name == "ease":  # to learn the weights takes minutes
        made: Any = EASE(recency=25.0)
        made.interactions_, made.items_, made.added_ = known, items, None
        made.columns_, made.precision_ = np.arange(known.n_items), np.ones(known.n_items, np.float32)
        made.weights_ = np.random.default_rng(0).standard_normal((known.n_items, known.n_items), np.float32)
        return made
    if name == "als":
        return ALS(iterations=2, recency=25.0).fit(known, items)
    if name == "hybrid":
        parts = [Popular(), ALS(iterations=2, recency=10.0), Content(recency=10.0)]
        return Hybrid(parts, weights=[1, 1, 1]).fit(known, items)
    return method_named(name)().fit(known, items)


def implicit_task(items: int) -> Times | None:
    """``recommend`` of implicit's ALS for one person at a time; None where there is none."""
    from benchmarks.recommend.accuracy import interpreter_of

    python = interpreter_of("implicit")
    if python is None:
        return None
    indptr, indices = simulated(INTERACTIONS, USERS, items)
    asked = np.random.default_rng(0).integers(0, USERS, 2000).tolist()
    return _elsewhere(
        python, IMPLICIT, {"indptr": indptr.tolist(), "indices": indices.tolist(), "items": items, "asked": asked}
    )


TIMED = """
import json, sys, time
import numpy as np
told = json.load(open(sys.argv[1]))
def times(ask, asked):
    clock, own = [], []
    for one in asked:
        a, b = time.perf_counter(), time.thread_time()
        ask(one)
        clock.append(time.perf_counter() - a); own.append(time.thread_time() - b)
    p = np.percentile
    return {"p50": 1e3 * p(clock, 50), "p99": 1e3 * p(clock, 99), "own": 1e3 * p(own, 99), "most": 1e3 * max(clock)}
"""
RAPIDFUZZ = """
from rapidfuzz import fuzz, process, utils
titles = [utils.default_process(title) for title in told["titles"]]
ask = lambda text: process.extract(text, titles, scorer=fuzz.QRatio, limit=10)
print(json.dumps(times(ask, told["typed"])))
"""
IMPLICIT = """
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
X = csr_matrix((np.ones(len(told["indices"]), np.float32), told["indices"], told["indptr"]),
               (len(told["indptr"]) - 1, told["items"]))
model = AlternatingLeastSquares(64, iterations=2, num_threads=1, random_state=0)
model.fit(X, show_progress=False)
barred = np.flatnonzero(np.random.default_rng(0).random(told["items"]) >= 0.7)
ask = lambda row: model.recommend(row, X[row], 10, filter_items=barred)
times(ask, told["asked"][:20])
print(json.dumps(times(ask, told["asked"])))
"""


def _elsewhere(python: str, script: str, told: dict[str, Any]) -> Times:
    with tempfile.TemporaryDirectory() as folder:
        job, code = Path(folder) / "job.json", Path(folder) / "run.py"
        job.write_text(json.dumps(told), encoding="utf-8")
        code.write_text(TIMED + script, encoding="utf-8")
        done = subprocess.run([python, str(code), str(job)], capture_output=True, text=True, check=True)
    found: Times = json.loads(done.stdout.splitlines()[-1])
    return found


def row(name: str, found: Times | None) -> list[str]:
    """A line of a table."""
    if found is None:
        return [name, "not there", "", "", ""]
    return [name, *(f"{found[column]:.3g} ms" for column in ("p50", "p99", "own", "most"))]


def main(argv: list[str]) -> str:
    """The tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--titles", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=18_000)
    asked = parser.parse_args(argv)
    ours = measured(f"{HERE}:suggest_task", count=asked.titles).value
    theirs = measured(f"{HERE}:rapidfuzz_task", count=asked.titles).value
    head = ["", "median", "99th percentile", "of the thread alone", "longest"]
    typing = markdown.table([f"{asked.titles:,} titles", *head[1:]], [row("Potomac", ours), row("rapidfuzz", theirs)])
    told = (
        f"{ours['strokes']:,} strokes; made in {ours['built']:.1f} s, of its tables in {1e3 * ours['loaded']:.0f} ms; "
        f"{ours['held']:.0f} MB are held, {ours['peak']:.0f} MB more at the most while it is made; a single letter "
        f"{ours['letter']:.2f} ms (99th percentile)."
    )
    lines = []
    for name, model in METHODS.items():
        found = measured(f"{HERE}:items_task", model=model, items=asked.items).value
        lines += [row(f"Potomac, {name}{HOW[how]}", of) for how, of in found.items()]
    lines.append(row("implicit, ALS", measured(f"{HERE}:implicit_task", items=asked.items).value))
    serving = markdown.table([f"10 of {asked.items:,} items", *head[1:]], lines)
    return f"{typing}\n\n{told}\n\n{serving}"


if __name__ == "__main__":
    print(main(sys.argv[1:]))
