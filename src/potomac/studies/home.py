"""Where state that is not a run lives: the server's database, uploads, caches."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["home"]


def home(environ: Mapping[str, str]) -> Path:
    """``POTOMAC_HOME``, or the user's data directory. It need not exist yet."""
    if environ.get("POTOMAC_HOME"):
        return Path(environ["POTOMAC_HOME"]).expanduser()
    user = Path.home()
    if sys.platform == "darwin":
        return user / "Library" / "Application Support" / "potomac"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or user / "AppData" / "Local") / "potomac"
    return Path(environ.get("XDG_DATA_HOME") or user / ".local" / "share") / "potomac"
