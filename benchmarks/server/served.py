"""``potomac serve`` as somebody starts it, and a product in its home: what the benchmarks of the server share."""

from __future__ import annotations

import atexit
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.server import crew

PATIENCE = 120.0
"""Seconds after which a server that does not answer is given up."""


def environ(home: Path, **more: str) -> dict[str, str]:
    """The environment of a server with this home and no settings but those given; compiled modules are kept."""
    left = ("POTOMAC_", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left)}
    path = os.pathsep.join(filter(None, [str(crew.ROOT), os.environ.get("PYTHONPATH", "")]))
    own = {"POTOMAC_HOME": str(home), "DATABASE_URL": "", "PYTHONPYCACHEPREFIX": _compiled()}
    return {**kept, "PYTHONPATH": path, **own, **more}


@cache
def _compiled() -> str:
    """Where modules are kept compiled, as they are beside those that pip installs, while the benchmark goes on."""
    folder = tempfile.mkdtemp(prefix="potomac-bench-compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def beside(home: Path, call: str, **more: str) -> str:
    """What a call such as ``module:function(1)`` prints that works in a home; in a process of its own.

    Raises:
        SystemExit: it failed; with what it wrote to stderr.
    """
    module, _, function = call.partition(":")
    code = f"from {module} import {function.partition('(')[0]}; {function}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ(home, **more), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


class Served:
    """A server from its start on, until the ``with`` ends.

    Attributes:
        address: such as ``http://127.0.0.1:41234``.
        begun: when its process was started, on the monotonic clock.
    """

    def __init__(self, home: Path, **more: str) -> None:
        self.log = tempfile.TemporaryFile()  # noqa: SIM115  # stays readable after the end
        line = [sys.executable, "-m", "potomac", "serve", "--port", "0"]
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            line, env=environ(home, **more), stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.address = next(self._told(), "")
        if not self.address:
            raise SystemExit(f"the server does not start: {self.said()}")

    def _told(self) -> Iterator[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.match(r"Potomac is at (\S+)", line):
                yield found[1]

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        """Its log stays readable."""
        self.process.terminate()
        self.process.communicate(timeout=30)

    @property
    def port(self) -> int:
        return int(urlsplit(self.address).port or 0)

    def said(self) -> str:
        """What it has written to its log so far."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def until(self, path: str, status: int = 200) -> float:
        """Ask until this is the answer; seconds from the start of the server to that answer's last byte."""
        while time.monotonic() - self.begun < PATIENCE:
            if self.get(path)[0] == status:
                return time.monotonic() - self.begun
            time.sleep(0.01)
        raise SystemExit(f"{path} does not answer {status}: ...{self.said()[-2000:]}")

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body; 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    def processes(self) -> list[int]:
        """All its processes."""
        found = [self.process.pid]
        for pid in found:  # grows while it is walked
            found += [child for child in crew.children(pid) if child not in found]
        return found


def memory_mb(pids: list[int]) -> tuple[float, float]:
    """Memory of processes together, MB: with what they share counted for each (RSS), and counted once (PSS)."""
    rss = pss = 0
    for pid in pids:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        rss += int(re.search(r"^Rss:\s+(\d+)", told, re.MULTILINE)[1])  # type: ignore[index]
        pss += int(re.search(r"^Pss:\s+(\d+)", told, re.MULTILINE)[1])  # type: ignore[index]
    return rss / 1024, pss / 1024


# ---- a product ------------------------------------------------------------------------------------------------------


def positions(rows: int) -> dict[str, Any]:
    """Positions on two lanes of 200 vessels."""
    import numpy as np

    random = np.random.default_rng(7)
    lane = np.arange(rows) % 2
    return {
        "lat": 56.0 + random.uniform(0, 1, rows),
        "lon": 11.0 + 0.2 * lane + random.normal(0, 0.01, rows),
        "speed": 10 + random.normal(0, 1, rows),
        "heading": (180.0 * lane + random.normal(0, 5, rows)) % 360,
        "vessel": [f"vessel {i % 200}" for i in range(rows)],
    }


COLUMNS = {"latitude": "lat", "longitude": "lon", "speed": "speed", "heading": "heading", "entity": "vessel"}


def publish(slug: str, rows: int, method: str = "logistic") -> Path:
    """Publish positions, scored by ``method``, in POTOMAC_HOME, which may be empty; the run's directory."""
    from potomac.server.setup import prepare

    prepare()
    from django.utils import timezone

    from potomac import studies
    from potomac.server import config
    from potomac.server.accounts.models import User
    from potomac.server.catalog.models import Run
    from potomac.server.flows import products
    from potomac.server.flows.base import Actor
    from potomac.server.ops import start

    start.tables()
    ada = User.objects.create_user("ada", role="administrator")
    run = Run.objects.create(owner=ada, kind="outliers", name=slug, title="Which are out of place?", text="")
    data = {"source": "positions.parquet", "columns": COLUMNS}
    study = {"kind": "outliers", "name": slug, "data": data, "model": {"method": method}}
    done = studies.run(study, config.home() / "made", tables={"data": positions(rows)})
    place = config.home() / "runs" / str(ada.pk) / run.pk
    place.parent.mkdir(parents=True)
    done.path.rename(place)
    run.directory, run.answer, run.finished = f"{ada.pk}/{run.pk}", done.answer, timezone.now()
    run.save()
    products.publish(Actor(user=ada), run.pk, slug, visibility="public")
    return place
