"""Studies: a question asked of tables, run, and what came of it.

``run("study.toml")`` answers a study and returns a :class:`Run` with tables, facts and a report.
"""

from potomac.studies.check import check
from potomac.studies.load import load
from potomac.studies.opened import Run, open_run
from potomac.studies.run import run
from potomac.studies.scaffold import new, schema

__all__ = ["Run", "check", "load", "new", "open_run", "run", "schema"]
