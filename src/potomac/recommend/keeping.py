"""A fitted model as Arrow tables and back: to be kept with a run and loaded by a server. No pickles.

The tables of one model:

``model``
    a row for the model and for each model within it: ``path`` ("" for the whole), ``method``, ``arguments`` (JSON),
    ``facts`` (JSON: what of the interactions is no array), ``data`` (the path whose interactions it was fitted to),
    ``state`` (JSON: the kind and shape of each fitted attribute).
``<path>users``, ``<path>items``, ``<path>features``, ``<path>indptr``, ``<path>entries``
    what the model was fitted to.
``<path>newcomers``, ``<path>added``
    what came after fitting, where something did.
``<path><attribute>`` (the path of a model within is the attribute that holds it and "--")
    the numbers of one fitted attribute, a column ``value``; of a sparse matrix two tables more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from potomac.errors import DataError, Fault
from potomac.recommend.matrix.folding import Additions
from potomac.recommend.matrix.ids import Index
from potomac.recommend.matrix.interactions import Interactions
from potomac.recommend.matrix.items import Items
from potomac.recommend.methods import arguments_of, method_named
from potomac.recommend.recommender import Recommender

__all__ = ["restored", "to_tables"]

Tables = dict[str, pa.Table]
Classes = Mapping[str, type[Recommender]]


def to_tables(model: Recommender) -> dict[str, pa.Table]:
    """A fitted model as tables, by name.

    Raises:
        StudyError: it has not been fitted.
        DataError: an argument or a fitted attribute is of a type that cannot be kept.
    """
    model._fitted()
    tables: Tables = {}
    rows: list[dict[str, str]] = []
    _put(model, "", None, tables, rows)
    names = ("path", "method", "arguments", "facts", "data", "state")
    tables["model"] = pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in names})
    return tables


def restored(tables: Mapping[str, pa.Table], classes: Classes | None = None) -> Recommender:
    """The model that :func:`to_tables` wrote.

    Args:
        tables: by name; each is asked for once, so a mapping may read them as they are asked for.
        classes: of methods by name that are not Potomac's own.

    Raises:
        StudyError: the method is not known.
        DataError: the tables are not those of a model.
    """
    try:
        rows = {row["path"]: row for row in tables["model"].to_pylist()}
        return _Reader(tables, rows, classes or {}).model("")
    except KeyError as missing:
        found = f"the tables of the model lack {missing}"
        raise DataError(Fault("recommend.kept", found, "expected what to_tables gave")) from None


# -------------------------------------------------------------------------------------- writing


def _put(model: Recommender, path: str, parent: Recommender | None, tables: Tables, rows: list[dict[str, str]]) -> None:
    row = {"path": path, "method": model.name, "arguments": json.dumps(_plain(arguments_of(model))), "facts": "{}"}
    rows.append(row)
    fitted = hasattr(model, "interactions_")
    same = parent is not None and fitted and model.interactions_ is parent.interactions_
    row["data"] = "" if not fitted else "parent" if same else "own"
    if fitted and not same:
        row["facts"] = json.dumps(_put_data(model, path, tables))
    state = {
        name: _put_one(getattr(model, name), f"{path}{name}", model, tables, rows)
        for name in (model._state if fitted else ())
    }
    row["state"] = json.dumps(state)


def _put_data(model: Recommender, path: str, tables: Tables) -> dict[str, Any]:
    known, items = model.interactions_, model.items_
    entries: dict[str, npt.NDArray[Any]] = {"item": known.indices, "value": known.values}
    if known.times is not None:
        entries["time"] = known.times
    tables[f"{path}users"] = pa.table({"id": known.users})
    tables[f"{path}items"] = pa.table({"id": items.ids, "title": items.titles, "listed": items.listed})
    if items.features.num_columns:
        tables[f"{path}features"] = items.features
    tables[f"{path}indptr"] = pa.table({"value": known.indptr})
    tables[f"{path}entries"] = pa.table(entries)
    if model.added_ is not None:
        _put_added(model.added_, path, tables)
    return {
        "left_out": None if model.added_ is None else model.added_.left_out,
        "rated": known.rated,
        "repeated": known.repeated,
        "duplicates": known.duplicates,
        "features": bool(items.features.num_columns),
    }


def _put_added(added: Additions, path: str, tables: Tables) -> None:
    entries: dict[str, npt.NDArray[Any]] = {"user": added.rows, "item": added.columns, "value": added.values}
    if added.times is not None:
        entries["time"] = added.times
    tables[f"{path}newcomers"] = pa.table({"id": added.users})
    tables[f"{path}added"] = pa.table(entries)


def _put_one(value: Any, name: str, owner: Recommender, tables: Tables, rows: list[dict[str, str]]) -> Any:
    """Put the numbers of one attribute into tables; what is left to say about it comes back."""
    if isinstance(value, Recommender):
        _put(value, f"{name}--", owner, tables, rows)
        return {"kind": "model"}
    if isinstance(value, list | tuple) and any(isinstance(one, Recommender | np.ndarray) for one in value):
        parts = [_put_one(one, f"{name}-{i}", owner, tables, rows) for i, one in enumerate(value)]
        return {"kind": type(value).__name__, "parts": parts}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        tables[name] = pa.table({"value": np.ravel(value, order="K" if value.flags.forc else "C")})
        order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
        return {"kind": "array", "shape": list(value.shape), "order": order}
    if isinstance(value, pa.Array | pa.ChunkedArray):
        tables[name] = pa.table({"value": value})
        return {"kind": "arrow"}
    if isinstance(value, pa.Table):
        tables[name] = value
        return {"kind": "table"}
    if getattr(value, "format", None) in ("csr", "csc"):
        parts = [_put_one(getattr(value, part), f"{name}-{part}", owner, tables, rows) for part in _TRIPLE]
        return {"kind": value.format, "shape": list(value.shape), "parts": parts}
    return {"kind": "plain", "value": _plain(value, name)}


_TRIPLE = ("data", "indices", "indptr")


def _plain(value: Any, name: str = "an argument") -> Any:
    """A value as JSON has it; tuples, ids and models that are not fitted are marked as such."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Recommender):
        return {"\0": value.name, "arguments": _plain(arguments_of(value))}
    if isinstance(value, Mapping):
        return {str(key): _plain(one, f"{name}.{key}") for key, one in value.items()}
    if isinstance(value, tuple):
        return {"\0tuple": [_plain(one, name) for one in value]}
    if isinstance(value, list):
        return [_plain(one, name) for one in value]
    if isinstance(value, np.ndarray | pa.Array | pa.ChunkedArray):
        return _plain(value.tolist(), name)
    found = f"{name} is a {type(value).__name__}"
    raise DataError(Fault("recommend.kept", found, "expected numbers, words, arrays, or lists of such"))


