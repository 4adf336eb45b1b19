"""What a placement means where sites share the demand of a point."""

from __future__ import annotations

from pathlib import Path

import pytest

from potomac import studies

DEMAND = {
    "id": list("abcd"),
    "latitude": [0.0] * 4,
    "longitude": [0.0, 0.1, 0.2, 0.3],
    "weight": [12.0, 14.0, 12.0, 12.0],
}
SITES = {
    "id": ["x", "y"], "latitude": [0.0] * 2, "longitude": [0.0, 0.3], "capacity": [25.0] * 2, "cost": [100.0] * 2,
}  # fmt: skip


def test_parts_of_a_point_count_where_they_go(tmp_path: Path) -> None:
    """x takes a and 13 of b, y the rest: full to the brim. A tenth of a degree is 11.12 km of equator."""
    study = {
        "kind": "location", "name": "split",
        "demand": {"source": "d.csv", "columns": {name: name for name in DEMAND}},
        "candidates": {"source": "c.csv", "columns": {name: name for name in SITES}},
        "problem": {"objective": "fixed_charge", "single_source": False},
        "travel": {"model": "great_circle", "speed_kmh": 60.0}, "scenarios": {"count": 0},
    }  # fmt: skip
    run = studies.run(study, tmp_path, tables={"demand": DEMAND, "candidates": SITES})
    sites = run.tables["sites"].to_pydict()
    assert sites["weight"] == pytest.approx([25.0, 25.0])
    assert sites["used"] == pytest.approx([1.0, 1.0])
    assert sites["minutes_if_closed"] == [None, None], "the other site has no room"
    told = run.tables["assignments"].to_pydict()
    assert told["shared"] == [None, "x 92.9 %; y 7.1 %", None, None]
    step = 0.1 * 111.195  # minutes at 60 km/h
    total = 13 * step + 1 * 2 * step + 12 * step
    assert run.facts["mean_minutes"] == pytest.approx(total / 50, rel=1e-4)
    assert run.facts["objective"] == pytest.approx(200 + total, rel=1e-4)
    assert run.facts["worst_minutes"] == pytest.approx(2 * step, rel=1e-4), "of the one that y takes from b"
