"""BPTT in closed form over a cohort is autograd's gradient descent through the unrolled network, one life at a time."""

from dataclasses import dataclass

import pytest
import torch

from genomes.errors import InputError
from genomes.evolvable import with_units
from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.activation import ACTIVATIONS
from inner_loop.contracts import specimen
from inner_loop.contracts.rules import check_rule
from inner_loop.contracts.specimen import own_streams
from inner_loop.lives.episodes import EpisodicLifetime, live_in
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.plasticity.through_time import order_of_errors
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.bptt import BPTT
from inner_loop.world import Moment, Response, World

LIVES, BATCH, STEPS, EPISODES = 4, 3, 7, 3
MOMENTUM = Evolve((0.0, 0.95))
LEAK = Evolve((0.2, 0.9), per="types")
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def everything(activation):
    """Lateral, recurrent, skip; leaks of the sensory group, by type, and of the output group, which is fed back."""
    groups = (
        Group("in", 5, leak=0.6),
        Group("one", 6, activation, types=2, leak=LEAK),
        Group("two", 4, activation),
        Group("out", 3, types=3, leak=0.8),
    )
    forward = ("in -> one", "one -> two", "two -> out", "in -> out", "one -> out")
    return Topology(groups, (*forward, "one -> one", "two -> one", "out -> two", "out -> out"))


TOPOLOGIES = {
    "everything, tanh": everything("tanh"),
    "everything, relu": everything("relu"),
    "everything, sigmoid": everything("sigmoid"),
    "one lateral projection": Topology(
        (Group("in", 5), Group("hidden", 6, "tanh"), Group("out", 3, "sigmoid")),
        ("in -> hidden", "hidden -> hidden", "hidden -> out"),
    ),
    # "side" receives "main" a step late and sends nothing back; "lost" has no effect
    "recurrent without a loop": Topology(
        (Group("in", 5), Group("side", 4, "tanh"), Group("main", 6, "relu"), Group("lost", 2, "tanh"), Group("out", 3)),
        ("in -> main", "main -> side", "side -> out", "main -> out", "main -> lost", "lost -> lost"),
    ),
    "a leak alone": Topology(
        (Group("in", 5), Group("hidden", 6, "relu", types=2, leak=LEAK), Group("out", 3)),
        ("in -> hidden", "hidden -> out"),
    ),
    "no memory": Topology(
        (Group("in", 5), Group("hidden", 6, "tanh"), Group("out", 3)), ("in -> hidden", "hidden -> out", "in -> out")
    ),
}


def born(rule, topology):
    leaks = {
        f"leak.{group.name}": derive(2, group.name, owners=range(LIVES)).uniform(group.types) * 0.7 + 0.2
        for group in topology.groups
        if isinstance(group.leak, Evolve)
    }
    return with_units(specimen.newborn(rule, torch.float64, topology), leaks)


@dataclass
class Lesson:
    """An episode: inputs, targets, alive, weight, step by step."""

    inputs: list
    targets: list
    alive: list
    weight: list | None


def lessons(topology, weighed=True, steps=STEPS, episodes=EPISODES):
    """The first input of each episode is common to all lives; episodes end when they will, life 0's soon."""
    found = []
    for episode in range(episodes):
        source = derive(episode, "lessons", owners=range(LIVES))
        inputs = [source.stream(f"in {t}").normal(topology.sensory.size, BATCH) for t in range(steps)]
        inputs[0] = inputs[0][:1]
        classes = [source.stream(f"out {t}").integers(topology.output.size, BATCH) for t in range(steps)]
        targets = [torch.nn.functional.one_hot(c, topology.output.size).mT.double().contiguous() for c in classes]
        ends = source.stream("ends").integers(steps, BATCH) + 1
        ends[0].clamp_(max=2)
        alive = [t < ends for t in range(steps)]
        weight = [source.stream(f"weight {t}").uniform(BATCH)[: 1 + t % LIVES % 2 * 3] for t in range(steps)]
        found.append(Lesson(inputs, targets, alive, weight if weighed else None))
    return found


