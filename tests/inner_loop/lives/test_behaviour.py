"""The loop of an episode, number by number: observation, action, reward, learning, and the steps after the end."""

import math
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
import torch

from genomes.errors import InputError
from genomes.evolvable import endowed
from genomes.streams import Streams, derive
from inner_loop.contracts.specimen import chosen, own_streams, with_nan
from inner_loop.contracts.worlds import check_world
from inner_loop.lives import behaviour as episode
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import behave
from inner_loop.network import Network, Weights
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rule import Exploration, LearningRule
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.hebbian import Hebbian
from inner_loop.rules.trial_and_error import TrialAndError
from inner_loop.world import World

KINDS = ("discrete", "continuous", "response")
COMMON, EPISODES = derive(5, "luck"), 4


def own(owners, purpose="luck"):
    return derive(5, purpose, owners=list(owners))


@dataclass(frozen=True)
class Rewarded(LearningRule[tuple[()]]):
    """dw = rate * mean over the running episodes of reward * post * pre."""

    rate: float = 0.05
    exploration: Exploration = field(default_factory=Exploration)

    def init(self, network, newborn, weights, streams):
        return ()

    def explores(self, newborn):
        return self.exploration

    def step(self, network, weights, state, lived, newborn):
        worth = (lived.reward * lived.alive)[:, None, :] * self.rate / lived.reward.shape[1]
        for edge in newborn.topology.edges:
            pre = network.presynaptic(edge, lived.activities, lived.before).expand(newborn.lives, -1, -1)
            weights.projections[edge.name] += (lived.activities[edge.post] * worth) @ pre.mT
        return weights, state


@dataclass(frozen=True)
class Listening(LearningRule[tuple[()]]):
    """Learns nothing and keeps every step."""

    heard: list = field(default_factory=list)
    exploration: Exploration = field(default_factory=Exploration)

    def init(self, network, newborn, weights, streams):
        return ()

    def explores(self, newborn):
        return self.exploration

    def step(self, network, weights, state, lived, newborn):
        self.heard.append(lived)
        return weights, state


def lived(world, newborn, rule=None, streams=COMMON, episodes=EPISODES, apart=False, feedback=False, **given):
    """Episodes from birth on; with `apart` each has its own weights."""
    weights = Weights.born(newborn)
    if apart:
        newborn, weights = newborn.repeated(episodes), weights.repeated(episodes)
    network, objective = Network.of(newborn), SquaredError()
    being = AgentState(network, newborn, world, objective, feedback, apart)
    state = None if rule is None else rule.init(network, newborn, weights, own_streams(newborn))
    return behave(being, weights, streams, streams.stream("hidden"), episodes, rule, state, **given)


class Walk:
    """One episode of one life, as plain numbers."""

    def __init__(self, noise, side, topology):
        self.noise, self.side, self.place, self.total, self.steps, self.over = noise, side, 0.0, 0.0, 0, False
        self.before = {g.name: [0.0] * g.size for g in topology.groups}
        self.felt = [0.0, 0.0, 0.0]

    def think(self, topology, units, weights, feedback, time):
        now = {"senses": [self.noise[time], self.side, self.place, *(self.felt if feedback else [])]}
        pre = {}
        for group in topology.groups[1:]:
            total = list(units[group.name]["bias"])
            for edge in [e for e in topology.edges if e.post == group.name]:
                late = topology.kind(edge) in ("recurrent", "lateral")
                pre[edge.name] = (self.before if late else now)[edge.pre]
                for i, row in enumerate(weights[edge.name]):
                    total[i] += sum(w * x for w, x in zip(row, pre[edge.name], strict=True))
            drive = [math.tanh(x) for x in total] if group.name == "hidden" else total
            leak = units[group.name].get("leak", [1.0] * group.size)
            now[group.name] = [b + m * (d - b) for b, d, m in zip(self.before[group.name], drive, leak, strict=True)]
        self.before = now
        return now, pre

    def act(self, world, output, time):
        self.felt = list(output)
        if world.kind == "discrete":
            push = 1.0 if output[1] > output[0] else -1.0
            self.felt = [float(push < 0), float(push > 0)]
        elif world.kind == "continuous":
            low, high = world.actions.low, world.actions.high
            push = sum(
                a + (min(max(y, -1.0), 1.0) + 1.0) / 2.0 * (b - a) for y, a, b in zip(output, low, high, strict=True)
            )
        else:
            push = sum(output)
        self.place += world.stride * self.side * push
        reward = self.side * self.noise[time + 1] + self.place
        self.felt.append(reward)
        self.total, self.steps = self.total + reward, self.steps + 1
        self.over = abs(self.place) > 1
        return reward


