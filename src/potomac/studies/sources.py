"""The tables that a study declares, opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from potomac import tables as potomac_tables
from potomac.errors import Fault, PotomacError, StudyError, did_you_mean, listing
from potomac.studies import fields
from potomac.studies.load import Loaded
from potomac.tables import Column

if TYPE_CHECKING:
    from potomac.spec import TableSpec
    from potomac.tables import Table

__all__ = ["open_all", "specs"]


def specs(loaded: Loaded) -> dict[str, TableSpec]:
    """The study's tables by name, as engines know them: ``data``, or ``stock.0`` in a list."""
    return {_name(path): spec for path, spec in fields.table_specs(loaded.study)}


def _name(path: tuple[str | int, ...]) -> str:
    return ".".join(map(str, path))


def open_all(loaded: Loaded, given: Mapping[str, Any]) -> dict[str, Table]:
    """Every table of the study by name.

    Args:
        loaded: the study.
        given: tables in memory (Arrow, pandas, Polars, DuckDB) that stand for a source.

    Raises:
        StudyError, DataError: tables cannot be opened; the faults of all of them, with the study's lines.
    """
    opened: dict[str, Table] = {}
    wrong: list[PotomacError] = []
    for name, spec in specs(loaded).items():
        try:
            opened[name] = _open(spec, name, loaded, given.get(name, spec.source))
        except PotomacError as error:
            wrong.append(loaded.locate(_named(error, name, spec.form)))
    if wrong:
        raise type(wrong[0])(fault for error in wrong for fault in error.faults)
    unknown = [name for name in given if name not in opened]
    if unknown:
        raise StudyError(_no_table(unknown[0], tuple(opened)))
    return opened


def _open(spec: TableSpec, name: str, loaded: Loaded, source: Any) -> Table:
    columns = {role: Column(c.column, c.unit, c.timezone) for role, c in spec.all_columns().items()}
    roles, form = spec.all_roles(), spec.download
    return potomac_tables.open(source, columns, roles, query=spec.query, base=loaded.base, name=name, form=form)


_LACKING = ("data.column-missing", "data.role-missing")


def _named(error: PotomacError, name: str, form: str) -> PotomacError:
    """Faults without a key belong to the table's source; where columns are missing it is told what a row looks like."""
    faults = [replace(fault, key=fault.key or f"{name}.source") for fault in error.faults]
    lost = [k for k, fault in enumerate(faults) if form and fault.code in _LACKING and not _is_sure(fault)]
    if lost:
        faults[lost[0]] = replace(faults[lost[0]], mend=form)
    return type(error)(faults)


def _is_sure(fault: Fault) -> bool:
    """Whether it is known which column is meant."""
    return fault.mend.startswith(("Did you mean", "For ", "Add columns.")) and not fault.mend.endswith('"..."')


def _no_table(name: str, valid: tuple[str, ...]) -> Fault:
    found = f'the study has no table "{name}"'
    return Fault("data.table-unknown", found, f"its tables are {listing(valid)}", did_you_mean(name, valid))
