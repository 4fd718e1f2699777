"""The polynomial rule against a loop over every synapse, episode and term; Oja's rule and its limit."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from genomes.errors import InputError
from genomes.evolvable import endowed, evolved_spec
from genomes.evolve import Evolve
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.contracts import specimen
from inner_loop.contracts.rules import check_rule
from inner_loop.contracts.specimen import own_streams
from inner_loop.network import Network, NetworkState, Weights
from inner_loop.objective import Lived
from inner_loop.rules.hebbian import Hebbian
from inner_loop.rules.volterra import Volterra

LIVES = len(specimen.OWNERS)
EXACT = {"rtol": 1e-12, "atol": 1e-12}
FEW = ("yww", "xyr", "1", "xxyr", "w", "xyyr")  # exchanging letters would change each of them
WITHOUT_REWARD = tuple("x" * a + "y" * b + "w" * c or "1" for a, b, c in product(range(3), repeat=3))
OJA = Volterra(terms=("xy", "yyw"), fixed=(1.0, -1.0), learning_rate=0.05, bound=100.0)
ROUND = Topology(
    (Group("input", 5), Group("hidden", 6, "tanh", types=2), Group("output", 3)),
    ("input -> hidden", "hidden -> hidden", "hidden -> output", "output -> hidden"),
)


def evolving(terms, **where):
    number = Evolve((-0.9, 1.1), bits=9, **where)
    return Volterra(terms, number, learning_rate=number, bound=100.0)


def moment(newborn, episodes, rewarded=True):
    """One step of some episodes in a network with lateral and recurrent projections; all of them go on."""
    network, source = Network.of(newborn), derive(6, "moment", owners=specimen.OWNERS)

    def normal(name, units):
        return source.stream(name).normal(units, episodes).to(newborn.like)

    before = {group.name: normal(f"before {group.name}", group.size) for group in newborn.topology.groups}
    inputs = normal("now", newborn.topology.sensory.size)
    now = network.advance(Weights.born(newborn), inputs, NetworkState(before, {}))
    alive = torch.ones(LIVES, episodes, dtype=torch.bool)
    reward = source.stream("reward").normal(episodes).to(newborn.like) if rewarded else None
    nothing = torch.zeros(1, 0, episodes)
    return network, Lived(
        now.activities, nothing, "output", None, 0, source,
        before=before, internal=now.internal, alive=alive if rewarded else None, reward=reward,
    )  # fmt: skip


def after(rule, newborn, network, lived):
    """The weights after a step, by name."""
    weights = Weights.born(newborn)
    return rule.step(network, weights, rule.init(network, newborn, weights, own_streams(newborn)), lived, newborn)[
        0
    ].projections


def by_loops(rule, newborn, lived):
    """Computes every synapse, episode and term separately."""
    fixed, changed = rule.fixed or (0.0,) * len(rule.labels), {}
    for edge in newborn.topology.edges:
        synapses = newborn.projections[edge.name]
        born, weight = synapses.weight.tolist(), synapses.weight.clone()
        late = edge.name in ("hidden -> hidden", "output -> hidden")
        xs = (lived.before if late else lived.activities)[edge.pre].tolist()
        ys = lived.activities[edge.post].tolist()
        numbers = {n: synapses.parameters[f"rule.{n}"].expand(weight.shape).tolist() for n in names_of(rule)}
        for p, i, j in product(*(range(n) for n in weight.shape)):
            if synapses.mask is not None and not synapses.mask[p, i, j]:
                continue
            going = [b for b in range(len(ys[p][i])) if lived.alive is None or lived.alive[p, b]]
            for b in going:
                r = 0.0 if lived.reward is None else lived.reward[p, b].item()
                value = {"x": xs[p][j][b], "y": ys[p][i][b], "w": born[p][i][j], "r": r, "1": 1.0}
                total = 0.0
                for label, constant in zip(rule.labels, fixed, strict=True):
                    term = numbers[f"coefficient.{label}"][p][i][j] + constant
                    for letter in label:
                        term *= value[letter]
                    total += term
                weight[p, i, j] += numbers["learning_rate"][p][i][j] * total / len(going)
        changed[edge.name] = weight
    return changed


def names_of(rule):
    return ["learning_rate", *(f"coefficient.{label}" for label in rule.labels)]


@pytest.mark.parametrize(
    "rule",
    [
        evolving(FEW),
        evolving(FEW, per="synapse", shared=4),
        evolving(("xyww", "y")),
        evolving((), per="projection"),
        evolving((), per="types"),
        evolving(WITHOUT_REWARD),
        replace(evolving(FEW, per="projection"), fixed=(0.3, -0.2, 0.1, 0.5, -0.7, 0.9)),
        OJA,
    ],
    ids=["few", "few, by lot", "a power of w left out", "all", "all, by types", "without reward", "fixed", "Oja"],
)
@pytest.mark.parametrize("episodes", [1, 3])
def test_the_rule_is_a_loop_over_synapses_and_terms(rule, episodes):
    newborn = specimen.newborn(rule, torch.float64, ROUND)
    network, lived = moment(newborn, episodes)
    if episodes > 1:
        lived.alive[:, 1] = False
    wanted = by_loops(rule, newborn, lived)
    if episodes > 1:  # activity of ended episodes need not be finite
        lived.activities["hidden"][:, :, 1] = torch.inf
        lived.reward[:, 1] = torch.nan
    for name, weight in after(rule, newborn, network, lived).items():
        torch.testing.assert_close(weight, wanted[name], **EXACT)


def test_without_a_reward_it_is_zero():
    rule = evolving(())
    newborn = specimen.newborn(rule, torch.float64, ROUND)
    network, lived = moment(newborn, 3, rewarded=False)
    wanted = by_loops(rule, newborn, lived)
    for name, weight in after(rule, newborn, network, lived).items():
        torch.testing.assert_close(weight, wanted[name], **EXACT)


def test_hebbs_rule_is_one_of_these():
    numbers = {"correlation": 0.7, "presynaptic": -0.4, "postsynaptic": 0.2, "constant": 0.1}
    hebb = Hebbian(learning_rate=0.3, bound=0.5, **numbers)
    same = Volterra(("xy", "x", "y", "1"), fixed=tuple(numbers.values()), learning_rate=0.3, bound=0.5)
    one, other = (specimen.life(rule, specimen.newborn(rule, torch.float64), 12) for rule in (hebb, same))
    torch.testing.assert_close(one.flat, other.flat, **EXACT)


def test_ojas_rule():
    """dw = rate (y x - y^2 w): if the letters of yyw were exchanged, w^2 y would replace y^2 w."""
    newborn = specimen.newborn(OJA, torch.float64, ROUND)
    network, lived = moment(newborn, episodes=1)
    weight = newborn.projections["hidden -> output"].weight
    x, y = lived.activities["hidden"], lived.activities["output"]
    moved = after(OJA, newborn, network, lived)["hidden -> output"] - weight
    torch.testing.assert_close(moved, 0.05 * (y * x.mT - y.square() * weight), **EXACT)


@pytest.mark.slow
def test_ojas_neuron_finds_the_first_principal_component():
    """Oja 1982, J. Math. Biology 15:267: the weights converge to it with length 1, from any start."""
    topology = Topology((Group("input", 6), Group("output", 1)), ("input -> output",))
    rule, source = replace(OJA, learning_rate=0.02), derive(3, "inputs", owners=specimen.OWNERS)
    mixing = source.stream("mixing").normal(6, 6) / 2.0
    synapses = Synapses(source.stream("weight").normal(1, 6))
    newborn = endowed(Phenotype(topology, {"input -> output": synapses}), "rule", rule, {})
    network, weights = Network(topology), Weights.born(newborn)
    state = rule.init(network, newborn, weights, own_streams(newborn))
    for step in range(600):
        inputs = mixing @ source.stream(step).normal(6, 64)
        lived = Lived(network.activity(weights, inputs), inputs, "output", None, step, source)
        weights, state = rule.step(network, weights, state, lived, newborn)
    learned = weights.projections["input -> output"][:, 0]
    component = torch.linalg.eigh(mixing @ mixing.mT).eigenvectors[:, :, -1]
    torch.testing.assert_close(learned.norm(dim=1), torch.ones(LIVES).double(), rtol=0.05, atol=0.0)
    assert ((learned * component).sum(1).abs() / learned.norm(dim=1) > 0.99).all()


def test_terms_have_one_name_each_and_a_gene_each():
    rule = evolving(("ywy", "rxy", "1", "wx"), per="projection")
    assert rule.labels == ("yyw", "xyr", "1", "xw")
    names = [field.name for field in evolved_spec(rule, ROUND).fields]
    assert names == [*(f"coefficient.{label}" for label in rule.labels), "learning_rate"]
    assert len(set(Volterra().labels)) == 81
    assert {"1", "xxyywwrr"} < set(Volterra().labels)


def test_a_reward_is_asked_for_only_if_it_is_in_a_term():
    assert OJA.teacher == "nothing"
    assert Volterra(("xy", "xyr")).teacher == Volterra().teacher == "reward"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"terms": ("xz",)}, r"Volterra.terms: .* got 'xz'"),
        ({"terms": ("xxx",)}, "each at most twice"),
        ({"terms": ("",)}, "products of x, y, w and r"),
        ({"terms": ("x1",)}, "products of x, y, w and r"),
        ({"terms": ("xy", "w", "yx")}, r"every term once, got \['xy'\]"),
        ({"terms": ("xy", "w"), "fixed": (1.0,)}, "2 numbers, one a term"),
        ({"fixed": (1.0,)}, "81 numbers"),
        ({"bound": 0.0}, "bound"),
    ],
)
def test_what_is_no_rule_is_refused(fields, words):
    with pytest.raises(InputError, match=words):
        Volterra(**fields)


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule",
    [
        Volterra(),
        Volterra(fixed=(0.01,) * 81),
        OJA,
        *(replace(OJA, coefficient=Evolve((-1.0, 1.0), per=per)) for per in ("individual", "projection", "types")),
        replace(OJA, coefficient=Evolve((-1.0, 1.0), per="synapse", shared=8)),
        Volterra(coefficient=Evolve((-0.1, 0.1), per="projection"), learning_rate=Evolve((0.01, 0.1), per="synapse")),
    ],
    ids=["nothing", "all", "Oja", "individual", "projection", "types", "lot", "rate of each synapse"],
)
def test_the_contract(rule):
    assert len(check_rule(rule)) >= 10
