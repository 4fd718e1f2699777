"""A life in a world: tests the meaning of each condition, and that lives are independent."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from genomes.errors import InputError
from genomes.evolvable import endowed
from genomes.streams import Streams, derive
from inner_loop.contracts.specimen import chosen, own_streams, tensors
from inner_loop.life import CONDITIONS
from inner_loop.lives import behaviour as episode
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import behave
from inner_loop.lives.episodes import EpisodicLifetime, live_in
from inner_loop.network import Network, Weights
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rule import Exploration, LearningRule
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.rules.trial_and_error import TrialAndError

COMMON = derive(3, "life")
DAY, EVENING = 2.0**-6, 2.0**-3  # exact in any float


def own(owners):
    return derive(3, "life", owners=list(owners))


@dataclass(frozen=True)
class Growing(LearningRule[torch.Tensor]):
    """Adds to one bias at every step of a running life: the sum shows how long and since when it was plastic.

    The state counts the steps since birth; an episode that is over adds `evening`.
    """

    daily: float = DAY
    evening: float = 0.0
    told: list = field(default_factory=list)
    exploration: Exploration = field(default_factory=Exploration)

    def init(self, network, newborn, weights, streams):
        return torch.zeros(newborn.lives)

    def explores(self, newborn):
        return self.exploration

    def step(self, network, weights, state, lived, newborn):
        going = lived.alive.any(1)
        weights.biases["action"][:, 0, 0] += self.daily * going
        self.told.append((newborn.lives, lived, state.clone()))
        return weights, state + going

    def consolidate(self, network, weights, state, newborn):
        weights.biases["action"][:, 0, 0] += self.evening
        return weights, state


LIFE = EpisodicLifetime(episodes=3, exams=4)


def grown(newborn, more):
    """The same networks with a larger bias, (P,) or one number."""
    bias = newborn.bias("action").clone()
    bias[:, 0] += torch.as_tensor(more)
    return newborn.with_units({"action": {"bias": bias}})


def exam(newborn, world, streams, rule=None, split="selection", exams=4, forgetful=False, feedback=False):
    """Scores and steps of an examination, computed without live_in."""
    apart, drawn = rule is not None, (streams.stream(f"exam {split}"), streams.stream("hidden"))
    weights = Weights.born(newborn).repeated(exams if apart else 1)
    newborn = newborn.repeated(exams if apart else 1)
    being = AgentState(Network.of(newborn), newborn, world, None, feedback, apart)
    state = rule.init(being.network, newborn, weights, own_streams(newborn)) if apart else None
    return behave(being, weights, *drawn, exams, rule, state, forgetful).scores


def same(measured, condition, scores):
    return all(np.array_equal(measured[f"{condition}.{name}"], score.numpy()) for name, score in scores.items())


def differ(measured, one, other):
    return (measured[f"{one}.return"] != measured[f"{other}.return"]).all()


@pytest.mark.parametrize("kind", ["continuous", "response"])
@pytest.mark.parametrize("streams", [COMMON, own(range(3))], ids=["common", "own"])
def test_every_condition_means_what_it_says(corridor, networks, kind, streams):
    world, newborn, rule = corridor(kind, stride=0.01), networks(range(3)), Growing(evening=EVENING)
    measured = live_in(newborn, rule, None, world, LIFE, streams)
    after = grown(newborn, 3 * (DAY * 12 + EVENING))
    assert same(measured, "innate", exam(newborn, world, streams, forgetful=True))
    assert same(measured, "innate_memory", exam(newborn, world, streams))
    assert same(measured, "innate_plastic", exam(newborn, world, streams, rule))
    for condition, plastic in (("learned", None), ("learned_plastic", rule)):
        for name, score in exam(after, world, streams, plastic).items():
            assert np.allclose(measured[f"{condition}.{name}"], score, rtol=1e-12, atol=1e-12)
    for i, one in enumerate(CONDITIONS):
        assert all(differ(measured, one, other) for other in CONDITIONS[:i]), one
    assert np.array_equal(measured["gain"], measured["learned.return"] - measured["innate.return"])
    assert measured["steps"].tolist() == [36.0] * 3


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_life_is_its_episodes_one_after_the_other(corridor, networks, parallel):
    world, newborn, rule = corridor("response"), networks(range(3)), Growing(evening=EVENING)
    life, streams = replace(LIFE, parallel=parallel, criterion=0.0), own(range(3))
    measured = live_in(newborn, rule, None, world, life, streams)
    being, weights = AgentState(Network.of(newborn), newborn, world, None), Weights.born(newborn)
    state, curve, steps = (
        rule.init(being.network, newborn, weights, own_streams(newborn)),
        [],
        torch.zeros(3, dtype=torch.float64),
    )
    for number in range(3):
        drawn = streams.stream(f"episode {number}"), streams.stream("hidden")
        lived = behave(being, weights, *drawn, parallel, rule, state)
        weights, state = lived.weights, lived.state
        curve.append(lived.scores["return"].numpy())
        steps += lived.steps
    assert np.array_equal(measured["curve"], np.stack(curve, 1))
    assert np.array_equal(measured["steps"], steps)
    assert np.array_equal(measured["area"], measured["curve"].mean(1))
    assert len(set(measured["curve"].flatten().tolist())) == 9, "every episode of every life is another one"
    counted = rule.told[-1][2] + 1
    assert (state - rule.told[-1][2] <= 1).all()
    assert (counted <= 3 * 12).all()
    learned = grown(newborn, (weights.biases["action"][:, 0, 0] - newborn.bias("action")[:, 0]))
    for name, score in exam(learned, world, streams).items():
        assert np.allclose(measured[f"learned.{name}"], score, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [1, 3])
def test_trials_to_criterion_are_episodes(corridor, networks, parallel):
    newborn, life = networks(range(3)), replace(LIFE, parallel=parallel)

    def measured(criterion):
        of_life = replace(life, criterion=float(criterion))
        return live_in(newborn, Growing(), None, corridor("response"), of_life, COMMON)

    curve = measured(0.0)["curve"]
    reached = set()
    for criterion in (*curve.flatten(), curve.max() + 1.0):
        for scores, trials in zip(curve.tolist(), measured(criterion)["trials_to_criterion"].tolist(), strict=True):
            needed = next((number for number, score in enumerate(scores) if score >= criterion), 3) + 1
            assert trials == needed * parallel
            reached.add(needed)
    assert reached >= {1, 2, 4}


def test_weights_that_do_not_persist_are_those_of_birth_in_every_episode(corridor, networks):
    world, newborn, streams = corridor("response", stride=0.01), networks(range(3)), own(range(3))
    rules = {persist: Growing(evening=EVENING) for persist in (True, False)}
    lived = {
        persist: live_in(newborn, rule, None, world, replace(LIFE, persist=persist), streams)
        for persist, rule in rules.items()
    }
    begun = {
        persist: [counted[0].item() for lives, lived, counted in rule.told if lives == 3 and lived.step == 0]
        for persist, rule in rules.items()
    }
    assert begun == {True: [0.0, 12.0, 24.0], False: [0.0, 0.0, 0.0]}
    assert np.array_equal(lived[True]["curve"][:, 0], lived[False]["curve"][:, 0])
    assert (lived[True]["curve"][:, 1:] != lived[False]["curve"][:, 1:]).all()
    for name, score in exam(grown(newborn, DAY * 12 + EVENING), world, streams).items():
        assert np.allclose(lived[False][f"learned.{name}"], score, rtol=1e-12, atol=1e-12)


def test_an_examination_begins_with_a_new_state_and_the_rule_is_told_so(corridor, networks):
    rule = Growing()
    live_in(networks(range(3)), rule, None, corridor("response", stride=0.01), replace(LIFE, episodes=1), COMMON)
    told = {lives: [] for lives in (3, 12)}
    for lives, lived, state in rule.told:
        told[lives].append((lived.step, state.unique().tolist(), lived.reward.shape[1]))
    assert told[3] == [(step, [float(step)], 1) for step in range(12)], "the life"
    assert told[12] == [(step, [float(step)], 1) for step in range(12)] * 2, "two examinations, of episodes apart"


def test_exploration_belongs_to_plasticity(corridor, networks):
    """A rule explores in the life and in the plastic conditions, and only there."""
    world, newborn = corridor("response", stride=0.01), networks(range(3))

    @dataclass(frozen=True)
    class Trying(LearningRule[tuple[()]]):
        def init(self, network, newborn, weights, streams):
            return ()

        def explores(self, newborn):
            return Exploration(choice=torch.full((newborn.lives,), 0.5), noise=torch.full((newborn.lives,), 0.5))

        def step(self, network, weights, state, lived, newborn):
            return weights, state

    calm, tried = (live_in(newborn, rule, None, world, LIFE, COMMON) for rule in (Growing(0.0), Trying()))
    for condition in CONDITIONS:
        equal = np.isclose(calm[f"{condition}.return"], tried[f"{condition}.return"], rtol=1e-12)
        assert (equal if condition in ("innate", "innate_memory", "learned") else ~equal).all(), condition
    assert (calm["curve"] != tried["curve"]).all()


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize(("rule", "episodes"), [(Frozen(), 2), (Growing(), 0), (Growing(), 2)])
def test_conditions_that_are_measured_once_are_those_that_cannot_differ(
    corridor, networks, memory, feedback, rule, episodes
):
    world, newborn, streams = (
        corridor("continuous", stride=0.01),
        networks(range(3), memory, feedback=feedback),
        own(range(3)),
    )
    life = replace(LIFE, episodes=episodes, feedback=feedback)
    measured = live_in(newborn, rule, None, world, life, streams)
    given = {"feedback": feedback}
    ages = {"innate": newborn, "learned": newborn if isinstance(rule, Frozen) else grown(newborn, DAY * 12 * episodes)}
    for condition in CONDITIONS:
        age, _, how = condition.partition("_")
        plastic = rule if how == "plastic" else None
        apart = exam(ages[age], world, streams, plastic, forgetful=condition == "innate", **given)
        assert all(np.allclose(measured[f"{condition}.{n}"], s, rtol=1e-12, atol=1e-12) for n, s in apart.items())
    assert differ(measured, "innate", "innate_memory") == (memory or feedback)
    assert ("curve" in measured) == (episodes > 0)


def test_what_is_not_measured_is_not_lived(corridor, networks):
    rule, life = Growing(), replace(LIFE, measured=("innate", "innate_plastic"))
    measured = live_in(networks(range(3)), rule, None, corridor(), life, COMMON)
    assert {lives for lives, *_ in rule.told} == {12}, "nothing but the examination"
    assert set(measured) == {
        "innate.return", "innate.place", "innate_plastic.return", "innate_plastic.place", "synapses",
    }  # fmt: skip


@pytest.mark.parametrize(
    "measured", [CONDITIONS, ("innate",), ("learned",), ("learned_plastic",), ("learned", "innate")]
)
@pytest.mark.parametrize("episodes", [0, 2])
def test_names_are_those_of_what_is_measured(corridor, networks, measured, episodes):
    world, life = corridor("response"), replace(LIFE, measured=measured, episodes=episodes)
    found = live_in(networks(range(3)), Growing(), None, world, life, COMMON)
    assert set(found) - {"curve"} == set(life.names(world.score_names))
    assert all(m.dtype == np.float64 and m.shape == (3,) for name, m in found.items() if name != "curve")


@pytest.mark.slow
def test_a_life_leaves_its_phenotype_as_it_was_born(corridor, networks):
    rule = Hebbian(0.5)
    newborn = endowed(networks(range(3)), "rule", rule, {})
    before = {name: t.clone() for name, t in tensors(newborn).items()}
    for exams in (1, 3):
        life = replace(LIFE, exams=exams)
        live_in(newborn, rule, None, corridor(), life, own(range(3)), held_out=[("far", corridor(stride=0.1))])
    assert all(torch.equal(t, before[name]) for name, t in tensors(newborn).items())


@pytest.mark.parametrize("exams", [1, 3])
def test_an_examination_leaves_the_life_as_it_was(corridor, networks, exams):
    def measured(conditions):
        life = replace(LIFE, exams=exams, measured=conditions)
        return live_in(networks(range(3)), Growing(0.5), None, corridor("response"), life, own(range(3)))

    forth, back = measured(CONDITIONS), measured(CONDITIONS[::-1])
    assert all(np.array_equal(forth[name], back[name]) for name in forth)


def test_what_is_hidden_in_a_life_stays_over_its_episodes_and_examinations(corridor, networks):
    rule, streams = Growing(), own(range(8))
    world, far = corridor("response", stride=0.01), corridor("response", stride=0.005)
    live_in(networks(range(8)), rule, None, world, LIFE, streams, "test", [("far", far)])
    sides = streams.stream("hidden").stream("side").integers(2, 1) * 2.0 - 1.0
    assert len(sides.unique()) == 2
    for _, lived, _ in rule.told:
        seen = lived.activities["senses"][:, 1].reshape(8, -1)
        assert torch.equal(seen, sides.expand_as(seen).double())
    assert {lives for lives, *_ in rule.told} == {8, 32}


def test_episodes_and_splits_are_drawn_apart_and_conditions_meet_the_same(corridor, networks):
    def noise(split):
        rule = Growing()
        live_in(networks(range(3)), rule, None, corridor(), LIFE, own(range(3)), split)
        firsts = [lived.activities["senses"][:, 0] for _, lived, _ in rule.told if lived.step == 0]
        return [tuple(first.flatten().tolist()) for first in firsts]

    selection, test = noise("selection"), noise("test")
    exams = [[n for n in numbers if len(n) == 12] for numbers in (selection, test)]
    lives = [[n for n in numbers if len(n) == 3] for numbers in (selection, test)]
    assert lives[0] == lives[1], "the life is the same whatever examines it"
    assert len(set(lives[0])) == 3
    assert [len(set(e)) for e in exams] == [1, 1], "all conditions meet the same episodes"
    assert not set(exams[0][0]) & set(exams[1][0])
    assert not set(exams[0][0]) & {number for life in lives[0] for number in life}


@pytest.mark.slow
def test_held_out_worlds_are_behaved_in_after_the_life_at_home(corridor, networks):
    world, newborn, streams = corridor("response", stride=0.01), networks(range(3)), own(range(3))
    away = [("far", corridor("response", stride=0.005)), ("near end", corridor("response", stride=0.3))]
    rule = Growing(evening=EVENING)
    measured = live_in(newborn, rule, None, world, LIFE, streams, "test", away)
    at_home = live_in(newborn, rule, None, world, LIFE, streams, "test")
    assert all(np.array_equal(measured[name], m) for name, m in at_home.items())
    conditions = (*CONDITIONS, "learned_there")
    wanted = {f"held_out.{name}.{c}.{s}" for name, _ in away for c in conditions for s in world.score_names}
    assert set(measured) - set(at_home) == wanted
    after = grown(newborn, 3 * (DAY * 12 + EVENING))
    for name, there in away:
        lived_there = live_in(newborn, rule, None, there, LIFE, streams, "test")
        for condition in ("innate", "innate_memory", "innate_plastic"):
            assert np.array_equal(measured[f"held_out.{name}.{condition}.return"], lived_there[f"{condition}.return"])
        for condition, plastic in (("learned", None), ("learned_plastic", rule)):
            found = exam(after, there, streams, plastic, "test")
            assert np.allclose(measured[f"held_out.{name}.{condition}.return"], found["return"], rtol=1e-12)
        assert np.array_equal(measured[f"held_out.{name}.learned_there.return"], lived_there["learned.return"])
    home, there = (measured[f"held_out.near end.{c}.return"] for c in ("learned", "learned_there"))
    assert not np.allclose(home, there), "episodes end sooner there"


def test_held_out_worlds_are_measured_whatever_a_generation_is_measured_in(corridor, networks):
    life = replace(LIFE, measured=("innate",))
    away = [("far", corridor("response", stride=0.005))]
    measured = live_in(networks(range(3)), Growing(), None, corridor("response"), life, COMMON, held_out=away)
    assert {name.split(".")[2] for name in measured if name.startswith("held_out")} == {*CONDITIONS, "learned_there"}


RULES = [Growing(), Hebbian(0.05), TrialAndError(), Backprop(0.01), Frozen()]


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("kind", ["discrete", "continuous"])
def test_a_life_does_not_depend_on_those_beside_it(corridor, networks, rule, kind, monkeypatch):
    """When one life lasts longer, the episodes of the others are over, and nothing of them changes any more."""
    monkeypatch.setattr(episode, "_LOOK", 1)
    owners, order = [4, 5, 6, 7], [2, 0, 3, 1]
    world, life = corridor(kind, walk=30, taught=True), EpisodicLifetime(episodes=2, exams=2, parallel=2)
    newborn = endowed(networks(owners, not isinstance(rule, Backprop)), "rule", rule, {})
    away = [("far", replace(world, stride=0.1))]

    def measured(rows):
        lives, streams = chosen(newborn, rows), own(owners[r] for r in rows)
        return live_in(lives, rule, SquaredError(), world, life, streams, held_out=away)

    together = measured(range(4))
    for rows in (order, *([row] for row in range(4))):
        for name, found in measured(rows).items():
            assert np.allclose(found, together[name][rows], rtol=1e-12, atol=1e-12), name
    assert len(set(together["steps"].tolist())) > 1


def test_common_chance_is_that_of_everybody(corridor, networks):
    newborn, copies = networks(range(3)), Streams(COMMON.keys.expand(3, -1))
    one, each = (live_in(newborn, Growing(), None, corridor(), LIFE, streams) for streams in (COMMON, copies))
    assert all(np.allclose(one[name], each[name], rtol=1e-12) for name in one)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"episodes": -1}, "lifetime.episodes: expected at least 0, got -1"),
        ({"exams": 0}, "lifetime.exams: expected at least 1, got 0"),
        ({"parallel": 0}, "lifetime.parallel: expected at least 1, got 0"),
        ({"births": 0}, "lifetime.births: expected at least 1, got 0"),
        ({"measured": ()}, "lifetime.measured: expected at least one condition, each once, got []"),
        ({"measured": ("innate", "innate")}, "lifetime.measured: expected at least one condition, each once, got "),
        ({"criterion": float("inf")}, "lifetime.criterion: expected a finite score, got inf"),
    ],
)
def test_a_lifetime_that_cannot_be_is_refused(given, sentence):
    with pytest.raises(InputError) as caught:
        EpisodicLifetime(**given)
    assert str(caught.value).startswith(sentence)
