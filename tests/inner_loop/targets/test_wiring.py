"""A measured wiring as a target: its likelihood by hand, its contract, and a run that fits it."""

import math

import numpy as np
import pytest
import torch

from evo import Run, load
from evo.cli import main as cli
from genomes.errors import InputError
from genomes.phenotype import Phenotype, Synapses
from genomes.topology import layered
from inner_loop.contracts import specimen
from inner_loop.contracts.targets import check_target
from inner_loop.target import Target
from inner_loop.targets import TARGETS
from inner_loop.targets.wiring import Wiring

THERE = np.array([[1, 0, 1], [0, 0, 1]], np.uint8)


@pytest.fixture
def measured(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "wiring.npz", **(arrays or {"layer0 -> layer1": THERE}))
        return Wiring(str(tmp_path / "wiring.npz"))

    return write


def newborn(weight, **parameters):
    return Phenotype(layered(3, 2), {"layer0 -> layer1": Synapses(weight, parameters=parameters)})


def test_the_likelihood_is_that_of_the_probabilities_that_the_newborn_carries(measured):
    probability = torch.tensor([[[0.9, 0.2, 0.6], [0.5, 0.1, 0.8]]], dtype=torch.float64)
    scores = measured().scores(newborn(torch.zeros(1, 2, 3), probability=probability))
    each = [0.9, 0.8, 0.6, 0.5, 0.9, 0.8]
    assert scores["log_likelihood"].tolist() == pytest.approx([sum(map(math.log, each)) / 6])
    assert scores["agreement"].tolist() == [1.0]


def test_without_probabilities_strong_weights_are_likely_synapses(measured):
    strong = torch.tensor([[[3.0, 0.1, -3.0], [0.1, -0.1, 3.0]], [[0.1, 3.0, 0.1], [3.0, 3.0, 0.1]]])
    scores = measured().scores(newborn(strong))
    assert scores["agreement"].tolist() == [1.0, 0.0]
    assert scores["log_likelihood"][0] > math.log(0.8) > math.log(0.2) > scores["log_likelihood"][1]


def test_a_synapse_that_cannot_be_there_costs_much_but_no_infinity(measured):
    probability = torch.zeros(1, 2, 3, dtype=torch.float64)
    scores = measured().scores(newborn(torch.zeros(1, 2, 3), probability=probability))
    assert scores["log_likelihood"].item() == pytest.approx(3 * math.log(1e-6) / 6, rel=1e-4)


def test_the_score_has_a_gradient_in_the_probabilities(measured):
    probability = torch.full((1, 2, 3), 0.5, dtype=torch.float64, requires_grad=True)
    measured().scores(newborn(torch.zeros(1, 2, 3), probability=probability))["log_likelihood"].sum().backward()
    assert torch.equal(probability.grad[0] > 0, torch.as_tensor(THERE).bool())


@pytest.mark.parametrize(
    ("arrays", "named"),
    [
        ({"layer0 -> layer1": THERE.T}, "layer0 -> layer1"),
        ({"elsewhere": THERE}, "elsewhere"),
        ({"layer0 -> layer1": THERE * 2}, "layer0 -> layer1"),
    ],
)
def test_data_of_another_network_are_refused_by_their_name(measured, arrays, named):
    with pytest.raises(InputError, match=f"^Wiring.path.*{named}"):
        measured(**arrays).check(layered(3, 2))


def test_every_target_keeps_its_contract(measured):
    edges = {edge.name: specimen.TOPOLOGY.shape(edge) for edge in specimen.TOPOLOGY.edges}
    target = measured(**{name: np.ones(shape, np.uint8) for name, shape in edges.items()})
    assert (Wiring,) == TARGETS, "each is under the contract here"
    assert "individuals in another order have the same scores (to 1e-12)" in check_target(target)
    assert any("no scores were tried" in sentence for sentence in check_target(measured()))


CONFIG = """
topology: {groups: [{name: a, size: 3}, {name: b, size: 2}], projections: [a -> b]}
encoding: {kind: Direct, bits: 4}
target: {kind: Wiring, path: %s}
goals: [innate.log_likelihood]
search: {kind: Genetic, population: 12}
generations: 12
cohort: 6
"""


@pytest.fixture
def config(measured, tmp_path):
    a_to_b = measured(**{"a -> b": THERE})
    (tmp_path / "fit.yaml").write_text(CONFIG % a_to_b.path)
    return tmp_path / "fit.yaml"


def test_a_fit_has_no_learned_score_and_needs_no_rule(config):
    experiment = load(config)
    assert not experiment.learns
    assert experiment.conditions == ("innate",)
    for override, key in (
        ("goals=[learned.log_likelihood]", "goals"),
        ("rule=Hebbian", "rule"),
        ("goals=[gain]", "goals"),
    ):
        with pytest.raises(InputError, match=f"command line: {key}"):
            load(config, [override])


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.usefixtures("rough_pictures")
def test_a_run_fits_the_wiring_and_its_report_says_what_it_lacks(config, tmp_path, capsys):
    assert cli.main(["evolve", str(config), "--serial", "--run", str(tmp_path / "run")]) == 0
    assert "nothing is lived" in capsys.readouterr().out
    run = Run(tmp_path / "run")
    best = run.best()
    assert best.innate > -0.35
    assert "learned" not in best.scores
    assert cli.main(["inspect", str(tmp_path / "run"), "--serial", "--births", "2", "--draws", "19"]) == 0
    assert "no stimuli" in capsys.readouterr().out
    assert isinstance(run.experiment.target, Target)
