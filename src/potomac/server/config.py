"""What an operator sets: environment and one TOML file -> checked settings.

The file is ``server.toml`` in ``POTOMAC_HOME`` (or where ``POTOMAC_CONFIG`` points). The environment wins:
``POTOMAC_PUBLIC_URL`` sets ``public_url``, ``DATABASE_URL`` the database.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tomllib
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from potomac.errors import Fault, StudyError, did_you_mean

__all__ = ["Config", "Limits", "home", "read", "secret"]


class Part(BaseModel):
    """Base of the parts: no unknown keys, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(Part):
    """What one request, file, job or person may take."""

    upload_mb: int = Field(default=512, ge=1, description="largest file that may be uploaded, MB")
    decoded_mb: int = Field(default=4096, ge=1, description="largest table after it is unpacked, MB")
    rows: int = Field(default=50_000_000, ge=1, description="most rows of an uploaded table")
    columns: int = Field(default=1_000, ge=1, description="most columns of an uploaded table")
    check_s: int = Field(default=120, ge=1, description="longest time for looking at an upload, seconds")
    job_s: int = Field(default=3600, ge=1, description="longest time of a run, seconds")
    job_mb: int = Field(default=4096, ge=128, description="most memory of a run, MB")
    waiting: int = Field(default=20, ge=1, description="most runs of one person that wait or go on")
    stored_mb: int = Field(default=10_240, ge=1, description="most that the uploads of one person hold, MB")
    requests_a_minute: int = Field(default=600, ge=1, description="most API requests of one person or address a minute")
    live_mb: int = Field(default=1024, ge=16, description="most memory of the models that answer live questions, MB")
    free_mb: int = Field(default=256, ge=0, description="least free disk space, MB; with less the server is not ready")


class Mail(Part):
    """How e-mail is sent; without a host none is, and passwords are reset by an administrator."""

    host: str = Field(default="", description="SMTP server")
    port: int = Field(default=587, ge=1, le=65535, description="its port")
    user: str = Field(default="", description="user name there")
    password: str = Field(default="", description="password there; better POTOMAC_MAIL_PASSWORD", repr=False)
    sender: str = Field(default="potomac@localhost", description="address that e-mail comes from")


class Config(Part):
    """All settings of the server."""

    database: str = Field(default="", description="database URL; default SQLite in POTOMAC_HOME", repr=False)
    public_url: str = Field(default="http://127.0.0.1:8000", description="address under which people reach the server")
    hosts: tuple[str, ...] = Field(default=(), description="further names of the host that are answered")
    proxies: int = Field(default=0, ge=0, le=5, description="trusted proxies in front that set X-Forwarded-*")
    folders: Mapping[str, Path] = Field(
        default_factory=dict, description="folders on the server that sources may lie in, by name"
    )
    processes: int = Field(default=2, ge=1, le=64, description="web processes that serve starts")
    threads: int = Field(default=4, ge=1, le=256, description="threads of each web process")
    workers: int = Field(default=1, ge=0, le=64, description="worker processes that serve starts for runs")
    log_format: Literal["text", "json"] = Field(default="text", description="form of the log")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")
    debug: bool = Field(default=False, description="pages with tracebacks; never on a public host")
    limits: Limits = Field(default=Limits(), description="limits")
    mail: Mail = Field(default=Mail(), description="e-mail")

    @field_validator("folders")
    @classmethod
    def _are_whole(cls, value: Mapping[str, Path]) -> Mapping[str, Path]:
        for name, folder in value.items():
            if not name or not folder.is_absolute():
                raise ValueError(f'expected a name and a whole path, such as shared = "/srv/tables"; "{name}" has none')
        return value

    @field_validator("public_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("expected an address without a path, such as https://answers.example.org")
        return value.rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether people reach the server by https."""
        return self.public_url.startswith("https://")


def home() -> Path:
    """``POTOMAC_HOME``: where the server keeps its database, uploads and runs."""
    given = os.environ.get("POTOMAC_HOME")
    if given:
        return Path(given).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "potomac"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "potomac"


def read(environ: Mapping[str, str] | None = None) -> Config:
    """The settings.

    Raises:
        StudyError: the file cannot be read, or a setting is wrong; all faults at once.
    """
    env = os.environ if environ is None else environ
    file = Path(env.get("POTOMAC_CONFIG") or home() / "server.toml")
    values = _file(file, required="POTOMAC_CONFIG" in env)
    set_there = _from_environment(env)
    for path, value in set_there:
        _set(values, path, value)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise StudyError(_faults(error, file, {path for path, _ in set_there})) from None


def _file(file: Path, *, required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not required:
            return {}
        raise StudyError(
            Fault("server.config", "there is no such file", "", "Correct POTOMAC_CONFIG", str(file))
        ) from None
    except (OSError, ValueError) as error:
        raise StudyError(Fault("server.config", f"the file cannot be read: {error}", "", "", str(file))) from error


def _from_environment(env: Mapping[str, str]) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    if env.get("DATABASE_URL"):
        found.append((("database",), env["DATABASE_URL"]))
    for name, field in Config.model_fields.items():
        for path in _paths(name, field.annotation):
            value = env.get(_variable(path))
            if value:
                found.append((path, _split(path, value)))
    return found


def _paths(name: str, kind: Any) -> list[tuple[str, ...]]:
    if isinstance(kind, type) and issubclass(kind, Part):
        return [(name, inner) for inner in kind.model_fields]
    return [(name,)]


def _variable(path: Sequence[str]) -> str:
    return "POTOMAC_" + "_".join(path).upper()


def _split(path: tuple[str, ...], value: str) -> Any:
    if path == ("hosts",):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if path == ("folders",):  # a part without "=" stays, for the check to name it
        return dict(part.strip().partition("=")[::2] for part in value.split(",") if part.strip())
    return value


def _set(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        values = values.setdefault(key, {})
    values[path[-1]] = value


def _faults(error: ValidationError, file: Path, in_environment: Set[tuple[str, ...]]) -> list[Fault]:
    """What is wrong, each where it was set."""
    found = []
    for one in error.errors():
        path = tuple(map(str, one["loc"]))
        key, unknown = ".".join(path), one["type"] == "extra_forbidden"
        what = f'no setting is called "{key}"' if unknown else _sentence(one["msg"])
        mend = did_you_mean(key, _names()) if unknown else ""
        if path in in_environment:
            found.append(Fault("server.config", what, "", f"Correct {_variable(path)} in the environment", key=key))
        else:
            found.append(Fault("server.config", what, "", mend, str(file), None, key))
    return found


def _names() -> list[str]:
    limits, mail = (f"limits.{name}" for name in Limits.model_fields), (f"mail.{name}" for name in Mail.model_fields)
    return [*Config.model_fields, *limits, *mail]


def _sentence(message: str) -> str:
    told = message.removeprefix("Value error, ")
    return told[:1].lower() + told[1:]


def secret() -> str:
    """The key that signs sessions and links: of ``POTOMAC_SECRET_KEY``, or made once and kept in ``POTOMAC_HOME``."""
    given = os.environ.get("POTOMAC_SECRET_KEY")
    if given:
        return given
    home().mkdir(parents=True, exist_ok=True, mode=0o700)
    return _kept(home() / "secret_key")


def _kept(file: Path) -> str:
    """What the file keeps. Of processes that start together one makes it, and the others wait until it is written."""
    import fcntl

    with contextlib.suppress(FileNotFoundError):
        if kept := file.read_text(encoding="utf-8").strip():
            return kept
    with open(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        kept = opened.read().strip()
        if not kept:
            kept = secrets.token_urlsafe(64)
            opened.write(kept)
    return kept
