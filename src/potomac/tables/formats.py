"""Downloads by the name of their form, and of the part that is wanted of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from potomac.errors import Fault, StudyError, did_you_mean, listing
from potomac.tables import goodbooks, movielens
from potomac.tables.chunk import Source
from potomac.tables.downloads import Download

__all__ = ["open_download"]

_OPENERS: Mapping[str, Callable[[Download], Source]] = {
    "movielens ratings": movielens.ratings,
    "movielens items": movielens.items,
    "goodbooks ratings": goodbooks.ratings,
    "goodbooks items": goodbooks.items,
}


def open_download(form: str, written: Any, base: Path) -> Source:
    """The rows of one part of a download.

    Args:
        form: which download, and which part of it: "movielens ratings".
        written: path of its directory, its zip or one of its files.
        base: directory that it is relative to.

    Raises:
        StudyError: no such form is known, or the source is no path.
        DataError: it is not there, or not what the form says.
    """
    if form not in _OPENERS:
        found, near = f'no download "{form}" is known', did_you_mean(form, [*_OPENERS])
        raise StudyError(Fault("data.format", found, f"valid are {listing(_OPENERS)}", near, key="format"))
    if not isinstance(written, str | Path):
        found = f"a {type(written).__name__} in memory is given, and the format of a download"
        mend = 'Take format away (format = "table"), and name the columns'
        raise StudyError(Fault("data.format", found, "expected a path", mend, key="format"))
    return _OPENERS[form](Download(str(written), base))