def by_hand(world, newborn, streams, rate=0.0, feedback=False, forgetful=False, episodes=EPISODES):
    """One life; returns its walks and its weights."""
    topology = newborn.topology
    units = {group: {name: t[0].tolist() for name, t in by.items()} for group, by in newborn.groups.items()}
    weights = {name: s.weight[0].tolist() for name, s in newborn.projections.items()}
    noise = streams.stream("world").stream("noise").uniform(episodes, world.walk + 1)[0].tolist()
    side = streams.stream("hidden").stream("side").integers(2, 1).item() * 2.0 - 1.0
    walks = [Walk(numbers, side, topology) for numbers in noise]
    for time in range(world.walk):
        change = {name: [[0.0] * len(row) for row in w] for name, w in weights.items()}
        for walk in [w for w in walks if not w.over]:
            if forgetful and time and time % world.trial == 0:
                walk.before = {g: [0.0] * len(x) for g, x in walk.before.items()}
                walk.felt = [0.0, 0.0, 0.0]
            now, pre = walk.think(topology, units, weights, feedback, time)
            reward = walk.act(world, now["action"], time)
            for edge in topology.edges:
                for i, y in enumerate(now[edge.post]):
                    for j, x in enumerate(pre[edge.name]):
                        change[edge.name][i][j] += rate * reward * y * x / episodes
        weights = {
            n: [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(w, change[n], strict=True)]
            for n, w in weights.items()
        }
    return walks, weights


def single(newborn, streams, life):
    """Selects one of many lives, and its stream."""
    return chosen(newborn, [life]), streams if streams.owners == 1 else Streams(streams.keys[life : life + 1])


def near(one, other):
    return torch.allclose(one, torch.as_tensor(other, dtype=torch.float64), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("taught", [False, True])
def test_the_corridor_is_a_world(corridor, kind, taught):
    assert check_world(corridor(kind, taught=taught, stride=0.2))


@dataclass(frozen=True)
class Spoilt(World):
    """A good world with one fault that the loop alone would not notice."""

    good: World
    fault: str
    inputs, steps, actions, score_names, teaches = (
        property(lambda self, name=name: getattr(self.good, name))
        for name in ("inputs", "steps", "actions", "score_names", "teaches")
    )

    def reset(self, streams, episodes, life):
        state, moment = self.good.reset(streams, episodes, life)
        return (state, moment), moment

    def step(self, state, actions):
        state, before = state
        state, moment = self.good.step(state, actions)
        if self.fault == "writes over what it showed":
            before.observation.add_(1.0)
        if self.fault == "weighs below nothing":
            moment = replace(moment, weight=moment.weight - 1.0)
        if self.fault == "another target beside neighbours":
            moment = replace(moment, target=moment.target * len(moment.target))
        return (state, moment), moment

    def scores(self, state, returns):
        more = float(state[0].time) if self.fault == "counts after the end" else 0.0
        return {name: score + more for name, score in self.good.scores(state[0], returns).items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("writes over what it showed", "a step leaves the moments before it as they were"),
        ("weighs below nothing", "weights are \\(K, B\\) finite numbers from 0 upwards"),
        ("another target beside neighbours", "a life does not depend on how many others there are"),
        ("counts after the end", "once all episodes have ended no score changes any more"),
    ],
)
def test_worlds_keep_what_the_loop_relies_on(corridor, fault, words):
    good = corridor(taught=True, stride=0.3, walk=40)
    assert check_world(Spoilt(good, ""))
    with pytest.raises(InputError, match=words):
        check_world(Spoilt(good, fault))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("memory", "feedback", "forgetful"),
    [(False, False, False), (False, True, True), (True, False, False), (True, False, True), (True, True, True)],
)
@pytest.mark.parametrize("streams", [COMMON, own(range(3))], ids=["common", "own"])
def test_behaviour_is_that_of_an_explicit_loop(corridor, networks, kind, memory, feedback, forgetful, streams):
    world, newborn = corridor(kind), networks(range(3), memory, feedback=feedback)
    found = lived(world, newborn, streams=streams, feedback=feedback, forgetful=forgetful)
    for life in range(3):
        walks, _ = by_hand(world, *single(newborn, streams, life), feedback=feedback, forgetful=forgetful)
        assert near(found.scores["return"][life], sum(w.total for w in walks) / EPISODES)
        assert near(found.scores["place"][life], sum(w.place for w in walks) / EPISODES)
        assert found.steps[life] == sum(w.steps for w in walks)
    assert len(found.scores["return"].unique()) > 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("streams", [COMMON, own(range(3))], ids=["common", "own"])
