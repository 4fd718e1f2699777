"""Lives on sequences: they equal episodes of a world that shows the same, and errors go back through time."""

from dataclasses import dataclass, field
from typing import Any, final

import pytest
import torch

from evo import load
from genomes.errors import InputError
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.contracts import specimen
from inner_loop.contracts.tasks import check_task
from inner_loop.life import LifeStreams
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import behave
from inner_loop.lives.samples import Lifetime, learn, live
from inner_loop.lives.sequences import answers, asked
from inner_loop.network import Network, Weights
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.recording import observe
from inner_loop.rules import BPTT, Backprop, Frozen, Hebbian, PolicyGradient
from inner_loop.tasks.copy_memory import CopyMemory
from inner_loop.world import Moment, Response, World

TASK = CopyMemory(symbols=3, length=2, delay=2, measured=40)
BATCH = 6
GROUPS = (Group("in", TASK.inputs), Group("hidden", 6, "tanh", leak=0.7), Group("out", TASK.outputs))
RECURRENT = Topology(GROUPS, ("in -> hidden", "hidden -> hidden", "hidden -> out"))
PLAIN = Topology((GROUPS[0], Group("hidden", 6, "tanh"), GROUPS[2]), ("in -> hidden", "hidden -> out"))


def lesson(number=0):
    drawn = TASK.draw("train", BATCH, derive(0, "life", owners=specimen.OWNERS), number * BATCH)
    return drawn.inputs.double(), drawn.targets.double()


def learned(rule, topology=RECURRENT, lessons=2):
    newborn = specimen.newborn(rule, torch.float64, topology)
    streams = derive(0, "life", owners=specimen.OWNERS)
    taught = [lesson(number) for number in range(lessons)]
    own = specimen.own_streams(newborn)
    with torch.inference_mode():
        given = Network.of(newborn), Weights.born(newborn), newborn, rule, CrossEntropy(), taught, streams, own, TASK
        *_, (steps, weights) = learn(*given)
    assert steps == lessons
    return newborn, weights


@final
@dataclass(frozen=True)
class Shown(World):
    """Shows one lesson, whatever the network does."""

    inputs: int = TASK.inputs
    number: int = 0
    actions: Any = field(default=Response(TASK.outputs))
    steps: int = TASK.steps
    teaches: bool = True

    def reset(self, streams, episodes, life):
        return 0, self._moment(0)

    def step(self, state, actions):
        return state + 1, self._moment(state + 1)

    def _moment(self, step):
        inputs, targets = lesson(self.number)
        over, step = step == TASK.steps, min(step, TASK.steps - 1)
        ended = torch.full((len(inputs), BATCH), over)
        weight = torch.full((len(inputs), BATCH), float(step in TASK.answered), dtype=torch.float64)
        nothing = torch.zeros(len(inputs), BATCH, dtype=torch.float64)
        never = torch.zeros_like(ended)
        return Moment(inputs[:, step], nothing, ended, never, target=targets[:, step], weight=weight)


RULES = [BPTT(), BPTT(window=3), Hebbian(taught=True)]


@pytest.mark.parametrize(
    ("rule", "topology"), [*((rule, RECURRENT) for rule in RULES), *((rule, PLAIN) for rule in (*RULES, Backprop()))]
)
def test_a_sequence_is_an_episode_of_a_world_that_shows_the_same(rule, topology):
    newborn, weights = learned(rule, topology)
    network, there = Network.of(newborn), Weights.born(newborn)
    streams = derive(0, "life", owners=specimen.OWNERS)
    with torch.inference_mode():
        state = rule.init(network, newborn, there, specimen.own_streams(newborn))
        for number in range(2):
            being = AgentState(network, newborn, Shown(number=number), CrossEntropy())
            after = behave(being, there, streams, streams, BATCH, rule, state)
            there, state = after.weights, after.state
    assert all(torch.equal(w, there.projections[name]) for name, w in weights.projections.items())
    assert not torch.equal(weights.flat, Weights.born(newborn).flat), "it learned"


