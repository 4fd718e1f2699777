"""Shared parts of the cognitive worlds: durations against their distributions, tables by hand, rewards and ends."""

import math
from dataclasses import replace

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.trials.periods import Periods, Scheme, check_timing, extent, length, lengths, longest, picked, tuned
from inner_loop.world import Discrete
from inner_loop.worlds.context_integration import ContextIntegration
from inner_loop.worlds.delayed_match import DelayedMatch
from inner_loop.worlds.go_no_go import GoNoGo
from inner_loop.worlds.perceptual_decision import PerceptualDecision
from inner_loop.worlds.ready_set_go import ReadySetGo

KINDS = (PerceptualDecision, DelayedMatch, ContextIntegration, GoNoGo, ReadySetGo)
RANDOM = ("truncated_exponential", (600.0, 300.0, 3000.0))
VARIANTS = [
    Scheme(interrupt=False),
    Scheme(must_fixate=True),
    Scheme(must_fixate=True, interrupt=False, correct=3.0, abort=-1.0, decision_weight=1.0),
]


def lived(world, act, episodes=300):
    """Moments and scores of one life whose actions are act(moments so far), (B,) whole numbers."""
    keys = derive(0, "lived", owners=[5])
    state, moment = world.reset(keys, episodes, keys)
    seen, returns, going = [moment], torch.zeros(1, episodes).double(), torch.ones(1, episodes, dtype=torch.bool)
    for _ in range(world.steps):
        state, moment = world.step(state, act(seen).expand(1, episodes))
        seen.append(moment)
        returns += moment.reward * going
        going &= ~moment.terminated
    assert not going.any()
    return seen, world.scores(state, returns)


def nothing(seen):
    return torch.tensor([[0]])


