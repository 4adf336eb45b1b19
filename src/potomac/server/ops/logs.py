"""One line a record, as text or JSON, without passwords and tokens."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

from potomac.errors import masked

__all__ = ["formatter"]

_TOKEN = re.compile(r"ptm_[\w-]{8,}")
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "request",
    "server_time",
    "status_code",
}


def formatter(form: str) -> logging.Formatter:
    """The formatter of a form: "text" or "json"."""
    return _Json() if form == "json" else _Text()


def _safe(text: str) -> str:
    return _TOKEN.sub("ptm_***", masked(text)).replace("\r", "\\r").replace("\n", "\\n")


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line = f"{at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + f"Z {record.levelname} {record.name} {_safe(record.getMessage())}"
        more = " ".join(f"{k}={v}" for k, v in _more(record).items())
        trace = f" {_safe(self.formatException(record.exc_info))}" if record.exc_info else ""
        return f"{line}{' ' if more else ''}{more}{trace}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _safe(record.getMessage()),
            **_more(record),
        }
        if record.exc_info:
            told["trace"] = _safe(self.formatException(record.exc_info))
        return json.dumps(told, default=str)


def _more(record: logging.LogRecord) -> dict[str, object]:
    """What the caller gave as ``extra``."""
    return {k: _safe(v) if isinstance(v, str) else v for k, v in vars(record).items() if k not in _OWN}