def test_bptt_descends_the_mean_error_of_the_answers():
    rule = BPTT(learning_rate=0.3, momentum=0.0)
    newborn, weights = learned(rule, lessons=1)
    inputs, targets = lesson()
    leaf = Weights.born(newborn)
    leaves = {name: w.clone().requires_grad_() for name, w in leaf.projections.items()}
    outputs = answers(Network.of(newborn), Weights(leaf.flat, leaves, leaf.biases), inputs, 4, TASK)
    given = asked(targets, TASK)
    loss = -(given * torch.log_softmax(outputs, 1)).sum(1).mean(1).sum()
    loss.backward()
    for name, w in leaves.items():
        mask = newborn.projections[name].mask
        change = -0.3 * w.grad if mask is None else -0.3 * w.grad * mask
        torch.testing.assert_close(weights.projections[name], w.detach() + change, rtol=1e-9, atol=1e-12)


def test_answers_of_a_sequence_stand_side_by_side():
    inputs, targets = lesson()
    assert asked(targets, TASK).shape == (4, 3, BATCH * 2)
    assert torch.equal(asked(targets, TASK)[:, :, 3], targets[:, TASK.answered[1], :, 1])
    newborn = specimen.newborn(Frozen(), torch.float64, RECURRENT)
    given = answers(Network.of(newborn), Weights.born(newborn), inputs, 4, TASK)
    alone = answers(Network.of(newborn), Weights.born(newborn), inputs[..., 1:2], 4, TASK)
    torch.testing.assert_close(given[:, :, 2:4], alone)


def test_whole_sequences_are_resampled():
    newborn, rule = specimen.newborn(Frozen(), torch.float64, RECURRENT), Frozen()
    found = live(newborn, rule, None, TASK, Lifetime(0), derive(0, "life", owners=range(4)), resamples=200)
    spread = found["curve.resampled"][:, 0].std(1)
    assert found["curve.resampled"].shape == (4, 1, 200)
    assert (spread > 0).all()

    @final
    @dataclass(frozen=True)
    class Slow(CopyMemory):
        """The same without scores of single answers."""

        def sample_scores(self, outputs, targets):
            return None

    slow = live(newborn, rule, None, Slow(3, 2, 2, 40), Lifetime(0), derive(0, "life", owners=range(4)), resamples=200)
    torch.testing.assert_close(torch.tensor(slow["curve.resampled"]), torch.tensor(found["curve.resampled"]))


@pytest.mark.slow
def test_memory_solves_what_a_network_without_memory_cannot():
    streams, scores, task = derive(0, "life", owners=range(4)), {}, CopyMemory(3, 1, 2, 40)
    for topology in (RECURRENT, PLAIN):
        rule = BPTT(learning_rate=0.5, momentum=0.9, clip=1.0)
        newborn = specimen.newborn(rule, torch.float64, topology)
        scores[topology] = live(newborn, rule, CrossEntropy(), task, Lifetime(100, 32), streams)["learned.accuracy"]
    assert (scores[RECURRENT] > 0.6).all(), scores
    assert (scores[PLAIN] < 0.5).all(), scores


def test_right_answers_are_paid():
    rule = PolicyGradient(learning_rate=0.5, momentum=0.0, choice=1.0)
    newborn, weights = learned(rule, PLAIN)
    assert not torch.equal(weights.flat, Weights.born(newborn).flat)


def test_stimuli_are_the_steps_of_sequences():
    newborn, rule = specimen.newborn(BPTT(), torch.float64, RECURRENT), BPTT()
    streams = LifeStreams(derive(0, "life"), specimen.own_streams(newborn))
    seen = observe(newborn, rule, CrossEntropy(), TASK, Lifetime(3, 4), streams, stimuli=240)
    assert seen.birth["hidden"].shape == (4, 6, TASK.steps * 40)
    assert seen.changed()
    assert (seen.classes >= 0).reshape(40, TASK.steps).any(0).nonzero()[0].tolist() == list(TASK.answered)
    assert seen.episodes.tolist() == [i // TASK.steps for i in range(240)]


def test_the_task_is_its_description():
    assert "answered steps ascend within a sequence" in check_task(CopyMemory())
    drawn = TASK.draw("test", 5, derive(0, "exam"))
    shown, wanted = drawn.inputs[0].argmax(1), drawn.targets[0].argmax(1)
    assert torch.equal(shown[:2], wanted[4:])
    assert shown[2:].tolist() == [[3] * 5, [4] * 5, [3] * 5, [3] * 5]


def test_memory_needs_time(refused):
    with refused("topology", "recurrence"):
        load("digits", ("topology.groups.hidden.leak=0.5",))
    newborn = specimen.newborn(Frozen(), topology=RECURRENT)
    with pytest.raises(InputError, match="have no time"):
        live(newborn, Frozen(), None, specimen.Teacher(5, 3), Lifetime(0), derive(0, "life"))
