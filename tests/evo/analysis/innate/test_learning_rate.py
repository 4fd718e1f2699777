"""Networks without a bottleneck learn at the rate that suits them, chosen on the selection split alone."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest

from evo.analysis.innate.battery import DIRECT, LONG, battery
from evo.analysis.innate.innate import innate_test
from evo.analysis.innate.learning_rate import PACES, in_words, pace
from genomes.interventions.faster import Faster
from genomes.interventions.standard import Standard
from genomes.streams import derive
from inner_loop.rule import LearningRule
from inner_loop.rules.backprop import Backprop


@pytest.mark.parametrize(("own", "found"), [(0.005, 10.0), (0.05, 1.0), (0.5, 0.1)])
def test_whatever_the_genome_s_rate_the_control_learns_at_its_own(bench_of, learning, own, found):
    bench = bench_of(replace(learning, rule=Backprop(own)), births=4)
    assert pace(bench, bench.life()) == found


@pytest.mark.slow
def test_a_control_does_not_pay_for_a_rate_that_suits_the_genome_alone(bench_of, learning):
    """The genome's rate hardly moves a weight: at that rate the control would seem to learn nothing."""
    slow = battery(bench_of(replace(learning, rule=Backprop(1e-3)), births=4))
    assert slow.paces[DIRECT] == slow.paces[LONG] == max(PACES)
    bench = slow.bench
    at_the_genome_s = bench.measure("x", bench.newborns(Standard()), True, bench.life())
    assert slow.lives[DIRECT]["curve"][:, -1].mean() > at_the_genome_s["curve"][:, -1].mean() + 0.05


@pytest.mark.slow
def test_the_test_split_chooses_nothing(bench_of, learning, recording):
    bench = bench_of(learning, births=4, executor=recording)
    chosen = pace(bench, bench.life())
    assert {assay.split for _, assay in recording.asked} == {"selection"}
    assert [assay.interventions[1:] for _, assay in recording.asked] == [(Faster(times),) for times in PACES]
    areas = [
        bench.measure("x", bench.newborns(Standard(), Faster(p)), True, bench.life(), split="selection") for p in PACES
    ]
    assert chosen == PACES[max(range(len(PACES)), key=lambda place: areas[place]["area"].mean())]


@pytest.mark.slow
def test_a_multiple_at_which_lives_fail_is_not_taken(bench_of, learning):
    bench = bench_of(replace(learning, rule=Backprop(100.0)), births=2)
    lived = bench.measure("x", bench.newborns(Standard()), True, bench.life(), split="selection")
    assert np.isnan(lived["area"]).all(), "at the genome's own rate"
    assert pace(bench, bench.life()) == min(PACES)
    lost = bench_of(replace(learning, rule=Backprop(1e30)), births=2)
    assert pace(lost, lost.life()) == 1.0, "none is better"


@final
@dataclass(frozen=True)
class Leaky(LearningRule[None]):
    """Weights fade, by a number that is no learning rate."""

    fading: float = 0.01

    @property
    def teacher(self):
        return "nothing"

    def init(self, network, newborn, weights, streams):
        return None

    def step(self, network, weights, state, lived, newborn):
        weights.flat.mul_(1 - self.fading)
        return weights, state


@pytest.mark.slow
def test_a_rule_without_a_learning_rate_is_not_tuned_and_that_is_said(bench_of, subject_of, learning):
    experiment = replace(learning, rule=Leaky(), objective=None)
    bench = bench_of(experiment, births=2)
    assert pace(bench, bench.life()) is None
    assert battery(bench).paces == {DIRECT: None, LONG: None}
    assert "no learning rate that could be tuned" in in_words(None)
    tested = innate_test([subject_of(experiment)], bench.examiner._executor, births=2, draws=19)
    assert any("no learning rate that could be tuned" in said for said in tested.sections[0].sentences)


def test_faster_is_the_rate_of_every_synapse_times_as_large(bench_of, learning):
    newborn = bench_of(learning)._born
    for name, synapses in Faster(3.0).apply(newborn, derive(0, "x")).projections.items():
        own = newborn.projections[name].parameters["rule.learning_rate"]
        assert synapses.parameters["rule.learning_rate"].tolist() == (3.0 * own).tolist()
        assert synapses.weight is newborn.projections[name].weight
