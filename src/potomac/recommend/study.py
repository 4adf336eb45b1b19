"""The declaration of the engine ``recommend``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from potomac.engine import Endpoint, Engine, Figure, Progress, Result
from potomac.errors import Fault, StudyError, listing
from potomac.recommend.demo import prepare
from potomac.recommend.matrix.columns import LARGEST
from potomac.recommend.offering.rules import Rules
from potomac.recommend.telling import answer, live, pictures
from potomac.recommend.telling.question import Ordering, Question, Test
from potomac.spec import ColumnSpec, Spec, Study, TableSpec
from potomac.stats.streams import Stream
from potomac.tables import TIME, Role, Table

__all__ = ["RecommendStudy", "engine"]

Id = int | str
Format = Literal["table", "movielens", "goodbooks"]
Method = Literal["auto", "popular", "picks", "item_knn", "ease", "next_item", "als", "factors", "content", "hybrid"]

LIKES = {"movielens": 4.0, "goodbooks": 4.0}
"""From which rating on somebody likes it, in the downloads."""

FEATURES = {"movielens": ("year", "genres"), "goodbooks": ("authors", "year", "language", "tags")}
"""What the downloads say of their items."""


class InteractionsSpec(TableSpec):
    """Who had to do with what: loans, purchases, ratings, visits; a row for each."""

    roles = (
        Role("user", "id", "who", guesses=("user_id", "userId", "visitor", "customer_id", "customer", "person")),
        Role("item", "id", "with what", guesses=("item_id", "itemId", "product_id", "movie_id", "book_id", "product")),
        Role("value", "number", "how much or how good: a count, an amount, a rating", required=False,
             guesses=("rating", "score", "count", "quantity", "amount")),
        replace(TIME, required=False, past=True),
    )  # fmt: skip
    usual = ("user", "item", "time")
    form = "A row for each is expected: a line user,item,time and below it lines such as ann,book-12,2024-05-01"

    format: Format = Field(
        default="table",
        description="movielens or goodbooks: the source is that download, a directory, zip or file, read as it is",
    )
    duplicates: Literal["last", "sum", "max", "error"] = Field(
        default="last", description="which of several rows of one user and item counts"
    )
    like: float | None = Field(
        default=None, examples=[4.0],
        description="values at or above it are likes, others are not learnt from (4 for the downloads); "
        "not set: values are weights",
    )  # fmt: skip
    value_range: tuple[float, float] | None = Field(
        default=None, examples=[[0.5, 5.0]], description="least and greatest value; rows outside are rejected"
    )

    @property
    def download(self) -> str:
        """The ratings of a download."""
        return "" if self.format == "table" else f"{self.format} ratings"

    def all_roles(self) -> tuple[Role, ...]:
        """The roles, values within their range, or so small that their squares can be added up."""
        low, high = self.value_range or (-LARGEST, LARGEST)
        return tuple(replace(role, low=low, high=high) if role.name == "value" else role for role in self.roles)

    @property
    def likes_from(self) -> float | None:
        """The least value that is a like."""
        return LIKES.get(self.format) if self.like is None else self.like

    @model_validator(mode="after")
    def _fits(self) -> InteractionsSpec:
        faults = list(self._faults())
        if faults:
            raise StudyError(faults)
        return self

    def _faults(self) -> Iterator[Fault]:
        if self.format != "table" and self.columns:
            yield _named_itself(self.format)
        if self.value_range is not None and not self.value_range[0] < self.value_range[1]:
            low, high = self.value_range
            found = f"value_range goes from {low:g} to {high:g}"
            yield Fault("recommend.range", found, "expected the least value first", key="value_range")
        valued = self.format != "table" or "value" in self.columns
        for key in ("like", "value_range"):
            if getattr(self, key) is not None and not valued:
                mend = f'Add columns.value = "...", or take {key} away'
                yield Fault("recommend.value-missing", f"{key} is given, and no column is the value", "", mend, key=key)
        if self.like is not None and self.value_range is not None and self.like > self.value_range[1]:
            found = f"like is {self.like:g}, and no value may be above {self.value_range[1]:g}"
            yield Fault("recommend.like", found, "expected it within value_range", key="like")


def _named_itself(form: str) -> Fault:
    found, mend = f"a {form} download names its columns itself", "Take columns away"
    return Fault("recommend.needless", found, "", mend, key="columns")


class ItemsSpec(TableSpec):
    """The catalogue: a row for each item."""

    roles = (
        Role("item", "id", "id, as the interactions have it", guesses=("item_id", "id", "product_id", "book_id")),
        Role("title", "text", "what people know it by", required=False, nulls=True, guesses=("name", "movie_title")),
        Role("available", "text", "whether it can be offered: true or false, yes or no, 1 or 0", required=False,
             nulls=True, guesses=("in_stock",)),
    )  # fmt: skip
    usual = ("item", "title")

    format: Format = Field(default="table", description="movielens or goodbooks: the items of that download")
    features: tuple[str, ...] = Field(
        default=(), examples=[["genre", "author", "year"]],
        description="columns that say what an item is like: words, lists parted by bars, numbers, text, 0 or 1",
    )  # fmt: skip

    @property
    def download(self) -> str:
        """The items of a download."""
        return "" if self.format == "table" else f"{self.format} items"

    @property
    def told(self) -> tuple[str, ...]:
        """The features; a download has its own."""
        return self.features or FEATURES.get(self.format, ())

    def all_roles(self) -> tuple[Role, ...]:
        """The roles, the features included."""
        extra = (Role(role_name(name), "any", "a feature", required=False, nulls=True) for name in self.told)
        return (*self.roles, *extra)

    def all_columns(self) -> Mapping[str, ColumnSpec]:
        """Which column plays which role, the features included."""
        return {**self.columns, **{role_name(name): ColumnSpec(column=name) for name in self.features}}

    @model_validator(mode="after")
    def _fits(self) -> ItemsSpec:
        if self.format != "table" and self.columns:
            raise StudyError(_named_itself(self.format))
        double = sorted({name for name in self.features if self.features.count(name) > 1})
        if double:
            found = f'"{double[0]}" is named twice'
            raise StudyError(Fault("recommend.twice", found, "expected each feature once", key="features"))
        return self


def role_name(column: str) -> str:
    """The role of a feature is its column's name, unless a role is called so."""
    return f"feature_{column}" if column in {"row", *(role.name for role in ItemsSpec.roles)} else column


