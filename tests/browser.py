"""A small client of the Chrome DevTools Protocol over a pair of pipes, with nothing but the standard library.

    with Browser(path, directory) as browser:
        page = browser.page(width=390, height=844, scheme="dark")
        page.open(file.as_uri())
        assert page.evaluate("document.title") == "..." and not page.complaints

Source:
    https://chromedevtools.github.io/devtools-protocol/; ``--remote-debugging-pipe`` reads JSON from file descriptor 3
    and writes it to 4, each message followed by a zero byte.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds to wait for an answer before the browser counts as stuck; no test measures time by it."""

SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--hide-scrollbars",
    "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip

START = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
"""Gives the browser its ends of the pipes under the numbers that it expects."""


class Browser:
    """A headless Chromium with a profile of its own in ``directory``."""

    def __init__(self, path: str, directory: Path) -> None:
        ask, self._out = (_high(end) for end in os.pipe())
        self._in, answer = (_high(end) for end in os.pipe())
        switches = [*SWITCHES, f"--user-data-dir={directory}", f"--crash-dumps-dir={directory}"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(ask), str(answer), path, *switches, "about:blank"],
            pass_fds=(ask, answer), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(ask)
        os.close(answer)
        self._buffer = b""
        self._count = 0
        self._pages: dict[str, Page] = {}

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.ask("Browser.close")
        except (OSError, RuntimeError):
            self._process.kill()
        self._process.wait(PATIENCE)
        os.close(self._in)
        os.close(self._out)

    def page(self, width: int = 1440, height: int = 900, scheme: str = "light") -> Page:
        """A new page of that size in CSS pixels, which prefers light or dark."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, target)
        page.prepare(width, height, scheme)
        return page

    def ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events that come meanwhile go to their pages."""
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._write(json.dumps(message).encode() + b"\0")
        while True:
            heard = self.hear()
            if heard.get("id") == number:
                if "error" in heard:
                    raise RuntimeError(f"{method}: {heard['error']['message']}")
                return heard["result"]

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._out, data) :]

    def hear(self, patience: float = PATIENCE) -> dict[str, Any]:
        """The next message."""
        until = time.monotonic() + patience
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            got = os.read(self._in, 1 << 20)
            if not got:
                raise RuntimeError("the browser has ended")
            self._buffer += got
        text, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(text)
        if "method" in message and message.get("sessionId") in self._pages:
            self._pages[message["sessionId"]].happened(message["method"], message["params"])
        return message


def _high(end: int) -> int:
    """The same end of a pipe under a number above those that the browser wants for itself."""
    moved = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20)
    os.close(end)
    return moved


class Page:
    """One page: what it said on the console, what it asked of the network, and hands to work it."""

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser, self._session, self._target = browser, session, target
        self.complaints: list[str] = []  # errors and warnings of the console, exceptions, violated policies
        self.requests: list[str] = []  # addresses asked for, data: aside
        self._loaded = False

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol, to this page."""
        return self._browser.ask(method, self._session, **params)

    def prepare(self, width: int, height: int, scheme: str) -> None:
        """Listen, and set size and colour scheme."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.resize(width, height)
        self.media(scheme)

    def resize(self, width: int, height: int) -> None:
        """Another size of the window, in CSS pixels."""
        phone = width < 600
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def media(self, scheme: str = "light", medium: str = "") -> None:
        """Prefer light or dark; ``medium`` "print" shows the page as paper would."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.ask("Emulation.setEmulatedMedia", media=medium, features=[feature])

    def happened(self, method: str, params: dict[str, Any]) -> None:
        """Take note of an event."""
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(arg.get("value", arg.get("description"))) for arg in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith("data:"):
            self.requests.append(params["request"]["url"])

    def open(self, address: str) -> None:
        """Go to an address and wait until it is loaded."""
        self._loaded = False
        failed = self.ask("Page.navigate", url=address).get("errorText")
        assert not failed, failed
        while not self._loaded:
            self._browser.hear()

    def evaluate(self, script: str) -> Any:
        """The value of an expression, awaited where it is a promise."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"]["exception"].get("description"))
        return answer["result"].get("value")

    def key(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key, given by its name (``Tab``, ``ArrowRight``, ``a``)."""
        code = {
            "Tab": 9,
            "Enter": 13,
            "Escape": 27,
            " ": 32,
            "ArrowLeft": 37,
            "ArrowUp": 38,
            "ArrowRight": 39,
            "ArrowDown": 40,
        }
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        same = {"key": key, "modifiers": 8 if shift else 0, "windowsVirtualKeyCode": code.get(key, ord(key.upper()[0]))}
        self.ask(
            "Input.dispatchKeyEvent",
            type="keyDown" if text else "rawKeyDown",
            **same,
            **({"text": text} if text else {}),
        )
        self.ask("Input.dispatchKeyEvent", type="keyUp", **same)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """A mouse event: ``mousePressed``, ``mouseReleased``, ``mouseMoved``, ``mouseWheel``."""
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        """Press and release the left button."""
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def screenshot(self, file: Path | None = None, whole: bool = True, clip: Sequence[float] = ()) -> bytes:
        """A picture of the page (PNG): the whole of it, the window, or a clip (x, y, width, height)."""
        more: dict[str, Any] = {"captureBeyondViewport": whole}
        if clip:
            more["clip"] = {**dict(zip(("x", "y", "width", "height"), clip, strict=True)), "scale": 1}
        data = base64.b64decode(self.ask("Page.captureScreenshot", format="png", **more)["data"])
        if file:
            file.write_bytes(data)
        return data

    def close(self) -> None:
        """Close the page."""
        self._browser.ask("Target.closeTarget", targetId=self._target)