def test_learning_side_by_side_is_that_of_an_explicit_loop(corridor, networks, kind, memory, streams):
    world, newborn = corridor(kind), networks(range(3), memory)
    found = lived(world, newborn, Rewarded(0.3), streams)
    for life in range(3):
        walks, weights = by_hand(world, *single(newborn, streams, life), rate=0.3)
        assert near(found.scores["return"][life], sum(w.total for w in walks) / EPISODES)
        assert all(near(w[life], weights[name]) for name, w in found.weights.projections.items())
    born = newborn.projections["hidden -> action"].weight
    assert (found.weights.projections["hidden -> action"] - born).abs().amax((1, 2)).min() > 0.01


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize("streams", [COMMON, own(range(3))], ids=["common", "own"])
def test_episodes_apart_are_lives_of_one_episode(corridor, networks, kind, memory, feedback, streams, monkeypatch):
    world, newborn = corridor(kind, walk=9), networks(range(3), memory, feedback=feedback)
    found = lived(world, newborn, Rewarded(), streams, apart=True, feedback=feedback)
    totals, steps, weights = [], [], []
    for life in range(3):
        for number in range(EPISODES):
            uniform = Streams.uniform
            with monkeypatch.context() as patched:  # the same episode, alone
                patched.setattr(Streams, "uniform", lambda c, n, m: uniform(c, number + 1, m)[:, -1:])  # noqa: B023
                walks, learned = by_hand(world, *single(newborn, streams, life), 0.05, feedback, episodes=1)
            totals.append(walks[0].total)
            steps.append(walks[0].steps)
            weights.append(learned)
    assert near(found.scores["return"], torch.tensor(totals, dtype=torch.float64).view(3, EPISODES).mean(1))
    assert found.steps.tolist() == torch.tensor(steps).view(3, EPISODES).sum(1).tolist()
    for row, learned in enumerate(weights):
        assert all(near(w[row], learned[name]) for name, w in found.weights.projections.items())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("streams", [COMMON, own(range(3))], ids=["common", "own"])
def test_without_plasticity_episodes_apart_are_those_side_by_side(corridor, networks, kind, streams):
    newborn = networks(range(3))
    shared, apart = (lived(corridor(kind), newborn, Listening(), streams, apart=a) for a in (False, True))
    assert all(near(apart.scores[name], score) for name, score in shared.scores.items())
    assert torch.equal(apart.steps, shared.steps)


def test_episodes_end_at_different_times_and_only_until_then_they_count(corridor, networks):
    rule = Listening()
    found = lived(corridor("response"), networks(range(3)), rule)
    alive = torch.stack([told.alive for told in rule.heard])
    lengths = alive.sum(0)
    assert len(lengths.unique()) > 2
    assert (alive[1:] <= alive[:-1]).all(), "an episode that has ended does not go on"
    assert torch.equal(found.steps, lengths.sum(1).double())
    rewards = torch.stack([told.reward for told in rule.heard])
    assert near(found.scores["return"], (rewards * alive).sum(0).mean(1))