def taught(seen):
    return seen[-1].target.argmax(1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_contract_holds(kind):
    for world in (kind(), *(kind(scheme=scheme) for scheme in VARIANTS)):
        assert f"every episode has ended after {world.steps} steps" in check_world(world)
    assert kind().score_names == ("accuracy", "return")
    assert kind().teaches
    assert isinstance(kind().actions, Discrete)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", [Scheme(), Scheme(interrupt=False), Scheme(must_fixate=True)], ids=repr)
def test_who_does_as_the_teacher_says_is_right_and_is_paid(kind, scheme):
    _, scores = lived(kind(scheme=scheme), taught)
    assert scores["accuracy"].item() == 1.0
    least, most = {GoNoGo: (0.45, 0.55), ReadySetGo: (0.4, 0.65)}.get(kind, (1.0, 1.0))  # half are no-go; a step late
    assert least <= scores["return"].item() <= most


@pytest.mark.parametrize("kind", [k for k in KINDS if k is not GoNoGo])
@pytest.mark.parametrize("scheme", [Scheme(), Scheme(interrupt=False)], ids=repr)
def test_who_never_acts_is_never_right(kind, scheme):
    seen, scores = lived(kind(scheme=scheme), nothing)
    assert scores["accuracy"].item() == scores["return"].item() == 0.0
    assert not any(moment.reward.any() for moment in seen)


@pytest.mark.parametrize("kind", KINDS)
def test_to_be_right_outside_the_decision_period_counts_for_nothing(kind):
    world = kind(scheme=Scheme(interrupt=False))
    seen, _ = lived(world, nothing)
    answer = torch.stack([moment.target.argmax(1) for moment in seen]).amax(0)  # (1, B)

    def too_early(so_far):
        deciding = so_far[-1].weight != 1.0
        return torch.where(deciding, 0, answer)

    _, scores = lived(world, too_early)
    silent = lived(world, nothing)[1]["accuracy"]
    assert scores["accuracy"].item() == silent.item()


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_first_answer_counts_when_the_trial_goes_on(kind):
    world = kind() if kind is ReadySetGo else kind(decision=500.0)
    patient, last = replace(world, scheme=Scheme(interrupt=False)), world.outputs - 1

    def then(second):
        def act(so_far):
            begun = sum(moment.weight == 5.0 for moment in so_far)
            return torch.where(begun == 1, last, torch.where(begun > 1, second, 0))

        return act

    once, stubborn, contrary = (lived(patient, then(second)) for second in (0, last, 1))
    assert once[1] == stubborn[1] == contrary[1] == lived(world, then(last))[1]
    ends = [torch.stack([moment.terminated for moment in seen]) for seen, _ in (once, lived(patient, nothing))]
    assert torch.equal(*ends)  # no trial is interrupted, unless configured
    assert lived(world, then(last))[0][-2].terminated.all()


@pytest.mark.parametrize("kind", [k for k in KINDS if k is not GoNoGo])
def test_fixation_is_paid_for(kind):
    world = replace(kind(), fixation=300.0)
    fixating = int(300.0 // world.dt)
    always = lived(replace(world, scheme=Scheme(interrupt=False)), lambda seen: torch.tensor([[1]]))[0]
    paid = torch.stack([moment.reward for moment in always])
    assert torch.allclose(paid[1 : fixating + 1], torch.tensor(-0.1))
    assert not paid[fixating + 1 : fixating + 4].any()  # actions after that have no cost
    strict, scores = lived(replace(world, scheme=Scheme(must_fixate=True)), lambda seen: torch.tensor([[1]]))
    assert strict[1].terminated.all()
    assert scores["accuracy"].item() == 0.0
    assert scores["return"].item() == pytest.approx(-0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_decision_weighs_more_and_the_silence_after_the_end_nothing(kind):
    for weight in (5.0, 0.5):
        seen, _ = lived(kind(scheme=Scheme(decision_weight=weight)), nothing)
        ended = torch.stack([moment.terminated for moment in seen]).int().argmax(0)
        weights = torch.stack([moment.weight for moment in seen])
        rows = torch.arange(len(seen))[:, None, None]
        assert torch.equal(weights != 0.0, rows < ended)
        assert weights.unique().tolist() == sorted([0.0, weight, 1.0])
        asked = torch.stack([moment.target[:, 1:].sum(1) for moment in seen]) > 0
        assert (weights[asked] == weight).all()


def test_durations_take_the_whole_steps_that_fit():
    assert extent(83.0, 80.0) == (1, 1)
    assert extent(750.0, 100.0) == (7, 7)
    assert extent(0.0, 100.0) == (0, 0)
    assert extent(("choice", (300.0, 150.0, 220.0)), 100.0) == (1, 3)
    assert extent(("uniform", (800.0, 1500.0)), 80.0) == (10, 18)
    assert extent(RANDOM, 100.0) == (3, 29)  # 3000 itself is never drawn
    assert longest({"a": 150.0, "b": RANDOM}, 100.0) == 30
    assert length(750.0, 100.0, derive(0, "", owners=range(3)), 2).tolist() == [[7, 7]] * 3


@pytest.mark.parametrize(
    ("duration", "dt", "share"),
    [
        (("uniform", (800.0, 1500.0)), 80.0, dict.fromkeys(range(10, 18), 80 / 700) | {18: 60 / 700}),
        (("choice", (100.0, 250.0, 290.0)), 100.0, {1: 1 / 3, 2: 2 / 3}),
        (
            RANDOM,
            100.0,
            {
                steps: (math.exp(-steps / 6) - math.exp(-(steps + 1) / 6)) / (math.exp(-3 / 6) - math.exp(-5))
                for steps in range(3, 30)
            },
        ),
    ],
)  # fmt: skip
def test_random_durations_have_their_distribution(duration, dt, share):
    drawn = length(duration, dt, derive(0, "durations", owners=range(4)), 50_000)
    assert drawn.shape == (4, 50_000)
    steps, counts = drawn.unique(return_counts=True)
    assert steps.tolist() == sorted(share)
    wanted = torch.tensor([share[int(step)] for step in steps])
    assert wanted.sum().item() == pytest.approx(1.0)
    error = (counts / drawn.numel() - wanted).abs() / (wanted * (1 - wanted) / drawn.numel()).sqrt()
    assert error.max() < 4.0


@pytest.mark.parametrize(
    ("dt", "durations", "message"),
    [
        (0.0, {"decision": 100.0}, "World.dt: expected a number of ms above 0"),
        (math.nan, {"decision": 100.0}, "World.dt"),
        (100.0, {"decision": 99.0}, "World.decision: expected at least a step of 100 ms"),
        (100.0, {"decision": ("uniform", (50.0, 500.0))}, "World.decision"),
        (100.0, {"delay": -1.0, "decision": 100.0}, "World.delay: expected ms, or choice"),
        (100.0, {"delay": math.inf}, "World.delay"),
        (100.0, {"delay": ("choice", ())}, "World.delay"),
        (100.0, {"delay": ("uniform", (100.0,))}, "World.delay"),
        (100.0, {"delay": ("uniform", (100.0, 100.0))}, "World.delay"),
        (100.0, {"delay": ("truncated_exponential", (600.0, 300.0))}, "World.delay"),
        (100.0, {"delay": ("truncated_exponential", (0.0, 300.0, 500.0))}, "World.delay"),
        (100.0, {"delay": ("truncated_exponential", (600.0, 500.0, 300.0))}, "World.delay"),
    ],
)
def test_impossible_durations(dt, durations, message):
    with pytest.raises(InputError, match=message):
        check_timing("World", dt, durations)


def test_possible_durations():
    check_timing("World", 20.0, {"a": ("uniform", (0.0, 10.0)), "b": ("choice", (7.0,)), "c": RANDOM, "decision": 20.0})


@pytest.mark.parametrize("wrong", [{"correct": math.nan}, {"abort": -math.inf}, {"decision_weight": -1.0}])
def test_impossible_schemes(wrong):
    with pytest.raises(InputError, match=f"Scheme.{next(iter(wrong))}"):
        Scheme(**wrong)


def by_hand():
    """Two trials: fixation of 1 step, then stimuli of 2 and 0 steps, then a decision of 1 step."""
    taken = {"fixation": [[1, 1]], "stimulus": [[2, 0]], "decision": [[1, 1]]}
    return Periods.in_turn({name: torch.tensor(steps) for name, steps in taken.items()}, 4)


def test_periods_follow_each_other():
    periods = by_hand()
    rows = {name: periods.during(name)[:, 0, 0].T.int().tolist() for name in periods.start}
    assert rows == {
        "fixation": [[1, 0, 0, 0, 0], [1, 0, 0, 0, 0]],
        "stimulus": [[0, 1, 1, 0, 0], [0, 0, 0, 0, 0]],
        "decision": [[0, 0, 0, 1, 0], [0, 1, 0, 0, 0]],
    }
    assert periods.during("fixation", "stimulus")[:, 0, 0].T.int().tolist() == [[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]]
    assert periods.last()[:, 0, 0].T.int().tolist() == [[0, 0, 0, 1, 0], [0, 1, 0, 0, 0]]
    assert periods.since("decision")[:, 0].T.tolist() == [[-3, -2, -1, 0, 1], [-1, 0, 1, 2, 3]]


def test_noise_is_normal_new_at_every_step_and_only_in_its_period():
    keys, episodes, mean = derive(0, "noise", owners=range(2)), 4000, torch.zeros(2, 3, 4000).double()
    taken = lengths({"fixation": ("choice", (0.0, 100.0)), "stimulus": 300.0, "decision": 100.0}, 100.0, keys, episodes)
    periods = Periods.in_turn(taken, 5)
    mean[:, 1] = 7.0
    shown = periods.noisy("stimulus", mean, 0.2, 3, keys.stream("noise"))
    inside = periods.during("stimulus").expand_as(shown)
    assert shown.shape == (6, 2, 3, episodes)
    assert not shown[~inside].any()
    values = shown.permute(0, 2, 1, 3)[inside.permute(0, 2, 1, 3)].view(-1)
    assert values.unique().numel() > 0.99 * values.numel()  # no step and no channel has the noise of another
    noise = torch.where(inside, shown - mean.float(), torch.nan)
    assert noise.nanmean().abs() < 0.003
    assert noise[inside].std().item() == pytest.approx(0.2, rel=0.01)
    assert (noise[inside].abs() < 0.2).float().mean().item() == pytest.approx(0.6827, abs=0.01)
    at_once = shown[:3, 0][:, :, taken["fixation"][0] == 0].flatten(0, 1)
    assert (torch.corrcoef(at_once) - torch.eye(9)).abs().max() < 0.1


def test_rings_and_choices():
    direction = torch.tensor([[0, 1, 3]])
    assert torch.allclose(tuned(direction[:, :2], 2), torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]]).double())
    assert torch.allclose(
        tuned(direction, 4)[0].T, torch.tensor([[1, 0, -1, 0], [0, 1, 0, -1], [0, -1, 0, 1]]).double()
    )
    drawn = picked((6.4, 51.2), derive(0, "picked", owners=range(2)), 10_000)
    assert drawn.unique().tolist() == [6.4, 51.2]
    assert (drawn == 6.4).double().mean().item() == pytest.approx(0.5, abs=0.02)


def test_the_state_before_a_step_is_left_alone():
    world = PerceptualDecision(stimulus=100.0)
    keys = derive(0, "", owners=[0])
    state, _ = world.reset(keys, 8, keys)
    for actions in (0, 0, 1):
        state, _ = world.step(state, torch.full((3, 8), actions)[:, :8])
    again = [world.step(state, torch.full((3, 8), 2)) for _ in range(2)]
    assert torch.equal(again[0][1].reward, again[1][1].reward)
    assert torch.equal(again[0][0].correct, again[1][0].correct)
