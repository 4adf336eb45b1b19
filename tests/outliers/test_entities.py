"""Evidence over a track, by closed forms: what chance would give is not strange."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from potomac.outliers.entities import (
    benjamini_hochberg,
    effective_share,
    entity_sums,
    entity_table,
    shares,
    sidak,
    summed,
)
from potomac.stats.intervals import proportion_interval


def independent(seed: int, entities: int = 400) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Entities with 1 to 300 records, all of one kind."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(entities), rng.integers(1, 300, entities))
    return codes, rng.normal(size=len(codes))


def table_of(codes: npt.NDArray[np.int64], score: npt.NDArray[np.float64], **options: float) -> dict[str, list[float]]:
    labels = [f"v{k:04}" for k in range(int(codes.max()) + 1)]
    time = np.arange(len(codes), dtype=float)
    result: dict[str, list[float]] = entity_table(codes, labels, score, time, **options).to_pydict()
    return result


def test_sidak_in_closed_form() -> None:
    np.testing.assert_allclose(sidak([0.01, 0.5, 0.0, 1.0], [10, 2, 100, 5]), [1 - 0.99**10, 0.75, 0.0, 1.0])
    assert sidak(1e-18, 1000) == pytest.approx(1e-15)  # no digits lost


def test_the_share_is_that_of_rows_at_least_as_strange() -> None:
    np.testing.assert_array_equal(shares([1.0, 3.0, 3.0, 2.0]), [4 / 4, 2 / 4, 2 / 4, 3 / 4])


def test_benjamini_and_hochbergs_own_example() -> None:
    """The 15 p-values of their section 4.1 (1995): at 5 % the first four are rejected."""
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    q = benjamini_hochberg(p)
    assert (q <= 0.05).tolist() == [True] * 4 + [False] * 11
    assert q[0] == pytest.approx(0.0001 * 15)
    assert q[3] == pytest.approx(0.0095 * 15 / 4)
    assert q[5] == pytest.approx(0.0298 * 15 / 7)  # the sixth takes the smaller value of the seventh
    np.testing.assert_allclose(benjamini_hochberg(p[::-1]), q[::-1])
    with pytest.raises(ValueError, match="between 0 and 1"):
        benjamini_hochberg([1.1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_q_values_keep_the_order_and_exceed_p(p: list[float]) -> None:
    q = benjamini_hochberg(p)
    assert (q >= np.array(p) - 1e-15).all()
    assert (np.diff(q[np.argsort(p, kind="stable")]) >= -1e-15).all()


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9])
def test_the_effective_share_is_galweys_of_the_correlation_matrix(rho: float) -> None:
    n = 600
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    eigenvalues = np.linalg.eigvalsh(rho**lag)
    galwey = np.sqrt(np.maximum(eigenvalues, 0)).sum() ** 2 / eigenvalues.sum()
    assert effective_share(rho) == pytest.approx(galwey / n, rel=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_by_chance_corrected_p_values_are_uniform(seed: int) -> None:
    """However many records an entity has; uncorrected ones would gather near zero."""
    codes, score = independent(seed)
    table = table_of(codes, score)
    assert kstest(table["p_value"], "uniform").pvalue > 0.01
    uncorrected = (np.array(table["strangest_rank"])) / len(codes)
    assert kstest(uncorrected, "uniform").pvalue < 1e-9


def test_records_that_resemble_each_other_count_less() -> None:
    rng = np.random.default_rng(5)
    n, entities, rho = 200, 500, 0.9
    z = np.empty((entities, n))
    z[:, 0] = rng.normal(size=entities)
    for k in range(1, n):
        z[:, k] = rho * z[:, k - 1] + np.sqrt(1 - rho**2) * rng.normal(size=entities)
    codes = np.repeat(np.arange(entities), n)
    table = table_of(codes, z.ravel())
    assert np.mean(table["effective_records"]) == pytest.approx(n * effective_share(rho), rel=0.1)
    p = np.array(table["p_value"])
    for level in (0.05, 0.1, 0.5):  # Galwey's number is an approximation: right within a factor of two
        assert level / 2 < np.mean(p <= level) < level * 2
    everyone = sidak(np.array(table["strangest_rank"]) / len(codes), n)  # as if all records told something new
    assert np.mean(everyone <= 0.1) < 0.07


def test_a_strange_entity_comes_first_and_one_with_many_records_does_not() -> None:
    codes, score = independent(7, 50)
    codes = np.concatenate([codes, [50] * 3, [51] * 3000])
    rng = np.random.default_rng(8)
    score = np.concatenate([score, [9.0, 9.5, 10.0], rng.normal(size=3000)])
    table = table_of(codes, score)
    assert table["entity"][0] == "v0050"
    assert table["strangest_rank"][0] == 1
    assert table["q_value"][0] < 0.05
    assert table["evidence"][0] == pytest.approx((9.0 + 9.5 + 10.0) / 3)
    assert table["q_value"][table["entity"].index("v0051")] > 0.2


def test_columns_say_what_they_count() -> None:
    codes = np.array([0, 0, 0, 0, 1, 1, -1, -1])
    score = np.array([5.0, 1.0, 4.0, 0.0, 3.0, 2.0, 9.0, -1.0])
    row = np.arange(8) + 100
    table = entity_table(codes, ["a", "b", "absent"], score, np.arange(8.0), row, worst=2, flagged=3 / 8)
    by_name = {entry["entity"]: entry for entry in table.to_pylist()}
    assert set(by_name) == {"a", "b"}
    assert by_name["a"]["records"] == 4
    assert by_name["a"]["strangest_rank"] == 2  # an unknown entity's row is stranger
    assert by_name["a"]["strangest_row"] == 100
    assert by_name["a"]["evidence"] == (5.0 + 4.0) / 2
    assert by_name["a"]["flagged"] == 2  # ranks 2 and 3 of 8
    assert by_name["a"]["flagged_share"] == 2 / 4
    assert (by_name["a"]["flagged_low"], by_name["a"]["flagged_high"]) == pytest.approx(proportion_interval(2, 4))
    assert (by_name["b"]["flagged_low"], by_name["b"]["flagged_high"]) == pytest.approx(proportion_interval(0, 2))


@given(st.permutations(range(12)))
def test_ties_are_decided_by_the_row_whatever_the_order(order: list[int]) -> None:
    codes = np.arange(12) // 4
    score = np.array([1.0, 1.0, 0.0, 0.0] * 3)
    row, time = np.arange(12), np.arange(12.0)
    labels = ["a", "b", "c"]
    plain = entity_table(codes, labels, score, time, row)
    some = np.array(order)
    assert entity_table(codes[some], labels, score[some], time[some], row[some]).equals(plain)
    assert plain["strangest_row"].to_pylist() == [0, 4, 8]
    assert plain["strangest_rank"].to_pylist() == [1, 3, 5]


def test_parts_of_whole_entities_are_summed_to_the_same_table() -> None:
    codes, score = independent(3, 20)
    labels = [f"v{k}" for k in range(20)]
    time, row, share = np.arange(len(codes), dtype=float), np.arange(len(codes)), shares(score)
    whole = entity_table(codes, labels, score, time)
    halves = [np.flatnonzero(codes < 10), np.flatnonzero(codes >= 10)]
    parts = [
        entity_sums(codes[h], labels, score[h], time[h], row[h], share[h], len(codes)) for h in halves
    ]  # fmt: skip
    rank = np.empty(len(codes), np.int64)
    rank[np.argsort(-score, kind="stable")] = np.arange(1, len(codes) + 1)
    first = np.concatenate([half[part.first] for half, part in zip(halves, parts, strict=True)])
    assert summed(parts, rank[first]).equals(whole)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match="one shape"):
        entity_table([0, 0], ["a"], [1.0], [0.0, 1.0])
    with pytest.raises(ValueError, match="has no label"):
        entity_table([3], ["a"], [1.0], [0.0])
    with pytest.raises(ValueError, match="NaN"):
        entity_table([0], ["a"], [np.nan], [0.0])


def test_without_entities_the_table_is_empty() -> None:
    assert entity_table([-1], [], [1.0], [0.0]).num_rows == 0
    assert entity_table([], [], [], []).num_rows == 0
