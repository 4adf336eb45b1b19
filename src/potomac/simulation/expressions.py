"""Formulas as text: a small language over arrays, of which nothing is ever run as Python.

A formula is parsed to a tree, each node of which must be on a list; then it is computed node by node. Every number is a
float, so that no power grows beyond memory. A name stands for an array of shape (n, columns); one column is handed to
all columns of another.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import isfinite, pi
from typing import Any

import numpy as np
import numpy.typing as npt

from potomac.errors import Fault, StudyError, did_you_mean, listing

__all__ = ["FUNCTIONS", "Formula", "formula"]

Array = npt.NDArray[Any]

LETTERS = 2000
"""Most letters of a formula."""

NODES = 500
"""Most parts of one."""

CONSTANTS: Mapping[str, float] = {"pi": pi, "true": 1.0, "false": 0.0}


def _over(one: Callable[..., Any], two: Callable[..., Any]) -> Callable[..., Array]:
    """Of one argument over its columns, of several element by element."""

    def applied(*arguments: Array) -> Array:
        if len(arguments) == 1:
            return np.asarray(one(arguments[0], axis=1, keepdims=True))
        return np.asarray(reduce(two, arguments))

    return applied


def _mean(x: Array, *rest: Array) -> Array:
    total = FUNCTIONS["sum"].apply(x, *rest)
    return np.asarray(total / (len(rest) + 1 if rest else x.shape[1]))


def _where(condition: Array, yes: Array, no: Array) -> Array:
    return np.asarray(np.where(condition.astype(bool), yes, no))


@dataclass(frozen=True, slots=True)
class _Function:
    apply: Callable[..., Array]
    least: int = 1
    most: int = 1


_MANY = 50

FUNCTIONS: Mapping[str, _Function] = {
    "abs": _Function(np.abs),
    "all": _Function(_over(np.all, np.logical_and), 1, _MANY),
    "any": _Function(_over(np.any, np.logical_or), 1, _MANY),
    "ceil": _Function(np.ceil),
    "cos": _Function(np.cos),
    "exp": _Function(np.exp),
    "floor": _Function(np.floor),
    "log": _Function(np.log),
    "log10": _Function(np.log10),
    "max": _Function(_over(np.max, np.maximum), 1, _MANY),
    "mean": _Function(_mean, 1, _MANY),
    "min": _Function(_over(np.min, np.minimum), 1, _MANY),
    "prod": _Function(_over(np.prod, np.multiply), 1, _MANY),
    "round": _Function(np.rint),
    "sin": _Function(np.sin),
    "sqrt": _Function(np.sqrt),
    "sum": _Function(_over(np.sum, np.add), 1, _MANY),
    "tan": _Function(np.tan),
    "where": _Function(_where, 3, 3),
}
"""What a formula may call; sum, mean, prod, min, max, any and all of one argument go over its columns."""

_BINARY: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: lambda a, b: a**b,
}

_COMPARED: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}


@dataclass(frozen=True)
class Formula:
    """A formula that was found in order. It can be pickled and compared by its text.

    Attributes:
        text: as it was written.
        names: of the inputs that it may use.
    """

    text: str
    names: tuple[str, ...]

    def __call__(self, values: Mapping[str, Array]) -> Array:
        """What it gives.

        Args:
            values: an array for each name, shape (n, columns).

        Returns:
            Shape (n, columns), of booleans where it is a comparison; not finite where the mathematics has no number.

        Raises:
            StudyError: numbers of columns do not fit together.
        """
        with np.errstate(all="ignore"):
            try:
                return _computed(_tree(self.text), values)
            except ValueError as error:
                found = f"columns in {self.text!r:.60} do not fit together"
                raise StudyError(Fault("simulation.expression", found, str(error)[:200])) from None

    @property
    def used(self) -> frozenset[str]:
        """Names of the inputs that occur in it."""
        nodes = ast.walk(_tree(self.text))
        return frozenset(node.id for node in nodes if isinstance(node, ast.Name)) & frozenset(self.names)


def formula(text: str, names: Sequence[str]) -> Formula:
    """Read a formula.

    Args:
        text: with + - * / // % **, comparisons, ``and``, ``or``, ``not``, ``a if c else b`` and :data:`FUNCTIONS`.
        names: that it may use.

    Raises:
        StudyError: it is no formula, or has something that a formula may not have; the message says where.
    """
    if not str(text).strip():
        raise StudyError(
            Fault("simulation.expression", f"{text!r:.60} is no formula", "expected text such as x + 2 * y")
        )
    faults = list(_faults(_tree(str(text)), tuple(names)))
    if faults:
        raise StudyError(faults)
    return Formula(str(text), tuple(names))


def _tree(text: str) -> ast.expr:
    if len(text) > LETTERS:
        found = f"the formula has {len(text):,} letters"
        raise StudyError(Fault("simulation.expression", found, f"expected at most {LETTERS:,}", "Split it up"))
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        where = f" at letter {error.offset}" if error.offset else ""
        found = f"{text!r:.80} cannot be read{where}"
        raise StudyError(Fault("simulation.expression", found, "expected a formula such as x + 2 * y")) from None
    except (ValueError, MemoryError, RecursionError):
        found = f"{text!r:.60} cannot be read"
        raise StudyError(Fault("simulation.expression", found, "expected a formula such as x + 2 * y")) from None


def _faults(tree: ast.expr, names: tuple[str, ...]) -> Iterator[Fault]:
    """All that a formula may not have."""
    nodes = list(ast.walk(tree))
    if len(nodes) > NODES:
        yield Fault("simulation.expression", f"the formula has {len(nodes):,} parts", f"expected at most {NODES}")
        return
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.expr) and id(node) not in called:
            yield from _wrong(node, names)


def _wrong(node: ast.expr, names: tuple[str, ...]) -> Iterator[Fault]:
    at = f"letter {node.col_offset + 1}: "
    if isinstance(node, ast.Name):
        if node.id not in names and node.id not in CONSTANTS:
            known = [*names, *CONSTANTS]
            mend = did_you_mean(node.id, known)
            yield Fault(
                "simulation.expression",
                f"{at}there is no {node.id!r:.60}",
                f"expected one of {listing(known, 30)}",
                mend,
            )
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, (complex, str, bytes)) or node.value is None or node.value is Ellipsis:
            yield Fault("simulation.expression", f"{at}{node.value!r:.60} is no number", "expected numbers only")
        elif not _held(node.value):
            yield Fault("simulation.expression", f"{at}the number is too large", "expected one below 1e308")
    elif isinstance(node, ast.Call):
        yield from _wrong_call(node, at)
    elif not (
        isinstance(node, (ast.BoolOp, ast.IfExp))
        or (isinstance(node, ast.BinOp) and type(node.op) in _BINARY)
        or (isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd, ast.Not)))
        or (isinstance(node, ast.Compare) and all(type(op) in _COMPARED for op in node.ops))
    ):
        what = type(node).__name__.lower()
        expected = "expected numbers, names, + - * / // % **, comparisons, and, or, not, if else, and functions"
        yield Fault("simulation.expression", f"{at}a formula has no {what}", expected)


def _held(value: Any) -> bool:
    try:
        return isfinite(float(value))
    except OverflowError:
        return False


def _wrong_call(node: ast.Call, at: str) -> Iterator[Fault]:
    known = f"expected one of {listing(FUNCTIONS, 30)}"
    if not isinstance(node.func, ast.Name):
        yield Fault("simulation.expression", f"{at}only functions by name are called", known)
        return
    function = FUNCTIONS.get(node.func.id)
    if function is None:
        mend = did_you_mean(node.func.id, list(FUNCTIONS))
        yield Fault("simulation.expression", f"{at}there is no function {node.func.id!r:.60}", known, mend)
    elif node.keywords or not function.least <= len(node.args) <= function.most:
        many = f"{function.least}" if function.least == function.most else f"{function.least} to {function.most}"
        found = f"{at}{node.func.id} has {len(node.args)} arguments{' and names of them' if node.keywords else ''}"
        yield Fault("simulation.expression", found, f"expected {many} without names")


def _computed(node: ast.expr, values: Mapping[str, Array]) -> Array:
    if isinstance(node, ast.Name):
        return np.full((1, 1), CONSTANTS[node.id]) if node.id not in values else values[node.id]
    if isinstance(node, ast.Constant):
        return np.full((1, 1), float(node.value))  # type: ignore[arg-type]
    if isinstance(node, ast.Call):
        assert isinstance(node.func, ast.Name)  # noqa: S101 - seen when it was read
        return np.asarray(FUNCTIONS[node.func.id].apply(*(_numeric(_computed(a, values)) for a in node.args)))
    if isinstance(node, ast.BinOp):
        left, right = (_numeric(_computed(side, values)) for side in (node.left, node.right))
        return np.asarray(_BINARY[type(node.op)](left, right))
    if isinstance(node, ast.UnaryOp):
        operand = _computed(node.operand, values)
        if isinstance(node.op, ast.Not):
            return np.logical_not(operand)
        return np.asarray(-_numeric(operand)) if isinstance(node.op, ast.USub) else _numeric(operand)
    if isinstance(node, ast.BoolOp):
        joined: Any = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return np.asarray(reduce(joined, [_computed(each, values) for each in node.values]))
    if isinstance(node, ast.IfExp):
        condition, yes, no = (_computed(each, values) for each in (node.test, node.body, node.orelse))
        return _where(condition, yes, no)
    assert isinstance(node, ast.Compare)  # noqa: S101 - seen when it was read
    sides = [_numeric(_computed(each, values)) for each in (node.left, *node.comparators)]
    pairs = zip(node.ops, sides, sides[1:], strict=False)
    return np.asarray(reduce(np.logical_and, [_COMPARED[type(op)](a, b) for op, a, b in pairs]))


def _numeric(x: Array) -> Array:
    """Truth counts as 1 where it is computed with."""
    return x.astype(float) if x.dtype == bool else x
