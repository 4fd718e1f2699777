"""REINFORCE: its mean update is the gradient of the expected return, for any baseline; and it learns a bandit."""

import itertools
import math
from dataclasses import dataclass, replace

import pytest
import torch

from genomes.errors import InputError
from genomes.evolvable import with_units
from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.contracts import specimen
from inner_loop.contracts.rules import check_rule
from inner_loop.contracts.specimen import own_streams
from inner_loop.lives.episodes import EpisodicLifetime, live_in
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules.policy_gradient import PolicyGradient
from inner_loop.world import Discrete, Moment, World

LIVES = len(specimen.OWNERS)
EXACT = {"rtol": 1e-12, "atol": 1e-12}
GROUPS = (Group("in", 2), Group("hidden", 4, "tanh"), Group("out", 3))
REACTIVE = Topology(GROUPS, ("in -> hidden", "hidden -> out", "in -> out"))
RECURRENT = Topology(
    (Group("in", 2, leak=0.7), Group("hidden", 4, "tanh", leak=0.6), Group("out", 3, "tanh")),
    ("in -> hidden", "hidden -> hidden", "hidden -> out", "out -> hidden"),
)
BOTH = pytest.mark.parametrize("topology", [REACTIVE, RECURRENT], ids=["reactive", "recurrent"])


def born(rule, topology):
    return with_units(specimen.newborn(rule, torch.float64, topology), {})


def leaves(weights):
    """The same weights as autograd's leaves."""

    def free(named):
        return {name: w.clone().requires_grad_() for name, w in named.items()}

    return Weights(weights.flat, free(weights.projections), free(weights.biases))


def slopes(value, free, newborn):
    """d value / d weights by name, 0 where no synapse grew."""
    named = specimen.tensors(free)
    found = dict(zip(named, torch.autograd.grad(value, list(named.values())), strict=True))
    for name, synapses in newborn.projections.items():
        if synapses.mask is not None:
            found[name] = found[name] * synapses.mask
    return found


def episode(rule, newborn, weights, state, inputs, actions, rewards, alive):
    """One episode with these actions, lists over its steps: outputs, the weights after it and the state."""
    network, memory, outputs = Network.of(newborn), newborn.topology.has_memory, []
    before = network.at_rest(newborn.like, inputs[0].shape[2]) if memory else None
    for t, observed in enumerate(inputs):
        now = network.advance(weights, observed, before)
        outputs.append(now.activities[network.output])
        if rule is not None:
            nothing = observed.new_empty(1, 0, observed.shape[2])
            lived = Lived(
                now.activities, nothing, network.output, None, t, derive(0, "life"), newborn.traits,
                before and before.activities, now.internal,
                actions[t], rewards[t], alive[t],
            )  # fmt: skip
            weights, state = rule.step(network, weights, state, lived, newborn)
        before = now if memory else None
    if rule is not None:
        weights, state = rule.consolidate(network, weights, state, newborn)
    return outputs, weights, state


SOURCE = derive(0, "two steps", owners=range(LIVES))
FIRST, THEN = SOURCE.stream("first").normal(2), SOURCE.stream("then").normal(3, 2)
PAID, PAID_THEN = SOURCE.stream("paid").normal(3), SOURCE.stream("paid then").normal(3, 3)


def both_steps(one, other):
    """Inputs, actions, rewards and alive of a problem of two steps: observations and rewards depend on both actions."""
    inputs = [FIRST[:, :, None], THEN[:, one, :, None]]
    actions = [torch.full((LIVES, 1), action) for action in (one, other)]
    rewards = [PAID[:, one, None], PAID_THEN[:, one, other, None]]
    return inputs, actions, rewards, [torch.ones(LIVES, 1) > 0, torch.full((LIVES, 1), one != 0)]  # 0 is the end


@BOTH
@pytest.mark.parametrize("baseline", ["none", "constant", "by step and life"])
def test_the_mean_update_is_the_gradient_of_the_expected_return(topology, baseline):
    rule = PolicyGradient(learning_rate=1.0, choice=0.7)
    newborn = born(rule, topology)
    free, network = leaves(Weights.born(newborn)), Network(topology)
    expected_return, mean, updates = 0.0, {}, []
    for one, other in itertools.product(range(3), range(3)):
        if one == 0 and other > 0:
            continue  # no action is chosen after the end
        inputs, actions, rewards, alive = both_steps(one, other)
        outputs, _, _ = episode(None, newborn, free, None, inputs, actions, rewards, alive)
        probability = torch.softmax(outputs[0] / 0.7, 1)[:, one, 0]
        reward = rewards[0][:, 0]
        if one != 0:
            probability = probability * torch.softmax(outputs[1] / 0.7, 1)[:, other, 0]
            reward = reward + rewards[1][:, 0]
        expected_return = expected_return + probability * reward
        weights = Weights.born(newborn)
        state = rule.init(network, newborn, weights, own_streams(newborn))
        if baseline != "none":
            values = torch.full((LIVES, 2), 3.0) if baseline == "constant" else SOURCE.stream("values").normal(2)
            state = replace(state, expected=torch.stack([values.double() * 0.5, torch.full((LIVES, 2), 0.5).double()]))
        _, weights, _ = episode(rule, newborn, weights, state, inputs, actions, rewards, alive)
        updates.append(weights)
        for name, after in specimen.tensors(weights).items():
            change = after - specimen.tensors(newborn)[name]
            mean[name] = mean.get(name, 0.0) + probability.detach()[:, None, None] * change
    for name, slope in slopes(expected_return.sum(), free, newborn).items():
        assert slope.abs().max() > 1e-3
        torch.testing.assert_close(mean[name], slope, **EXACT)
    if baseline != "none":
        plain = Weights.born(newborn)
        episode(rule, newborn, plain, rule.init(network, newborn, plain, own_streams(newborn)), *both_steps(2, 2))
        assert not torch.allclose(updates[-1].projections["hidden -> out"], plain.projections["hidden -> out"])


