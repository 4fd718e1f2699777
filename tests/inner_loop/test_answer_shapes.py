"""A component that returns a tensor of another size raises at once: it is never spread or reshaped over lives."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch

from genomes.encoding import develop
from genomes.encodings import Direct
from genomes.errors import InputError, ShapeError
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.answer_shapes import Moments, Sizes, checked_scores, drawn
from inner_loop.contracts import specimen
from inner_loop.network import Weights
from inner_loop.objectives import SquaredError
from inner_loop.rule import LearningRule
from inner_loop.rules import Backprop
from inner_loop.task import Samples
from inner_loop.tasks.teacher import Teacher
from inner_loop.world import Moment
from inner_loop.worlds.cart_pole import CartPole

LIVES, EPISODES = 3, 2


def moment(lives=LIVES):
    flags = torch.zeros(lives, EPISODES, dtype=torch.bool)
    return Moment(torch.zeros(lives, 4, EPISODES), torch.zeros(lives, EPISODES), flags, flags.clone())


def test_moments_of_all_lives_or_of_what_is_common_to_them():
    sizes = Moments(CartPole(), LIVES, EPISODES)
    for good in (moment(), moment(1)):
        assert sizes.checked(good) is good


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("observation", (2 * LIVES, 4, EPISODES)),  # six numbers of each of three, taken for three of six
        ("observation", (LIVES, 4, 1)),
        ("observation", (LIVES, 4)),
        ("reward", (EPISODES,)),
        ("reward", (LIVES, 1)),
        ("terminated", (LIVES,)),
        ("truncated", (1,)),
        ("trial", (EPISODES, LIVES)),
        ("target", (LIVES, 3, EPISODES)),
        ("weight", (LIVES, 2, EPISODES)),
    ],
)
def test_a_part_of_a_moment_of_another_size(name, shape):
    kind = torch.bool if name in ("terminated", "truncated", "trial") else torch.float32
    broken = moment()
    object.__setattr__(broken, name, torch.zeros(shape, dtype=kind))
    with pytest.raises(ShapeError, match=rf"CartPole: expected {name} of shape .*, got \({shape[0]}"):
        Moments(CartPole(), LIVES, EPISODES).checked(broken)


def test_a_part_that_is_no_tensor():
    broken = moment()
    object.__setattr__(broken, "reward", 0.0)
    with pytest.raises(ShapeError, match=r"expected reward of shape .*, got float"):
        Moments(CartPole(), LIVES, EPISODES).checked(broken)


@dataclass(frozen=True)
class Fake:
    """A task that returns the answers of a test."""

    given: Any
    inputs: int = 5
    outputs: int = 3
    steps: int = 0

    def draw(self, split, samples, streams, start=0):
        return self.given


@pytest.mark.parametrize(
    ("inputs", "targets"), [((1, 5, 3), (1, 3, 4)), ((2, 5, 4), (1, 3, 4)), ((1, 5, 4), (3, 4)), ((1, 5, 4), (1, 1, 4))]
)
def test_samples_are_as_many_as_were_asked_for(inputs, targets):
    given = Samples.__new__(Samples)
    object.__setattr__(given, "inputs", torch.zeros(inputs))
    object.__setattr__(given, "targets", torch.zeros(targets))
    with pytest.raises(ShapeError, match=r"Fake: expected (inputs|targets) of train of shape"):
        drawn.__wrapped__(Fake(given), "train", 4, derive(0, "x", owners=range(3)))


@pytest.mark.parametrize(
    "scores", [{"accuracy": torch.zeros(())}, {"accuracy": torch.zeros(1)}, {"right": torch.zeros(3)}]
)
def test_scores_are_one_number_a_life_each(scores):
    named = Teacher(5, 3)
    with pytest.raises(ShapeError, match="expected"):
        checked_scores(named, scores, LIVES)


@dataclass(frozen=True)
class Changing(LearningRule[tuple[()]]):
    """Returns weights with one fault."""

    what: str = ""

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        projections, biases = dict(weights.projections), dict(weights.biases)
        first = next(iter(projections))
        if self.what == "one for all":
            projections[first] = projections[first][:1]
        elif self.what == "lost":
            del projections[first]
        elif self.what == "bias":
            biases = {name: bias[:, :1] for name, bias in biases.items()}
        return replace(weights, projections=projections, biases=biases), state


@pytest.mark.parametrize("what", ["one for all", "lost", "bias"])
def test_weights_keep_their_sizes(what):
    cohort = specimen.newborn(Changing())
    specimen.life(Changing(), cohort, 2)
    with pytest.raises(ShapeError, match="Changing: expected weights of"):
        specimen.life(Changing(what), cohort, 2)


@dataclass(frozen=True)
class Wide(SquaredError.__base__):  # type: ignore[misc,name-defined]
    """An objective with an error that is broadcast over the lives."""

    group: str = "output"

    def loss(self, lived):
        raise NotImplementedError

    def error(self, lived):
        return {self.group: lived.activities[lived.output].mean(0, keepdim=True)}


@pytest.mark.parametrize("group", ["output", "nowhere"])
def test_errors_have_the_size_of_the_activity(group):
    lived = specimen.moment(Wide(group))
    with pytest.raises(ShapeError, match=f"Wide: expected the error of {group} of shape"):
        lived.error()


@dataclass(frozen=True)
class Lonely(Direct.__base__):  # type: ignore[misc,name-defined]
    """Grows one network, for any number of genomes."""

    def spec(self, topology):
        return Direct().spec(topology)

    def develop(self, genes, topology, streams):
        return Phenotype(topology, {edge.name: Synapses(torch.zeros(1, 2, 3)) for edge in topology.edges})


def test_every_genome_grows_a_network():
    topology = layered(3, 2)
    spec = Lonely().spec(topology)
    genes = spec.genes(spec.quantise(derive(0, "x", owners=range(3)).uniform(spec.size).numpy()))
    with pytest.raises(ShapeError, match="Lonely: expected 3 networks of the topology, got 1"):
        develop(Lonely(), genes, topology, derive(0, "birth", owners=range(3)))


@pytest.mark.parametrize("shape", [(3,), (3, 2), (2, 1, 1), (3, 3, 2)])
def test_what_else_a_synapse_has_spreads_to_the_weights(shape):
    topology = layered(3, 2)
    with pytest.raises(InputError, match=r"rate that spreads to \(3, 2, 3\)"):
        Phenotype(topology, {"layer0 -> layer1": Synapses(torch.zeros(3, 2, 3), None, {"rate": torch.zeros(shape)})})


def test_sizes_are_those_at_birth():
    weights = Weights.born(specimen.newborn(Backprop()))
    assert Sizes(weights).checked(Backprop(), (weights, "state")) == (weights, "state")
