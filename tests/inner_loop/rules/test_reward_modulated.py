"""Reward-modulated plasticity against a loop over synapses and steps; node perturbation and the slope of the reward."""

from dataclasses import dataclass, replace
from itertools import product

import pytest
import torch

from genomes.errors import InputError
from genomes.evolvable import endowed
from genomes.evolve import Evolve
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology, layered
from inner_loop.contracts import specimen
from inner_loop.contracts.rules import check_rule
from inner_loop.contracts.specimen import own_streams
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import behave
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.rules.reward_modulated import RewardModulated
from inner_loop.world import Moment, Response, World

LIVES, STEPS = len(specimen.OWNERS), 4
EXACT = {"rtol": 1e-12, "atol": 1e-12}
RATE, SHARE = Evolve((-0.9, 1.1), bits=9), Evolve((0.1, 0.9), bits=9)
LOT = {"per": "synapse", "shared": 3}
VARIANTS = {
    "constants": RewardModulated(learning_rate=0.3, bound=100.0),
    "activity": RewardModulated(RATE, SHARE, "activity", SHARE, bound=100.0),
    "projection": RewardModulated(replace(RATE, per="projection"), replace(SHARE, per="projection"), bound=100.0),
    "types": RewardModulated(replace(RATE, per="types"), replace(SHARE, per="types"), "activity", bound=100.0),
    "lot": RewardModulated(replace(RATE, **LOT), replace(SHARE, **LOT), baseline_rate=SHARE, bound=100.0),
    "no memory": RewardModulated(learning_rate=RATE, decay=0.0, baseline_rate=0.0, bound=100.0),
}
ROUND = Topology(
    (Group("input", 5), Group("hidden", 6, "tanh", types=2), Group("output", 3)),
    ("input -> hidden", "hidden -> hidden", "hidden -> output", "output -> hidden"),
)


def episode(newborn, side, name="first", owners=specimen.OWNERS):
    """The steps of some episodes side by side in a network with lateral and recurrent projections."""
    network, steps = Network(ROUND), []
    before = network.at_rest(newborn.like, side)
    alive = torch.ones(len(owners), side, dtype=torch.bool)
    for step in range(STEPS):
        source = derive(6, name, step, owners)

        def normal(what, *shape, source=source):
            return source.stream(what).normal(*shape).to(newborn.like)

        noise = {group.name: normal(f"noise {group.name}", group.size, side) for group in ROUND.groups[1:]}
        inputs, reward = normal("inputs", 5, side), normal("reward", side) + 1.0
        now = network.advance(Weights.born(newborn), inputs, before, noise)
        nothing, last = torch.zeros(1, 0, side), before.activities
        lived = Lived(now.activities, nothing, "output", None, step, source, newborn.traits, last, now.internal)
        steps.append(replace(lived, reward=reward, alive=alive, noise=noise))
        before, alive = now, alive & (source.stream("ends").uniform(side) < 0.7)
    return steps


def lived_through(rule, newborn, *episodes):
    """Weights and state after some episodes."""
    network, weights = Network.of(newborn), Weights.born(newborn)
    state = rule.init(network, newborn, weights, own_streams(newborn))
    for steps in episodes:
        for lived in steps:
            weights, state = rule.step(network, weights, state, lived, newborn)
        weights, state = rule.consolidate(network, weights, state, newborn)
    return weights, state


def by_loops(rule, newborn, *episodes):
    """Computes every life, step, synapse and episode separately: weights by name, and the baseline of each life."""
    weights = {name: synapses.weight.clone() for name, synapses in newborn.projections.items()}
    expected = [0.0] * LIVES
    for steps in episodes:
        traces = {}
        for lived, p in product(steps, range(LIVES)):
            going = [b for b in range(lived.alive.shape[1]) if lived.alive[p, b]]
            rewards = [lived.reward[p, b].item() for b in going]
            for edge in ROUND.edges if going else ():
                synapses = newborn.projections[edge.name]
                late = edge.name in ("hidden -> hidden", "output -> hidden")
                x = (lived.before if late else lived.activities)[edge.pre][p]
                g = (lived.noise if rule.factor == "noise" else lived.activities)[edge.post][p]
                numbers = (synapses.parameters[f"rule.{n}"] for n in ("learning_rate", "decay"))
                eta, decay = (number.expand(synapses.weight.shape)[p] for number in numbers)
                for i, j in product(range(len(g)), range(len(x))):
                    total = 0.0
                    for b, r in zip(going, rewards, strict=True):
                        place = edge.name, p, b, i, j
                        traces[place] = decay[i, j].item() * traces.get(place, 0.0) + g[i, b].item() * x[j, b].item()
                        total += (r - expected[p]) * traces[place]
                    if synapses.mask is None or synapses.mask[p, i, j]:
                        weights[edge.name][p, i, j] += eta[i, j].item() * total / len(going)
            if going:
                rate = newborn.traits["rule.baseline_rate"][p].item()
                expected[p] += rate * (sum(rewards) / len(going) - expected[p])
    return weights, expected