def same(one, other, lives=slice(None)):
    """Compares bit for bit; the weights of episodes apart must be those of their life."""
    fits = [torch.equal(one.scores[name][lives], other.scores[name][lives]) for name in one.scores]
    fits.append(torch.equal(one.steps[lives], other.steps[lives]))
    for name, weight in one.weights.projections.items():
        mine, yours = (w.unflatten(0, (len(one.steps), -1))[lives] for w in (weight, other.weights.projections[name]))
        fits.append(torch.equal(mine, yours))
    return all(fits)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "rule", [None, Rewarded(), Hebbian(), TrialAndError(), Backprop()], ids=lambda rule: type(rule).__name__
)
@pytest.mark.parametrize("apart", [False, True])
def test_what_comes_after_the_end_changes_nothing(corridor, networks, kind, rule, apart):
    newborn = networks(range(3), not isinstance(rule, Backprop), feedback=True)
    newborn = newborn if rule is None else endowed(newborn, "rule", rule, {})
    calm, wild = (
        lived(corridor(kind, aftermath=a, walk=40, taught=True), newborn, rule, apart=apart, feedback=True)
        for a in (0.0, 1e3)
    )
    assert same(calm, wild)
    assert calm.steps.min() < 40 * EPISODES, "some have ended"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "rule", [None, Rewarded(), Hebbian(), TrialAndError(), Backprop()], ids=lambda rule: type(rule).__name__
)
def test_stopping_when_all_have_ended_gives_the_numbers_of_going_on(corridor, networks, kind, rule, monkeypatch):
    world, newborn = corridor(kind, walk=64, stride=4.0, taught=True), networks(range(3), memory=False)
    newborn = newborn if rule is None else endowed(newborn, "rule", rule, {})
    heard, found = [], []
    for look in (1, 16, 1000):
        monkeypatch.setattr(episode, "_LOOK", look)
        listening = Listening()
        lived(world, newborn, listening)
        heard.append(len(listening.heard))
        found.append(lived(world, newborn, rule))
    assert heard[0] < heard[1] < heard[2] == 64
    assert same(found[0], found[1])
    assert same(found[1], found[2])


def test_activity_and_feedback_are_forgotten_exactly_where_trials_begin(corridor, networks):
    rule = Listening()
    newborn = networks(range(2), feedback=True)
    lived(corridor("continuous", stride=0.1, walk=8), newborn, rule, feedback=True, forgetful=True)
    for told in rule.heard:
        at_rest = [bool((told.before[g] == 0).all()) for g in ("senses", "hidden", "action")]
        felt = bool((told.activities["senses"][:, 3:] == 0).all())
        assert at_rest == [told.step % 3 == 0] * 3
        assert felt == (told.step % 3 == 0)
    rule = Listening()
    lived(corridor("continuous", stride=0.1, walk=8), newborn, rule, feedback=True)
    assert [bool((told.before["hidden"] == 0).all()) for told in rule.heard] == [True] + [False] * 7


def test_a_world_without_trials_is_one_trial(corridor, networks):
    one, other = (
        lived(corridor(trial=0), networks(range(3), feedback=True), feedback=True, forgetful=f) for f in (False, True)
    )
    assert same(one, other)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("apart", [False, True])
def test_the_last_action_and_reward_are_sensed(corridor, networks, kind, apart):
    rule = Listening(exploration=Exploration(choice=torch.ones(3 * EPISODES if apart else 3)))
    lived(corridor(kind), networks(range(3), feedback=True), rule, own(range(3)), apart=apart, feedback=True)
    felt = [told.activities["senses"][:, 3:] for told in rule.heard]
    assert (felt[0] == 0).all()
    assert felt[0].shape == ((12, 3, 1) if apart else (3, 3, EPISODES))
    for told, now in zip(rule.heard, felt[1:], strict=False):
        did = torch.stack([told.actions == 0, told.actions == 1], 1) if kind == "discrete" else told.actions
        assert torch.equal(now, torch.cat([did, told.reward[:, None]], 1))


