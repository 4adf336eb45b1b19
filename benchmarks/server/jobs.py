"""The queue under SIGKILL: recovery, jobs lost and doubled, cancels; on SQLite and on each database that is named.

``POTOMAC_TEST_POSTGRESQL`` and ``POTOMAC_TEST_MYSQL`` name servers (``scripts/databases.sh`` starts some); what is
written there is a database of its own, which goes at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.child import measured
from benchmarks.markdown import table

DATABASES = ("POTOMAC_TEST_POSTGRESQL", "POTOMAC_TEST_MYSQL")
RECOVERY_S, CANCEL_S = 5.0, 2.0
"""What is to be reached."""


def main(argv: list[str]) -> str:
    """The table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks server.jobs", description=__doc__)
    parser.add_argument("--jobs", type=int, default=200, help="jobs that are done while workers are killed")
    parser.add_argument("--kills", type=int, default=10, help="workers that are killed meanwhile")
    parser.add_argument("--recoveries", type=int, default=5, help="recoveries that are timed")
    parser.add_argument("--cancels", type=int, default=100, help="cancels that are timed")
    asked = vars(parser.parse_args(argv))
    urls = ["", *filter(None, map(os.environ.get, DATABASES))]
    told = [measured("benchmarks.server.jobs:measure", url=url, **asked).value for url in urls]
    head = (
        "Two workers", "recovery, median", "longest", "jobs done", "lost", "doubled", "cancel, p50", "longest",
        f"within {CANCEL_S:g} s",
    )  # fmt: skip
    note = (
        "Recovery: from SIGKILL to a worker until its job goes on in another one. Lost and doubled: of the jobs done "
        f"while {asked['kills']} workers were killed at random, those without and those with a second result. Cancel: "
        "from the request until the job is cancelled and no process of the work's group is left; of three jobs one "
        "ignores being asked and loops, one waits, one has started a process of its own. To be reached: recovery "
        f"within {RECOVERY_S:g} s, none lost, none doubled, each cancel within {CANCEL_S:g} s."
    )
    return f"{table(head, map(_row, told))}\n\n{note}"


def _row(told: dict[str, Any]) -> Sequence[str]:
    recovery, cancel = told["recovery"], told["cancel"]
    return (
        told["database"],
        f"{statistics.median(recovery):.1f} s",
        f"{max(recovery):.1f} s",
        f"{told['done']} in {told['seconds']:.0f} s",
        str(told["lost"]),
        str(told["doubled"]),
        f"{statistics.median(cancel):.2f} s",
        f"{max(cancel):.2f} s",
        f"{sum(one <= CANCEL_S for one in cancel)} of {len(cancel)}",
    )


def measure(url: str, jobs: int, kills: int, recoveries: int, cancels: int) -> dict[str, Any]:
    """All figures of one database; run in a process of its own."""
    home = Path(tempfile.mkdtemp(prefix="potomac-jobs-"))
    names = {"POTOMAC_HOME": str(home), "POTOMAC_SECRET_KEY": "of a benchmark", "DATABASE_URL": url}
    os.environ.update(names, DJANGO_SETTINGS_MODULE="potomac.server.settings", POTOMAC_LOG_LEVEL="error")
    import django

    django.setup()
    from django.db import connection

    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(home / "test.sqlite3")
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        return {
            "database": _version(),
            "recovery": _recovery(recoveries),
            **_killed(home, jobs, kills),
            "cancel": _cancels(cancels),
        }
    finally:
        connection.creation.destroy_test_db("", verbosity=0)
        shutil.rmtree(home, ignore_errors=True)


def _version() -> str:
    from django.db import connection

    maria = getattr(connection, "mysql_is_mariadb", False)
    names = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB" if maria else "MySQL"}
    return f"{names[connection.vendor]} {'.'.join(map(str, connection.get_database_version()))}"


def _owner() -> Any:
    from potomac.server.accounts.models import User

    return User.objects.get_or_create(username="bench")[0]


def _recovery(count: int) -> list[float]:
    """Seconds from the death of a worker until another one goes on with its job."""
    from benchmarks.server import crew
    from potomac.server.jobs import queue
    from potomac.server.jobs.models import Job, State

    found = []
    with crew.crew(2) as workers:
        for _ in range(count):
            job = queue.submit("patient", "", _owner())
            crew.until(Job.objects.filter(pk=job.pk).exclude(what="").exists)
            job.refresh_from_db()
            place = next(i for i, one in enumerate(workers) if job.worker.endswith(one.name))
            workers[place].kill()
            going = Job.objects.filter(pk=job.pk, attempt=2).exclude(what="")
            found.append(crew.until(going.exists))
            queue.cancel(job)
            crew.until(Job.objects.filter(pk=job.pk, state=State.CANCELLED).exists)
            workers[place] = crew.Worker()
    return found


def _killed(home: Path, count: int, kills: int) -> dict[str, Any]:
    """Jobs that are done while workers die."""
    from benchmarks.server import crew
    from potomac.server.accounts.models import Entry
    from potomac.server.jobs import queue
    from potomac.server.jobs.models import Job, State

    chance, begun = random.Random(1), time.monotonic()
    ids = {str(queue.submit("tiny", "", _owner()).pk) for _ in range(count)}
    jobs = Job.objects.filter(task="tiny")
    with crew.crew(2, CREW_TINY="0.1") as workers:
        while kills:
            time.sleep(chance.uniform(0.3, 1.5))
            place = chance.randrange(2)
            if jobs.filter(worker__endswith=workers[place].name, deaths__lt=2).exists():
                workers[place].kill()  # in the middle of a job
                workers[place] = crew.Worker(CREW_TINY="0.1")
                kills -= 1
            elif not jobs.filter(state__in=(State.QUEUED, State.RUNNING)).exists():
                break
        crew.until(lambda: not jobs.filter(state__in=(State.QUEUED, State.RUNNING)).exists(), 300)
    seconds = time.monotonic() - begun
    booked = Counter(Entry.objects.filter(action="crew.tiny").values_list("what", flat=True))
    files = {file.name for file in (home / "effects").iterdir()}
    return {
        "seconds": seconds,
        "done": jobs.filter(state=State.DONE).count(),
        "lost": len(ids - (set(booked) & files)),
        "doubled": sum(times - 1 for times in booked.values()),
    }


def _cancels(count: int) -> list[float]:
    """Seconds from the request until the job is cancelled and all processes of its group are gone."""
    from benchmarks.server import crew
    from potomac.server.jobs import queue
    from potomac.server.jobs.models import Job, State

    found = []
    with crew.crew(2) as workers:
        for number in range(count):
            job = queue.submit(("patient", "endless", "family")[number % 3], "", _owner())
            crew.until(Job.objects.filter(pk=job.pk).exclude(what="").exists)
            groups = {pid for worker in workers for pid in crew.children(worker.process.pid)}  # each leads its own
            time.sleep(random.Random(number).uniform(0, 0.5))  # anywhere between two heartbeats
            begun = time.monotonic()
            queue.cancel(job)
            crew.until(Job.objects.filter(pk=job.pk, state=State.CANCELLED).exists)
            crew.until(partial(_gone, groups))
            found.append(time.monotonic() - begun)
    return found


def _gone(groups: Set[int]) -> bool:
    """Whether no process of these groups runs; one that has ended and waits to be asked about does not."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(group) in groups and state not in ("Z", "X"):
                return False
    return True


if __name__ == "__main__":
    print(json.dumps(measure("", 20, 2, 1, 4)))