@pytest.mark.parametrize("rule", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("side", [1, 3])
def test_the_rule_is_a_loop_over_synapses_and_steps(rule, side):
    newborn = specimen.newborn(rule, torch.float64, ROUND)
    episodes = [episode(newborn, side, name) for name in ("first", "second")]
    assert not all(lived.alive.all() for lived in episodes[0])
    wanted, expected = by_loops(rule, newborn, *episodes)
    for lived in (lived for steps in episodes for lived in steps):  # activity of ended episodes need not be finite
        for y in (*lived.activities.values(), *lived.noise.values()):
            y.masked_fill_(~lived.alive[:, None, :], torch.inf)
        lived.reward.masked_fill_(~lived.alive, torch.nan)
    weights, state = lived_through(rule, newborn, *episodes)
    for name, weight in weights.projections.items():
        torch.testing.assert_close(weight, wanted[name], **EXACT)
    torch.testing.assert_close(state.baseline[:, 0], torch.tensor(expected, dtype=torch.float64), **EXACT)
    for name, bias in weights.biases.items():
        assert torch.equal(bias[:, :, 0], newborn.bias(name))


def test_traces_end_with_the_episode_and_what_is_expected_does_not():
    rule = RewardModulated(learning_rate=0.5, decay=1.0, bound=100.0)
    newborn = specimen.newborn(rule, torch.float64, ROUND)
    steps = episode(newborn, side=1)
    steps = [replace(lived, alive=torch.ones_like(lived.alive)) for lived in steps]
    _, state = lived_through(rule, newborn, steps)
    assert not state.traces
    assert (state.baseline != 0).all()
    first, last = [replace(lived, reward=torch.zeros_like(lived.reward)) for lived in steps[:2]], [steps[2]]
    joined, apart, alone = (lived_through(rule, newborn, *e)[0].flat for e in ([first + last], [first, last], [last]))
    assert not torch.allclose(joined, apart)  # the reward for earlier actions is lost
    torch.testing.assert_close(apart, alone, **EXACT)


def test_nothing_is_learned_in_a_task():
    newborn = specimen.newborn(rule := RewardModulated(learning_rate=1.0))
    assert torch.equal(specimen.life(rule, newborn, 3).flat, Weights.born(newborn).flat)


INPUT, AIM = torch.tensor([0.5, -1.0, 0.8, 0.3]), torch.tensor([0.6, -0.4, 0.2])


@dataclass(frozen=True)
class Bowl(World):
    """One step; the reward is minus the squared distance of the output from a place."""

    actions = property(lambda self: Response(len(AIM)))
    inputs = property(lambda self: len(INPUT))
    steps = property(lambda self: 1)

    def reset(self, streams, episodes, life):
        return None, self.moment(torch.zeros(1, episodes))

    def step(self, state, actions):
        return None, self.moment(-(actions - AIM[:, None]).square().sum(1).float())

    def moment(self, reward):
        never = torch.zeros_like(reward, dtype=torch.bool)
        return Moment(
            INPUT.double()[None, :, None].expand(*reward.shape[:1], -1, reward.shape[1]), reward, ~never, never
        )


def identical(rule, lives, *sizes):
    """Newborns that are all equal, with the numbers of the rule."""
    topology = layered(*sizes)
    weights = {edge.name: derive(1, edge.name).normal(*topology.shape(edge)) * 0.5 for edge in topology.edges}
    projections = {name: Synapses(w.expand(lives, -1, -1).contiguous()) for name, w in weights.items()}
    return endowed(Phenotype(topology, projections), "rule", rule, {})


def after_one_step(rule, newborn, baseline=0.0):
    """The change of each weight in one episode of the bowl, by name, (P, post, pre)."""
    network, weights, hidden = Network.of(newborn), Weights.born(newborn), derive(0, "hidden")
    state = rule.init(network, newborn, weights, own_streams(newborn))
    state.baseline.fill_(baseline)
    streams = derive(0, "life", owners=range(newborn.lives))
    behaved = behave(AgentState(network, newborn, Bowl(), None), weights, streams, hidden, 1, rule, state)
    return {name: w - newborn.projections[name].weight for name, w in behaved.weights.projections.items()}


def at_birth(newborn):
    """The reward without noise, and its slope dr/dw by name."""
    weights = [s.weight[0].clone().requires_grad_() for s in newborn.projections.values()]
    activity = INPUT.double()
    for weight, group in zip(weights, newborn.topology.groups[1:], strict=True):
        activity = weight @ activity
        activity = torch.tanh(activity) if group.activation == "tanh" else activity
    reward = -(activity - AIM).square().sum()
    return reward.item(), dict(zip(newborn.projections, torch.autograd.grad(reward, weights), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.05, 0.5])
@pytest.mark.parametrize("baseline", [0.0, -1.5, 2.0])
def test_node_perturbation_ascends_the_reward(noise, baseline):
    """The mean update is noise^2 times the slope, exactly for a quadratic reward, for any baseline."""
    rule = RewardModulated(learning_rate=1.0, noise=noise, baseline_rate=0.0, bound=100.0)
    newborn = identical(rule, 20_000, len(INPUT), len(AIM))
    (moved,) = after_one_step(rule, newborn, baseline).values()
    (wanted,) = at_birth(newborn)[1].values()
    error = moved.std(0) / len(moved) ** 0.5
    assert ((moved.mean(0) - noise**2 * wanted).abs() < 4 * error).all()
    assert (wanted.abs().amax() * noise**2 > 8 * error).any()  # excludes the opposite sign, or twice the size


@pytest.mark.slow
def test_node_perturbation_reaches_hidden_units():
    """To first order in noise^2 if the reward is not a quadratic function of it."""
    rule = RewardModulated(learning_rate=1.0, noise=0.03, baseline_rate=0.0, bound=100.0)
    newborn = identical(rule, 10_000, len(INPUT), 5, len(AIM))
    reward, slopes = at_birth(newborn)
    moved = after_one_step(rule, newborn, baseline=reward)
    for name, gradient in slopes.items():
        mean, error = moved[name].mean(0), moved[name].std(0) / len(moved[name]) ** 0.5
        assert ((mean - 0.03**2 * gradient).abs() < 4 * error).all()
        assert (mean * gradient).sum() / mean.norm() / gradient.norm() > 0.99


def test_a_baseline_near_the_reward_makes_the_update_less_noisy():
    rule = RewardModulated(learning_rate=1.0, noise=0.05, baseline_rate=0.0, bound=100.0)
    newborn = identical(rule, 2_000, len(INPUT), len(AIM))
    ((near,), (far,)) = (after_one_step(rule, newborn, b).values() for b in (at_birth(newborn)[0], 0.0))
    assert near.std(0).mean() < 0.5 * far.std(0).mean()


@pytest.mark.slow
@pytest.mark.parametrize("side", [1, 4])
def test_lives_in_a_bowl_come_near_to_the_place(side):
    rule = RewardModulated(learning_rate=0.3, noise=0.2, baseline_rate=0.2, bound=10.0)
    newborn = identical(rule, LIVES, len(INPUT), len(AIM))
    network, weights = Network.of(newborn), Weights.born(newborn)
    state, being = (
        rule.init(network, newborn, weights, own_streams(newborn)),
        AgentState(network, newborn, Bowl(), None),
    )
    for number in range(300):
        streams = derive(0, "life", number, range(LIVES))
        behave(being, weights, streams, derive(0, "hidden"), side, rule, state)  # writes into both
    distance = -behave(being, weights, derive(0, "exam"), derive(0, "hidden"), 1).scores["return"]
    assert (distance < 0.05 * -at_birth(newborn)[0]).all()


def test_what_is_tried():
    newborn = specimen.newborn(rule := RewardModulated(noise=SHARE, choice=Evolve((0.5, 2.0))))
    for name in ("noise", "choice"):
        assert torch.equal(getattr(rule.explores(newborn), name), newborn.traits[f"rule.{name}"])
    nothing = RewardModulated(factor="activity", noise=0.0)
    assert vars(nothing.explores(specimen.newborn(nothing))) == {"choice": None, "noise": None}
    assert nothing.teacher == "reward"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"decay": 1.1}, "RewardModulated.decay: expected 0 to 1"),
        ({"decay": Evolve((-0.1, 0.5))}, "decay"),
        ({"baseline_rate": 2.0}, "baseline_rate"),
        ({"noise": -0.1, "factor": "activity"}, "0 or more"),
        ({"noise": 0.0}, "above 0 where it is the factor"),
        ({"choice": -1.0}, "choice"),
        ({"choice": Evolve((0.0, 1.0))}, "above 0, or the constant 0"),
        ({"bound": 0.0}, "bound"),
    ],
)
def test_what_is_no_rule_is_refused(fields, words):
    with pytest.raises(InputError, match=words):
        RewardModulated(**fields)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [RewardModulated(), *VARIANTS.values()], ids=["default", *VARIANTS])
def test_the_contract(rule):
    assert len(check_rule(rule)) >= 10
