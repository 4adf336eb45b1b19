"""Experiments in a study: from TOML to tables, sentence, pictures and slider; what is wrong is told by its key."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from potomac import studies
from potomac.errors import DataError, PotomacError, StudyError
from potomac.simulation.distributions import normal, poisson
from potomac.simulation.montecarlo import Drawn, Inputs
from potomac.simulation.montecarlo.formulas import Formulas
from potomac.simulation.montecarlo.live import load, sliders, what_if
from potomac.studies import registry

INSURANCE = """
[experiment]
inputs.claims = { poisson = { mean = 30 } }
inputs.sizes = { lognormal = { mean = 1000, sd = 800 }, total = "claims" }
values.loss = "sizes * 1.1"
values.ruin = "loss > 50000"
units.loss = "euro"
"""


def study(text, run="[run]\nreplications = 8192\n"):
    return f'kind = "simulation"\nname = "chance"\nseed = 3\n{text}\n{run}'


def ran(tmp_path: Path, text: str, run="[run]\nreplications = 8192\n"):
    file = tmp_path / "study.toml"
    file.write_text(study(text, run))
    return studies.run(file, out=tmp_path / "runs")


def rows(table):
    return {(r["where"], r["measure"]): r for r in table.to_pylist()}


def wrong(tmp_path: Path, text: str, run=""):
    """Code and key of what is wrong."""
    with pytest.raises(PotomacError) as error:
        ran(tmp_path, text, run)
    return {(f.code, f.key) for f in error.value.faults}


# ---- results ------------------------------------------------------------------------------------------------------


def test_an_insurers_year(tmp_path):
    """Wald: E S = 1.1 * 30 * 1000. Compound Poisson: Var S = 1.1^2 * 30 * (1000^2 + 800^2), so q50 is near the mean."""
    text = INSURANCE + 'method = "sobol"\nsensitivity = "sobol"\nexact.loss = 33000\n'
    run = ran(tmp_path, text, "[run]\nprecision = 0.05\n")
    found = rows(run.tables["measures"])
    assert run.tables["measures"].column_names == [
        "where", "measure", "mean", "low", "high", "half_width", "replications", "exact"
    ]  # fmt: skip
    loss, ruin = found["loss", "mean"], found["ruin", "probability"]
    assert loss["exact"] == 33_000
    assert abs(loss["mean"] - 33_000) < 1.6 * loss["half_width"]
    assert found["loss", "q50"]["mean"] < loss["mean"] < found["loss", "q90"]["mean"] < found["loss", "q99"]["mean"]
    assert ruin["half_width"] <= 0.05 * ruin["mean"]
    # claims: (E X)^2 Var N of the variance 30 (1000^2 + 800^2), alone
    first = {(r["value"], r["input"], r["index"]): r["mean"] for r in run.tables["sensitivity"].to_pylist()}
    assert first["loss", "claims", "first"] == pytest.approx(1 / 1.64, abs=0.05)
    assert "claims drives it most" in run.answer
    assert "euro on average" in run.answer
    assert run.facts["reached"] is True
    assert run.facts["reduction"] > 10
    assert (run.path / "report.html").is_file()
    assert {"distribution-loss", "sensitivity", "convergence"} <= {f.stem for f in (run.path / "figures").iterdir()}


def test_cards_dice_and_coins(tmp_path):
    text = """
    [experiment]
    inputs.hand = { cards = { deck = 52, draws = 5 } }
    inputs.dice = { dice = { sides = 6, draws = 2 } }
    inputs.coins = { coins = { p = 0.5, draws = 10 } }
    values.flush = "max(hand // 13) == min(hand // 13)"
    values.ace = "any(hand % 13 == 0)"
    values.seven = "sum(dice) == 7"
    values.heads = "sum(coins)"
    """
    run = ran(tmp_path, text, "[run]\nreplications = 60000\n")
    found = rows(run.tables["measures"])
    exact = {
        ("flush", "probability"): 5148 / 2_598_960, ("seven", "probability"): 1 / 6, ("heads", "mean"): 5.0,
        ("ace", "probability"): 1 - np.prod([(48 - k) / (52 - k) for k in range(5)]),
    }  # fmt: skip
    for key, value in exact.items():
        assert abs(found[key]["mean"] - value) <= 1.6 * found[key]["half_width"], key
    bars = [r for r in run.tables["distribution"].to_pylist() if r["value"] == "heads"]
    assert [(r["low"] + r["high"]) / 2 for r in bars] == list(range(11))
    assert sum(r["share"] for r in bars) == pytest.approx(100)


def test_the_run_is_the_same_again(tmp_path):
    one, two = ran(tmp_path, INSURANCE), ran(tmp_path, INSURANCE)
    assert one.tables["measures"].equals(two.tables["measures"])


def test_a_table_is_fitted_and_drawn_from(tmp_path):
    sizes = np.random.default_rng(4).gamma(2, 500, 400)
    csv.write_csv(pa.table({"amount": sizes}), tmp_path / "sizes.csv")
    text = """
    [experiment]
    inputs.fitted = { fit = "sizes" }
    inputs.drawn = { data = "sizes", draws = 2 }
    values.both = "fitted + sum(drawn)"
    [data.sizes]
    source = "sizes.csv"
    columns.value = "amount"
    """
    run = ran(tmp_path, text)
    both = rows(run.tables["measures"])["both", "mean"]
    assert abs(both["mean"] - 3 * sizes.mean()) < 3 * both["half_width"]
    assert run.tables["fits"].num_rows
    assert "draws" in run.tables["inputs"].column("distribution").to_pylist()[1]


@pytest.mark.parametrize(
    "keys",
    [
        'method = "antithetic"',
        'control = ["z"]',
        'method = "stratified"\nstrata.z = 32\nallocation = "neyman"',
        'method = "importance"\nproposal.z = { normal = { mean = 1, sd = 1.2 } }',
    ],
)
def test_each_method_is_there(tmp_path, keys):
    """E exp(Z/2) = exp(1/8)."""
    text = f'[experiment]\ninputs.z = {{ normal = {{ mean = 0, sd = 1 }} }}\nvalues.y = "exp(z / 2)"\n{keys}\n'
    run = ran(tmp_path, text)
    y = rows(run.tables["measures"])["y", "mean"]
    assert abs(y["mean"] - np.exp(1 / 8)) <= 1.6 * y["half_width"]
    assert run.tables["reduction"].to_pylist()[0]["factor"] > 1.2


def test_only_probabilities_have_pictures_too(tmp_path):
    text = '[experiment]\ninputs.d = { dice = { draws = 4 } }\nvalues.six = "any(d == 6)"\n'
    run = ran(tmp_path, text)
    assert "Six: 5" in run.answer  # de Mere's 1 - (5/6)^4 is 51.8 %
    assert {f.stem for f in (run.path / "figures").iterdir()} >= {"convergence"}


# ---- live ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return ran(tmp_path_factory.mktemp("live"), INSURANCE).model


def test_a_slider_moves_an_input(model):
    live = load(dict(model))
    slid = {s.name: s for s in sliders(live, {"input": "sizes"})}
    assert slid["input"].choices == ("claims", "sizes")
    assert slid["input"].value == "sizes"
    same, more = what_if(live, {}), what_if(live, {"input": "claims", "level": 150})
    assert abs(same["measures"][0]["mean"] - 33_000) < 1000
    assert more["measures"][0]["mean"] == pytest.approx(1.5 * 33_000, rel=0.03)
    assert more["measures"][0]["before"] == pytest.approx(33_000, rel=0.03)
    assert more["answer"].startswith("Loss is")
    ruin = next(m for m in more["measures"] if m["where"] == "ruin")
    assert ruin["unit"] == "%"
    assert ruin["mean"] > 30
    with pytest.raises(StudyError) as error:
        what_if(live, {"input": "claim", "level": 110})
    assert 'Did you mean "claims"' in str(error.value)


def test_the_server_asks_an_experiment_as_it_asks_a_model(model):
    endpoint = next(e for e in registry.engine("simulation").endpoints if e.name == "what-if")
    live = endpoint.load(dict(model))
    reply = endpoint.answer(live, endpoint.ask(input="sizes", level=50))
    assert reply.measures[0].mean == pytest.approx(0.5 * 33_000, rel=0.03)
    assert [s.name for s in endpoint.sliders(live, {})] == ["input", "level"]


# ---- formulas -----------------------------------------------------------------------------------------------------


def test_values_may_use_those_before_them():
    inputs = Inputs.read({"n": poisson(3), "z": Drawn(normal(0, 1), 2)})
    made = Formulas.read({"a": "sum(z)", "b": "a + n", "c": "b > 3 and a < 0"}, inputs)
    out = made({"n": np.array([3.0, 0.0]), "z": np.array([[-0.2, 0.5], [-1.0, 0.5]])})
    assert out["a"].tolist() == pytest.approx([0.3, -0.5])
    assert out["b"].tolist() == pytest.approx([3.3, -0.5])
    assert out["c"].tolist() == [False, False]
    assert out["c"].dtype == bool


# ---- what is wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('values.y = "x"\ninputs.x = { exponentiel = 1 }', ("simulation.distribution", "experiment.inputs.x")),
        ('values.y = "x +"\ninputs.x = "poisson(mean=1)"', ("simulation.expression", "experiment.values.y")),
        ('values.y = "z"\ninputs.x = "poisson(mean=1)"', ("simulation.expression", "experiment.values.y")),
        ('values.y = "x"\ninputs.x = { dice = { draws = 2 } }', ("simulation.experiment", "experiment.values.y")),
        ('values.x = "x"\ninputs.x = "poisson(mean=1)"', ("simulation.input", "experiment.values.x")),
        ('values.y = "x"\ninputs.sum = 1\ninputs.x = 2', ("simulation.input", "experiment.inputs.sum")),
        ('values.y = "x"\ninputs.x = 2\ncontrol = ["z"]', ("simulation.control", "experiment.control")),
        ('values.y = "x"\ninputs.x = 2\nexact.z = 2', ("simulation.measure", "experiment.exact")),
        ('values.y = "x"\ninputs.x = 2\nstrata.x = 2', ("simulation.method", "experiment.strata")),
        ('values.y = "x"\ninputs.x = { fit = "sizes" }', ("simulation.table", "experiment.inputs.x")),
        ('values.y = "x"\ninputs.x = { poisson = 1, total = "n" }', ("simulation.input", "experiment.inputs.x")),
        ('values = {}\ninputs.x = 1', ("simulation.experiment", "experiment.values")),
        ('values.y = "x"\ninputs = {}', ("simulation.input", "experiment.inputs")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_its_key(tmp_path, text, expected):
    assert expected in wrong(tmp_path, f"[experiment]\n{text}\n")


def test_an_experiment_stands_alone(tmp_path):
    text = INSURANCE + '[[station]]\nname = "desk"\nservice = 1\n'
    assert ("simulation.experiment", "station") in wrong(tmp_path, text)
    assert ("simulation.experiment", "run.until") in wrong(tmp_path, INSURANCE, "[run]\nuntil = 5\n")


def test_the_run_is_told_by_its_keys(tmp_path):
    assert ("simulation.run", "run.replications") in wrong(tmp_path, INSURANCE, "[run]\nreplications = 5\n")
    assert ("simulation.measure", "run.of") in wrong(tmp_path, INSURANCE, '[run]\nof = "los"\n')


def test_infinite_variance_names_the_value_and_a_quantile_is_answered(tmp_path):
    text = '[experiment]\ninputs.x = { pareto = { shape = 1.5, scale = 1 } }\nvalues.y = "x"\n'
    assert wrong(tmp_path, text) == {("simulation.infinite-variance", "experiment.values.y")}
    run = ran(tmp_path, text, '[run]\nof = "y:q90"\n')
    q = rows(run.tables["measures"])["y", "q90"]
    assert abs(q["mean"] - 10 ** (1 / 1.5)) <= 1.6 * q["half_width"]
    assert "in 90 of 100 times" in run.answer


def test_a_formula_that_gives_no_number_is_told(tmp_path):
    text = '[experiment]\ninputs.x = { normal = { mean = 0, sd = 1 } }\nvalues.y = "log(x)"\n'
    with pytest.raises(DataError) as error:
        ran(tmp_path, text)
    assert "'y' is nan" in str(error.value)


def test_an_unreached_precision_is_in_the_notes(tmp_path):
    run = ran(tmp_path, INSURANCE + "most = 20000\n", "[run]\nprecision = 0.0001\n")
    assert run.facts["reached"] is False
    assert any("not reached" in note for note in run.manifest["notes"])