def after(rule, objective, newborn, taught):
    """Weights after these episodes."""
    network, weights = Network.of(newborn), Weights.born(newborn)
    with torch.inference_mode():
        state = rule.init(network, newborn, weights, own_streams(newborn))
        for lesson in taught:
            memory = newborn.topology.has_memory
            before = network.at_rest(newborn.like, BATCH) if memory else None
            for t, inputs in enumerate(lesson.inputs):
                now = network.advance(weights, inputs, before)
                lived = Lived(
                    now.activities, lesson.targets[t], network.output, objective, t, derive(0, "life"), newborn.traits,
                    before and before.activities, now.internal,
                    alive=lesson.alive[t], weight=lesson.weight and lesson.weight[t],
                )  # fmt: skip
                weights, state = rule.step(network, weights, state, lived, newborn)
                before = now if memory else None
            weights, state = rule.consolidate(network, weights, state, newborn)
    return weights


def rates_of(rule, newborn, i):
    """Learning rate of each synapse and bias that learns, (post, pre) or a number."""
    topology, rates = newborn.topology, {}
    plastic = [g.name for g in topology.groups[1:] if rule.plastic == "all" or g.name == topology.output.name]
    for edge in topology.edges:
        if edge.post in plastic:
            synapses = newborn.projections[edge.name]
            rate = synapses.parameters["rule.learning_rate"]
            rates[edge.name] = rate[i].expand(topology.shape(edge))
    for group in plastic:
        rates[group] = torch.stack([rates[e.name].mean() for e in topology.edges if e.post == group]).mean()
    return rates


def unrolled(newborn, i, leaves, activity, inputs):
    """One step of one life, written out again: its activity by group, (units, B)."""
    topology, before, activity = newborn.topology, activity, {}

    def leaky(group, drive):
        leak = newborn.groups.get(group, {}).get("leak")
        return drive if leak is None else (1 - leak[i][:, None]) * before[group] + leak[i][:, None] * drive

    activity[topology.sensory.name] = leaky(topology.sensory.name, inputs)
    for group in topology.groups[1:]:
        total = leaves[group.name][:, None]
        for edge in topology.edges:
            if edge.post == group.name:
                late = topology.index[edge.pre] >= topology.index[edge.post]
                total = total + leaves[edge.name] @ (before if late else activity)[edge.pre]
        activity[group.name] = leaky(group.name, ACTIVATIONS[group.activation].apply_(total.clone()))
    return activity


def loss_of(objective, outputs, targets):
    """Of each sample, (B,)."""
    if isinstance(objective, CrossEntropy):
        return torch.nn.functional.cross_entropy(outputs.T, targets.argmax(0), reduction="none")
    return 0.5 * ((outputs - targets) ** 2).sum(0)


def alone(rule, objective, newborn, taught, i):
    """One life's weights and biases after the same episodes, by autograd and the textbook's momentum and clipping."""
    topology, rates = newborn.topology, rates_of(rule, newborn, i)
    weights = {e.name: newborn.projections[e.name].weight[i].clone() for e in topology.edges}
    weights |= {g.name: newborn.bias(g.name)[i].clone() for g in topology.groups[1:]}
    velocity = {name: torch.zeros_like(weights[name]) for name in rates}
    for lesson in taught:
        activity = {g.name: torch.zeros(g.size, BATCH).double() for g in topology.groups}
        window = rule.window or len(lesson.inputs)
        for first in range(0, len(lesson.inputs), window):
            leaves = {name: w.clone().requires_grad_() for name, w in weights.items()}
            total = counted = 0.0
            for t in range(first, min(first + window, len(lesson.inputs))):
                own = (part[min(i, len(part) - 1)] for part in (lesson.inputs[t], lesson.targets[t]))
                inputs, targets = own
                activity = unrolled(newborn, i, leaves, activity, inputs)
                counts = lesson.alive[t][i].double()
                if lesson.weight is not None:
                    counts = counts * lesson.weight[t][min(i, len(lesson.weight[t]) - 1)]
                total = total + (counts * loss_of(objective, activity[topology.output.name], targets)).sum()
                counted += counts.sum()
            if counted > 0:
                descend(rule, newborn, i, weights, velocity, rates, leaves, total / counted)
            activity = {name: y.detach() for name, y in activity.items()}
    return weights


