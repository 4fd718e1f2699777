"""Units of a genome: where their numbers lie, what silence is, and what the numbers beside the wiring are called."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest

from evo.analysis.genetics.units import Units, units_of, unsilenced
from evo.experiment.goals import Scores
from genomes.encoding import Encoding
from genomes.encodings import ENCODINGS
from genomes.encodings.direct import Direct
from genomes.encodings.gene_expression import GeneExpression
from genomes.encodings.random_wiring import RandomWiring
from genomes.evolvable import evolvable_names, neutral_value
from genomes.evolve import Evolvable, Evolve
from genomes.spec import Field, GenomeSpec
from genomes.topology import Group, Topology
from genomes.wiring_rule import MOST, WiringRule
from inner_loop.lives.episodes import EpisodicLifetime
from inner_loop.neurons import NEURONS
from inner_loop.objectives import OBJECTIVES
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.rule import LearningRule
from inner_loop.rules import RULES
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.hebbian import Hebbian
from inner_loop.rules.policy_gradient import PolicyGradient
from inner_loop.worlds.cart_pole import CartPole

SPEC = GenomeSpec(
    (
        Field("encoding.weight", (3,), -1.0, 1.0, bits=2),
        Field("encoding.kind", (2,), choices=3),
        Field("rule.rate", (2,), 0.0, 6.0, bits=2),
        Field("objective.smoothing", (), 0.0, 3.0, bits=2),
    )
)
LEVELS = np.array([0, 3, 1, 2, 0, 1, 2, 3], dtype=np.uint8)


def unit(name, *positions, kind="rule", silent=0.0):
    return WiringRule(name, kind, positions, silent=silent)


EACH = (
    unit("first and last", ("encoding.weight", 0), ("encoding.weight", 2)),
    unit("kind", ("encoding.kind", 1), silent=2.0),
    unit("rate", ("rule.rate", 1), kind="gene"),
    unit("gain", ("rule.rate", 0), silent=1.0),
    unit("smoothing", ("objective.smoothing", 0)),
    unit("both", ("encoding.weight", 1), ("encoding.kind", 0)),
)
UNITS = Units(SPEC, LEVELS, EACH)


def test_values_and_places_are_those_of_the_fields():
    assert UNITS.values == pytest.approx([-1.0, 1.0, -1 / 3, 2.0, 0.0, 2.0, 4.0, 3.0])
    assert [places.tolist() for places in UNITS.places] == [[0, 2], [4], [6], [5], [7], [1, 3]]
    assert Units(GenomeSpec(()), np.zeros(0, np.uint8), ()).values.tolist() == []


def test_what_is_out_says_what_silence_is_and_everything_else_is_as_inherited():
    edits = UNITS.without([(), [0], [1, 3], [4, 2]])
    nan = np.nan
    expected = [[nan] * 8, [0, nan, 0] + [nan] * 5, [nan] * 4 + [2, 1, nan, nan], [nan] * 6 + [0, 0]]
    assert np.array_equal(edits, np.array(expected), equal_nan=True)


def test_a_dose_is_counted_from_silence():
    for dose in (0.0, 0.5, 1.0, 2.0):
        assert UNITS.dosed(0, dose)[[0, 2]] == pytest.approx([-dose, -dose / 3])
        assert UNITS.dosed(3, dose)[5] == pytest.approx(1.0 + dose * (2.0 - 1.0))
        assert np.isnan(UNITS.dosed(3, dose)).sum() == 7


def test_only_amounts_that_are_silent_at_nothing_have_doses():
    assert [UNITS.is_dosable(k) for k in range(6)] == [True, False, True, False, True, False]


def test_the_kind_that_matters_most():
    assert UNITS.main_kind == [0, 1, 3, 4, 5]
    assert replace(UNITS, each=EACH[:3]).main_kind == [0, 1]
    one_rule = replace(UNITS, each=(EACH[2], EACH[0], EACH[2]))
    assert one_rule.main_kind == [0, 1, 2], "one rule alone is no kind to compare"


TYPED = Topology(
    (Group("eye", 5, types=2), Group("middle", 4, types=3), Group("hand", 3)), ("eye -> middle", "middle -> hand")
)


def found(experiment):
    spec = experiment.genome.spec
    units = units_of(experiment, np.zeros(spec.size, np.uint8))
    assert units.spec == spec
    covered = np.sort(np.concatenate(units.places)).tolist()
    assert set(covered) == set(range(spec.size)), "every number belongs to a unit"
    return {one.name: one for one in units.each}


def test_positions_of_the_wiring_are_those_of_the_whole_genome(small):
    experiment = small(encoding=GeneExpression(genes=2, bits=4))
    units = found(experiment)
    own = experiment.encoding.rules(experiment.topology)
    for rule in own:
        whole = tuple((f"encoding.{name}", index) for name, index in rule.positions)
        assert units[rule.name] == replace(rule, positions=whole)
    assert [*units][: len(own)] == [rule.name for rule in own], "the wiring comes first"
    assert units["learning rate"].positions == (("rule.learning_rate", 0),)
    assert (units["learning rate"].kind, units["learning rate"].silent) == ("rule", 0.0)


def test_numbers_are_called_by_what_they_are_for(small):
    rate = Evolve((1e-3, 1.0), "log", bits=4)
    per = {kind: replace(rate, per=kind) for kind in ("projection", "types")}
    experiment = small(topology=TYPED, encoding=Direct(), rule=Backprop(per["projection"], 0.5))
    units = found(experiment)
    for place, edge in enumerate(TYPED.edges):
        one = units[f"learning rate of {edge.name}"]
        assert (one.positions, one.projection) == ((("rule.learning_rate", place),), edge.name)
    units = found(small(topology=TYPED, encoding=Direct(), rule=Backprop(per["types"], Evolve((0.0, 0.9)))))
    names = [f"learning rate of eye {s} -> middle {t}" for t in range(3) for s in range(2)]
    names += [f"learning rate of middle {s} -> hand 0" for s in range(3)]
    assert [name for name in units if name.startswith("learning rate")] == names
    for place, name in enumerate(names):
        assert units[name].positions == (("rule.learning_rate", place),)
        assert units[name].projection == ("eye -> middle" if place < 6 else "middle -> hand")
    assert units["momentum"].projection == ""


def test_a_number_a_synapse_is_a_unit_unless_they_are_too_many(small):
    each = Evolve((-1.0, 1.0), bits=2, per="synapse")
    shared = found(small(encoding=Direct(), rule=Hebbian(replace(each, shared=MOST - 40)), objective=None))
    for k in range(MOST - 40):
        one = shared[f"learning rate number {k}"]
        assert (one.positions, one.projection) == ((("rule.learning_rate", k),), "")
    for count, single in ((MOST, True), (MOST + 1, False)):
        topology = Topology(
            (Group("eye", 5), Group("middle", 20), Group("hand", 3)), ("eye -> middle", "middle -> hand")
        )
        rule = Hebbian(replace(each, shared=count))
        units = found(small(topology=topology, encoding=Direct(), rule=rule, objective=None))
        assert ("learning rate" in units) == (not single)
        if not single:
            assert len(units["learning rate"].positions) == count
            assert (units["learning rate"].kind, units["learning rate"].silent) == ("rule", 0.0)


def in_a_world(small, topology):
    return small(
        topology=topology,
        encoding=RandomWiring(Evolve((0.5, 2.0))),
        rule=Hebbian(Evolve((0.01, 1.0))),
        objective=None,
        task=None,
        world=CartPole(longest=5),
        goals=Scores(("innate.return",)),
        lifetime=EpisodicLifetime(1, 1, ("innate",)),
    )


def test_what_multiplies_is_silent_at_one(small):
    """A gain, and a leak, whose neuron then has no memory of its own; a number of the same name elsewhere is not."""
    leak = Evolve((0.1, 0.9), bits=3)
    groups = (
        Group("senses", 4),
        Group("hidden", 6, "tanh", types=2, leak=replace(leak, per="types")),
        Group("action", 2, "tanh", leak=leak),
    )
    units = found(in_a_world(small, Topology(groups, ("senses -> hidden", "hidden -> action"))))
    assert {name: one.silent for name, one in units.items()} == {
        "gain": 1.0,
        "leak of hidden type 0": 1.0,
        "leak of hidden type 1": 1.0,
        "leak of action": 1.0,
        "learning rate": 0.0,
    }
    assert units["leak of hidden type 1"].positions == (("encoding.leak.hidden", 1),)
    smoothing = found(small(encoding=Direct(), objective=CrossEntropy(Evolve((0.0, 0.5), bits=3))))["smoothing"]
    assert (smoothing.positions, smoothing.silent) == ((("objective.smoothing", 0),), 0.0)


def test_every_number_is_silent_at_nothing_but_these():
    components = (Group, *ENCODINGS, *NEURONS, *RULES, *OBJECTIVES)
    silence = {f"{c.__name__}.{name}": neutral_value(c, name) for c in components for name in evolvable_names(c)}
    gains = ("Direct", "GeneExpression", "SpatialExpression", "GenomicBottleneck", "RandomWiring")
    assert {name: value for name, value in silence.items() if value != 0.0} == {
        **{f"{encoding}.gain": 1.0 for encoding in gains},
        "Group.leak": 1.0,
        "PolicyGradient.discount": 1.0,
        "PolicyGradient.choice": None,
        "LeakyIntegrateAndFire.threshold": None,
    }


def test_a_temperature_is_no_unit_and_is_named(small):
    rule = PolicyGradient(discount=Evolve((0.5, 1.0)), choice=Evolve((0.5, 2.0)))
    groups = (Group("senses", 4), Group("action", 2))
    experiment = replace(in_a_world(small, Topology(groups, ("senses -> action",))), rule=rule)
    units = units_of(experiment, np.zeros(experiment.genome.spec.size, np.uint8))
    assert {unit.name: unit.silent for unit in units.each} == {"gain": 1.0, "discount": 1.0}
    assert unsilenced(experiment.genome) == ["choice"]


def test_so_are_leaks_that_are_too_many_to_be_units_each(small):
    leak = Evolve((0.1, 0.9), bits=3, per="types")
    groups = (Group("senses", 4), Group("hidden", MOST + 1, "tanh", types=MOST + 1, leak=leak), Group("action", 2))
    experiment = in_a_world(small, Topology(groups, ("senses -> hidden", "hidden -> action")))
    assert found(experiment)["leak of hidden"].silent == 1.0


@final
@dataclass(frozen=True)
class Spread(Encoding):
    """Weights of one size, which no gain multiplies."""

    width: Evolvable = 1.0

    def spec(self, topology):
        return GenomeSpec(())

    def develop(self, genes, topology, streams):
        raise NotImplementedError


@final
@dataclass(frozen=True)
class Gained(LearningRule[tuple[()]]):
    """A rule with a number that is called as one of the wiring."""

    gain: Evolvable = 1.0

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return weights, state


def test_a_name_alone_multiplies_nothing(small):
    """Nor does the chromosome: a width of the wiring, and a gain of the rule, are silent at 0."""
    units = found(small(encoding=Spread(Evolve((0.0, 1.0))), rule=Gained(Evolve((0.0, 1.0)))))
    assert {name: one.silent for name, one in units.items()} == {"width": 0.0, "gain": 0.0}
