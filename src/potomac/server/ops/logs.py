"""One line a record, as text or JSON, without passwords, tokens and links that open something."""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime

from potomac.errors import masked

__all__ = ["formatter", "request_id", "safe"]

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered; every line that is logged meanwhile carries it."""

_TOKEN = re.compile(r"ptm_[\w-]{4,}")
_RESET = re.compile(r"(/accounts/reset/)(?!sent/)[^/\s]+/[^/\s]+")
_VALUE = re.compile(r"((?:[?&]|\b)(?:link|token|\w*passw\w*|secret|sessionid|csrf\w*)=)[^&\s\"']+", re.IGNORECASE)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}")
_SUSPECT = re.compile(r"ptm_|/accounts/reset/|=|bearer|basic|://|[\r\n]", re.IGNORECASE)
"""What a text holds that any of the patterns would change; most lines hold none of it."""
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


def safe(text: str) -> str:
    """``text`` in one line, without what opens something."""
    if not _SUSPECT.search(text):
        return text
    for pattern, stand_in in ((_TOKEN, "ptm_***"), (_RESET, r"\1***/***"), (_VALUE, r"\1***"), (_BEARER, r"\1 ***")):
        text = pattern.sub(stand_in, text)
    return masked(text).replace("\r", "\\r").replace("\n", "\\n")


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line = f"{at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + f"Z {record.levelname} {record.name} {safe(record.getMessage())}"
        more = " ".join(f"{k}={v}" for k, v in _more(record).items())
        trace = f" {safe(self.formatException(record.exc_info))}" if record.exc_info else ""
        return f"{line}{' ' if more else ''}{more}{trace}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": safe(record.getMessage()),
            **_more(record),
        }
        if record.exc_info:
            told["trace"] = safe(self.formatException(record.exc_info))
        return json.dumps(told)


def _more(record: logging.LogRecord) -> dict[str, object]:
    """What the caller gave as ``extra``, and the request's id."""
    given: dict[str, object] = {
        k: v if isinstance(v, int | float) else safe(str(v)) for k, v in vars(record).items() if k not in _OWN
    }
    asked = request_id.get()
    return {"id": asked, **given} if asked else given