class ModelSpec(Spec):
    """Which method, and what its lists are like."""

    method: Method = Field(
        default="auto",
        description="auto: the one that is best on what was held out; popular and picks are the same for everybody",
    )
    n: int = Field(default=10, ge=1, le=1000, description="length of the lists")
    users: Literal["all"] | tuple[Id, ...] = Field(
        default="all", description="ids of those who get a list, or all", examples=["all"]
    )
    seen: bool = Field(default=False, description="whether items that somebody had to do with may be offered again")
    diversity: float = Field(default=0.0, ge=0, le=1, description="0: by score alone; 1: as varied as can be")
    novelty: float = Field(default=0.0, ge=-1, le=1, description="-1: what most know; 0: as scored; 1: what few know")
    calibration: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="0: as it comes; 1: the mix of popular and rare that a person chose before",
    )
    half_life: float | None = Field(
        default=None, gt=0, examples=[90.0], json_schema_extra={"unit": "d"},
        description="days after which an interaction counts half (popular, ease, item_knn, content)",
    )  # fmt: skip
    recency: float | None = Field(
        default=None, gt=0, examples=[5.0],
        description="after how many later entries of a person an entry counts half",
    )  # fmt: skip
    factors: int | None = Field(
        default=None, ge=1, le=1024, examples=[64], description="length of factors (als, factors)"
    )
    iterations: int | None = Field(default=None, ge=1, le=1000, examples=[15], description="passes (als, factors)")
    regularization: float | None = Field(
        default=None, ge=0, examples=[200.0], description="penalty of large weights (ease, als)"
    )
    neighbours: int | None = Field(default=None, ge=1, examples=[100], description="of each item (item_knn)")
    shrinkage: float | None = Field(default=None, ge=0, examples=[10.0], description="of few likes (item_knn, content)")

    @model_validator(mode="after")
    def _auto_chooses(self) -> ModelSpec:
        if self.method == "auto" and self.parameters:
            first = next(iter(self.parameters))
            found = f"{listing(self.parameters)} given, and the method is auto"
            mend = "Name the method they are for, or take them away"
            raise StudyError(Fault("recommend.auto", found, "auto chooses them by a held-out test", mend, key=first))
        return self

    @property
    def parameters(self) -> dict[str, Any]:
        """Those parameters of the method that the study gives."""
        some = {name: getattr(self, name) for name in PARAMETERS}
        return {name: value for name, value in some.items() if value is not None}


