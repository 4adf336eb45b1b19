"""Fifty people submit runs by REST, again and again, while others read 200 times a second; on SQLite, one worker."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

from benchmarks.markdown import table
from benchmarks.server import load
from benchmarks.server.served import COLUMNS, Served, beside

SLUG, ROWS = "strait", 10_000
TINY = 200
"""Rows of the study that is submitted."""
P99_MS = 100.0
"""What is to be reached."""
WARM_S = 6.0
"""Seconds before it is measured in which each web process loads and draws what it needs."""
LOCKED = "database is locked"
LIMITS = {"POTOMAC_LIMITS_REQUESTS_A_MINUTE": str(10**9), "POTOMAC_LIMITS_WAITING": str(10**6)}

STUDY = f"""kind = "outliers"
name = "tiny"

[data]
source = "tiny.parquet"
{"".join(f'columns.{role} = "{name}"{chr(10)}' for role, name in COLUMNS.items())}
[model]
method = "logistic"
"""


def main(argv: list[str]) -> str:
    """The tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks server.together", description=__doc__)
    parser.add_argument("--people", type=int, default=50, help="how many submit at once")
    parser.add_argument("--reads", type=float, default=200.0, help="reads a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=5.0, help="seconds from an answer to the next submission")
    parser.add_argument("--finish", type=float, default=0.0, help="seconds to wait until all runs have ended")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="potomac-bench-") as folder:
        return _measured(Path(folder), asked)


def _measured(home: Path, asked: argparse.Namespace) -> str:
    here = "benchmarks.server"
    beside(home, f"{here}.served:publish({SLUG!r}, {ROWS})", **LIMITS)
    tokens = json.loads(beside(home, f"{here}.together:people({asked.people})", **LIMITS).splitlines()[-1])
    with Served(home, **LIMITS) as server:
        server.until("/readyz")
        apart = _round(server, home, tokens, asked, 0.5)
        abreast = _round(server, home, tokens, asked, 0.0)
    low, high = 0.5 * asked.pause, 1.5 * asked.pause
    return (
        f"To be reached: none locked, p99 below {P99_MS:g} ms. Times are from the moment at which a request was due. "
        f"{asked.people} people submit for {asked.seconds:g} s, each again {low:g} to {high:g} s after the answer:\n\n"
        f"{apart}\n\nAll at once, and again {asked.pause:g} s after their answers, in step:\n\n{abreast}"
    )


def _round(server: Served, home: Path, tokens: list[str], asked: argparse.Namespace, spread: float) -> str:
    before = server.said().count(LOCKED)
    begin = time.monotonic() + 3.0 + WARM_S  # the programs have started by then
    common = {"port": server.port, "home": str(home), "begin": begin, "seconds": asked.seconds, "tokens": tokens}
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as programs:
        reading = programs.submit(read, rate=asked.reads, **common)
        submitting = programs.submit(submit, pause=asked.pause, spread=spread, **common)
        reads, submissions = reading.result(), submitting.result()
    states, locked = _states(home, submissions, asked.finish), server.said().count(LOCKED) - before
    return f"{_times(reads, submissions, asked.seconds)}\n\n{_ends(reads, submissions, states, locked)}"


def _times(reads: Sequence[load.Answer], submissions: Sequence[load.Answer], seconds: float) -> str:
    head = ("what", "requests", "a second", "p50, ms", "p99, ms", "longest, ms", "sent late, p99, ms", "failed")
    kinds = {one.what: [other for other in reads if other.what == one.what] for one in reads}
    named = {**kinds, "all reads": reads, "submission": submissions}
    return table(head, [_row(name, own, seconds) for name, own in named.items()])


def _row(name: str, answers: Sequence[load.Answer], seconds: float) -> list[str]:
    took, late = [one.took for one in answers], [one.late for one in answers]
    return [
        name, f"{len(answers):,}", f"{len(answers) / seconds:.0f}", f"{load.percentile(took, 50):.1f}",
        f"{load.percentile(took, 99):.1f}", f"{1000 * max(took):.0f}", f"{load.percentile(late, 99):.1f}",
        str(sum(one.status not in (200, 201) for one in answers)),
    ]  # fmt: skip


