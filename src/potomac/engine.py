"""What an engine is: a declaration, a function from tables to a result, and pictures of the result.

Nothing here knows files, screens or the web. The conductor (``potomac.studies``), the report and the
server read these declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from potomac.stats.streams import Stream
    from potomac.tables import Table

__all__ = [
    "API",
    "Axis",
    "Endpoint",
    "Engine",
    "Fact",
    "Figure",
    "Layer",
    "Progress",
    "Quiet",
    "Result",
    "Rows",
    "Show",
    "Slider",
]

API = 1
"""Number of this interface. An engine that states another one is refused with a sentence."""


class Progress(Protocol):
    """How long work tells how far it is, and hears that it shall stop."""

    def __call__(self, what: str, done: float, total: float | None = None) -> None:
        """Say that ``done`` of ``total`` is through with ``what`` (a few words, e.g. ``scoring rows``).

        Raises:
            Interrupted: the work shall stop; nothing needs tidying by the caller.
        """


class Quiet:
    """Progress for those who do not want any."""

    def __call__(self, what: str, done: float, total: float | None = None) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A named number (or word) with its interval or bound, its unit, and its meaning in one sentence."""

    name: str
    value: float | int | str | bool | None
    meaning: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    source: str = ""
    key: bool = False  # shown among the key figures at the top of the report
    label: str = ""  # how a reader knows it; default: the name with spaces


@dataclass(frozen=True, slots=True)
class Rows:
    """A table that is larger than memory: its schema, and a way to stream it from the start."""

    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]]


Mark = Literal["point", "line", "bar", "area", "rule", "interval", "cell", "text"]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a figure. ``scale`` "category" keeps the order in which values come."""

    label: str
    unit: str = ""
    scale: Literal["linear", "log", "time", "category"] = "linear"
    zero: bool = False
    domain: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """Marks of one kind, drawn from the columns of one small Arrow table.

    ``x``, ``y`` name columns. ``x2``, ``y2`` give the other end of bars, areas, intervals and cells (in a map
    a cell is the rectangle from (x, y) to (x2, y2), degrees, and what very many points stand for, ``size``, lies
    evenly in it). ``color`` names a numeric column for a
    sequential ramp; ``series`` a column of words, one colour, dash or shape each. ``label`` names a column of
    text written beside the mark; ``tip`` columns are shown on hover or focus. ``ground`` is what a map shows beneath
    the rest (roads, areas): quiet, without a colour of the series. ``emphasis`` marks what the
    finding is about (accent, outline, on top).
    """

    mark: Mark
    data: pa.Table
    x: str
    y: str
    x2: str | None = None
    y2: str | None = None
    color: str | None = None
    series: str | None = None
    size: str | None = None
    label: str | None = None
    tip: tuple[str, ...] = ()
    heading: str | None = None  # column of degrees: points become arrowheads
    name: str = ""  # direct label or legend entry of the whole layer
    color_label: str = ""  # what the ramp measures, with unit
    color_log: bool = False
    shape: Literal["circle", "diamond", "triangle", "square", "cross"] = "circle"
    emphasis: bool = False
    ground: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture as data. ``kind`` "map" reads x as longitude and y as latitude in degrees (WGS84).

    A figure with ``panels`` is a set of small multiples; its own layers are then empty. ``alt`` says in words
    what a reader sees; ``finding`` is the caption. ``role`` "lead" is the one picture that shows the answer.
    """

    name: str
    title: str
    alt: str
    layers: tuple[Layer, ...] = ()
    kind: Literal["chart", "map"] = "chart"
    x: Axis = Axis("")
    y: Axis = Axis("")
    finding: str = ""
    role: Literal["lead", "support", "diagnostic"] = "support"
    panels: tuple[Figure, ...] = ()
    width_km: float | None = None  # maps: smallest width shown; default fits the data


@dataclass(frozen=True, slots=True)
class Result:
    """What an engine found: one sentence, facts, tables; how, and what was left out.

    ``answer`` is the sentence that answers the question, with its number and its uncertainty. ``show`` names the
    tables a report prints, in order, each with the columns and the number of rows that fit a page. ``model`` is
    whatever the live endpoints need, as Arrow tables (never pickles).
    """

    answer: str
    facts: tuple[Fact, ...]
    tables: Mapping[str, pa.Table | Rows]
    notes: tuple[str, ...] = ()  # assumptions, caveats, what would change the answer
    method: tuple[str, ...] = ()  # paragraphs: how it was done
    sources: tuple[str, ...] = ()  # papers and textbooks
    show: tuple[Show, ...] = ()
    model: Mapping[str, pa.Table] = field(default_factory=dict)

    def fact(self, name: str) -> Fact:
        """The fact called ``name``; KeyError where there is none."""
        for fact in self.facts:
            if fact.name == name:
                return fact
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Show:
    """How a report shows a table: which columns, under which heading, sorted how, how many rows."""

    table: str
    title: str
    columns: tuple[str, ...] = ()
    sort: str = ""
    descending: bool = False
    rows: int = 50
    caption: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slider:
    """How a live question is asked of one result: a field that slides from ``low`` to ``high``, or has ``choices``.

    It begins at ``value``, which is what the result was computed with. A ``value`` that is text and no choice is typed.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    step: float = 1.0
    value: float | str = 0.0
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A live question: ``answer(model, ask) -> dict``; ``ask`` and ``reply`` are pydantic models.

    ``model`` is what ``load(tables)`` makes, once per process, of the result's Arrow tables. Where ``sliders(model,
    chosen)`` is given, a page shows these fields of ``ask`` alone, in this order, and asks as soon as one is moved;
    ``chosen`` are the choices that were made, on which the other sliders may depend. Of a reply's rows with ``mean``,
    ``low`` and ``high`` it draws each with its interval, beside ``before``, ``before_low`` and ``before_high``.

    ``completes`` names, for fields of ``ask`` that are text, the endpoint that suggests what may be meant while
    somebody types: its ``ask`` has a field ``text``, and of the rows of its reply each has a ``text``.
    """

    name: str
    ask: type[Any]
    answer: Callable[[Any, Any], Any]
    reply: type[Any] | None = None
    load: Callable[[Mapping[str, pa.Table]], Any] | None = None
    title: str = ""
    example: Mapping[str, Any] = field(default_factory=dict)
    sliders: Callable[[Any, Mapping[str, str]], Iterable[Slider]] | None = None
    completes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Engine:
    """The declaration of an engine: the one value at the end of its ``study.py``.

    ``study`` is a subclass of ``potomac.spec.Study``; ``run(study, tables, stream, progress)`` answers it;
    ``figures(result)`` draws it. ``demo`` names the study file (or files) inside the engine's package that show
    it; ``prepare(directory, progress)`` writes the tables that they need into ``directory``, beside the study.
    ``check(study, tables)`` raises what ``potomac check`` shall say beyond what the model of the study sees.
    """

    kind: str
    study: type[Any]
    run: Callable[[Any, Mapping[str, Table], Stream, Progress], Result]
    figures: Callable[[Result], Iterable[Figure]]
    summary: str
    endpoints: tuple[Endpoint, ...] = ()
    demo: str | tuple[str, ...] = ""
    prepare: Callable[[str, Progress], None] | None = None
    check: Callable[[Any, Mapping[str, Table]], None] | None = None
    extra: str = ""  # the optional extra that installs what it needs
    api: int = API

    @property
    def demos(self) -> tuple[str, ...]:
        """Names of the demo studies."""
        return tuple(filter(None, (self.demo,) if isinstance(self.demo, str) else self.demo))