VARIANTS = [
    PolicyGradient(learning_rate=0.3, baseline_rate=0.0),
    PolicyGradient(learning_rate=0.3, discount=0.8, choice=0.5, baseline_rate=0.3, momentum=0.6),
    PolicyGradient(
        learning_rate=Evolve((0.1, 0.5)),
        discount=Evolve((0.5, 1.0)),
        choice=Evolve((0.5, 2.0), scale="log"),
        baseline_rate=Evolve((0.1, 0.9)),
        momentum=Evolve((0.0, 0.9)),
    ),
]


def random_episode(number, steps, discrete):
    source, episodes = derive(number, "episode", owners=range(LIVES)), 5
    ends = source.stream("ends").integers(steps, episodes) + 1
    inputs = [source.stream(f"in {t}").normal(2, episodes) for t in range(steps)]
    draw = (lambda t: t.integers(3, episodes)) if discrete else (lambda t: t.normal(3, episodes))
    actions = [draw(source.stream(f"out {t}")) for t in range(steps)]
    rewards = [source.stream(f"reward {t}").normal(episodes) + t for t in range(steps)]
    return inputs, actions, rewards, [t < ends for t in range(steps)]


def log_density(output, action, choice):
    """(P, B)"""
    if action.dim() == 2:
        return torch.log_softmax(output / choice, 1).gather(1, action[:, None])[:, 0]
    return torch.distributions.Normal(output, choice).log_prob(action).sum(1)


@BOTH
@pytest.mark.parametrize("discrete", [True, False], ids=["choices", "numbers"])
@pytest.mark.parametrize("rule", VARIANTS, ids=["no baseline", "constants", "genes"])
def test_the_update_is_that_of_autograd_on_what_was_done(rule, discrete, topology):
    newborn, network = born(rule, topology), Network(topology)
    weights, traits = Weights.born(newborn), newborn.traits
    state, velocity, known = rule.init(network, newborn, weights, own_streams(newborn)), {}, {}
    for number, steps in enumerate((4, 6, 2, 5)):
        lived = random_episode(number, steps, discrete)
        free = leaves(weights)
        outputs, _, _ = episode(None, newborn, free, None, *lived)
        to_come, value = torch.zeros(LIVES, 5).double(), 0.0
        for t in reversed(range(steps)):
            alive = lived[3][t]
            to_come = alive * (lived[2][t] + traits["rule.discount"][:, None] * to_come)
            past = known.setdefault(t, [[] for _ in range(LIVES)])
            baseline = torch.stack([running_mean(past[i], traits["rule.baseline_rate"][i]) for i in range(LIVES)])
            chosen = log_density(outputs[t], lived[1][t], traits["rule.choice"][:, None, None])
            value = value + (alive * chosen * (to_come - baseline[:, None])).sum() / 5
            for i in range(LIVES):
                if alive[i].any():
                    past[i].append(to_come[i][alive[i]].mean())
        _, weights, state = episode(rule, newborn, weights, state, *lived)
        for name, slope in slopes(value, free, newborn).items():
            velocity[name] = traits["rule.momentum"][:, None, None] * velocity.get(name, 0.0) + slope
            rate = newborn.projections["in -> hidden"].parameters["rule.learning_rate"]
            wanted = specimen.tensors(free)[name].detach() + rate * velocity[name]
            torch.testing.assert_close(specimen.tensors(weights)[name], wanted, **EXACT)
            assert slope.abs().max() > 1e-3


def running_mean(past, rate):
    """Mean of earlier episodes, the newest last; that of n updates ago has weight (1 - rate)^n; 0 without any."""
    shares = [(1 - rate) ** n for n in reversed(range(len(past)))]
    total = sum(share * value for share, value in zip(shares, past, strict=True))
    return total / sum(shares) if past and rate > 0 else torch.zeros(()).double()


