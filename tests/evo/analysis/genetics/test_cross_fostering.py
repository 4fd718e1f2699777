"""The chromosomes of two runs change places, and the interaction is that of the four scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from evo.analysis.assay_runner import AssayRunner
from evo.analysis.genetics.cross_fostering import cross_fostering
from evo.analysis.genetics.variants import examined
from evo.distribution.executor import Serial
from evo.evolution.run import Run
from genomes.encodings.gene_expression import GeneExpression
from genomes.encodings.random_wiring import RandomWiring
from inner_loop.rules.backprop import Backprop

BIRTHS = 6


@pytest.fixture
def evolved(small, copy_of) -> Callable[..., Run]:
    """A run of two generations: `evolved(name, **changes of the experiment)`."""

    def made(name: str, **changes) -> Run:
        return Run(copy_of(small(**changes), name))

    return made


@pytest.mark.slow
def test_wiring_and_plasticity_change_places(evolved):
    a, b = evolved("a", seed=1), evolved("b", seed=2)
    section = cross_fostering(a, b, Serial(), BIRTHS)
    own, other = a.best().levels, b.best().levels
    rate = a.experiment.genome.spec.slices["rule.learning_rate"]
    mixed = [own.copy(), other.copy()]
    mixed[0][rate], mixed[1][rate] = other[rate], own[rate]
    assert own[rate] != other[rate]
    levels = np.stack([own, mixed[0], mixed[1], other])
    scores = examined(
        AssayRunner(a.experiment, Serial()), "again", levels, "test", ("innate", "learned"), range(BIRTHS)
    )
    table = section.tables["genomes"]
    for condition, text in (("innate", "at birth"), ("learned", "after learning")):
        assert table[f"score {text}"].to_list() == pytest.approx(scores.means(condition).tolist())
    assert table[["wiring", "plasticity"]].to_numpy().tolist() == [
        [wiring, plasticity] for wiring in ("a", "b") for plasticity in ("a", "b")
    ]
    effects = section.tables["effects"].set_index(["effect", "condition"])["difference"]
    s = scores.means("learned")
    assert effects["interaction", "after learning"] == pytest.approx(s[0] - s[1] - s[2] + s[3])
    assert effects["wiring", "after learning"] == pytest.approx((s[0] + s[1] - s[2] - s[3]) / 2)
    assert effects["plasticity", "after learning"] == pytest.approx((s[0] + s[2] - s[1] - s[3]) / 2)
    assert effects["plasticity", "at birth"] == effects["interaction", "at birth"] == 0.0, "no network has learned yet"
    assert "All four lived in the experiment of" in section.sentences[-1], "their seeds differ"
    section.pictures["genomes"].figure.canvas.draw()


@pytest.mark.slow
def test_a_genome_fosters_itself_without_effect(evolved):
    a = evolved("a")
    section = cross_fostering(a, a, Serial(), BIRTHS)
    assert (section.tables["effects"][["difference", "low", "high"]] == 0).to_numpy().all()
    assert section.sentences[0].startswith("In these two genomes there is no evidence")
    assert not any("All four" in said for said in section.sentences)


@pytest.mark.slow
def test_what_cannot_be_exchanged_is_said_in_one_sentence(evolved, refused):
    a = evolved("a")
    larger = evolved("b", encoding=GeneExpression(genes=3, bits=4))
    said = cross_fostering(a, larger, Serial(), BIRTHS).sentences
    assert len(said) == 1
    assert "cannot be cross-fostered: their genomes differ in encoding.expression.layer0" in said[0]
    fixed = evolved("c", rule=Backprop(0.1, 0.5))
    said = cross_fostering(fixed, fixed, Serial(), BIRTHS).sentences
    assert said[0].startswith("There is nothing to cross-foster: no number of plasticity or objective evolves")
    random = evolved("d", encoding=RandomWiring())
    assert "no number of the wiring evolves" in cross_fostering(random, random, Serial(), BIRTHS).sentences[0]
    with refused("births", 1):
        cross_fostering(a, a, Serial(), 1)
