"""``potomac serve``: makes the home ready, then keeps the web and its workers running."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from potomac.errors import Fault, StudyError
from potomac.server import config
from potomac.server.ops.supervisor import Supervisor
from potomac.server.setup import prepare

__all__ = ["address", "listen", "serve", "work"]

METRICS = "PROMETHEUS_MULTIPROC_DIR"
BACKLOG = 2048

Say = Callable[[str], None]


def serve(host: str, port: int, workers: int | None, say: Say) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        host: address to listen at.
        port: of it; 0 takes a free one.
        workers: how many processes carry out jobs; None for as many as the settings say.
        say: prints a line for whoever started this.

    Raises:
        StudyError: the port is taken, a setting is wrong, the database does not answer, or a process does not start.
    """
    with listen(host, port) as listening, _numbers():
        reached = address(host, listening.getsockname()[1])
        prepare()
        _made_ready(say)
        _tell(reached, say)
        works: dict[str, Callable[[], object]] = {"web": lambda: _web(listening)}
        for number in range(_count(workers)):
            works[f"worker {number + 1}"] = work
        if not Supervisor(works).run():
            raise StudyError(Fault("server.start", "the server does not start", "", "The lines above say why"))


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; the web processes share it, so that nobody is turned away while one starts anew.

    Raises:
        StudyError: the address cannot be listened at.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = (getattr(error, "strerror", "") or str(error)).lower()
        found, mend = f"{host}:{port} cannot be listened at: {reason}", "Give another --port, or end what uses it"
        raise StudyError(Fault("server.port", found, "", mend)) from error


def address(host: str, port: int) -> str:
    """The address of the server; where no setting gives one, that at which it listens."""
    given = config.read()
    if given.public_url != config.Config.model_fields["public_url"].default:
        return given.public_url
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    os.environ["POTOMAC_PUBLIC_URL"] = f"http://{shown}:{port}"
    return os.environ["POTOMAC_PUBLIC_URL"]


@contextlib.contextmanager
def _numbers() -> Iterator[None]:
    """A folder where the web processes put their numbers together; named before Prometheus' library is loaded."""
    folder = tempfile.mkdtemp(prefix="potomac-metrics-")
    os.environ[METRICS] = folder
    try:
        yield
    finally:
        os.environ.pop(METRICS, None)
        shutil.rmtree(folder, ignore_errors=True)


def _made_ready(say: Say) -> None:
    from django.db import connections

    from potomac.server.ops import start

    start.tables(say)
    start.collect()
    first = start.first_password()
    if first is not None:
        say(f"Administrator: {first[0]}    password, shown this once: {first[1]}")
        say("You are asked for a password of your own when you sign in.")
    connections.close_all()


def _tell(reached: str, say: Say) -> None:
    from django.conf import settings

    say(f"Potomac is at {reached}    sign in: {reached}/accounts/sign-in/")
    if settings.CONFIG.secure and not settings.CONFIG.proxies:
        say("public_url is https: a proxy must stand in front, and the setting proxies must count it.")
    say("Stop with Ctrl-C.")


def _count(workers: int | None) -> int:
    from django.conf import settings

    return int(settings.CONFIG.workers) if workers is None else workers


# In processes of their own --------------------------------------------------------------------------------------


def work() -> None:
    """Carry out jobs until SIGTERM or SIGINT."""
    from potomac.server.jobs import worker
    from potomac.server.ops import heartbeat

    os.environ.pop(METRICS, None)
    heartbeat.begin()
    worker.main()


def _web(listening: socket.socket) -> None:
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
    }


def _forget(arbiter: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


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
