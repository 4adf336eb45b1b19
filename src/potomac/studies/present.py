"""A run -> its report: what the report's page is told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from potomac.errors import Fault, StudyError

if TYPE_CHECKING:
    from potomac.engine import Figure
    from potomac.studies.opened import Run

__all__ = ["page"]


def page(run: Run, figures: Iterable[Figure]) -> str:
    """The report of ``run`` as one HTML file."""
    from potomac.report import page as report

    return report.render(_before_the_report(run), figures)


def _before_the_report(run: Run) -> Run:
    """The run as it stood when its report was first drawn: how long that took was not known."""
    timings = {name: took for name, took in run.manifest["timings"].items() if name not in ("write", "report")}
    return replace(run, manifest={**run.manifest, "timings": timings})


def write_again(run: Run, file: Path) -> Path:
    """Draw the report of ``run`` anew, by this version, into a new file.

    Raises:
        StudyError: a file of the run is missing or damaged; the file exists, or cannot be written.
    """
    import pyarrow as pa

    try:
        text = page(run, run.figures)
    except (OSError, json.JSONDecodeError, pa.ArrowInvalid) as error:
        found = f"a file of the run cannot be read: {' '.join(str(error).split())}"
        raise StudyError(Fault("run.damaged", found, "", "Run the study again", str(run.path))) from error
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        found, mend = "there is a file of this name; it is left as it is", "Give another path"
        raise StudyError(Fault("report.exists", found, "", mend, str(file))) from None
    except OSError as error:
        found = f"the report cannot be written: {(error.strerror or '').lower()}"
        raise StudyError(Fault("report.unwritable", found, "", "Give another path", str(file))) from error
    return file
