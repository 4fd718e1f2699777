"""Alleles: the weight of each level, the founders of Hinton & Nowlan 1987, and guesses that belong to individuals."""

import numpy as np
import pytest
import torch

from genomes.check import check_encoding
from genomes.encoding import develop
from genomes.encodings.alleles import Alleles
from genomes.streams import derive
from genomes.topology import Group, Topology

SWITCHES = Topology((Group("input", 1), Group("switches", 20)), ("input -> switches",))
DEEP = Topology(
    (Group("eye", 4), Group("hidden", 3, "tanh"), Group("hand", 5)), ("eye -> hidden", "hidden -> hand", "eye -> hand")
)


def levels(encoding, topology, lives):
    spec = encoding.spec(topology)
    return spec.quantise(derive(0, "founders").uniform(lives, spec.size)[0].numpy())


def grown(encoding, topology, numbers, birth=None):
    spec = encoding.spec(topology)
    return develop(encoding, spec.genes(numbers), topology, birth or derive(0, "birth", owners=range(len(numbers))))


@pytest.mark.parametrize("plastic", [True, False])
@pytest.mark.parametrize("topology", [SWITCHES, DEEP, None], ids=["switches", "deep", "specimen"])
def test_the_contract_holds(plastic, topology):
    assert check_encoding(Alleles(plastic), topology)


def test_wrong_is_minus_one_right_is_one_and_the_rest_is_plastic():
    numbers = np.array([[0, 1, 2, 3] * 5, [3, 2, 1, 0] * 5], dtype=np.uint8)
    synapses = grown(Alleles(), SWITCHES, numbers).projections["input -> switches"]
    level, weight = torch.from_numpy(numbers), synapses.weight[:, :, 0]
    assert (weight[level == 0] == -1).all()
    assert (weight[level == 1] == 1).all()
    assert (weight.abs() == 1).all()
    assert torch.equal(synapses.parameters["plastic"][:, :, 0], (level >= 2).float())
    assert synapses.mask is None


def test_a_genome_of_twenty_loci_takes_forty_bits_and_founders_have_the_shares_of_the_paper():
    spec = Alleles().spec(SWITCHES)
    assert (spec.size, spec.bits) == (20, 40.0)
    numbers = levels(Alleles(), SWITCHES, 5000)
    shares = [(numbers == 0).mean(), (numbers == 1).mean(), (numbers >= 2).mean()]
    np.testing.assert_allclose(shares, [0.25, 0.25, 0.5], atol=0.01)  # 6 standard errors


def test_without_a_plastic_allele_a_synapse_takes_one_bit_and_nothing_is_plastic():
    assert Alleles(plastic=False).spec(SWITCHES).bits == 20.0
    numbers = levels(Alleles(plastic=False), DEEP, 500)
    phenotype = grown(Alleles(plastic=False), DEEP, numbers)
    for name, found in Alleles(plastic=False).spec(DEEP).slices.items():
        synapses = phenotype.projections[name.removeprefix("allele.")]
        wanted = 2.0 * torch.from_numpy(numbers[:, found]).float() - 1.0
        assert torch.equal(synapses.weight.flatten(1), wanted)
        assert (synapses.parameters["plastic"] == 0).all()
        assert synapses.parameters["plastic"].shape == synapses.weight.shape


def test_first_guesses_are_fair_and_every_synapse_has_its_own():
    lives = 4000
    guesses = torch.cat(
        [s.weight.flatten(1) for s in grown(Alleles(), DEEP, np.full((lives, 47), 3, np.uint8)).projections.values()], 1
    )
    assert guesses.mean(0).abs().max() < 4.5 / lives**0.5
    together = torch.corrcoef(guesses.T) - torch.eye(47)
    assert together.abs().max() < 5.0 / lives**0.5


def test_guesses_are_the_individuals_own_and_differ_between_births():
    numbers = np.full((3, 20), 2, dtype=np.uint8)

    def weights(owners, replicate=0):
        birth = derive(0, "birth", owners=owners, replicate=replicate)
        return grown(Alleles(), SWITCHES, numbers, birth).projections["input -> switches"].weight

    first = weights([7, 8, 9])
    assert not torch.equal(first[0], first[1])
    assert torch.equal(weights([9, 7, 8]), first[[2, 0, 1]])
    assert not torch.equal(weights([7, 8, 9], replicate=1), first)