def test_the_readout_alone():
    rule = PolicyGradient(learning_rate=0.3, plastic="output")
    newborn, network = born(rule, REACTIVE), Network(REACTIVE)
    learned, whole = Weights.born(newborn), Weights.born(newborn)
    for each, weights in ((rule, learned), (replace(rule, plastic="all"), whole)):
        episode(
            each,
            newborn,
            weights,
            each.init(network, newborn, weights, own_streams(newborn)),
            *random_episode(0, 4, True),
        )
    for name, weight in specimen.tensors(learned).items():
        at_birth = specimen.tensors(newborn)[name]
        assert not torch.equal(specimen.tensors(whole)[name], at_birth)
        torch.testing.assert_close(weight, specimen.tensors(whole)[name] if "out" in name else at_birth, **EXACT)


def test_clipping_bounds_each_lifes_own_gradient():
    rule = PolicyGradient(learning_rate=1.0)
    newborn, network = born(rule, RECURRENT), Network(RECURRENT)
    norms, lived = {}, random_episode(1, 5, True)
    for clip in (None, 3.0):
        clipped, weights = replace(rule, clip=clip), Weights.born(newborn)
        episode(clipped, newborn, weights, clipped.init(network, newborn, weights, own_streams(newborn)), *lived)
        changes = [after - specimen.tensors(newborn)[name] for name, after in specimen.tensors(weights).items()]
        norms[clip] = torch.stack([change.square().sum((1, 2)) for change in changes]).sum(0).sqrt()
    assert norms[None].min() < 3.0 < norms[None].max()
    torch.testing.assert_close(norms[3.0], norms[None].clamp(max=3.0), **EXACT)


@dataclass(frozen=True)
class Bandit(World):
    """One choice among four; the third has the largest mean reward."""

    inputs = property(lambda self: 1)
    actions = property(lambda self: Discrete(4))
    steps = property(lambda self: 1)

    def reset(self, streams, episodes, life):
        nothing = torch.zeros(streams.owners, episodes)
        return streams.normal(episodes, 4) * 0.2, Moment(nothing[:, None] + 1.0, nothing, nothing > 0, nothing > 0)

    def step(self, state, actions):
        paid = torch.tensor([0.1, 0.3, 1.0, 0.6])[actions] + state.expand(len(actions), -1, -1).gather(
            2, actions[:, :, None]
        ).squeeze(2)
        ended = torch.ones_like(actions, dtype=torch.bool)
        return state, Moment(torch.ones(*actions.shape)[:, None], paid, ended, ~ended)


@pytest.mark.slow
@pytest.mark.parametrize("baseline_rate", [0.0, 0.1])
def test_a_bandit_is_learned(baseline_rate):
    rule = PolicyGradient(learning_rate=0.3, baseline_rate=baseline_rate)
    topology = Topology((Group("in", 1), Group("out", 4)), ("in -> out",))
    lifetime = EpisodicLifetime(150, exams=32, measured=("innate", "learned"), parallel=4)
    measured = live_in(specimen.newborn(rule, topology=topology), rule, None, Bandit(), lifetime, derive(0, "life"))
    assert measured["innate.return"].min() < 0.5
    assert (measured["learned.return"] > 0.9).all()
    assert (measured["curve"][:, -50:].mean(1) > measured["curve"][:, :50].mean(1)).all()


def test_it_explores_as_its_policy_says():
    newborn = specimen.newborn(PolicyGradient(choice=Evolve((0.1, 2.0))))
    tried = PolicyGradient(choice=Evolve((0.1, 2.0))).explores(newborn)
    assert tried.noise is None
    assert torch.equal(tried.choice, newborn.traits["rule.choice"])
    assert len(tried.choice.unique()) > 1


@pytest.mark.slow
@pytest.mark.parametrize("per", ["individual", "projection", "types", "synapse"])
def test_the_contract_holds_and_a_task_teaches_nothing(per):
    rule = PolicyGradient(learning_rate=Evolve((1e-3, 0.1), per=per), choice=Evolve((0.1, 2.0)))
    assert len(check_rule(rule)) >= 10
    cohort = specimen.newborn(rule)
    lived = specimen.tensors(specimen.life(rule, cohort, 3))
    assert all(torch.equal(lived[name], at_birth) for name, at_birth in specimen.tensors(cohort).items())
    network, weights = Network(specimen.TOPOLOGY), Weights.born(cohort)
    state = rule.init(network, cohort, weights, own_streams(cohort))
    rule.step(network, weights, state, specimen.moment(SquaredError()), cohort)
    assert not state.past.steps, "nor is it kept"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"choice": 0.0}, "PolicyGradient.choice: expected above 0"),
        ({"choice": Evolve((0.0, 1.0))}, "PolicyGradient.choice: expected above 0"),
        ({"discount": 1.1}, "PolicyGradient.discount: expected 0 to 1"),
        ({"baseline_rate": -0.1}, "PolicyGradient.baseline_rate: expected 0 to 1"),
        ({"discount": math.nan}, "PolicyGradient.discount: expected a finite number"),
        ({"plastic": "none"}, "PolicyGradient.plastic: expected all or output"),
    ],
)
def test_fields_that_make_no_sense_are_refused(fields, words):
    with pytest.raises(InputError, match=words):
        PolicyGradient(**fields)
