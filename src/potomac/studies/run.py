"""The conductor: load, open, answer, draw, write aside, rename once."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potomac.engine import Figure, Progress, Quiet, Result
from potomac.errors import Fault, Interrupted, NoAnswer, PotomacError, StudyError, listing, masked
from potomac.spec import Study
from potomac.studies import dump, manifest, registry, rundir, sources
from potomac.studies.load import Loaded, load
from potomac.studies.opened import Run, open_run
from potomac.studies.present import page
from potomac.studies.stop import Watch, watching

if TYPE_CHECKING:
    from potomac.tables import Table

__all__ = ["run"]


@dataclass
class _Work:
    """A run on its way: what it was asked, where it is built, how long each phase took."""

    loaded: Loaded
    partial: rundir.Partial
    progress: Watch
    command: str  # what starts it again
    timings: dict[str, float] = field(default_factory=dict)
    started: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = round(time.perf_counter() - begun, 3)


def run(
    study: str | Path | Mapping[str, Any] | Study,
    out: str | Path = "runs",
    overrides: Iterable[str] | Mapping[str, Any] = (),
    *,
    tables: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    base: Path | None = None,
) -> Run:
    """Run a study and return the finished run.

    Args:
        study: path of a study file, a mapping of its keys, or a Study.
        out: directory of runs; the run becomes ``<out>/<name>/<run id>/``.
        overrides: ``{"model.method": "logistic"}``, or ``["model.method=logistic"]`` as on the command line.
        tables: tables in memory by name (``{"data": frame}``) that stand for the study's sources.
        progress: called with what is done, how far, of how much.
        base: directory that sources are relative to; default the study file's.

    Raises:
        StudyError: the study, or the place for the run, is wrong.
        DataError: the data is wrong.
        NoAnswer: no answer can be computed.
        Interrupted: the run was stopped; starting it again begins anew.
    """
    given = dict(tables or {})
    loaded = load(study, overrides, base, given=given)
    with watching(progress or Quiet()) as watch:
        about = {"kind": loaded.study.kind, "title": loaded.study.title, "command": manifest.command(loaded, str(out))}
        partial = rundir.begin(Path(out), loaded.study.name, about)
        work = _Work(loaded, partial, watch, str(about["command"]))
        try:
            return open_run(_built(work, given))
        except BaseException as error:
            raise _ended(work, error) from error


def _built(work: _Work, given: Mapping[str, Any]) -> Path:
    from potomac.studies import write

    with work.phase("open"):
        work.progress("opening tables", 0)
        with _writing(work):
            _write_text(work.partial.path / "study.toml", _study_text(work.loaded))
        opened = sources.open_all(work.loaded, given)
    with work.phase("answer"):
        result = _answer(work, opened)
    with work.phase("draw"):
        figures = tuple(work.loaded.engine.figures(result))
    with work.phase("write"), _writing(work):
        told = _write(work, opened, result, figures)
    with work.phase("report"), _writing(work):
        work.progress("writing the report", 0)
        _write_text(work.partial.path / "report.html", page(Run(work.partial.path, told), figures))
    with _writing(work):
        _write_text(work.partial.path / "run.json", write.json_text({**told, "timings": work.timings}))
        return work.partial.finish()


def _answer(work: _Work, opened: Mapping[str, Table]) -> Result:
    from potomac.stats.streams import Stream  # NumPy and Arrow come with the work: who opens runs needs neither

    loaded = work.loaded
    stream = Stream(loaded.study.seed).child(loaded.study.kind)
    try:
        return loaded.engine.run(loaded.study, opened, stream, work.progress)
    except NoAnswer as error:
        raise NoAnswer(_with_rejected(error.faults, opened)) from error


def _with_rejected(faults: Sequence[Fault], opened: Mapping[str, Table]) -> Iterator[Fault]:
    """The faults, the last with the rows that were left out: there may be no answer because of them."""
    if not faults:
        return
    yield from faults[:-1]
    told = [sentence for name, table in opened.items() if (sentence := _rejected(name, table))]
    yield replace(faults[-1], found="; ".join([faults[-1].found, *told]))


def _rejected(name: str, table: Table) -> str:
    """How many rows of a table were left out, and why; empty where none were."""
    try:
        count = table.counts()
    except PotomacError:
        return ""  # told by another error
    if not count.rejected:
        return ""
    many = "1 row was" if count.rejected == 1 else f"{count.rejected:,} rows were"
    return f"{many} left out of {name}: {listing((f'{reason} {n:,}' for reason, n in count.reasons.items()), 3)}"


def _write(work: _Work, opened: Mapping[str, Table], result: Result, figures: tuple[Figure, ...]) -> dict[str, Any]:
    from potomac.studies import write

    path = work.partial.path

    def wrote(name: str, rows: int) -> None:
        work.progress(f"writing {name}", rows)

    stored = write.tables(path / "tables", result.tables, wrote)
    model = write.tables(path / "model", result.model, wrote)
    drawn = write.figures(path / "figures", figures)
    write.rejected(path / "rejected.parquet", opened.values())
    return {
        "format": manifest.FORMAT,
        "run_id": work.partial.run_id,
        "status": "done",
        "started": work.started.isoformat(timespec="seconds"),
        "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        **manifest.question(work.loaded),
        "answer": result.answer,
        "facts": manifest.facts(result),
        "notes": list(result.notes),
        "rows": manifest.rows(opened),
        "sources": {name: table.describe() for name, table in opened.items()},
        "tables": stored,
        "model": model,
        "figures": drawn,
        "show": [asdict(show) for show in result.show],
        "method": list(result.method),
        "references": list(result.sources),
        "versions": manifest.versions(work.loaded.study.kind),
        "timings": dict(work.timings),
    }


def _study_text(loaded: Loaded) -> str:
    text = masked(dump.as_run(loaded.document, loaded.settings, loaded.values))
    if not loaded.settings:
        return text
    changed = ", ".join(masked(dump.setting(path, value)) for path, value in loaded.settings.items())
    return f"# As run, with these keys set by the command: {changed}\n{text}"


def _write_text(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", errors="backslashreplace")  # names of files need not be UTF-8


@contextmanager
def _writing(work: _Work) -> Iterator[None]:
    """Errors of the disk become faults."""
    try:
        yield
    except OSError as error:
        raise StudyError(rundir.unwritable(error, work.partial.path.parent)) from error


def _ended(work: _Work, error: BaseException) -> BaseException:
    """Tidy what was built, and say what ended the run."""
    if work.progress.asked or isinstance(error, KeyboardInterrupt | Interrupted):
        work.partial.interrupt()
        return Interrupted(_stopped(work))
    work.partial.discard()
    if isinstance(error, PotomacError):
        return work.loaded.locate(error)
    if isinstance(error, OSError) and rundir.full(error):
        return StudyError(rundir.unwritable(error, work.partial.path.parent))
    if isinstance(error, ModuleNotFoundError):
        return StudyError(_no_module(work, error))
    if isinstance(error, MemoryError):
        mend = "Give it fewer rows, or a machine with more memory"
        return NoAnswer(Fault("run.memory", "the memory of this machine does not suffice", "", mend))
    return error


def _stopped(work: _Work) -> Fault:
    mend = f"Start it again: {work.command}" if work.command else "Start it again"
    found = f"the run {work.partial.run_id} was stopped; nothing of it is kept"
    return Fault("run.interrupted", found, "", mend)


def _no_module(work: _Work, error: ModuleNotFoundError) -> Fault:
    entry = registry.listed()[work.loaded.study.kind]
    found = f'the kind "{work.loaded.study.kind}" needs the module {error.name}, which is not installed'
    return Fault("engine.extra-missing", found, "", f"Run {registry.install_command(entry)}")
