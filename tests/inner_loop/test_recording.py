"""Recorded activities equal those of the lives, from which scores were computed."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest
import torch

from evo.analysis.representation.similarity import selectivity
from genomes.errors import InputError
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology, layered
from inner_loop import recording
from inner_loop.life import LifeStreams
from inner_loop.lives.episodes import EpisodicLifetime, live_in
from inner_loop.lives.samples import Lifetime, live
from inner_loop.module import PhenotypeModule
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.recording import evenly, stimuli_there
from inner_loop.rule import LearningRule
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.tasks.digits import Digits
from inner_loop.tasks.teacher import Teacher
from inner_loop.worlds.retina import Retina

DIGITS = Digits(train=600, selection=200, test=200)
LUCK = derive(0, "life")
COEFFICIENTS = {"learning_rate": 0.1, "correlation": 1.0, "presynaptic": 0.0, "postsynaptic": 0.0, "constant": 0.0}


def observe(newborn, rule, objective, environment, lifetime, streams, *more, **named):
    own = LifeStreams.of(streams, newborn)
    return recording.observe(newborn, rule, objective, environment, lifetime, own, *more, **named)


def born(topology, lives=3, units=None):
    """Random networks with all numbers that Backprop and Hebbian need."""
    projections = {}
    for edge in topology.edges:
        post, pre = topology.shape(edge)
        weight = derive(0, edge.name, owners=range(lives)).normal(post, pre).float() / pre**0.5
        parameters = {f"rule.{name}": torch.full((lives, 1, 1), value) for name, value in COEFFICIENTS.items()}
        projections[edge.name] = Synapses(weight, None, parameters)
    return Phenotype(topology, projections, units or {}, {"rule.momentum": torch.full((lives,), 0.9)})


def test_in_a_task_activities_are_those_that_the_scores_are_made_of():
    newborn, lifetime = born(layered(64, 16, 10)), Lifetime(steps=20, batch=16)
    observed = observe(newborn, Backprop(), CrossEntropy(), DIGITS, lifetime, LUCK, "test", 500)
    measured = live(newborn, Backprop(), CrossEntropy(), DIGITS, lifetime, LUCK, "test")
    assert observed.stimuli.tolist() == list(range(200))
    for when, activities in (("innate", observed.birth), ("learned", observed.after)):
        assert activities["layer1"].shape == (3, 16, 200)
        scores = DIGITS.scores(torch.tensor(activities["layer2"]), torch.tensor(observed.targets.T[None]))
        for name, score in scores.items():
            assert score.numpy() == pytest.approx(measured[f"{when}.{name}"], abs=1e-6)
    assert (measured["gain"] > 0.1).all()
    assert observed.changed()
    assert np.array_equal(observed.birth["layer0"], observed.after["layer0"])
    assert observed.asked == "class"
    assert np.array_equal(observed.classes, observed.targets.argmax(1))


def test_activities_at_birth_are_the_exported_networks():
    newborn = born(layered(64, 16, 10))
    observed = observe(newborn, Frozen(), None, DIGITS, Lifetime(steps=3), LUCK)
    with torch.no_grad():
        out = PhenotypeModule(newborn, 2)(torch.tensor(observed.birth["layer0"][2].T).float())
    assert observed.birth["layer2"][2] == pytest.approx(out.numpy().T, abs=1e-5)
    assert not observed.changed()
    assert not np.array_equal(observed.birth["layer2"][0], observed.birth["layer2"][2])


@final
@dataclass(frozen=True)
class Erasing(LearningRule):
    """Does not change the given weights and returns others, all zero."""

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return weights.zeros(), ()


def test_what_comes_after_is_what_the_rule_gave_back():
    observed = observe(born(layered(64, 16, 10)), Erasing(), None, DIGITS, Lifetime(steps=2), LUCK)
    assert (observed.after["layer2"] == 0).all()
    assert (observed.birth["layer2"] != 0).any()


def test_stimuli_can_be_few_and_chosen_by_their_numbers():
    newborn = born(layered(64, 16, 10))
    whole = observe(newborn, Frozen(), None, DIGITS, Lifetime(steps=0), LUCK)
    few = observe(newborn, Frozen(), None, DIGITS, Lifetime(steps=0), LUCK, stimuli=40)
    own = observe(newborn, Frozen(), None, DIGITS, Lifetime(steps=0), LUCK, stimuli=np.array([7, 3, 199]))
    assert few.stimuli.tolist() == list(range(0, 200, 5))
    assert own.stimuli.tolist() == [3, 7, 199]
    for some in (few, own):
        part = whole.part(some.stimuli)
        assert some.birth["layer2"] == pytest.approx(part.birth["layer2"], abs=1e-6)
        assert np.array_equal(some.targets, part.targets)
    with pytest.raises(InputError, match=r"that were met, 200 of them, got \[200\]"):
        observe(newborn, Frozen(), None, DIGITS, Lifetime(steps=0), LUCK, stimuli=np.array([3, 200]))
    with pytest.raises(InputError, match="one stream"):
        observe(newborn, Frozen(), None, DIGITS, Lifetime(steps=0), derive(0, "life", owners=[1, 2]))


def test_evenly():
    assert evenly(10, 4).tolist() == [0, 2, 5, 7]
    assert evenly(3, 5).tolist() == [0, 1, 2]
    assert evenly(0, 5).tolist() == []


def test_targets_that_are_no_classes_are_none():
    newborn = born(layered(5, 4, 3))
    task = Teacher(5, 3, hidden=4, measured=16)
    observed = observe(newborn, Backprop(), SquaredError(), task, Lifetime(steps=5, batch=4), LUCK)
    assert observed.asked == "target"
    assert observed.classes is None
    assert observed.targets.shape == (16, 3)


RETINA = Retina(field=(4, 1), directions=4, wavelength=6.0, shown=10, blank=6, dendrites=2)


def starburst(lives=3):
    groups = (Group("bipolar", 8, leak=0.5), Group("amacrine", 5, "tanh"), Group("tips", 2, "relu"))
    topology = Topology(groups, ("bipolar -> amacrine", "amacrine -> tips", "bipolar -> tips"))
    leak = derive(0, "leak", owners=range(lives)).uniform(8).float()
    return born(topology, lives, {"bipolar": {"leak": leak}})


@pytest.mark.slow
def test_in_a_world_without_actions_activities_are_those_that_the_scores_are_made_of():
    newborn, rule = starburst(), Hebbian(0.1)
    lifetime = EpisodicLifetime(episodes=2, exams=stimuli_there(RETINA) // RETINA.steps)
    observed = observe(newborn, rule, None, RETINA, lifetime, LUCK)
    measured = live_in(newborn, rule, None, RETINA, lifetime, LUCK, "test")
    assert observed.asked == "direction"
    assert len(observed.stimuli) == stimuli_there(RETINA)
    for when, activities in (("innate_memory", observed.birth), ("learned", observed.after)):
        index = [selectivity(a, observed.classes, [observed.classes], observed.angles)[0] for a in activities["tips"]]
        assert np.nan_to_num(index).mean(1) == pytest.approx(measured[f"{when}.gdsi"], abs=1e-5)
    assert not np.allclose(measured["innate_memory.gdsi"], measured["learned.gdsi"])


def test_a_film_is_seen_to_its_end_however_few_stimuli_are_asked_for(corridor, networks):
    few = observe(starburst(), Frozen(), None, RETINA, EpisodicLifetime(episodes=1), LUCK, stimuli=50)
    assert len(few.stimuli) == stimuli_there(RETINA)
    lifetime = EpisodicLifetime(episodes=1)
    met = observe(networks(range(2)), Frozen(), None, corridor(stride=0.0), lifetime, LUCK, stimuli=10_000)
    thin = observe(networks(range(2)), Frozen(), None, corridor(stride=0.0), lifetime, LUCK, stimuli=200)
    assert len(met.stimuli) == 64 * 12
    assert len(thin.stimuli) == 64 * 3
    assert set((thin.stimuli % 12).tolist()) == {0, 4, 8}
    assert np.array_equal(
        thin.birth["action"], met.part(np.isin(met.stimuli, thin.stimuli).nonzero()[0]).birth["action"]
    )


@pytest.mark.parametrize("memory", [True, False])
def test_what_is_replayed_at_birth_is_what_the_first_individual_lived(corridor, networks, memory):
    world, newborn = corridor(), networks(range(3), memory=memory)
    observed = observe(newborn, Frozen(), None, world, EpisodicLifetime(episodes=1), LUCK, stimuli=10_000)
    _, side, place = observed.birth["senses"][0]
    did = observed.birth["action"][0].argmax(0) * 2.0 - 1.0
    follows = np.diff(observed.stimuli) == 1
    follows &= np.diff(observed.episodes) == 0
    assert place[1:][follows] == pytest.approx((place + world.stride * side * did)[:-1][follows])
    assert np.array_equal(observed.birth["senses"][1], observed.birth["senses"][0])
    assert not np.array_equal(observed.birth["action"][1], observed.birth["action"][0])
    assert (np.abs(place) <= 1).all()  # steps after an end were not recorded
    assert observed.asked == "nothing"
    assert observed.classes is None


def test_a_network_that_feels_what_it_did_is_shown_that_too(corridor, networks):
    newborn = networks(range(2), feedback=True)
    lifetime = EpisodicLifetime(episodes=1, feedback=True)
    observed = observe(newborn, Frozen(), None, corridor(stride=0.0), lifetime, LUCK, stimuli=10_000)
    senses, did = observed.birth["senses"][0], observed.birth["action"][0].argmax(0)
    follows = observed.stimuli[1:] % 12 > 0
    assert np.array_equal(senses[3:5, 1:][:, follows], np.eye(2)[did[:-1][follows]].T)
    assert (senses[3:, observed.stimuli % 12 == 0] == 0).all()


def test_what_a_teacher_does_not_insist_on_is_no_class(corridor, networks):
    taught = corridor(taught=True, stride=0.0)
    observed = observe(networks(range(2)), Frozen(), None, taught, EpisodicLifetime(episodes=1), LUCK)
    last = observed.stimuli % 12 % 3 == 2
    assert np.array_equal(observed.classes >= 0, last)
    side = observed.birth["senses"][0, 1]
    assert np.array_equal(observed.classes[last], (side[last] > 0).astype(int))
    assert observed.asked == "action"


def test_a_moment_that_was_not_met_cannot_be_seen(corridor, networks):
    world = corridor(stride=2.0)  # every episode ends with its first step
    lifetime = EpisodicLifetime(episodes=1)
    seen = observe(networks(range(2)), Frozen(), None, world, lifetime, LUCK, stimuli=np.array([0, 12, 24]))
    assert seen.episodes.tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="stimuli: expected numbers of stimuli that were met"):
        observe(networks(range(2)), Frozen(), None, world, lifetime, LUCK, stimuli=np.array([0, 5]))


def test_the_same_lives_are_seen_the_same():
    again = [observe(starburst(), Hebbian(0.1), None, RETINA, EpisodicLifetime(episodes=1), LUCK) for _ in range(2)]
    assert all(np.array_equal(again[0].after[name], again[1].after[name]) for name in again[0].after)
    other = observe(starburst(), Hebbian(0.1), None, RETINA, EpisodicLifetime(episodes=1), derive(1, "life"))
    assert not np.array_equal(again[0].birth["tips"], other.birth["tips"])
    assert np.array_equal(replace(again[0]).classes, again[0].classes)
