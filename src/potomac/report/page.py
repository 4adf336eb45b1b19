"""A finished run and its figures -> one HTML file that needs no network.

The page is made of parts, each a function from plain values to markup, so that another page can show the same:
:func:`keys`, :func:`facts`, :func:`picture`, :func:`table`, :func:`left_out`, :func:`method`, :func:`again`.
Templates escape every value; what :mod:`potomac.report.draw` made has escaped its own.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from potomac.engine import Fact, Figure, Result, Rows, Show
from potomac.report import charts, maps, multiples, tables
from potomac.report.draw import Part, clean
from potomac.report.numbers import duration, filesize, interval, number

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Finished",
    "again",
    "facts",
    "keys",
    "left_out",
    "method",
    "parts",
    "picture",
    "pictures",
    "render",
    "script",
    "styles",
    "table",
]

WIDE, HALF, NARROW, PANEL = 968.0, 468.0, 350.0, 310.0
"""Widths in px at which pictures are drawn: across a desktop page, half of it, a phone, a panel."""

EXAMPLES = 3
"""Rejected rows shown for each reason."""

MOST_FILES = 100
"""Data files that a page names."""

FEW = 60
"""Rows of a picture's data that are also given as a table below it."""


class Finished(Protocol):
    """What the page asks of a run: its directory, the content of run.json, and what the engine answered."""

    @property
    def path(self) -> Path:
        """Directory of the run."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Content of run.json."""

    def result(self) -> Result:
        """What the engine answered, tables as streams."""


def render(run: Finished, figures: Iterable[Figure]) -> str:
    """The report of ``run`` as one HTML file: the finding first, then what a reader needs to check it.

    The page allows itself no network, no frames and no other script or style than its own (by their hashes).
    """
    own = {"style": styles(), "script": script(), "csp": policy()}
    return str(_fill("page.html", told=run.manifest, **own, **parts(run, figures)))


def parts(run: Finished, figures: Iterable[Figure]) -> dict[str, Any]:
    """All parts of the page by name, for another frame around them: those of a report, in its order.

    ``lead``, ``support``, ``tables`` and ``diagnostic`` are lists of markup, ``title`` and ``day`` text, the others
    markup.
    """
    told, result = run.manifest, run.result()
    drawn = tuple(figures)
    return {
        "title": title(told),
        "day": _day(told),
        "keys": keys(result.facts),
        "lead": [picture(one, WIDE, 2) for one in drawn if one.role == "lead"],
        "facts": facts(result.facts),
        "left_out": left_out(told, result.notes, _examples(run.path / "rejected.parquet")),
        "support": pictures([one for one in drawn if one.role == "support"]),
        "tables": [_table(told, result, show) for show in result.show if show.table in result.tables],
        "diagnostic": pictures([one for one in drawn if one.role == "diagnostic"]),
        "method": method(result.method, result.sources),
        "again": again(told, _text(run.path / "study.toml")),
    }


def title(told: Mapping[str, Any]) -> str:
    """The question, or the study's name where it has none."""
    return str(told["title"]).strip() or str(told["name"])


def keys(given: Sequence[Fact]) -> Markup:
    """The key figures: large numbers with their intervals."""
    return _fill("keys.html", facts=[_fact(fact) for fact in given if fact.key])


def facts(given: Sequence[Fact]) -> Markup:
    """All facts as a table: value, interval or bound, unit, meaning."""
    return _fill("facts.html", facts=[_fact(fact) for fact in given])


def _fact(fact: Fact) -> dict[str, Any]:
    value, span = interval(fact.value, fact.low, fact.high)
    label = fact.label or fact.name.replace("_", " ")
    told = {"unit": fact.unit, "meaning": fact.meaning, "source": fact.source, "text": isinstance(fact.value, str)}
    return {"label": label[:1].upper() + label[1:], "value": value, "span": span, **told}


def pictures(given: Sequence[Figure]) -> list[Markup]:
    """Several figures: charts two in a row, one that would stand alone across the page."""
    paired: set[int] = set()
    for i, one in enumerate(given[1:], 1):
        if i - 1 not in paired and _is_half(one) and _is_half(given[i - 1]):
            paired |= {i - 1, i}
    return [picture(one, HALF if i in paired else WIDE) for i, one in enumerate(given)]


def _is_half(figure: Figure) -> bool:
    return figure.kind == "chart" and not figure.panels


def picture(figure: Figure, width: float = WIDE, level: int = 3) -> Markup:
    """A figure with its title (a heading of that level) and finding, drawn for a desktop and for a phone."""
    if figure.panels:
        panels = [(one, multiples.panel(one, width=PANEL)) for one in multiples.alike(figure.panels)]
        key = multiples.key(figure, width=NARROW)
        return _fill("panels.html", figure=figure, panels=panels, level=level, key=key)
    drawn = {"wide": _drawn(figure, width), "narrow": _drawn(figure, NARROW)}
    return _fill("figure.html", figure=figure, half=width == HALF, level=level, numbers=numbers(figure), **drawn)


