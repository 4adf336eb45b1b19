"""The demo studies of all engines: copied into a folder, their tables prepared, run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path

from potomac.engine import Engine, Progress, Quiet
from potomac.errors import Fault, Interrupted, PotomacError, StudyError
from potomac.studies import registry
from potomac.studies.opened import Run
from potomac.studies.run import run

__all__ = ["demo"]


def demo(
    folder: str | Path = "potomac-demo", progress: Progress | None = None, kinds: Iterable[str] = ()
) -> Iterator[tuple[str, Run | PotomacError]]:
    """Run the demo studies of all engines, or of ``kinds``; yields each study's file and its run, or what went wrong.

    Engines that cannot be used come first, by kind.

    Studies and tables lie in ``<folder>/<kind>/``, runs in ``<folder>/runs/``. A study file that is there already is
    left as it is.

    Raises:
        StudyError: a kind is unknown.
        Interrupted: an example was stopped; the others are not begun.
    """
    wanted = tuple(kinds)
    for fault in () if wanted else registry.faults():
        yield fault.key, StudyError(fault)
    chosen = {kind: registry.engine(kind) for kind in wanted} if wanted else registry.engines()
    for kind, engine in chosen.items():
        for name in engine.demos:
            home = Path(folder) / kind
            try:
                file = _prepared(engine, name, home, progress or Quiet())
                yield str(file), run(file, Path(folder) / "runs", progress=progress)
            except Interrupted:
                raise  # whoever stops one example means all
            except PotomacError as error:
                yield str(home / name), error


def _prepared(engine: Engine, name: str, home: Path, progress: Progress) -> Path:
    package = registry.listed()[engine.kind].package
    file = home / Path(name).name
    try:
        home.mkdir(parents=True, exist_ok=True)
        text = resources.files(package).joinpath(name).read_text(encoding="utf-8")
        if not file.exists():
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StudyError(Fault("demo.unwritable", f"the demo cannot be written: {reason}", file=str(file))) from error
    if engine.prepare is not None:
        engine.prepare(str(home), progress)
    return file
