"""The ABCD rule against a loop over every synapse and sample; its bound; its teacher; episodes that end."""

from dataclasses import replace

import pytest
import torch

from genomes.errors import InputError
from genomes.evolve import Evolve
from genomes.phenotype import Phenotype
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.contracts import specimen
from inner_loop.contracts.rules import check_rule
from inner_loop.contracts.specimen import own_streams
from inner_loop.network import Network, NetworkState, Weights
from inner_loop.objective import Lived
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules.hebbian import Hebbian

LIVES, BATCH = len(specimen.OWNERS), 3
NAMES = ("learning_rate", "correlation", "presynaptic", "postsynaptic", "constant")


def evolving(per):
    return {name: Evolve((-0.9, 1.1), per=per, bits=9) for name in NAMES}


def one_step(rule, common=False, dtype=torch.float64):
    """Newborn networks, one step of theirs, and their weights after it."""
    newborn = specimen.newborn(rule, dtype)
    network = Network.of(newborn)
    source = derive(5, "lesson", owners=-1 if common else specimen.OWNERS)
    inputs = source.stream("inputs").normal(5, BATCH).to(dtype)
    targets = source.stream("targets").normal(3, BATCH).to(dtype)
    weights = Weights.born(newborn)
    lived = Lived(network.activity(weights, inputs), targets, "output", SquaredError(), 0, source)
    weights, _ = rule.step(network, weights, rule.init(network, newborn, weights, own_streams(newborn)), lived, newborn)
    return newborn, lived, weights


def by_loops(newborn: Phenotype, lived: Lived, rule: Hebbian) -> dict[str, torch.Tensor]:
    """Every synapse of every individual, one sample after another."""
    changed = {}
    for edge in newborn.topology.edges:
        synapses = newborn.projections[edge.name]
        weight = synapses.weight.clone()
        x, y = lived.activities[edge.pre], lived.activities[edge.post]
        if rule.taught and edge.post == "output":
            y = lived.targets
        for p, i, j in torch.cartesian_prod(*(torch.arange(n) for n in weight.shape)).tolist():
            if synapses.mask is not None and not synapses.mask[p, i, j]:
                continue
            eta, a, b, c, d = (
                synapses.parameters[f"rule.{name}"].expand(weight.shape)[p, i, j].item() for name in NAMES
            )
            total = 0.0
            for sample in range(BATCH):
                pre, post = x[p % len(x), j, sample].item(), y[p % len(y), i, sample].item()
                total += a * post * pre + b * pre + c * post + d
            weight[p, i, j] += eta * total / BATCH
        for p in range(LIVES):
            largest = weight[p].abs().max()
            if largest > rule.bound:
                weight[p] *= rule.bound / largest
        changed[edge.name] = weight
    return changed


@pytest.mark.parametrize("common", [False, True], ids=["own lessons", "common lessons"])
@pytest.mark.parametrize(
    "rule",
    [
        Hebbian(learning_rate=0.3, correlation=0.7, presynaptic=-0.4, postsynaptic=0.2, constant=0.1, bound=100.0),
        Hebbian(**evolving("individual"), bound=100.0),
        Hebbian(**evolving("projection"), bound=1.0),
        Hebbian(**evolving("types"), bound=100.0),
        Hebbian(**evolving("types"), bound=0.5, taught=True),
    ],
    ids=["constant", "per individual", "per projection", "per types", "taught"],
)
def test_the_rule_is_a_loop_over_the_synapses(rule, common):
    newborn, lived, weights = one_step(rule, common)
    for name, wanted in by_loops(newborn, lived, rule).items():
        torch.testing.assert_close(weights.projections[name], wanted, rtol=1e-12, atol=1e-12)
    for name, bias in weights.biases.items():
        assert torch.equal(bias[:, :, 0], newborn.bias(name))