def test_a_rule_is_told_what_happened_and_it_stays_so(corridor, networks):
    @dataclass(frozen=True)
    class Copying(Listening):
        copies: list = field(default_factory=list)

        def step(self, network, weights, state, lived, newborn):
            tensors = (*lived.activities.values(), *lived.before.values(), lived.reward, lived.alive, lived.actions)
            self.copies.append([t.clone() for t in tensors])
            return super().step(network, weights, state, lived, newborn)

    rule, newborn = Copying(), networks(range(3))
    lived(corridor("response", taught=True), newborn, rule, own(range(3)))
    leak = newborn.groups["hidden"]["leak"][:, :, None]
    side = own(range(3)).stream("hidden").stream("side").integers(2, 1)
    rest = dict.fromkeys(("senses", "hidden", "action"), torch.zeros(3, 4, EPISODES, dtype=torch.float64))
    for step, (told, copies) in enumerate(zip(rule.heard, rule.copies, strict=True)):
        later = (*told.activities.values(), *told.before.values(), told.reward, told.alive, told.actions)
        assert all(torch.equal(a, b) for a, b in zip(copies, later, strict=True))
        before = rest if step == 0 else rule.heard[step - 1].activities
        assert torch.equal(told.before["hidden"], before["hidden"])
        assert torch.equal(told.activities["hidden"], torch.lerp(before["hidden"], told.internal["hidden"], leak))
        assert torch.equal(told.actions, told.activities["action"])
        assert (told.step, told.output, told.objective) == (step, "action", SquaredError())
        assert torch.equal(told.targets.argmax(1), side.expand(-1, EPISODES))
        assert told.weight.tolist() == [[float(step % 3 == 2)] * EPISODES] * 3
        reward = (
            told.activities["senses"][:, 1] * rule.heard[step + 1].activities["senses"][:, 0] if step < 11 else None
        )
        if reward is not None:
            assert near(told.reward, reward + rule.heard[step + 1].activities["senses"][:, 2])


def test_the_error_counts_as_much_as_the_target_and_while_the_episode_lasts(corridor, networks):
    rule = Listening()
    lived(corridor("response", taught=True), networks(range(3)), rule)
    ended = torch.stack([told.alive for told in rule.heard]).logical_not()
    assert ended.any()
    for told in rule.heard:
        error = told.error()["action"]
        plain = SquaredError().error(told)["action"]
        counts = told.alive & (told.step % 3 == 2)
        assert torch.equal(error, plain * counts[:, None, :])
        assert (error.abs().sum(1) > 0).equal(counts)


def silent(newborn):
    """The same networks without synapses: only biases and random numbers remain."""
    nothing = {n: replace(s, weight=torch.zeros_like(s.weight)) for n, s in newborn.projections.items()}
    return replace(newborn, projections=nothing)


def test_choices_are_drawn_from_the_softmax_at_a_temperature(corridor, networks):
    newborn, heat = silent(networks(range(3))), torch.tensor([0.1, 1.0, 5.0])
    rule = Listening(exploration=Exploration(choice=heat))
    lived(corridor(stride=0.0, walk=150), newborn, rule, own(range(3)), episodes=64)
    actions = torch.stack([told.actions for told in rule.heard]).double()
    bias = newborn.groups["action"]["bias"]
    wanted = torch.softmax(bias / heat[:, None], 1)[:, 1]
    spread = (wanted * (1 - wanted) / (150 * 64)).sqrt()
    assert ((actions.mean((0, 2)) - wanted).abs() < 4 * spread).all()
    assert (wanted - 0.5).abs().max() > 0.1, "a temperature that matters"
    rows = {tuple(row) for life in actions.unbind(1) for row in life.int().tolist()}
    assert len(rows) == 450, "every step of every life is another draw"


