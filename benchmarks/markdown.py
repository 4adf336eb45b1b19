"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of a table; all columns but the first are set to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def times(ratio: float) -> str:
    """A ratio with three digits."""
    return f"{ratio:.3g} ×"


def seconds(value: float) -> str:
    """Seconds with three digits."""
    return f"{value:.3g} s" if value < 100 else f"{value:,.0f} s"
