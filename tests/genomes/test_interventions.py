"""Interventions on newborns: the contract of each, the properties that it must keep, and those that it must change."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import numpy as np
import pytest
import torch

from genomes.errors import InputError
from genomes.interventions import INTERVENTIONS
from genomes.interventions.given import Given
from genomes.interventions.lesion import Lesion
from genomes.interventions.random_weights import RandomWeights
from genomes.interventions.severed import Severed
from genomes.interventions.shared_weight import SharedWeight
from genomes.interventions.shuffled import Shuffled
from genomes.interventions.signs_only import SignsOnly
from genomes.interventions.standard import Standard
from genomes.interventions.weight_noise import WeightNoise
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import Streams, derive
from genomes.topology import Group, Topology

LIVES = 6
TOPOLOGY = Topology(
    (Group("eye", 8, types=2), Group("hidden", 6, "relu", types=3), Group("hand", 3)),
    ("eye -> hidden", "hidden -> hidden", "hidden -> hand"),
)
MADE = {Severed: Severed("eye -> hidden"), Given: Given({"hidden -> hand": np.ones((3, 6))})}


def newborn(masked: bool = True) -> Phenotype:
    numbers = derive(0, "newborn", owners=range(LIVES))
    projections = {}
    for edge in TOPOLOGY.edges:
        weight = numbers.stream(edge.name).normal(*TOPOLOGY.shape(edge))
        mask = numbers.stream(f"mask {edge.name}").uniform(*TOPOLOGY.shape(edge)) < 0.6
        plastic = numbers.stream(f"plastic {edge.name}").uniform(*TOPOLOGY.shape(edge))
        projections[edge.name] = Synapses(weight * mask if masked else weight, mask if masked else None, {"p": plastic})
    groups = {name: {"bias": numbers.stream(name).normal(TOPOLOGY.group(name).size)} for name in ("hidden", "hand")}
    return Phenotype(TOPOLOGY, projections, groups, {"rule.learning_rate": torch.arange(LIVES).double()})


def streams(owners=range(LIVES)) -> Streams:
    return derive(1, "birth", owners=list(owners))


def flat(phenotype: Phenotype) -> list[torch.Tensor]:
    masks = [s.mask.double() for s in phenotype.projections.values() if s.mask is not None]
    biases = [by["bias"] for by in phenotype.groups.values()]
    return [*(s.weight for s in phenotype.projections.values()), *masks, *biases]


def grown(synapses: Synapses) -> torch.Tensor:
    return torch.ones_like(synapses.weight, dtype=torch.bool) if synapses.mask is None else synapses.mask


@pytest.fixture(params=INTERVENTIONS, ids=lambda c: c.__name__)
def intervention(request):
    return MADE.get(request.param) or request.param()


def test_it_is_a_final_frozen_dataclass(intervention):
    assert is_dataclass(intervention)
    assert getattr(type(intervention), "__final__", False)
    with pytest.raises(FrozenInstanceError):
        setattr(intervention, fields(intervention)[0].name if fields(intervention) else "x", 1)


@pytest.mark.parametrize("masked", [True, False])
def test_an_individual_depends_on_itself_and_its_own_stream_alone(intervention, masked):
    whole = intervention.apply(newborn(masked), streams())
    turned = newborn(masked)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    turned = replace(
        turned,
        projections={
            n: Synapses(s.weight[order], None if s.mask is None else s.mask[order], {"p": s.parameters["p"][order]})
            for n, s in turned.projections.items()
        },
        groups={n: {"bias": by["bias"][order]} for n, by in turned.groups.items()},
    )
    again = intervention.apply(turned, streams(order.tolist()))
    for one, two in zip(flat(whole), flat(again), strict=True):
        assert torch.equal(one[order], two)


@pytest.mark.parametrize("masked", [True, False])
def test_it_says_the_same_twice_leaves_what_it_was_given_and_everything_it_is_not_about(intervention, masked):
    before = newborn(masked)
    one, two = intervention.apply(before, streams()), intervention.apply(before, streams())
    assert all(torch.equal(a, b) for a, b in zip(flat(one), flat(two), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(flat(before), flat(newborn(masked)), strict=True))
    assert one.traits is before.traits
    for name, synapses in one.projections.items():
        assert torch.equal(synapses.parameters["p"], before.projections[name].parameters["p"])
        assert (synapses.weight[~grown(synapses)] == 0).all()
        assert synapses.weight.dtype == torch.float64


@pytest.mark.parametrize("masked", [True, False])
def test_shuffled_keeps_degrees_and_the_weights_of_each_projection(masked):
    before, after = newborn(masked), Shuffled().apply(newborn(masked), streams())
    for name, synapses in after.projections.items():
        old = before.projections[name]
        assert torch.equal(grown(synapses), grown(old)), "every synapse is where it was, so degrees are kept"
        assert torch.equal(synapses.weight.flatten(1).sort().values, old.weight.flatten(1).sort().values)
        assert (synapses.weight[grown(old)] != 0).all()
        assert not torch.equal(synapses.weight, old.weight)
    for name in ("hidden", "hand"):
        assert torch.equal(after.bias(name).sort().values, before.bias(name).sort().values)
    assert not torch.equal(after.bias("hidden"), before.bias("hidden"))


def test_shuffled_deals_evenly():
    """Each of three weights must come to each synapse that grew in a third of the individuals."""
    topology = Topology((Group("a", 4), Group("b", 1)), ("a -> b",))
    weight = torch.tensor([[[1.0, 0.0, 2.0, 3.0]]]).expand(6000, 1, 4).contiguous()
    mask = weight != 0
    dealt = Shuffled().apply(Phenotype(topology, {"a -> b": Synapses(weight, mask)}), streams(range(6000)))
    shares = [(dealt.projections["a -> b"].weight[:, 0, place] == 1).double().mean() for place in (0, 2, 3)]
    assert all(abs(share - 1 / 3) < 0.03 for share in shares)


def test_without_the_mask_only_the_distribution_is_left():
    before, after = newborn(), Shuffled(mask=False).apply(newborn(), streams())
    for name, synapses in after.projections.items():
        old = before.projections[name]
        assert torch.equal(synapses.weight.flatten(1).sort().values, old.weight.flatten(1).sort().values)
        assert torch.equal(synapses.mask.sum((1, 2)), old.mask.sum((1, 2)))
        assert not torch.equal(synapses.mask, old.mask)


def test_standard_weights_have_the_textbook_variance():
    topology = Topology((Group("a", 50), Group("b", 40, "relu"), Group("c", 30)), ("a -> b", "b -> c"))
    zero = {e.name: Synapses(torch.zeros(50, *topology.shape(e))) for e in topology.edges}
    born = Standard().apply(Phenotype(topology, zero, {"b": {"bias": torch.ones(50, 40)}}), streams(range(50)))
    for name, variance in (("a -> b", 2 / 50), ("b -> c", 1 / 40)):
        assert abs(born.projections[name].weight.var() / variance - 1) < 0.02
        assert abs(born.projections[name].weight.mean()) < 0.01
    assert (born.bias("b") == 0).all()


def test_standard_with_the_mask_counts_the_synapses_that_grew():
    before = newborn()
    after = Standard(mask=True).apply(before, streams())
    assert Standard().apply(before, streams()).projections["eye -> hidden"].mask is None
    all_grew = Standard().apply(newborn(masked=False), streams())
    for name, synapses in after.projections.items():
        mask = before.projections[name].mask
        assert torch.equal(synapses.mask, mask)
        fan_in = mask.sum(2, keepdim=True)
        dense = all_grew.projections[name].weight * (mask.shape[2] / fan_in.clamp(min=1)).sqrt() * mask
        assert torch.allclose(synapses.weight, dense)


def test_signs_only_leaves_signs_and_one_magnitude():
    before, after = newborn(), SignsOnly().apply(newborn(), streams())
    for name, synapses in after.projections.items():
        old = before.projections[name]
        assert torch.equal(synapses.weight.sign(), old.weight.sign())
        size = (old.weight.square().sum((1, 2)) / old.mask.sum((1, 2))).sqrt()
        assert torch.allclose(synapses.weight.abs().amax((1, 2)), size)
        assert torch.allclose(synapses.weight.square().sum((1, 2)), old.weight.square().sum((1, 2)))
    assert torch.equal(after.bias("hand"), before.bias("hand"))


@pytest.mark.parametrize("made", [SharedWeight(-1.5), RandomWeights(0.5)])
def test_the_ladder_writes_every_synapse_that_grew(made):
    before, after = newborn(), made.apply(newborn(), streams())
    for name, synapses in after.projections.items():
        mask = before.projections[name].mask
        assert ((synapses.weight != 0) == mask).all()
        if isinstance(made, SharedWeight):
            assert (synapses.weight[mask] == -1.5).all()
        else:
            assert synapses.weight.abs().max() <= 0.5
            assert synapses.weight.abs().max() > 0.4
            assert synapses.weight.min() < 0 < synapses.weight.max()
    assert (after.bias("hidden") == 0).all()


def test_noise_is_as_large_as_it_says():
    topology = Topology((Group("a", 100), Group("b", 100)), ("a -> b",))
    weight = derive(0, "w", owners=range(4)).normal(100, 100) * torch.tensor([1.0, 2.0, 5.0, 0.0]).view(4, 1, 1)
    noisy = WeightNoise(0.3).apply(Phenotype(topology, {"a -> b": Synapses(weight)}), streams(range(4)))
    sd = (noisy.projections["a -> b"].weight - weight).std((1, 2))
    assert torch.allclose(sd[:3] / weight.std((1, 2))[:3], torch.tensor(0.3).double(), rtol=0.05)
    assert sd[3] == 0
    assert all(
        torch.equal(a, b)
        for a, b in zip(flat(WeightNoise(0.0).apply(newborn(), streams())), flat(newborn()), strict=True)
    )


def test_a_lesion_takes_its_share_of_synapses_and_they_are_gone_for_good():
    after = Lesion(0.25).apply(newborn(masked=False), streams())
    for synapses in after.projections.values():
        count = synapses.mask[0].numel()
        assert (synapses.mask.sum((1, 2)) == count - round(0.25 * count)).all()
        assert (synapses.weight[~synapses.mask] == 0).all()
    places = after.projections["eye -> hidden"].mask
    assert not torch.equal(places[0], places[1])
    whole = Lesion(1.0).apply(newborn(), streams())
    assert all((s.weight == 0).all() for s in whole.projections.values())


def test_a_lost_neuron_loses_all_its_synapses_and_its_bias_and_only_those_between():
    after = Lesion(0.5, "neurons").apply(newborn(masked=False), streams())
    dead = after.bias("hidden") == 0
    assert (dead.sum(1) == 3).all()
    for synapses, axis in (("eye -> hidden", 2), ("hidden -> hand", 1)):
        mask = after.projections[synapses].mask
        assert torch.equal(~mask.any(axis), dead)
        assert torch.equal(mask.all(axis), ~dead)
    with pytest.raises(InputError, match="Lesion: expected a group between senses and output, got 'none'"):
        Lesion(0.5, "neurons").check(Topology((Group("a", 2), Group("b", 1)), ("a -> b",)))


def test_severed_cuts_one_block():
    before, after = newborn(masked=False), Severed("eye -> hidden", 1, 2).apply(newborn(masked=False), streams())
    cut = torch.zeros(6, 8, dtype=torch.bool)
    cut[2::3, 1::2] = True
    assert torch.equal(~after.projections["eye -> hidden"].mask, cut.expand(LIVES, 6, 8))
    assert torch.equal(after.projections["eye -> hidden"].weight, before.projections["eye -> hidden"].weight * ~cut)
    assert after.projections["hidden -> hand"] is before.projections["hidden -> hand"] or torch.equal(
        after.projections["hidden -> hand"].weight, before.projections["hidden -> hand"].weight
    )
    whole = Severed("hidden -> hand").apply(newborn(), streams())
    assert (whole.projections["hidden -> hand"].weight == 0).all()


def test_what_is_given_is_what_everybody_has():
    weight, bias = np.arange(18.0).reshape(3, 6), np.array([1.0, 2.0, 3.0])
    given = Given({"hidden -> hand": weight}, {"hidden -> hand": weight > 3}, {"hand": {"bias": bias}})
    after = given.apply(newborn(), streams())
    for life in range(LIVES):
        assert torch.equal(after.projections["hidden -> hand"].weight[life], torch.tensor(weight))
        assert torch.equal(after.projections["hidden -> hand"].mask[life], torch.tensor(weight > 3))
        assert torch.equal(after.bias("hand")[life], torch.tensor(bias))
    assert torch.equal(after.bias("hidden"), newborn().bias("hidden"))


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda: Severed("eye -> hiden").check(TOPOLOGY), r"Severed: no projection 'eye -> hiden'; did you mean"),
        (lambda: Severed("eye -> hidden", 2).check(TOPOLOGY), r"Severed.eye: expected a type from 0 to 1, got 2"),
        (lambda: Given({"eye": np.ones((1, 1))}).check(TOPOLOGY), r"weight.eye: no such projection"),
        (
            lambda: Given({"hidden -> hand": np.ones((6, 3))}).check(TOPOLOGY),
            r"weight.hidden -> hand: expected shape \(3, 6\), got \(6, 3\)",
        ),
        (lambda: Given(units={"foot": {"bias": np.ones(1)}}).check(TOPOLOGY), r"bias.foot: no such group"),
        (lambda: Given(units={"hand": {"bias": np.ones(1)}}).check(TOPOLOGY), r"bias.hand: expected shape \(3,\)"),
        (lambda: Lesion(1.5), r"Lesion.share: expected a share from 0 to 1, got 1.5"),
        (lambda: WeightNoise(-1.0), r"WeightNoise.size: expected at least 0, got -1.0"),
        (lambda: RandomWeights(0.0), r"RandomWeights.reach: expected a number above 0"),
        (lambda: SharedWeight(float("nan")), r"SharedWeight.value: expected a finite number"),
    ],
)
def test_mistakes_are_sentences(made, sentence):
    with pytest.raises(InputError, match=sentence):
        made()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (Given({"hidden -> hand": np.full((3, 6), np.nan)}), "weight: expected finite numbers"),
        (Given({"hidden -> hand": np.full((3, 6), "x")}), "weight: expected finite numbers"),
        (Given(units={"hand": {"bias": np.array(["a", "b", "c"])}}), r"bias\.hand: expected finite numbers"),
        (Given(units={"hand": {"leak": np.array([0.5, 1.0, 50.0])}}), r"leak\.hand: expected leaks above 0, at most 1"),
    ],
)
def test_numbers_that_are_none_are_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        given.check(TOPOLOGY)