PARAMETERS = ("half_life", "recency", "factors", "iterations", "regularization", "neighbours", "shrinkage")


class RulesSpec(Spec):
    """What may be offered, whatever its score."""

    max_per: dict[str, int] = Field(
        default_factory=dict, description="at most so many items of one value of a feature in a list",
        examples=[{"genre": 3}],
    )  # fmt: skip
    exclude: tuple[Id, ...] = Field(default=(), description="ids or titles of items that are never offered")
    boost: dict[str, dict[str, float]] = Field(
        default_factory=dict, examples=[{"genre": {"Poetry": 0.5}}],
        description="added to scores, in standard deviations, by feature and value; below 0 holds back",
    )  # fmt: skip
    pins: tuple[Id, ...] = Field(default=(), description="ids or titles of items that stand first in every list")
    available: bool = Field(default=True, description="whether items are left out that are not available")


class EvaluationSpec(Spec):
    """How models are tested on what was held out."""

    split: Literal["leave_last_out", "time", "strong"] = Field(
        default="leave_last_out",
        description="leave_last_out: the last of each person; time: all after a day; strong: people who are new",
    )
    k: int = Field(default=10, ge=1, le=1000, description="length of the lists that are tested")
    last: int = Field(default=2, ge=1, le=100, description="how many are held out of each person (leave_last_out)")
    share: float | None = Field(
        default=None, gt=0, lt=1, examples=[0.1], description="held out, of interactions (time) or people (strong)"
    )
    test_users: int = Field(default=10_000, ge=1, le=10_000_000, description="most people who are tested")
    confidence: float = Field(default=0.95, ge=0.5, lt=1, description="of the intervals")
    methods: tuple[Method, ...] | None = Field(
        default=None, examples=[["ease", "als"]],
        description="that are compared beside the one that is chosen; not set: those that fit the data",
    )  # fmt: skip


class ReportSpec(Spec):
    """What the report shows of people."""

    examples: int | tuple[Id, ...] = Field(
        default=3, examples=[3],
        description="how many people it shows with what they liked and are offered (0: none), or their ids",
    )  # fmt: skip
    ids: bool = Field(default=False, description="whether it shows people's ids; tables always hold them")


def _own_items(given: dict[str, Any]) -> ItemsSpec | None:
    """The catalogue that a download brings."""
    told = given.get("interactions")
    if told is None or told.format == "table":
        return None
    return ItemsSpec(source=told.source, query=None, format=told.format)


