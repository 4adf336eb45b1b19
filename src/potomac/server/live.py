"""Finished runs kept in memory: opened once a process, models loaded once, tables read once, answers of sliders.

All lie on one shelf that is bounded by ``limits.live_mb`` (estimated from Arrow's bytes): what was not used
for longest goes first. Models are made by the engine from Arrow tables; nothing is ever unpickled.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from django.conf import settings
from pydantic import ValidationError

from potomac.engine import Endpoint, Engine, Slider
from potomac.errors import Fault, StudyError, did_you_mean, listing
from potomac.studies import Run, open_run

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Shelf",
    "answer",
    "endpoint_of",
    "forget",
    "model",
    "opened",
    "order",
    "shelf",
    "sliders",
    "table",
]

OPENED = 256
"""Manifests kept: they are small."""


@dataclass
class Shelf:
    """Things by key within a number of bytes; each is made once, however many threads ask for it.

    ``most()`` is the bound. A thing that is larger than the whole shelf is kept alone, because it is needed now.
    """

    most: Callable[[], int]
    _kept: OrderedDict[Hashable, tuple[Any, int]] = field(default_factory=OrderedDict)
    _making: dict[Hashable, Lock] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _size: int = 0

    def get(self, key: Hashable, make: Callable[[], tuple[Any, int]]) -> Any:
        """The thing called ``key``; ``make()`` gives it and its size in bytes where it is not there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            making = self._making.setdefault(key, Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._kept[key][0]
            try:
                value, size = make()
                self.put(key, value, size)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return value

    def find(self, key: Hashable) -> Any:
        """The thing called ``key``, or None."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Hashable, value: Any, size: int) -> None:
        """Keep a thing, in the place of what was called so."""
        with self._lock:
            self._size += size - self._kept.get(key, (None, 0))[1]
            self._kept[key] = (value, size)
            self._kept.move_to_end(key)
            while self._size > self.most() and len(self._kept) > 1:
                _, (_, gone) = self._kept.popitem(last=False)
                self._size -= gone

    def drop(self, key: Hashable) -> None:
        """Take a thing away, where it is there."""
        with self._lock:
            self._size -= self._kept.pop(key, (None, 0))[1]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """Bytes held, as they were estimated."""
        return self._size

    def clear(self) -> None:
        """Take all away."""
        with self._lock:
            self._kept.clear()
            self._size = 0


def _most() -> int:
    return int(settings.CONFIG.limits.live_mb) * 2**20


shelf = Shelf(_most)
"""The models and tables of this process."""


@lru_cache(OPENED)
def _opened(directory: str) -> Run:
    return open_run(Path(settings.HOME) / "runs" / directory)


def opened(directory: str | Path) -> Run:
    """The finished run in a directory (absolute, or below ``POTOMAC_HOME/runs``).

    Raises:
        StudyError: there is none, or it is damaged.
    """
    return _opened(str(directory))


def forget() -> None:
    """Take all away, as after a backup has been restored."""
    _opened.cache_clear()
    shelf.clear()


def model(directory: str | Path, endpoint: Endpoint) -> Any:
    """What the engine makes of the run's tables for ``endpoint``; endpoints that load alike share it."""
    run = opened(directory)

    def make() -> tuple[Any, int]:
        tables = {name: run.model[name] for name in run.model}
        made = endpoint.load(tables) if endpoint.load else tables
        return made, sum(table.nbytes for table in tables.values())

    return shelf.get(("model", run.path, endpoint.load), make)


def table(directory: str | Path, name: str) -> pa.Table:
    """A table of the run's result, in memory.

    Raises:
        KeyError: the run has no such table.
    """
    run = opened(directory)

    def make() -> tuple[Any, int]:
        read = run.tables[name]
        return read, read.nbytes

    return shelf.get(("table", run.path, name), make)


def order(directory: str | Path, name: str, column: str, *, descending: bool) -> pa.Array:
    """Row numbers of a table in the order of a column, nulls last."""
    import pyarrow.compute as pc

    def make() -> tuple[Any, int]:
        keys = [(column, "descending" if descending else "ascending")]
        found = pc.sort_indices(table(directory, name), sort_keys=keys)  # nulls last
        return found, found.nbytes

    return shelf.get(("order", opened(directory).path, name, column, descending), make)


def endpoint_of(engine: Engine, name: str) -> Endpoint:
    """The live question called ``name``.

    Raises:
        StudyError: the engine has none of that name.
    """
    for endpoint in engine.endpoints:
        if endpoint.name == name:
            return endpoint
    names = [endpoint.name for endpoint in engine.endpoints]
    found = f'no live question is called "{name}" here'
    expected = f"valid are {listing(names)}" if names else f"a product of the kind {engine.kind} answers none"
    raise StudyError(Fault("live.unknown", found, expected, did_you_mean(name, names)))


def answer(directory: str | Path, engine: Engine, name: str, values: Mapping[str, Any] | bytes) -> Any:
    """The reply to a live question, an instance of the endpoint's reply model.

    Args:
        directory: of the run.
        engine: the engine that made it.
        name: the endpoint's.
        values: the question: values by name, where texts stand for numbers as in an address, or JSON.

    Answers to what is asked by sliders are kept: a slider goes to and fro.

    Raises:
        StudyError: there is no such question, or a value is wrong; all faults at once.
        NoAnswer: the run cannot answer it.
    """
    endpoint = endpoint_of(engine, name)
    ask = _asked(endpoint, values)
    if endpoint.sliders is None:
        return _replied(directory, endpoint, ask)

    def make() -> tuple[Any, int]:
        reply = _replied(directory, endpoint, ask)
        return reply, 8 * len(str(reply))

    return shelf.get(("answer", opened(directory).path, name, ask.model_dump_json()), make)


def _replied(directory: str | Path, endpoint: Endpoint, ask: Any) -> Any:
    reply = endpoint.answer(model(directory, endpoint), ask)
    if endpoint.reply is None or isinstance(reply, endpoint.reply):
        return reply
    return endpoint.reply.model_validate(reply)


def sliders(directory: str | Path, endpoint: Endpoint, chosen: Mapping[str, str]) -> tuple[Slider, ...]:
    """What a page moves to ask ``endpoint``; empty where it is asked by its fields."""
    return tuple(endpoint.sliders(model(directory, endpoint), chosen)) if endpoint.sliders else ()


def _asked(endpoint: Endpoint, values: Mapping[str, Any] | bytes) -> Any:
    try:
        if isinstance(values, bytes):
            return endpoint.ask.model_validate_json(values, strict=True)
        if all(isinstance(value, str) for value in values.values()):
            return endpoint.ask.model_validate_strings(values)
        return endpoint.ask.model_validate(values)
    except ValidationError as error:
        raise StudyError(_faults(error, endpoint)) from None


def _faults(error: ValidationError, endpoint: Endpoint) -> Iterable[Fault]:
    names = list(endpoint.ask.model_fields)
    for one in error.errors(include_url=False, include_context=False):
        key = ".".join(map(str, one["loc"]))
        said = one["msg"][:1].lower() + one["msg"][1:]
        mend = did_you_mean(key, names) if one["type"] == "extra_forbidden" else ""
        yield Fault("live.value", said, f"the values are {listing(names)}" if not key else "", mend, key=key)
