"""Runs and models in memory: once a process, within a bound, and nothing unpickled."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potomac.server import live
from potomac.server.live import Shelf
from potomac.studies import registry

PLACE = {"latitude": 56.5, "longitude": 11.0, "speed": 10.0, "heading": 0.0}


@pytest.fixture(autouse=True)
def _empty() -> None:
    live.forget()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 60)), max_size=60))
def test_a_shelf_never_holds_more_than_its_bound_but_for_a_single_thing(asked: list[tuple[int, int]]) -> None:
    shelf = Shelf(lambda: 50)
    for key, size in asked:
        assert shelf.get(key, lambda key=key, size=size: (key, size)) == key
        assert shelf.size <= 50 or len(shelf) == 1
        assert key in shelf, "what was asked for last stays"


def test_what_was_not_used_for_longest_goes_first() -> None:
    shelf = Shelf(lambda: 2)
    for key in "ab":
        shelf.get(key, lambda key=key: (key, 1))
    shelf.get("a", lambda: pytest.fail("it is there"))
    shelf.get("c", lambda: ("c", 1))
    assert ("a" in shelf, "b" in shelf, "c" in shelf) == (True, False, True)


def test_many_threads_make_a_thing_once() -> None:
    shelf, made, together = Shelf(lambda: 10), [], Barrier(8)

    def make() -> tuple[str, int]:
        made.append(1)
        time.sleep(0.05)
        return "thing", 1

    def ask(_: int) -> Any:
        together.wait()
        return shelf.get("key", make)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {"thing"}
    assert len(made) == 1


def test_a_thing_that_could_not_be_made_is_made_at_the_next_request() -> None:
    shelf = Shelf(lambda: 10)
    with pytest.raises(ZeroDivisionError):
        shelf.get("key", lambda: (1 // 0, 1))
    assert shelf.get("key", lambda: ("thing", 1)) == "thing"


def test_a_model_is_loaded_once_and_its_bytes_are_counted(answered: Path) -> None:
    endpoint = registry.engine("outliers").endpoints[0]
    model = live.model(answered, endpoint)
    assert live.model(answered, endpoint) is model
    tables = live.opened(answered).model
    assert live.shelf.size == sum(tables[name].nbytes for name in tables)


def test_a_bound_that_is_passed_gives_up_models_and_still_answers(answered: Path, settings: Any) -> None:
    small = settings.CONFIG.limits.model_copy(update={"live_mb": 0})
    settings.CONFIG = settings.CONFIG.model_copy(update={"limits": small})
    engine = registry.engine("outliers")
    first = live.answer(answered, engine, "score", PLACE)
    live.table(answered, "scores")
    assert len(live.shelf) == 1
    assert live.answer(answered, engine, "score", PLACE) == first


def test_nothing_is_unpickled(answered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    import joblib

    for module, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (joblib, "load")):
        monkeypatch.setattr(module, name, lambda *given, **more: pytest.fail("something was unpickled"))
    assert live.answer(answered, registry.engine("outliers"), "score", PLACE)


def test_json_is_taken_strictly_and_addresses_by_their_texts(answered: Path) -> None:
    from potomac.errors import StudyError

    engine = registry.engine("outliers")
    by_json = live.answer(answered, engine, "score", b'{"latitude": 56.5, "longitude": 11, "speed": 10, "heading": 0}')
    assert by_json == live.answer(answered, engine, "score", {name: str(value) for name, value in PLACE.items()})
    for wrong in (b'{"latitude": "56.5", "longitude": 11}', b'{"latitude": NaN, "longitude": 11}', b"[", b"null"):
        with pytest.raises(StudyError):
            live.answer(answered, engine, "score", wrong)