# -------------------------------------------------------------------------------------- reading


class _Reader:
    """What has been read so far."""

    def __init__(self, tables: Mapping[str, pa.Table], rows: dict[str, dict[str, str]], classes: Classes) -> None:
        self.tables, self.rows, self.classes = tables, rows, classes

    def model(self, path: str, parent: Recommender | None = None) -> Recommender:
        row = self.rows[path]
        made = self.new(row["method"], json.loads(row["arguments"]))
        if row["data"] == "own":
            facts = json.loads(row["facts"])
            made.interactions_, made.items_ = self.data(path, facts)
            if facts["left_out"] is not None:
                made.added_ = self.added(path, made.interactions_, facts["left_out"])
        elif row["data"] == "parent" and parent is not None:
            made.interactions_, made.items_ = parent.interactions_, parent.items_
        for name, said in json.loads(row["state"]).items():
            setattr(made, name, self.one(said, f"{path}{name}", made))
        return made

    def new(self, method: str, arguments: dict[str, Any]) -> Recommender:
        kind = self.classes.get(method) or method_named(method)
        return kind(**{name: self.argument(value) for name, value in arguments.items()})

    def argument(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.argument(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "\0" in value:
            return self.new(value["\0"], value["arguments"])
        if "\0tuple" in value:
            return tuple(self.argument(one) for one in value["\0tuple"])
        return {key: self.argument(one) for key, one in value.items()}

    def data(self, path: str, facts: dict[str, Any]) -> tuple[Interactions, Items]:
        items, entries = self.tables[f"{path}items"], self.tables[f"{path}entries"]
        ids, titles, listed = (_whole(items.column(name)) for name in ("id", "title", "listed"))
        features = self.tables[f"{path}features"] if facts["features"] else pa.table({})
        known = Interactions(
            _whole(self.tables[f"{path}users"].column("id")),
            ids,
            self.column(f"{path}indptr"),
            _numbers(entries.column("item")),
            _numbers(entries.column("value")),
            _numbers(entries.column("time")) if "time" in entries.column_names else None,
            facts["rated"],
            facts["repeated"],
            facts["duplicates"],
        )
        return known, Items(ids, titles, features, listed)

    def added(self, path: str, fitted: Interactions, left_out: int) -> Additions:
        entries = self.tables[f"{path}added"]
        users = _whole(self.tables[f"{path}newcomers"].column("id"))
        row, item, value = (_numbers(entries.column(name)) for name in ("user", "item", "value"))
        time = None if fitted.times is None else _numbers(entries.column("time"))
        return Additions(fitted, users, row, item, value, time, left_out, Index(users))

    def column(self, name: str) -> npt.NDArray[Any]:
        return _numbers(self.tables[name].column("value"))

    def one(self, said: dict[str, Any], name: str, owner: Recommender) -> Any:
        kind = said["kind"]
        if kind == "model":
            return self.model(f"{name}--", owner)
        if kind in ("list", "tuple"):
            parts = [self.one(part, f"{name}-{i}", owner) for i, part in enumerate(said["parts"])]
            return parts if kind == "list" else tuple(parts)
        if kind == "array":
            return self.column(name).reshape(said["shape"], order=said["order"])
        if kind == "arrow":
            return _whole(self.tables[name].column("value"))
        if kind == "table":
            return self.tables[name]
        if kind in ("csr", "csc"):
            from scipy import sparse

            triple = tuple(
                self.one(part, f"{name}-{word}", owner) for word, part in zip(_TRIPLE, said["parts"], strict=True)
            )
            return getattr(sparse, f"{kind}_array")(triple, shape=said["shape"])
        return self.argument(said["value"])


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """A column as an array of its own, one that may be written to: what Arrow lends is read-only."""
    return np.array(column.to_numpy(), copy=True)
