"""A product that is asked and read at 50 connections: live answers, its table page, 100 rows and one row as JSON.

Needs ``wrk`` (Debian: ``apt-get install wrk``). ``--server`` takes ``serve``, which is ``potomac serve`` as somebody
starts it, gunicorn's worker classes gthread or sync alone, or granian where it is installed; ``--datasette`` names a
Python in whose environment Datasette is, which then serves the same 10,000 rows by as many processes
(:mod:`benchmarks.server.datasette`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.markdown import table
from benchmarks.server.served import publish

ROWS = 10_000
CONNECTIONS = 50
SLUG = "strait"

LIVE = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
math.randomseed(7)
request = function()
  local body = string.format('{"latitude": %.4f, "longitude": %.4f, "speed": %.1f, "heading": %.0f}',
    56 + math.random(), 11 + 0.2 * math.random(), 20 * math.random(), 359 * math.random())
  return wrk.format(nil, nil, nil, body)
end
"""

ROW = """
math.randomseed(7)
request = function() return wrk.format(nil, string.format(wrk.path:gsub("ROW", "%%d"), math.random(FIRST, LAST))) end
"""


# ---- the server -----------------------------------------------------------------------------------------------------


def prepare() -> None:
    """Publish a run of 10,000 positions in POTOMAC_HOME, and tell where its scores lie."""
    place = publish(SLUG, ROWS, method="contrast")
    from potomac.server.ops import start

    start.collect()
    print(place / "tables" / "scores.parquet")


def command(server: str, port: int, workers: int, threads: int) -> list[str]:
    """What starts the server."""
    if server == "serve":
        return [sys.executable, "-m", "potomac", "serve", "--port", str(port), "--no-worker"]
    app, at = "potomac.server.wsgi:application", f"127.0.0.1:{port}"
    if server == "granian":
        binary = shutil.which("granian") or str(Path(sys.executable).with_name("granian"))
        more = ["--workers", str(workers), "--blocking-threads", str(threads), "--no-ws", "--log-level", "error"]
        return [binary, "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), *more, app]
    gunicorn = [sys.executable, "-m", "gunicorn", "--worker-class", server, "--workers", str(workers)]
    return [*gunicorn, "--threads", str(threads), "--bind", at, "--log-level", "error", app]


@contextlib.contextmanager
def serving(argv: list[str], address: str, environ: dict[str, str]) -> Iterator[None]:
    """A server process that answers at ``address`` while this lasts."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(argv, env=environ, stdout=log, stderr=log)
        try:
            _wait(address, process)
            yield
        except SystemExit:
            log.seek(0)
            print(log.read().decode(errors="replace"), file=sys.stderr)
            raise
        finally:
            process.terminate()
            process.wait(20)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit("the server has ended")
        with contextlib.suppress(URLError, ConnectionError), urlopen(address):  # noqa: S310
            return
        time.sleep(0.1)
    raise SystemExit(f"{address} does not answer")


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


# ---- wrk ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """What wrk says: requests a second, latencies in ms, and answers that were none."""

    rate: float
    p50: float
    p99: float
    bad: int


def wrk(address: str, seconds: int, script: str = "") -> Measured:
    """Ask an address for some seconds at 50 connections."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        more = ["-s", file.name] if script else []
        argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *more, address]
        told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told)
    lost = int(bad[1]) if bad else 0
    lost += sum(map(int, errors.groups())) if errors else 0
    return Measured(_rate(told), _latency(told, "50%"), _latency(told, "99%"), lost)


def _rate(told: str) -> float:
    return float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])  # type: ignore[index]


def _latency(told: str, share: str) -> float:
    found = re.search(rf"^\s*{share}\s+([\d.]+)(us|ms|s|m)$", told, re.MULTILINE)
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[found[2]] if found else float("nan")


# ---- what is measured -----------------------------------------------------------------------------------------------


def of_potomac(home: Path, server: str, workers: int, threads: int, seconds: int) -> dict[str, Measured]:
    """The four addresses of a product."""
    port = free_port()
    crowd = {"POTOMAC_PROCESSES": str(workers), "POTOMAC_THREADS": str(threads)}
    environ = os.environ | _settings(home) | crowd
    base = f"http://127.0.0.1:{port}"
    api = f"{base}/api/v1/products/{SLUG}"
    with serving(command(server, port, workers, threads), f"{base}/healthz", environ):
        told = json.load(urlopen(f"{api}/tables/scores?limit=1"))  # noqa: S310
        assert told["total"] == ROWS
        found = {"live answer": _warm(f"{api}/score", seconds, LIVE)}
        found["table page"] = _warm(f"{base}/p/{SLUG}/tables/scores/", seconds)
        found["100 rows as JSON"] = _warm(f"{api}/tables/scores?limit=100", seconds)
        found["one row as JSON"] = _warm(f"{api}/tables/scores/rows/ROW", seconds, _row(0))
    return found


def _settings(home: Path) -> dict[str, str]:
    limits = {"POTOMAC_LIMITS_REQUESTS_A_MINUTE": str(10**9), "POTOMAC_LOG_LEVEL": "info"}
    return {"POTOMAC_HOME": str(home), "DJANGO_SETTINGS_MODULE": "potomac.server.settings", **limits}


def _row(first: int) -> str:
    return ROW.replace("FIRST", str(first)).replace("LAST", str(first + ROWS - 1))


def _warm(address: str, seconds: int, script: str = "") -> Measured:
    """Measured when every process has loaded what it needs, which may take it some seconds."""
    for _ in range(30):
        if wrk(address, 3, script).rate >= 4 * CONNECTIONS:
            break
    return wrk(address, seconds, script)


def main(argv: list[str]) -> str:
    """The table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks server.http", description=__doc__)
    parser.add_argument("--server", action="append", choices=["serve", "gthread", "sync", "granian"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--datasette", metavar="PYTHON")
    parser.add_argument("--prepare", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    if shutil.which("wrk") is None:
        return "Not measured: wrk is not installed (Debian: apt-get install wrk)."
    with tempfile.TemporaryDirectory(prefix="potomac-bench-") as folder:
        rows = list(_measured(Path(folder), asked))
    return table(["server", "what", "requests a second", "p50, ms", "p99, ms", "failed"], rows)


def _measured(home: Path, asked: argparse.Namespace) -> Iterator[list[str]]:
    prepared = [sys.executable, "-c", "from benchmarks.server.http import prepare; prepare()"]
    made = subprocess.run(prepared, check=False, env=os.environ | _settings(home), capture_output=True, text=True)
    if made.returncode:
        raise SystemExit(made.stderr)
    for server in asked.server or ["serve"]:
        found = of_potomac(home, server, asked.workers, asked.threads, asked.seconds)
        name = f"Potomac, {server}, {asked.workers} x {1 if server == 'sync' else asked.threads}"
        yield from (_told(name, what, one) for what, one in found.items())
    if asked.datasette:
        from benchmarks.server import datasette

        peers = datasette.measure(asked.datasette, Path(made.stdout.split()[-1]), asked.workers, asked.seconds)
        yield from (_told(f"Datasette, {asked.workers} processes", what, one) for what, one in peers.items())


def _told(server: str, what: str, one: Measured) -> list[str]:
    return [server, what, f"{one.rate:,.0f}", f"{one.p50:.1f}", f"{one.p99:.1f}", str(one.bad)]


if __name__ == "__main__":
    print(main(sys.argv[1:]))