def descend(rule, newborn, i, weights, velocity, rates, leaves, loss):
    slopes = torch.autograd.grad(loss, [leaves[name] for name in rates], allow_unused=True)
    slopes = {n: torch.zeros_like(weights[n]) if s is None else s for n, s in zip(rates, slopes, strict=True)}
    for name, synapses in newborn.projections.items():
        if synapses.mask is not None and name in slopes:
            slopes[name] = slopes[name] * synapses.mask[i]
    norm = torch.stack([s.square().sum() for s in slopes.values()]).sum().sqrt()
    for name, slope in slopes.items():
        scale = 1.0 if rule.clip is None else min(1.0, rule.clip / float(norm))
        velocity[name] = newborn.traits["rule.momentum"][i] * velocity[name] + scale * slope
        weights[name] = weights[name] - rates[name] * velocity[name]


def assert_autograd(rule, topology, objective, weighed=True):
    newborn, taught = born(rule, topology), lessons(topology, weighed)
    learned = after(rule, objective, newborn, taught)
    for i in range(LIVES):
        wanted = alone(rule, objective, newborn, taught, i)
        for edge in topology.edges:
            torch.testing.assert_close(learned.projections[edge.name][i], wanted[edge.name], **EXACT)
            learns = "lost" not in edge.name and (rule.plastic == "all" or edge.post == topology.output.name)
            assert torch.equal(wanted[edge.name], newborn.projections[edge.name].weight[i]) != learns
        for name, bias in learned.biases.items():
            torch.testing.assert_close(bias[i, :, 0], wanted[name], **EXACT)


@pytest.mark.slow
@pytest.mark.parametrize("weighed", [True, False], ids=["weighed", "all steps alike"])
@pytest.mark.parametrize("topology", TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_bptt_is_autograd_through_the_unrolled_network(topology, weighed):
    assert_autograd(BPTT(learning_rate=0.5, momentum=0.8), topology, SquaredError(), weighed)


@pytest.mark.slow
@pytest.mark.parametrize("plastic", ["all", "output"])
@pytest.mark.parametrize(
    "fields",
    [
        {"learning_rate": 0.5, "momentum": 0.0, "window": 1},
        {"learning_rate": 0.5, "momentum": 0.7, "window": 2},
        {"learning_rate": Evolve((0.1, 0.8), scale="log"), "momentum": MOMENTUM, "window": 3},
        {"learning_rate": Evolve((0.1, 0.8), per="projection"), "momentum": MOMENTUM, "clip": 0.1},
        {"learning_rate": Evolve((0.1, 0.8), per="types"), "clip": 0.05, "window": 4},
    ],
    ids=str,
)
@pytest.mark.parametrize("topology", ["everything, tanh", "one lateral projection"])
def test_so_it_is_with_windows_genes_and_clipping(topology, fields, plastic):
    assert_autograd(BPTT(plastic=plastic, **fields), TOPOLOGIES[topology], CrossEntropy())


def test_errors_go_round_loops_and_straight_elsewhere():
    network = Network(TOPOLOGIES["everything, tanh"])
    assert order_of_errors(network, tuple(network.incoming)) == (("out", "two", "one"),)
    assert order_of_errors(network, ("out",)) == (("out", "two", "one"),), "it is heard of when the output is fed back"
    network = Network(TOPOLOGIES["one lateral projection"])
    assert order_of_errors(network, tuple(network.incoming)) == (("out",), ("hidden",))
    assert order_of_errors(network, ("out",)) == (("out",),)
    order = order_of_errors(Network(TOPOLOGIES["recurrent without a loop"]), ("side", "main", "lost", "out"))
    assert set(order[:2]) == {("out",), ("lost",)}
    assert order[2:] == (("side",), ("main",))


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule",
    [
        BPTT(),
        BPTT(window=2, clip=0.5, plastic="output"),
        *(
            BPTT(learning_rate=Evolve((1e-3, 0.1), scale="log", per=per), momentum=MOMENTUM)
            for per in ("individual", "projection", "types", "synapse")
        ),
    ],
    ids=repr,
)
def test_the_contract_holds(rule):
    assert len(check_rule(rule)) >= 10