def _ends(
    reads: Sequence[load.Answer], submissions: Sequence[load.Answer], states: Mapping[str, int], locked: int
) -> str:
    head = ("answered 201", "done", "waiting or going on", "failed", "missing", f'"{LOCKED}" in the log', "answers 5xx")
    ended = [states[name] for name in ("done", "open", "failed", "missing")]
    wrong = sum(one.status >= 500 for one in (*reads, *submissions))
    return table(head, [[f"{number:,}" for number in (sum(states.values()), *ended, locked, wrong)]])


def _states(home: Path, submissions: Sequence[load.Answer], patience: float) -> Counter[str]:
    """How the runs stand that were answered with 201, after as many seconds, or as soon as none is open."""
    ids, until = [json.loads(one.body)["id"] for one in submissions if one.status == 201], time.monotonic() + patience
    while True:
        with closing(sqlite3.connect(home / "potomac.sqlite3", timeout=30)) as database:
            there = dict(database.execute("SELECT about, state FROM jobs_job WHERE task = 'run'"))
        found = Counter(_STATES[there.get(id, "missing")] for id in ids)
        if not found["open"] or time.monotonic() >= until:
            return found
        time.sleep(1)


_STATES = {
    "queued": "open", "running": "open", "done": "done", "failed": "failed", "cancelled": "failed",
    "missing": "missing",
}  # fmt: skip


# ---- beside the server ----------------------------------------------------------------------------------------------


def people(count: int) -> None:
    """Make analysts with a token and a small source each, and print the tokens."""
    from potomac.server.setup import prepare

    prepare()
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    from benchmarks.server.served import positions
    from potomac.server.accounts.models import User
    from potomac.server.catalog.models import Source
    from potomac.server.flows import people, sources
    from potomac.server.flows.base import Actor
    from potomac.server.jobs import worker
    from potomac.server.jobs.models import Job

    rows = io.BytesIO()
    pq.write_table(pa.table(positions(TINY)), rows)
    tokens = []
    for number in range(count):
        who = Actor(user=User.objects.create_user(f"person{number}", role="analyst"))
        sources.upload(who, "tiny.parquet", io.BytesIO(rows.getvalue()))
        tokens.append(people.new_token(who, "bench", ["read", "write"])[1])
    Job.objects.exclude(pk=Job.objects.order_by("pk")[:1].get().pk).delete()
    worker.work(once=True)  # looks at the first; the others are the same
    seen = Source.objects.get(state=Source.State.READY)
    Source.objects.update(state=seen.state, rows=seen.rows, preview=seen.preview)
    print(json.dumps(tokens))


# ---- programs -------------------------------------------------------------------------------------------------------

_PAGE = f"/p/{SLUG}/"
_TABLE = f"/api/v1/products/{SLUG}/tables/scores?limit=100&offset="
_NEWEST = "newest.json"


def read(port: int, home: str, begin: float, seconds: float, tokens: list[str], rate: float) -> list[load.Answer]:
    """The product's page, 100 rows of its table, and how the run stands that was submitted last, in turn."""
    newest = Path(home) / _NEWEST

    def asks(number: int) -> load.Ask:
        if number % 3 == 0:
            return load.Ask("product page", _PAGE)
        if number % 3 == 1 or not newest.exists():
            return load.Ask("100 rows as JSON", f"{_TABLE}{number * 100 % ROWS}")
        whose, id = json.loads(newest.read_text())
        return load.Ask("status of a run", f"/api/v1/runs/{id}", headers=_bearer(tokens[whose]))

    load.paced(port, asks, rate, begin - WARM_S, WARM_S / 2)
    return load.paced(port, asks, rate, begin, seconds)


def submit(
    port: int, home: str, begin: float, seconds: float, tokens: list[str], pause: float, spread: float
) -> list[load.Answer]:
    """Each person submits a small study."""
    newest = Path(home) / _NEWEST

    def heard(whose: int, answer: load.Answer) -> None:
        if answer.status != 201:
            print(answer.status, answer.body[:300], file=sys.stderr)
            return
        aside = newest.with_suffix(f".{whose}")
        aside.write_text(json.dumps([whose, json.loads(answer.body)["id"]]))
        aside.replace(newest)

    load.waiting(port, [_submission(token) for token in tokens[:10]], begin - WARM_S, 1.0, (WARM_S, 0.0), heard)
    return load.waiting(port, [_submission(token) for token in tokens], begin, seconds, (pause, spread), heard)


def _submission(token: str) -> load.Ask:
    return load.Ask("submission", "/api/v1/runs", "POST", _bearer(token), json.dumps({"text": STUDY}))


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
