"""A million positions in a page: what it sends, and how long a browser takes until they are seen; beside plotly.

Needs Chromium (Debian: ``apt-get install chromium``) and Playwright. ``--plotly`` names a Python in whose environment
plotly is; without it this one is taken, if plotly is there.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import importlib.util
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.markdown import table, times
from benchmarks.server import crew
from benchmarks.server.served import Served, beside, publish

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SLUG = "strait"
MOST_MB, SHARE = 8.0, 0.5
"""What is to be reached: bytes of the page, and of plotly's time."""

SOFTWARE = ("--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
"""Chromium draws WebGL without a graphics card only where it is told to."""

PATIENCE_MS = 300_000
VIEW = {"width": 1440, "height": 900}

PLOTLY = """
import sys
import plotly
import plotly.graph_objects as go
from benchmarks.server.served import positions
told = positions(int(sys.argv[1]))
points = go.Scattergl(x=told["lon"].astype("f4"), y=told["lat"].astype("f4"), mode="markers", marker={"size": 2})
go.Figure(points).write_html(sys.argv[2], include_plotlyjs=True, post_script="window.drawn = true")
print(plotly.__version__)
"""

DRAWN = "() => window.drawn === true"

PICTURES = """() => {
  const found = [...document.querySelectorAll("img, image")].map(one => one.href ? one.href.baseVal : one.src)
  const loaded = found.filter(Boolean).map(src => { const one = new Image(); one.src = src; return one.decode() })
  return document.readyState === "complete" && Promise.all(loaded).then(() => true)
}"""
"""Whether all is there, and every picture is decoded."""


@dataclass(frozen=True)
class Seen:
    """Megabytes that came over the network, seconds until they were seen."""

    mb: float
    seconds: float


def main(argv: list[str]) -> str:
    """The table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks server.points", description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5, help="how often each page is opened")
    parser.add_argument("--plotly", metavar="PYTHON", help="a Python in whose environment plotly is")
    parser.add_argument("--shots", metavar="FOLDER", type=Path, help="keep a picture of each page there")
    asked = parser.parse_args(argv)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        return "Not measured: there is no Chromium (Debian: apt-get install chromium)."
    if importlib.util.find_spec("playwright") is None:
        return "Not measured: Playwright is not installed in this environment."
    with tempfile.TemporaryDirectory(prefix="potomac-bench-") as folder:
        return _measured(Path(folder), asked, chromium)


def _measured(folder: Path, asked: argparse.Namespace, chromium: str) -> str:
    from playwright.sync_api import sync_playwright

    made = json.loads(
        beside(folder / "home", f"benchmarks.server.points:prepare({asked.points}, {str(folder)!r})").splitlines()[-1]
    )
    version = _plotted(asked, folder / "plotly.html")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *SOFTWARE])
        look = partial(_seen, browser, asked.shots)
        first, product = _of_product(folder / "home", asked.times, look)
        with _files(folder) as address:
            report = [look(f"{address}/report.html", PICTURES) for _ in range(asked.times)]
            plotly = [look(f"{address}/plotly.html", DRAWN) for _ in range(asked.times)] if version else []
        browser.close()
    rows = [
        _row("a product; the first visitor after a start", [first]),
        _row("the same; later visitors", product),
        _row("a report", report),
        *([_row(f"plotly {version}, scattergl", plotly)] if version else []),
    ]
    told = table(("page", "MB sent", "seen, median", "longest", "of plotly's time"), _shares(rows, plotly))
    missing = "" if version else " plotly was not measured: it is not in this environment (--plotly names another one)."
    note = (
        f"To be reached: at most {MOST_MB:g} MB, {SHARE:g} of plotly's time.{missing} {asked.points:,} positions. "
        "Seen: from the address until the picture of the window is taken that shows them; MB: what came over the "
        f"network, as it came. Potomac's maps are shaded by all positions, counted in {made['squares']:,} squares by "
        f"the run; its report is drawn in {made['seconds']:.1f} s, once. Plotly's page holds each position, and the "
        "browser draws them, with WebGL by software where there is no graphics card."
    )
    return f"{told}\n\n{note}"


def _shares(rows: Sequence[list[str]], plotly: Sequence[Seen]) -> Iterator[list[str]]:
    whole = statistics.median(one.seconds for one in plotly) if plotly else math.nan
    for *row, seconds in rows:
        yield [*row, times(float(seconds) / whole) if plotly else "not known"]


def prepare(points: int, folder: str) -> None:
    """Publish positions in POTOMAC_HOME, and write their report once more."""
    from potomac.report import page
    from potomac.studies import open_run

    run = open_run(publish(SLUG, points))
    begun = time.perf_counter()
    drawn = page.render(run, run.figures)
    seconds = time.perf_counter() - begun
    Path(folder, "report.html").write_text(drawn, encoding="utf-8")
    print(json.dumps({"squares": run.figures[0].layers[0].data.num_rows, "seconds": seconds}))


def _row(what: str, all: Sequence[Seen]) -> list[str]:
    """The last is the median for :func:`_shares`."""
    seconds = [one.seconds for one in all]
    median = statistics.median(seconds)
    return [what, f"{all[-1].mb:.2f}", f"{median:.2f} s", f"{max(seconds):.2f} s", repr(median)]


def _of_product(home: Path, count: int, look: Callable[[str, str], Seen]) -> tuple[Seen, list[Seen]]:
    """The first visit, and later ones to a process that has drawn the page."""
    with Served(home, POTOMAC_PROCESSES="1") as server:
        server.until("/readyz")
        time.sleep(5)  # models are loaded, which is not drawn
        address = f"{server.address}/p/{SLUG}/"
        return look(address, PICTURES), [look(address, PICTURES) for _ in range(count)]


def _plotted(asked: argparse.Namespace, file: Path) -> str:
    """Have plotly write its page; its version, empty where it is not there."""
    python = asked.plotly or (sys.executable if importlib.util.find_spec("plotly") else "")
    if not python:
        return ""
    environ = {**os.environ, "PYTHONPATH": str(crew.ROOT)}
    argv = [python, "-c", PLOTLY, str(asked.points), str(file)]
    return subprocess.run(argv, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def _files(folder: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


def _seen(browser: Browser, shots: Path | None, address: str, drawn: str) -> Seen:
    """Open a page in a browser that has not been there, and wait until it shows its points."""
    context = browser.new_context(viewport=VIEW, reduced_motion="reduce")  # type: ignore[arg-type]
    page, sizes = context.new_page(), list[float]()
    page.set_default_timeout(PATIENCE_MS)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda told: sizes.append(told["encodedDataLength"]))
    begun = time.perf_counter()
    answer = page.goto(address, wait_until="load")
    page.wait_for_function(drawn)
    picture = page.screenshot()  # waits for what is still being painted
    seconds = time.perf_counter() - begun
    if answer is None or answer.status != 200:
        raise SystemExit(f"{address} answers {answer and answer.status}")
    if shots:
        shots.mkdir(parents=True, exist_ok=True)
        (shots / f"{urlsplit(address).path.strip('/').replace('/', '-')}.png").write_bytes(picture)
    context.close()
    return Seen(sum(sizes) / 1e6, seconds)