def test_in_a_task_it_is_backprop():
    for fields in ({}, {"learning_rate": 0.3, "momentum": 0.5}):
        cohort = specimen.newborn(BPTT(**fields), torch.float64)
        learned = specimen.tensors(specimen.life(BPTT(**fields), cohort, 5, common=True))
        for name, wanted in specimen.tensors(specimen.life(Backprop(**fields), cohort, 5, common=True)).items():
            torch.testing.assert_close(learned[name], wanted, **EXACT)
            assert not torch.equal(wanted, specimen.tensors(cohort)[name])


@dataclass(frozen=True)
class Recall(World):
    """Shows -1 or +1 once, wants it four steps later, and takes away the squared distance from it."""

    inputs = property(lambda self: 1)
    actions = property(lambda self: Response(1))
    steps = property(lambda self: 5)
    teaches = property(lambda self: True)

    def reset(self, streams, episodes, life):
        cue = streams.integers(2, episodes) * 2.0 - 1.0
        return (cue, 0), self.moment(cue, 0, cue * 0.0)

    def step(self, state, actions):
        cue, time = state[0].expand(len(actions), -1), state[1]
        missed = (actions[:, 0] - cue).square() * (time == self.steps - 1)
        return (cue, time + 1), self.moment(cue, time + 1, -missed)

    def moment(self, cue, time, reward):
        shown, last = cue * (time == 0), torch.full_like(cue, time == self.steps - 1)
        ended = torch.full_like(cue, time == self.steps, dtype=torch.bool)
        return Moment(shown[:, None], reward, ended & False, ended, target=cue[:, None], weight=last)


@pytest.mark.slow
def test_what_to_remember_is_learned_if_the_error_goes_back_to_where_it_was_seen():
    groups = (Group("in", 1), Group("hidden", 6, "tanh"), Group("out", 1))
    topology = Topology(groups, ("in -> hidden", "hidden -> hidden", "hidden -> out"))
    lifetime, missed = EpisodicLifetime(60, exams=8, measured=("learned",), parallel=8), {}
    for window in (5, 4):
        newborn = specimen.newborn(BPTT(window=window), torch.float32, topology)
        newborn.projections["in -> hidden"].weight.zero_()  # born blind
        measured = live_in(newborn, BPTT(window=window), SquaredError(), Recall(), lifetime, derive(0, "life"))
        missed[window] = -measured["learned.return"]
    assert (missed[5] < 0.1).all()
    assert (missed[4] > 0.9).all(), "the first step is beyond the window of the last"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"window": 0}, "BPTT.window: expected at least 1 step, or none, got 0"),
        ({"clip": 0.0}, "BPTT.clip: expected a norm above 0"),
        ({"plastic": "hidden"}, "BPTT.plastic: expected all or output"),
        ({"momentum": Evolve((0.0, 0.9), per="types")}, "BPTT.momentum.per"),
    ],
)
def test_fields_that_make_no_sense_are_refused(fields, words):
    with pytest.raises(InputError, match=words):
        BPTT(**fields)