class RecommendStudy(Study):
    """Who would want what, and should we build this at all?"""

    kind: Literal["recommend"]
    editors_picks: tuple[Id, ...] = Field(
        default=(), description="ids or titles of items that the editor recommends", examples=[["book-12", "book-7"]]
    )
    interactions: InteractionsSpec = Field(description="who had to do with what")
    items: ItemsSpec | None = Field(
        default_factory=_own_items, description="the catalogue; a download brings its own where this is left out"
    )
    model: ModelSpec = Field(default=ModelSpec(), description="which method, and what its lists are like")
    rules: RulesSpec = Field(default=RulesSpec(), description="what may be offered")
    evaluation: EvaluationSpec = Field(default=EvaluationSpec(), description="how models are tested")
    report: ReportSpec = Field(default=ReportSpec(), description="what the report shows of people")

    @model_validator(mode="after")
    def _fits(self) -> RecommendStudy:
        faults = list(self._faults())
        if faults:
            raise StudyError(faults)
        return self

    def _faults(self) -> Iterator[Fault]:
        told = self.items.told if self.items is not None else ()
        for key in ("max_per", "boost"):
            for name in getattr(self.rules, key):
                if name not in told:
                    yield _no_feature(name, told, f"rules.{key}.{name}")
        method = self.model.method
        if method == "content" and not told:
            mend = 'Add [items] with features = ["...", ...], or take another method'
            yield Fault("recommend.features", "content needs features of the items", "", mend, key="model.method")
        if method == "picks" and not self.editors_picks:
            mend = 'Add editors_picks = ["...", ...]'
            yield Fault("recommend.picks", "picks needs the editor's picks", "", mend, key="model.method")
        if method == "factors" and "value" not in self.interactions.columns and self.interactions.format == "table":
            mend = 'Add columns.value = "...", or take another method'
            yield Fault("recommend.value-missing", "factors needs ratings", "", mend, key="model.method")
        if (
            self.evaluation.split == "time"
            and self.interactions.format == "table"
            and ("time" not in self.interactions.columns)
        ):
            mend = 'Add columns.time = "...", or split = "leave_last_out"'
            yield Fault("recommend.split-times", "a split by time needs times", "", mend, key="evaluation.split")


def _no_feature(name: str, told: tuple[str, ...], key: str) -> Fault:
    from potomac.errors import did_you_mean, listing

    expected = f"there are {listing(told)}" if told else "the study names none: items.features"
    return Fault("recommend.features", f'no feature "{name}"', expected, did_you_mean(name, told), key=key)


def question_of(study: RecommendStudy) -> Question:
    """What the study asks, as plain values."""
    m, r, e = study.model, study.rules, study.evaluation
    return Question(
        method=m.method,
        parameters=m.parameters,
        users=None if m.users == "all" else m.users,
        picks=study.editors_picks,
        like=None if m.method == "factors" else study.interactions.likes_from,
        duplicates=study.interactions.duplicates,
        examples=study.report.examples,
        ids=study.report.ids,
        features=tuple(map(role_name, study.items.told)) if study.items is not None else (),
        ordering=Ordering(m.n, m.seen, m.diversity, m.novelty, m.calibration),
        rules=Rules(exclude=r.exclude, max_per={role_name(name): most for name, most in r.max_per.items()},
                    boost={role_name(name): by for name, by in r.boost.items()}, pins=r.pins),
        available=r.available,
        test=Test(e.split, "split" in e.model_fields_set, e.k, e.last, e.share, e.test_users, e.confidence, e.methods),
        seed=study.seed,
    )  # fmt: skip


def run(study: RecommendStudy, tables: Mapping[str, Table], stream: Stream, progress: Progress) -> Result:
    """Say whether a recommender pays, test it, and make the lists."""
    return answer.answer(tables, question_of(study), progress)


def check(study: RecommendStudy, tables: Mapping[str, Table]) -> None:
    """Say what a run would say of the method and of the catalogue before it learns anything."""
    answer.check(tables, question_of(study))


def figures(result: Result) -> Iterable[Figure]:
    """The pictures of a result."""
    return pictures.figures(result)


# ---- live questions -----------------------------------------------------------------------------------------------


def _parted(given: Any) -> Any:
    """Several titles or ids, which may stand in one text, parted by semicolons or lines."""
    if isinstance(given, str):
        return tuple(one.strip() for one in re.split(r"[;\n]", given) if one.strip())
    return tuple(given) if isinstance(given, list) else given


def _described(given: Any) -> Any:
    """Features in one text: ``genre: Drama, War; year: 1999``."""
    if not isinstance(given, str):
        return given
    found: dict[str, list[str]] = {}
    for one in filter(None, map(str.strip, re.split(r"[;\n]", given))):
        name, colon, values = one.partition(":")
        if not colon:
            raise ValueError(f'"{one[:60]}" is no feature with its values, such as "genre: Drama, War"')
        found.setdefault(name.strip(), []).extend(value.strip() for value in values.split(",") if value.strip())
    return found


