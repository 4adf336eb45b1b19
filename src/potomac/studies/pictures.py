"""Figures as files: their data as JSON, so that a run can be drawn again, and as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from typing import TYPE_CHECKING, Any

from potomac.engine import Axis, Figure, Layer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["decode", "encode", "svg"]


def encode(figure: Figure) -> dict[str, Any]:
    """A figure as JSON-ready values, its data included."""
    return {
        **_scalars(figure, skip=("layers", "x", "y", "panels")),
        "x": _scalars(figure.x),
        "y": _scalars(figure.y),
        "layers": [{**_scalars(layer, skip=("data",)), "data": _columns(layer.data)} for layer in figure.layers],
        "panels": [encode(panel) for panel in figure.panels],
    }


def decode(value: Mapping[str, Any]) -> Figure:
    """The figure that :func:`encode` wrote."""
    parts = dict(value)
    for name in ("x", "y"):
        axis = dict(parts[name])
        axis["domain"] = tuple(axis["domain"]) if axis.get("domain") else None
        parts[name] = Axis(**axis)
    parts["layers"] = tuple(_layer(layer) for layer in parts["layers"])
    parts["panels"] = tuple(decode(panel) for panel in parts["panels"])
    return Figure(**parts)


def _layer(value: Mapping[str, Any]) -> Layer:
    return Layer(**{**value, "data": _table(value["data"]), "tip": tuple(value["tip"])})


def _scalars(value: Any, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    return {part.name: getattr(value, part.name) for part in dataclass_fields(value) if part.name not in skip}


def _columns(table: pa.Table) -> dict[str, Any]:
    """Columns by name with their type; times are microseconds of UTC, numbers that are none are words."""
    import pyarrow as pa

    found = {}
    for name in table.column_names:
        column = table.column(name)
        kind = column.type
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            found[name] = {"type": "time", "values": column.cast(pa.timestamp("us")).cast(pa.int64()).to_pylist()}
        elif pa.types.is_boolean(kind):
            found[name] = {"type": "bool", "values": column.to_pylist()}
        elif pa.types.is_integer(kind):
            found[name] = {"type": "int64", "values": column.to_pylist()}
        elif pa.types.is_floating(kind):
            found[name] = {"type": "double", "values": [_finite(v) for v in column.to_pylist()]}
        else:
            found[name] = {"type": "string", "values": [None if v is None else str(v) for v in column.to_pylist()]}
    return found


def _finite(value: float | None) -> float | str | None:
    return value if value is None or value - value == 0 else str(value)


def _table(columns: Mapping[str, Any]) -> pa.Table:
    import pyarrow as pa

    return pa.table({name: _array(column["type"], column["values"]) for name, column in columns.items()})


def _array(kind: str, values: list[Any]) -> pa.Array:
    import pyarrow as pa

    if kind == "time":
        return pa.array(values, pa.int64()).cast(pa.timestamp("us", "UTC"))
    if kind == "double":
        values = [float(value) if isinstance(value, str) else value for value in values]
    return pa.array(values, kind)


def svg(figure: Figure) -> str:
    """The figure drawn."""
    from potomac.report import charts, maps

    return str(maps.svg(figure) if figure.kind == "map" else charts.svg(figure))