@pytest.mark.parametrize(
    ("term", "change"),
    [
        ("correlation", lambda x, y: torch.einsum("pib,pjb->pij", y, x) / BATCH),
        ("presynaptic", lambda x, y: x.mean(2)[:, None, :].expand(-1, y.shape[1], -1)),
        ("postsynaptic", lambda x, y: y.mean(2)[:, :, None].expand(-1, -1, x.shape[1])),
        ("constant", lambda x, y: torch.ones(LIVES, y.shape[1], x.shape[1])),
    ],
)
def test_each_term_is_its_own(term, change):
    rule = Hebbian(learning_rate=0.25, **{"correlation": 0.0, term: 1.0}, bound=100.0)
    newborn, lived, weights = one_step(rule)
    moved = weights.projections["hidden -> output"] - newborn.projections["hidden -> output"].weight
    wanted = 0.25 * change(lived.activities["hidden"], lived.activities["output"]).to(moved)
    torch.testing.assert_close(moved, wanted, rtol=1e-9, atol=1e-12)


def test_cell_types_share_their_coefficients():
    rule = Hebbian(learning_rate=1.0, correlation=0.0, constant=Evolve((-1.0, 1.0), per="types"), bound=100.0)
    newborn, _, weights = one_step(rule)
    moved = weights.projections["hidden -> output"] - newborn.projections["hidden -> output"].weight
    torch.testing.assert_close(moved[:, :, 0::2], moved[:, :1, :1].expand(-1, 3, 3))
    torch.testing.assert_close(moved[:, :, 1::2], moved[:, :1, 1:2].expand(-1, 3, 3))
    assert not torch.allclose(moved[:, 0, 0], moved[:, 0, 1])


def test_nothing_blows_up_and_a_mask_holds():
    rule = Hebbian(learning_rate=5.0, constant=0.3, bound=0.8)
    learned = specimen.life(rule, newborn := specimen.newborn(rule), steps=200)
    for name, weight in learned.projections.items():
        largest = weight.abs().amax((1, 2))
        torch.testing.assert_close(largest, torch.full((LIVES,), 0.8), rtol=1e-6, atol=0.0)
        mask = newborn.projections[name].mask
        assert mask is None or bool((weight[~mask] == 0).all())


def test_weights_within_the_bound_are_not_scaled():
    rule = Hebbian(learning_rate=0.0, bound=100.0)
    newborn, _, weights = one_step(rule, dtype=torch.float32)
    for name, synapses in newborn.projections.items():
        assert torch.equal(weights.projections[name], synapses.weight)


def test_a_taught_hebbian_associates_what_it_is_shown():
    """Three orthogonal patterns, each with its own answer: the correlations alone hold all three."""
    rule = Hebbian(learning_rate=0.5, taught=True, bound=10.0)
    newborn = specimen.newborn(rule)
    network, weights = Network.of(newborn), Weights.born(newborn)
    for view in weights.projections.values():
        view.zero_()
    inputs, targets = torch.eye(5)[None, :, :3].contiguous(), torch.eye(3)[None]
    for step in range(6):
        lived = Lived(network.activity(weights, inputs), targets, "output", SquaredError(), step, derive(0, ""))
        weights, _ = rule.step(network, weights, (), lived, newborn)
    answers = network.activity(weights, inputs)["output"].argmax(1)
    assert answers.tolist() == [[0, 1, 2]] * LIVES


def test_a_bound_must_be_positive():
    with pytest.raises(InputError, match="bound"):
        Hebbian(bound=0.0)


ROUND = Topology(
    (Group("input", 5), Group("hidden", 6, "tanh", types=2), Group("output", 3)),
    ("input -> hidden", "hidden -> hidden", "hidden -> output", "output -> hidden"),
)
LOT = {name: Evolve((-0.9, 1.1), bits=9, per="synapse", shared=3) for name in NAMES}


def moment(newborn, episodes, owners=specimen.OWNERS):
    """One step of some episodes in a network with lateral and recurrent projections; all of them go on."""
    network, source = Network(ROUND), derive(6, "moment", owners=owners)

    def normal(name, units):
        return source.stream(name).normal(units, episodes).to(newborn.like)

    before = {group.name: normal(f"before {group.name}", group.size) for group in ROUND.groups}
    now = network.advance(Weights.born(newborn), normal("now", 5), NetworkState(before, {}))
    alive = torch.ones(len(owners), episodes, dtype=torch.bool)
    nothing = torch.zeros(1, 0, episodes)
    lived = Lived(now.activities, nothing, "output", None, 0, source, before=before, internal=now.internal, alive=alive)
    return network, lived