Text = Annotated[str, Field(max_length=1000)]
TEXT = {"type": "string"}
Several = Annotated[
    tuple[Text, ...], BeforeValidator(_parted), Field(max_length=1000),
    WithJsonSchema({"anyOf": [{"type": "array", "items": TEXT, "maxItems": 1000}, TEXT]}),
]  # fmt: skip
"""Several titles or ids: a list, or a text."""
Having = Annotated[
    dict[str, list[Text]], BeforeValidator(_described), Field(max_length=50),
    WithJsonSchema({"anyOf": [{"type": "object", "additionalProperties": {"type": "array", "items": TEXT}}, TEXT]}),
]  # fmt: skip
"""Features with their values: a mapping, or a text."""


class Wish(BaseModel):
    """What a list shall be like."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    n: int = Field(default=10, ge=1, le=100, title="Length", description="of the list, at most")
    novelty: float | None = Field(
        default=None, ge=-1, le=1, title="Popular to novel",
        description="-1: what most know; 0: as scored; 1: what few know",
    )  # fmt: skip
    diversity: float | None = Field(
        default=None, ge=0, le=1, description="0: by score alone; 1: as varied as can be; empty: as in the run"
    )
    allowed: Several = Field(default=(), description="ids of the only items that may be offered; empty: all")
    features: Having = Field(default={}, description="values that an item must have, by feature")


class Who(BaseModel):
    """A person, known or not."""

    user: str = Field(default="", max_length=200, description="id; empty: somebody new")
    items: Several = Field(default=(), title="Chosen", description="titles or ids, of somebody who has no id")
    also: Several = Field(
        default=(), title="Chosen since", description="titles or ids since the run; they count at once"
    )
    seen: bool | None = Field(default=None, description="whether what they chose before may be offered again")


class Mix(BaseModel):
    """How near a list comes to what somebody chose before."""

    calibration: float | None = Field(
        default=None, ge=0, le=1,
        description="0: as it comes; 1: the mix of popular and rare that they chose before; empty: as in the run",
    )  # fmt: skip


class Person(Mix, Wish, Who):  # fields of the last come first
    """Somebody who is to be offered something."""


class Chosen(BaseModel):
    """Items that somebody has chosen."""

    items: Several = Field(title="Chosen", description="titles or ids, parted by semicolons")


class Basket(Mix, Wish, Chosen):
    """Items with which others shall go."""


class Named(BaseModel):
    """An item that is named."""

    item: Text = Field(default="", title="Title", description="type a part of it; slips and accents do not matter")


class Like(Wish, Named):
    """An item to which others are like."""


class Interest(BaseModel):
    """An item that looks for people."""

    model_config = ConfigDict(extra="forbid")

    item: Text = Field(default="", title="Title", description="or id, of one of the catalogue")
    title: str = Field(
        default="", max_length=200, title="New title", description="of one that is not in the catalogue yet"
    )
    features: Having = Field(default={}, description="of one that is not in the catalogue yet")
    n: int = Field(default=10, ge=1, le=1000, title="Length", description="people, at most")


class Typed(BaseModel):
    """What somebody has typed so far."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(default="", max_length=1000, description="the beginning of a title, or of words in it")
    n: int = Field(default=8, ge=1, le=100, title="Length", description="suggestions, at most")
    topics: bool = Field(default=False, description="whether features' values are suggested beside titles")


class Why(BaseModel):
    """An offer whose reason is asked for."""

    model_config = ConfigDict(extra="forbid")

    item: Text = Field(title="Title", description="or id of what is offered")
    user: str = Field(default="", max_length=200, description="id of the person")
    items: Several = Field(default=(), title="Chosen", description="titles or ids, of somebody who has no id")
    n: int = Field(default=10, ge=1, le=1000, title="Length", description="parts of the reason, at most")


class Offer(BaseModel):
    """An item that is offered."""

    rank: int = Field(description="1 stands first")
    title: str = Field(description="of the item")
    reason: str = Field(title="why", description="from the model's own score, or from the interactions")
    item: int | str = Field(title="id", description="of the item")
    score: float | None = Field(description="the model's own; higher is better")


class Offers(BaseModel):
    """A list for somebody."""

    answer: str = Field(description="in a sentence")
    note: str = Field(description="what to know of it")
    offers: list[Offer] = Field(title="offered", description="the best first")


