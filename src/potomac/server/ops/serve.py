"""``potomac serve``: makes the home ready, then keeps the web and its workers running."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from potomac.errors import Fault, PotomacError, StudyError
from potomac.server import config
from potomac.server.ops.supervisor import HOPELESS, Supervisor
from potomac.server.setup import prepare

__all__ = ["address", "listen", "serve", "work"]

METRICS = "PROMETHEUS_MULTIPROC_DIR"
FAULTS, TOLD = "faults.json", "told"
BACKLOG = 2048
PATIENCE = 10.0
"""Seconds that a worker waits for the database's tables before it says so."""


def serve(host: str, port: int, workers: int | None) -> None:
    """Serve until SIGTERM or SIGINT. This process stays small: it does not load Django.

    Args:
        host: address to listen at.
        port: of it; 0 takes a free one.
        workers: how many processes carry out jobs; None for as many as the settings say.

    Raises:
        StudyError: the port is taken, a setting is wrong, the database does not answer, or a process does not start.
    """
    given = config.read()
    with listen(host, port) as listening, _folder() as folder:
        reached = address(given, host, listening.getsockname()[1])
        works: dict[str, Callable[[], object]] = {"web": lambda: _web(listening, folder, reached)}
        for number in range(given.workers if workers is None else workers):
            works[f"worker {number + 1}"] = work
        if not Supervisor(works).run():
            raise StudyError(_faults(folder))


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; the web processes share it, so that nobody is turned away while one starts anew.

    Raises:
        StudyError: the address cannot be listened at.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = (getattr(error, "strerror", "") or str(error)).partition(" (")[0].lower()
        found, mend = f"{host}:{port} cannot be listened at: {reason}", "Give another --port, or end what uses it"
        raise StudyError(Fault("server.port", found, "", mend)) from error


def address(given: config.Config, host: str, port: int) -> str:
    """The address of the server; where no setting gives one, that at which it listens."""
    if given.public_url != config.Config.model_fields["public_url"].default:
        return given.public_url
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    os.environ["POTOMAC_PUBLIC_URL"] = f"http://{shown}:{port}"
    return os.environ["POTOMAC_PUBLIC_URL"]


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Where the web processes put their numbers together, and say why they cannot start."""
    folder = tempfile.mkdtemp(prefix="potomac-serve-")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _faults(folder: Path) -> list[Fault]:
    try:
        return [Fault(**fault) for fault in json.loads((folder / FAULTS).read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return [Fault("server.start", "the server does not start", "", "The lines above say why")]


# In processes of their own --------------------------------------------------------------------------------------


def work() -> None:
    """Carry out jobs until SIGTERM or SIGINT, as soon as the database is up to date."""
    prepare()
    from potomac.server.jobs import worker
    from potomac.server.ops import health, heartbeat

    _wait_for_tables(health.lacking)
    heartbeat.begin()
    worker.main()


def _wait_for_tables(lacking: Callable[[], str]) -> None:
    """Until the database has all tables, which the web process makes at its start; said once where that takes long."""
    until = time.monotonic() + PATIENCE
    while lack := lacking():
        if time.monotonic() > until:
            until = math.inf
            told = "the worker waits for the database: %s; potomac serve or potomac user list brings it up to date"
            logging.getLogger("potomac.worker").warning(told, lack)
        time.sleep(0.2)


def _web(listening: socket.socket, folder: Path, reached: str) -> None:
    """Make the home ready, say where the server is, and answer."""
    os.environ[METRICS] = str(folder)  # before Prometheus' library is loaded
    try:
        prepare()
        _made_ready()
    except PotomacError as error:
        (folder / FAULTS).write_text(json.dumps([fault.to_dict() for fault in error.faults]), encoding="utf-8")
        sys.exit(HOPELESS)
    if not (folder / TOLD).exists():
        _tell(reached)
        (folder / TOLD).touch()
    _gunicorn(listening)


def _made_ready() -> None:
    from django.db import connections

    from potomac.server.catalog.models import Product
    from potomac.server.ops import start

    start.tables(_say)
    start.collect()
    first = start.first_password()
    if first is not None:
        _say(f"Administrator: {first[0]}    password, shown this once: {first[1]}")
        _say("You are asked for a password of your own when you sign in.")
    if Product.objects.filter(default__isnull=False).exists():  # then every web process needs it, and has it in common
        import_module("pyarrow.parquet")
        import_module("pyarrow.compute")
    connections.close_all()


def _tell(reached: str) -> None:
    from django.conf import settings

    _say(f"Potomac is at {reached}    sign in: {reached}/accounts/sign-in/")
    if settings.CONFIG.secure and not settings.CONFIG.proxies:
        _say("public_url is https: a proxy must stand in front, and the setting proxies must count it.")
    _say("Stop with Ctrl-C.")


def _say(line: str) -> None:
    print(line, flush=True)


def _gunicorn(listening: socket.socket) -> None:
    from django.conf import settings
    from gunicorn.app.base import BaseApplication

    class Web(BaseApplication):  # type: ignore[misc]
        """Gunicorn with the settings of Potomac and no others."""

        def load_config(self) -> None:
            for name, value in _options(listening, settings.CONFIG).items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            from potomac.server.wsgi import application

            return application

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C comes by the supervisor, as SIGTERM
    Web().run()


def _options(listening: socket.socket, given: config.Config) -> dict[str, Any]:
    return {
        "bind": f"fd://{listening.fileno()}",
        "workers": given.processes,
        "threads": given.threads,
        "worker_class": "gthread",
        "preload_app": True,
        "keepalive": 5,
        "timeout": 60,
        "graceful_timeout": 3,
        "logger_class": _logger(),
        "control_socket_disable": True,
        "forwarded_allow_ips": "",  # whom to believe is said by the setting proxies, and nowhere else
        "secure_scheme_headers": {},
        "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: S108
        "child_exit": _forget,
        "post_worker_init": _warm,
    }


def _warm(worker: Any) -> None:
    """Draw the pages of the newest products and load their models, so that nobody has to wait for them."""
    import threading

    def load() -> None:
        from django.db import close_old_connections

        from potomac.server.api import ready
        from potomac.server.flows import products

        try:
            ready.warm(1)
            products.warm()
            ready.warm()
        except Exception:  # the first who asks is told what is wrong
            logging.getLogger("potomac.server").warning(
                "pages could not be drawn, or models loaded, before they are asked", exc_info=True
            )
        finally:
            close_old_connections()

    threading.Thread(target=load, name="warm", daemon=True).start()


def _forget(arbiter: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _logger() -> type:
    from gunicorn.glogging import Logger

    class Lines(Logger):  # type: ignore[misc]
        """Gunicorn's words in the form of all other lines; requests are told by the middleware."""

        def setup(self, cfg: Any) -> None:
            self.error_log.handlers = []
            self.error_log.propagate = True
            self.error_log.setLevel(logging.WARNING)

        def access(self, *_: Any) -> None:
            """Nothing."""

    return Lines