@pytest.mark.parametrize("kind", ["continuous", "response"])
def test_actions_that_are_numbers_are_spread_about_the_output(corridor, networks, kind):
    spread = torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64)
    rule, world = Listening(exploration=Exploration(choice=spread)), corridor(kind, stride=1e-3, walk=100)
    lived(world, networks(range(3)), rule, own(range(3)), episodes=32)
    tried = torch.stack([told.actions - told.activities["action"] for told in rule.heard]) / spread[:, None, None]
    assert tried.mean((0, 2, 3)).abs().max() < 4 / math.sqrt(6400)
    assert (tried.std((0, 2, 3)) - 1).abs().max() < 4 / math.sqrt(2 * 6400)
    assert torch.corrcoef(tried.flatten(1)).fill_diagonal_(0).abs().max() < 0.4, "steps are independent"
    places = torch.stack([told.activities["senses"][:, 2] for told in rule.heard])
    low, high = (torch.tensor(end, dtype=torch.float64)[:, None] for end in ((-2.0, 0.0), (1.0, 0.5)))
    done = torch.stack([told.actions for told in rule.heard[:-1]])
    if kind == "continuous":
        done = low + (done.clamp(-1, 1) + 1) / 2 * (high - low)
    assert near(places.diff(dim=0), 1e-3 * rule.heard[0].activities["senses"][:, 1] * done.sum(2))