class Neighbours(Offers):
    """What is like an item."""

    item: int | str = Field(title="id", description="of the item that was taken")
    title: str = Field(description="of the item that was taken")


class Interested(BaseModel):
    """Somebody who may be interested."""

    rank: int = Field(description="1 stands first")
    user: int | str = Field(title="id", description="of the person")
    reason: str = Field(title="why", description="from the model's own score")
    score: float = Field(description="the model's own; higher is better")


class Audience(BaseModel):
    """Who may be interested in an item."""

    answer: str = Field(description="in a sentence")
    note: str = Field(description="what to know of it")
    people: list[Interested] = Field(description="the most interested first")


class Suggestion(BaseModel):
    """What may be meant."""

    text: str = Field(description="a title, or a value of a feature")
    kind: str = Field(description="title, or the feature whose value it is")
    item: int | str | None = Field(title="id", description="of a title")
    how: str = Field(description="how it was found: title, start, word, words, slip or slips")


class Suggestions(BaseModel):
    """What may be meant by what was typed."""

    suggestions: list[Suggestion] = Field(description="the best first")


class Part(BaseModel):
    """What an item adds to a score."""

    title: str = Field(description="of what was chosen")
    contribution: float = Field(title="adds", description="to the score")
    item: int | str = Field(title="id", description="of what was chosen")


class Explained(BaseModel):
    """What a score is made of."""

    answer: str = Field(description="in a sentence")
    note: str = Field(description="what to know of it")
    item: int | str = Field(title="id", description="of what is offered")
    title: str = Field(description="of what is offered")
    score: float | None = Field(description="of the model; none where it cannot score the item")
    rest: float | None = Field(description="part of the score that comes from nothing that was chosen")
    because: list[Part] = Field(description="what was chosen and adds most, the largest first")


def _recommend(model: live.Live, ask: Person) -> Offers:
    return Offers(**live.recommend(model, **dict(ask)))


def _basket(model: live.Live, ask: Basket) -> Offers:
    return Offers(**live.basket(model, **dict(ask)))


def _similar(model: live.Live, ask: Like) -> Neighbours:
    return Neighbours(**live.similar(model, **dict(ask)))


def _audience(model: live.Live, ask: Interest) -> Audience:
    return Audience(**live.audience(model, **dict(ask)))


def _suggest(model: live.Live, ask: Typed) -> Suggestions:
    return Suggestions(**live.suggest(model, **dict(ask)))


def _explain(model: live.Live, ask: Why) -> Explained:
    return Explained(**live.explain(model, **dict(ask)))


TITLE = {"item": "suggest"}
"""The field that is completed while somebody types."""

ENDPOINTS = (
    Endpoint("similar", Like, _similar, Neighbours, live.load, "What is like it?", {"item": "Avatar", "n": 5},
             sliders=live.sliders, completes=TITLE),
    Endpoint("recommend", Person, _recommend, Offers, live.load, "What should this person be offered?",
             {"user": "823", "n": 5}),
    Endpoint("basket", Basket, _basket, Offers, live.load, "What goes with these?", {"items": ["Avatar", "Star Trek"]}),
    Endpoint("audience", Interest, _audience, Audience, live.load, "Who may be interested?",
             {"item": "Avatar", "n": 5}, completes=TITLE),
    Endpoint("explain", Why, _explain, Explained, live.load, "Why is it offered?", {"user": "823", "item": "Avatar"},
             completes=TITLE),
    Endpoint("suggest", Typed, _suggest, Suggestions, live.load, "What is it called?", {"text": "star"},
             completes={"text": "suggest"}),
)  # fmt: skip


engine = Engine(
    kind="recommend",
    study=RecommendStudy,
    run=run,
    figures=figures,
    summary="Who would want what, and should we build this at all? A verdict first, then lists with their test.",
    endpoints=ENDPOINTS,
    demo=("demo-library-first.toml", "demo-library-quarter.toml", "demo-library-year.toml"),
    prepare=prepare,
    check=check,
    extra="recommend",
)  # fmt: skip