def numbers(figure: Figure) -> list[tables.Shown]:
    """The data of a figure's layers as tables, where there are few enough to be read."""
    found: list[tables.Shown] = []
    seen: list[pa.Table] = []
    for layer in figure.layers:
        if 0 < layer.data.num_rows <= FEW and not any(layer.data.equals(one) for one in seen):
            seen.append(layer.data)
            ends = ((layer.x, figure.x), (layer.y, figure.y))
            units = {name: axis.unit for name, axis in ends if axis.unit}
            labels = {name: axis.label for name, axis in ends if axis.label}
            found.append(tables.shown(layer.data, Show(figure.name, layer.name, rows=FEW, units=units, labels=labels)))
    return found


def _drawn(figure: Figure, width: float) -> Part:
    if figure.kind == "map":
        return maps.svg(figure, width=width, alone=False)
    return charts.svg(figure, width=width, alone=False)


def table(data: pa.Table | Rows, show: Show, total: int | None = None) -> Markup:
    """The top rows of a table, which a reader can sort, search and download."""
    return _fill("table.html", shown=tables.shown(data, show, total))


def _table(told: Mapping[str, Any], result: Result, show: Show) -> Markup:
    stored = told.get("tables", {}).get(show.table, {})
    return table(result.tables[show.table], show, stored.get("rows"))


def left_out(told: Mapping[str, Any], notes: Sequence[str], examples: Sequence[Mapping[str, Any]] = ()) -> Markup:
    """Notes, rows read, used and rejected with reasons, and a few of the rejected rows."""
    counts = [_count(name, count) for name, count in told.get("rows", {}).items()]
    found = {name: source.get("notes", ()) for name, source in told.get("sources", {}).items()}
    return _fill("left_out.html", notes=notes, counts=counts, found=found, examples=examples)


def _count(name: str, count: Mapping[str, Any]) -> dict[str, Any]:
    reasons = sorted(count["reasons"].items(), key=lambda pair: -pair[1])
    share = 100 * count["used"] / count["read"] if count["read"] else 0.0
    return {**count, "name": name, "reasons": reasons, "share": share}


def _examples(file: Path) -> list[dict[str, Any]]:
    """A few rejected rows of each reason, from the first rows of the file."""
    import pyarrow.parquet as pq

    if not file.is_file():
        return []
    with pq.ParquetFile(file) as stored:
        first = next(stored.iter_batches(batch_size=20_000), None)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in first.to_pylist() if first is not None else []:
        rows = found.setdefault(str(row["reason"]), [])
        if len(rows) < EXAMPLES:
            rows.append({name: "" if value is None else value for name, value in row.items()})
    return [row for rows in found.values() for row in rows][:30]


def method(paragraphs: Sequence[str], sources: Sequence[str]) -> Markup:
    """How it was done, and where that is written."""
    return _fill("method.html", paragraphs=paragraphs, sources=sources)


def linked(text: str) -> Markup:
    """Text whose web addresses are links."""
    parts = re.split(r"(https?://[^\s<>\"']*[^\s<>\"'.,;:)\]])", clean(text))
    link = Markup('<a href="{0}" rel="noreferrer">{0}</a>').format
    return Markup("").join(link(part) if i % 2 else part for i, part in enumerate(parts))


def again(told: Mapping[str, Any], study: str) -> Markup:
    """What someone needs to get the same answer: command, study, data with hashes, versions, seed."""
    inputs = [one for name, source in told.get("sources", {}).items() for one in _files(name, source)]
    timings = [(name, duration(seconds)) for name, seconds in told.get("timings", {}).items()]
    return _fill("again.html", told=told, study=study, inputs=inputs, timings=timings)


def _files(table: str, source: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The files of a table with size and hash; past MOST_FILES only how many more there are."""
    listed = [
        {
            "table": table,
            "file": one["file"],
            "size": filesize(one["size"]),
            "hash": one["sha256"],
            "of": one.get("of", ""),
        }
        for one in source.get("files", ())
    ]
    if len(listed) <= MOST_FILES:
        return listed
    rest = {
        "table": table,
        "file": f"and {number(len(listed) - MOST_FILES)} more, in run.json",
        "size": "",
        "hash": "",
        "of": "",
    }
    return [*listed[:MOST_FILES], rest]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _day(told: Mapping[str, Any]) -> str:
    try:
        there = datetime.fromisoformat(told["finished"]).astimezone(UTC)
    except ValueError:
        return ""
    return f"{there.day} {there:%B %Y, %H:%M} UTC"


@cache
def styles() -> Markup:
    """The style sheet of a page."""
    return _static("tokens.css", "page.css", "figure.css")


@cache
def script() -> Markup:
    """The script of a page: tables, maps, tips, theme. Nothing on the page needs it."""
    return _static("page.js")


def _static(*names: str) -> Markup:
    folder = files("potomac.report") / "static"
    texts = [(folder / name).read_text(encoding="utf-8") for name in names]
    return Markup("\n".join(texts))  # noqa: S704 - files of this package


@cache
def policy() -> str:
    """The Content-Security-Policy of a page: its own style and script, pictures within it, nothing else."""
    style, code = (b64encode(sha256(text.encode()).digest()).decode() for text in (styles(), script()))
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{code}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("potomac.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": number, "slug": _slug, "linked": linked}
    return made


def _printable(value: Any) -> Any:
    """Text without the characters that no page may hold; markup is clean already."""
    return clean(value) if type(value) is str else value


def _slug(text: str) -> str:
    """A name as an id of the page."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def _fill(name: str, **values: Any) -> Markup:
    return Markup(_templates().get_template(name).render(**values))  # noqa: S704 - the template has escaped all
