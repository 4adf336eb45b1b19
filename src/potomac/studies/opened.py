"""A finished run, read from its directory when it is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from potomac.engine import Fact, Figure, Result, Rows
from potomac.errors import Fault, StudyError, listing
from potomac.studies import manifest, pictures, rundir

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Run", "open_run"]


_NEEDED = (
    *("run_id", "status", "started", "finished", "kind", "name", "title", "seed", "answer", "facts", "notes", "rows"),
    *("sources", "tables", "model", "figures", "show", "method", "references", "versions", "timings"),
)


class _Tables(Mapping[str, Any]):
    """Parquet files of a folder by name, read when they are asked for."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self._folder, self._names = folder, names

    def __getitem__(self, name: str) -> pa.Table:
        import pyarrow.parquet as pq

        if name not in self._names:
            raise KeyError(name)
        return pq.ParquetFile(self._folder / f"{name}.parquet").read()

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def rows(self, name: str) -> Rows:
        """The table as a stream."""
        import pyarrow.parquet as pq

        file = self._folder / f"{name}.parquet"
        return Rows(pq.read_schema(file), lambda: pq.ParquetFile(file).iter_batches())


@dataclass(frozen=True)
class Run:
    """A finished run.

    ``tables["scores"]`` is an Arrow table, read when asked for; ``facts["gap"]`` a value; ``fact("gap")`` the whole
    fact with interval, unit and meaning; ``manifest`` the content of run.json.
    """

    path: Path
    manifest: Mapping[str, Any] = field(repr=False)

    @property
    def answer(self) -> str:
        """The sentence that answers the question."""
        return str(self.manifest["answer"])

    @property
    def report(self) -> Path:
        """The report: one HTML file."""
        return self.path / "report.html"

    @cached_property
    def tables(self) -> Mapping[str, pa.Table]:
        """The result's tables by name."""
        return _Tables(self.path / "tables", tuple(self.manifest["tables"]))

    @cached_property
    def model(self) -> Mapping[str, pa.Table]:
        """The tables that live questions are answered from."""
        return _Tables(self.path / "model", tuple(self.manifest["model"]))

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """Values of the facts by name."""
        return {name: self.fact(name).value for name in self.manifest["facts"]}

    def fact(self, name: str) -> Fact:
        """The fact called ``name``; KeyError where there is none."""
        return manifest.fact_of(name, self.manifest["facts"][name])

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """The figures, as data."""
        files = [self.path / entry["data"] for entry in self.manifest["figures"]]
        return tuple(pictures.decode(json.loads(file.read_text(encoding="utf-8"))) for file in files)

    @cached_property
    def rejected(self) -> pa.Table:
        """The rejected rows: source, row, column, value, reason."""
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.path / "rejected.parquet").read()

    def result(self) -> Result:
        """What the engine answered, its tables as streams from the directory."""
        told = self.manifest
        stored = _Tables(self.path / "tables", tuple(told["tables"]))
        return Result(
            answer=self.answer,
            facts=tuple(self.fact(name) for name in told["facts"]),
            tables={name: stored.rows(name) for name in stored},
            notes=tuple(told["notes"]),
            method=tuple(told["method"]),
            sources=tuple(told["references"]),
            show=manifest.show_of(told["show"]),
            model=self.model,
        )


def open_run(run: str | Path, out: str | Path = "runs") -> Run:
    """The finished run in a directory, or called ``name``, ``name/latest`` or by its id below ``out``.

    Raises:
        StudyError: there is no such run, or its run.json cannot be read.
    """
    path = rundir.resolve(run, Path(out))
    try:
        told = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(
            Fault("run.unreadable", "run.json cannot be read", "", "Run the study again", str(path))
        ) from error
    if not isinstance(told, dict) or told.get("format") != manifest.FORMAT:
        found = f"run.json has form {told.get('format') if isinstance(told, dict) else 'unknown'}"
        mend = "Run the study again"
        raise StudyError(Fault("run.foreign", found, f"this Potomac reads form {manifest.FORMAT}", mend, str(path)))
    lacking = [key for key in _NEEDED if key not in told]
    if lacking:
        found = f"run.json lacks {listing(lacking)}"
        raise StudyError(Fault("run.unreadable", found, "", "Run the study again", str(path)))
    return Run(path, told)