def test_noise_enters_every_group_behind_the_sensory_one(corridor, networks):
    newborn, level = silent(networks(range(3))), torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64)
    rule = Listening(exploration=Exploration(noise=level))
    lived(corridor("response", stride=0.0, walk=100), newborn, rule, own(range(3)), episodes=32)
    assert all(list(told.noise) == ["hidden", "action"] for told in rule.heard)
    for group, units in (("hidden", 4), ("action", 2)):
        noise = torch.stack([told.noise[group] for told in rule.heard])
        assert noise.shape == (100, 3, units, 32)
        assert torch.allclose(noise.std((0, 2, 3)), level, rtol=4 / math.sqrt(2 * 3200 * units))
        assert noise.mean((0, 2, 3)).abs().max() < 4 * 2.0 / math.sqrt(3200 * units)
    each = torch.cat([torch.stack([t.noise[g] for t in rule.heard])[:, 1:] for g in ("hidden", "action")], 2)
    units = each.movedim(3, 1).flatten(0, 1).flatten(1).T  # (lives * units, steps * episodes)
    assert torch.corrcoef(units).fill_diagonal_(0).abs().max() < 0.1, "lives and units have noise of their own"
    for told in rule.heard:
        bias = {name: by["bias"][:, :, None] for name, by in newborn.groups.items()}
        assert near(told.internal["hidden"], torch.tanh(bias["hidden"] + told.noise["hidden"]))
        assert near(told.activities["action"], bias["action"] + told.noise["action"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("apart", [False, True])
def test_what_is_tried_depends_on_the_life_alone(corridor, networks, kind, apart):
    times = EPISODES if apart else 1

    def tried(owners):
        level = torch.full((len(owners) * times,), 0.7, dtype=torch.float64)
        rule = Listening(exploration=Exploration(choice=level, noise=level))
        lived(corridor(kind, walk=70, stride=0.0), silent(networks(owners)), rule, own(owners), apart=apart)
        parts = [torch.stack([told.actions for told in rule.heard])]
        parts += [torch.stack([told.noise[g] for told in rule.heard]) for g in ("hidden", "action")]
        return [part.unflatten(1, (len(owners), times)) for part in parts]

    for many, few in zip(tried([4, 5, 6, 7]), tried([7, 5]), strict=True):
        assert torch.equal(many[:, [3, 1]], few)
        assert not torch.equal(few[:, 0], few[:, 1])
        assert not torch.equal(few[:6], few[64:]), "a new block of steps has new numbers"
        if apart:
            assert not torch.equal(few[:, 0, 0], few[:, 0, 1])


def test_without_a_rule_the_best_action_is_taken(corridor, networks):
    newborn, world = networks(range(3)), corridor()
    exploring = Rewarded(0.0, Exploration(choice=torch.full((3,), 5.0)))
    calm, tried = lived(world, newborn), lived(world, newborn, exploring)
    assert same(calm, lived(world, newborn, Rewarded(0.0)))
    assert not near(calm.scores["place"], tried.scores["place"])


RULES = [Rewarded(), Hebbian(), TrialAndError(), Backprop()]


@pytest.mark.parametrize(
    ("kind", "rule"),
    [*(("discrete", rule) for rule in (None, *RULES)), ("continuous", RULES[0]), ("response", RULES[1])],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("streams", [COMMON, own(range(4))], ids=["common", "own"])
def test_a_network_that_is_not_a_number_has_no_score_and_leaves_its_neighbours_alone(
    corridor, networks, kind, apart, rule, streams
):
    memory = not isinstance(rule, Backprop)
    newborn = networks(range(4), memory, torch.float32, feedback=True)
    newborn = newborn if rule is None else endowed(newborn, "rule", rule, {})
    world = corridor(kind, taught=True)
    clean, beside = (
        lived(world, each, rule, streams, apart=apart, feedback=True) for each in (newborn, with_nan(newborn, 1))
    )
    assert same(clean, beside, [0, 2, 3])
    assert all(score[1].isnan() and score[[0, 2, 3]].isfinite().all() for score in beside.scores.values())


@pytest.mark.parametrize("size", [math.nan, math.inf])
def test_an_output_that_is_no_number_for_a_moment_is_found(corridor, networks, size):
    """One number in one step of one episode; the action that is chosen from it hides it."""

    @dataclass(frozen=True)
    class Stumbling(Listening):
        def step(self, network, weights, state, lived, newborn):
            weights.biases["action"][1] = size if lived.step == 2 else 0.0
            return weights, state

    scores = lived(corridor(stride=0.0), networks(range(3), memory=False), Stumbling()).scores
    assert all(score.isfinite().tolist() == [True, False, True] for score in scores.values())


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("rule", [None, *RULES[:3]], ids=lambda rule: type(rule).__name__)
def test_common_chance_is_that_of_everybody(corridor, networks, apart, rule):
    newborn, copies = networks(range(3)), Streams(COMMON.keys.expand(3, -1))
    newborn = newborn if rule is None else endowed(newborn, "rule", rule, {})
    one, each = (lived(corridor(), newborn, rule, streams, apart=apart) for streams in (COMMON, copies))
    assert all(near(one.scores[name], score) for name, score in each.scores.items())
    assert all(near(one.weights.projections[name], w) for name, w in each.weights.projections.items())
    assert torch.equal(one.steps, each.steps)


@pytest.mark.parametrize("streams", [COMMON, own(range(3))], ids=["common", "own"])
def test_a_rule_draws_from_a_stream_of_its_life_or_of_each_episode_apart(corridor, networks, streams):
    keys = {}
    for apart in (False, True):
        rule = Listening()
        lived(corridor(), networks(range(3)), rule, streams, apart=apart)
        assert all(told.streams is rule.heard[0].streams for told in rule.heard)
        keys[apart] = rule.heard[0].streams.keys
    assert torch.equal(keys[False], streams.keys)
    assert keys[True].shape == (3 * EPISODES, 2)
    counts = Counter(tuple(key) for key in keys[True].tolist())
    assert list(counts.values()) == ([3] * EPISODES if streams is COMMON else [1] * 3 * EPISODES)


def test_guesses_of_episodes_apart_are_their_own(corridor, networks):
    found = lived(corridor(walk=1), networks(range(3)), TrialAndError(), own(range(3)), apart=True)
    weights = found.weights.projections["senses -> hidden"].flatten(1)
    guesses = weights[(weights.abs() == 1).all(1)]
    assert len(guesses.unique(dim=0)) == len(guesses) > EPISODES
