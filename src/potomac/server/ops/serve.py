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

__all__ = ["address", "reserve", "serve", "work"]

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
    with reserve(host, port, listens=not _each_listens(given)) as place, _folder() as folder:
        reached = address(given, host, place.getsockname()[1])
        works: dict[str, Callable[[], object]] = {"web": lambda: _web(place, folder, reached)}
        for number in range(given.workers if workers is None else workers):
            works[f"worker {number + 1}"] = work
        if not Supervisor(works).run():
            raise StudyError(_faults(folder))


def _each_listens(given: config.Config) -> bool:
    """Whether each web process listens by itself.

    Processes that share a listening socket take what they can: 49 of 52 connections were seen at one of two, and
    a third of the answers. With a socket each, the system deals connections out. One process alone listens through
    its parent, where connections wait while it starts anew.
    """
    return given.processes > 1 and sys.platform == "linux"


def reserve(host: str, port: int, *, listens: bool) -> socket.socket:
    """A socket that is bound to the address, so that it is this server's alone.

    Args:
        host: address.
        port: of it; 0 takes a free one.
        listens: whether it listens; else it takes no connection, and sockets of this user that allow it
            (SO_REUSEPORT) may listen at the same address. Whoever does not allow it finds the port taken.

    Raises:
        StudyError: the address cannot be listened at.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if listens:
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        return _bound(family, host, port)
    except (OSError, OverflowError) as error:
        reason = (getattr(error, "strerror", "") or str(error)).partition(" (")[0].lower()
        found, mend = f"{host}:{port} cannot be listened at: {reason}", "Give another --port, or end what uses it"
        raise StudyError(Fault("server.port", found, "", mend)) from error


def _bound(family: int, host: str, port: int) -> socket.socket:
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # an earlier server's connections may still end
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        found.bind((host, port))  # fails where anybody is, since nothing is shared yet
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except BaseException:
        found.close()
        raise
    return found


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


def _web(place: socket.socket, folder: Path, reached: str) -> None:
    """Make the home ready, answer, and say where."""
    os.environ[METRICS] = str(folder)  # before Prometheus' library is loaded
    try:
        prepare()
        _made_ready()
    except PotomacError as error:
        (folder / FAULTS).write_text(json.dumps([fault.to_dict() for fault in error.faults]), encoding="utf-8")
        sys.exit(HOPELESS)
    _gunicorn(place, lambda: _tell(folder, reached))


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


def _tell(folder: Path, reached: str) -> None:
    """Where the server is: said once, by the first process that listens."""
    from django.conf import settings

    try:
        (folder / TOLD).touch(exist_ok=False)
    except FileExistsError:
        return
    _say(f"Potomac is at {reached}    sign in: {reached}/accounts/sign-in/")
    if settings.CONFIG.secure and not settings.CONFIG.proxies:
        _say("public_url is https: a proxy must stand in front, and the setting proxies must count it.")
    _say("Stop with Ctrl-C.")


def _say(line: str) -> None:
    print(line, flush=True)


def _gunicorn(place: socket.socket, tell: Callable[[], None]) -> None:
    from django.conf import settings
    from gunicorn.app.base import BaseApplication

    class Web(BaseApplication):  # type: ignore[misc]
        """Gunicorn with the settings of Potomac and no others."""

        def load_config(self) -> None:
            for name, value in _options(place, settings.CONFIG, tell).items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            from potomac.server.wsgi import application

            return application

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C comes by the supervisor, as SIGTERM
    Web().run()


def _options(place: socket.socket, given: config.Config, tell: Callable[[], None]) -> dict[str, Any]:
    apart = _each_listens(given)

    def begun() -> None:
        tell()
        _warm()

    host, port = place.getsockname()[:2]
    return {
        "bind": (f"[{host}]:{port}" if ":" in host else f"{host}:{port}") if apart else f"fd://{place.fileno()}",
        "reuse_port": apart,
        "backlog": BACKLOG,
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
        "post_worker_init": lambda _: begun(),
    }


def _warm() -> None:
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