def after(rule, newborn, network, lived):
    """The weights after a step, by name."""
    weights = Weights.born(newborn)
    return rule.step(network, weights, rule.init(network, newborn, weights, own_streams(newborn)), lived, newborn)[
        0
    ].projections


@pytest.mark.parametrize("rule", [Hebbian(**evolving("projection")), Hebbian(**LOT)], ids=["projection", "lot"])
@pytest.mark.parametrize("episodes", [1, 3])
def test_projections_that_are_late_carry_what_was_before(rule, episodes):
    newborn = specimen.newborn(replace(rule, bound=100.0), torch.float64, ROUND)
    network, lived = moment(newborn, episodes)
    changed = after(replace(rule, bound=100.0), newborn, network, lived)
    for edge in ROUND.edges:
        synapses = newborn.projections[edge.name]
        eta, a, b, c, d = (synapses.parameters[f"rule.{name}"] for name in NAMES)
        late = edge.name in ("hidden -> hidden", "output -> hidden")
        x, y = (lived.before if late else lived.activities)[edge.pre], lived.activities[edge.post]
        x, y = x[:, None, :, :], y[:, :, None, :]
        change = eta * (a[..., None] * y * x + b[..., None] * x + c[..., None] * y + d[..., None]).mean(3)
        wanted = synapses.weight + (change if synapses.mask is None else change * synapses.mask)
        torch.testing.assert_close(changed[edge.name], wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", [Hebbian(**evolving("individual")), Hebbian(**LOT)], ids=["individual", "lot"])
def test_episodes_that_have_ended_count_no_more(rule):
    newborn = specimen.newborn(rule, torch.float64, ROUND)
    network, lived = moment(newborn, episodes=3)
    lived.alive[:, 1] = False
    lived.alive[3] = False
    lived.activities["hidden"][:, :, 1] = torch.inf
    going = torch.tensor([0, 2])
    parts = [{name: y[:, :, going] for name, y in by.items()} for by in (lived.activities, lived.before)]
    fewer = replace(lived, activities=parts[0], before=parts[1], alive=lived.alive[:, going])
    some, all_of_them = (after(rule, newborn, network, each) for each in (fewer, lived))
    for name, weight in all_of_them.items():
        torch.testing.assert_close(weight, some[name], rtol=1e-12, atol=1e-12)
        assert torch.equal(weight[3], newborn.projections[name].weight[3])
        assert not torch.equal(weight[0], newborn.projections[name].weight[0])


def test_a_target_is_shown_as_far_as_it_counts():
    rule = Hebbian(taught=True, bound=100.0)
    newborn = specimen.newborn(rule, torch.float64, ROUND)
    network, lived = moment(newborn, episodes=3)
    targets = lived.streams.stream("targets").normal(3, 3)
    weight = torch.tensor([[0.0, 1.0, 0.25]], dtype=torch.float64)
    own = lived.activities["output"]
    shown = own + weight[:, None] * (targets - own)
    mixed = after(rule, newborn, network, replace(lived, targets=targets, weight=weight))
    plain = after(rule, newborn, network, replace(lived, targets=shown))
    for name in mixed:
        torch.testing.assert_close(mixed[name], plain[name], rtol=1e-12, atol=1e-12)


def test_targets_are_asked_for_only_if_it_is_taught():
    assert Hebbian().teacher == "nothing"
    assert Hebbian(taught=True).teacher == "targets"


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule",
    [Hebbian(learning_rate=LOT["constant"]), Hebbian(**LOT), Hebbian(constant=Evolve((-1.0, 1.0), per="synapse"))],
    ids=["rate", "lot", "synapse"],
)
def test_the_contract_with_numbers_of_each_synapse(rule):
    assert len(check_rule(rule)) >= 10
