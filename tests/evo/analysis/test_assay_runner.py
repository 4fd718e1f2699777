"""Rows are births and lives: their random numbers, their interventions, and their independence of the executor."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest

from evo.analysis.assay_runner import AssayRunner, per_genome, repeated
from evo.distribution.executor import Serial
from evo.evaluation.cohort import Assay, Cohort, Reserved
from evo.evaluation.evaluate import evaluate
from evo.experiment.goals import Scores
from evo.search.base import founders
from genomes.encodings.random_wiring import RandomWiring
from genomes.evolve import Evolve
from genomes.intervention import Intervention
from genomes.interventions.shuffled import Shuffled
from genomes.interventions.weight_noise import WeightNoise
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.samples import Lifetime
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.rules.backprop import Backprop
from inner_loop.tasks.digits import Digits

INNATE = "innate.explained_variance"
LEARNED = "learned.explained_variance"


def genomes(experiment, count=3):
    spec = experiment.genome.spec
    return spec.quantise(founders(count, spec, derive(7, "genomes")))


def examiner(experiment):
    return AssayRunner(experiment, Serial())


def test_rows_that_share_a_life_share_all_of_their_chance(small):
    experiment = small(encoding=RandomWiring(1.0), rule=Backprop(Evolve((1e-2, 1e-1), "log", 4), 0.5))
    levels, lives = repeated(genomes(experiment, 1), 3)
    assert levels.shape[0] == 3
    assert lives.tolist() == [0, 1, 2]
    twice = np.concatenate([levels, levels])
    found = examiner(experiment).examine("x", twice, Assay("test"), np.concatenate([lives, lives]))
    first, second = found[LEARNED][:3], found[LEARNED][3:]
    assert first.tolist() == second.tolist()
    assert len(set(first.tolist())) == 3
    assert len(set(examiner(experiment).examine("x", twice)[LEARNED].tolist())) == 6


def test_repeated_and_per_genome_are_inverse():
    levels = np.arange(6, dtype=np.uint8).reshape(3, 2)
    rows, lives = repeated(levels, 4)
    assert per_genome(rows[:, 0].astype(float), 4).tolist() == [[0.0] * 4, [2.0] * 4, [4.0] * 4]
    assert lives.tolist() == [0, 1, 2, 3] * 3


def test_generations_that_no_run_has_differ_where_their_chance_must():
    """The final choice, the test, analyses, and births that were never met."""
    reserved = [*Reserved.__members__.values()]
    assert len(set(reserved)) == len(reserved) >= 4
    assert max(reserved) < 0


def test_an_edit_stands_in_for_a_gene_and_for_nothing_else(small):
    experiment = small()
    spec, levels = experiment.genome.spec, genomes(experiment, 2)
    edits = np.full((2, spec.size), np.nan)
    same = examiner(experiment).examine("x", levels, edits=edits)
    plain = examiner(experiment).examine("x", levels)
    assert all(same[name].tobytes() == plain[name].tobytes() for name in plain)
    edits[0, spec.slices["rule.learning_rate"]] = 0.0
    frozen = examiner(experiment).examine("x", levels, edits=edits)
    assert frozen[LEARNED][0] == frozen[INNATE][0] == plain[INNATE][0]
    assert frozen[LEARNED][1] == plain[LEARNED][1] != plain[INNATE][1]
    edits[:] = np.nan
    value = spec.fields[0].table[levels[1, 0]]
    edits[1, 0] = value
    again = examiner(experiment).examine("x", levels, edits=edits)
    assert again[LEARNED].tobytes() == plain[LEARNED].tobytes(), "the gene's own value changes nothing"


def test_a_short_cohort_and_a_full_one_give_the_same_row(small):
    experiment = small(cohort=4)
    levels, lives = genomes(experiment, 6), np.arange(6)
    whole = examiner(experiment).examine("x", levels, lives=lives)
    assert len(whole[INNATE]) == 6
    short = examiner(experiment).examine("x", levels[4:], lives=lives[4:])
    assert short[LEARNED].tobytes() == whole[LEARNED][4:].tobytes()


def test_interventions_are_done_one_after_the_other(small):
    experiment = small()
    levels = genomes(experiment, 4)
    plain = examiner(experiment).examine("x", levels)[INNATE]
    shuffled = examiner(experiment).examine("x", levels, Assay(interventions=(Shuffled(),)))[INNATE]
    both = examiner(experiment).examine("x", levels, Assay(interventions=(Shuffled(), WeightNoise(0.0))))[INNATE]
    assert (shuffled != plain).all()
    assert both.tolist() == shuffled.tolist()


def test_resampled_scores_are_those_of_one_bootstrap_for_all(small):
    experiment = small(
        topology=layered(64, 4, 10),
        task=Digits(train=200, selection=300, test=200),
        objective=CrossEntropy(),
        goals=Scores(("innate.accuracy",)),
        lifetime=Lifetime(2, 4),
    )
    levels, lives = repeated(genomes(experiment, 1), 3)
    found = examiner(experiment).examine("x", levels, Assay("test", resamples=50), lives)
    resampled = found["innate.accuracy.resampled"]
    assert resampled.shape == (3, 50)
    assert resampled[0].tolist() == resampled[1].tolist(), "no developmental chance: alike on every resample"
    assert resampled[0].std() > 0.005
    assert abs(resampled[0].mean() - found["innate.accuracy"][0]) < 0.02
    plain = examiner(experiment).examine("x", levels, Assay("test"), lives)
    assert np.allclose(plain["innate.accuracy"], found["innate.accuracy"], atol=1e-12)


@final
@dataclass(frozen=True)
class Breaks(Intervention):
    """Leaves the last individual without a number."""

    def apply(self, newborn, streams):
        name = next(iter(newborn.projections))
        weight = newborn.projections[name].weight.clone()
        weight[-1] = float("nan")
        return replace(
            newborn, projections={**newborn.projections, name: replace(newborn.projections[name], weight=weight)}
        )


def test_failed_rows_are_nan_and_counted(small):
    one = examiner(small())
    found = one.examine("x", genomes(small(), 4), Assay(interventions=(Breaks(),)))
    assert np.isnan(found[INNATE]).tolist() == [False, False, False, True]
    assert one.failures == 1


def test_the_progress_callback_is_called(small):
    told = []
    AssayRunner(small(), Serial(), lambda *news: told.append(news)).examine("wiring", genomes(small(), 6))
    assert told == [("wiring", 0, 2), ("wiring", 1, 2), ("wiring", 2, 2)]


@pytest.mark.ray
def test_ray_and_this_process_agree_to_the_byte(small, ray_executor):
    levels = genomes(small(), 10)
    edits = np.full(levels.shape, np.nan)
    edits[3, :5] = 0.0
    assay = Assay("test", interventions=(Shuffled(), WeightNoise(0.1)), resamples=5)
    here = examiner(small()).examine("x", levels, assay, edits=edits)
    there = AssayRunner(small(), ray_executor).examine("x", levels, assay, edits=edits)
    assert here.keys() == there.keys()
    assert all(here[name].tobytes() == there[name].tobytes() for name in here)


def test_no_run_has_met_the_chance_of_an_analysis(small):
    """The same genomes in the same places score otherwise in every generation, and where a run looks at its best."""
    experiment = small(encoding=RandomWiring(1.0), rule=Backprop(Evolve((1e-2, 1e-1), "log", 4), 0.5))
    levels = genomes(experiment, 4)
    ours = examiner(experiment).examine("x", levels)
    own = replace(experiment, lifetime=replace(experiment.lifetime, common=False))
    for generation in range(-2, 3):
        theirs = evaluate(own, Cohort(generation, 0, np.arange(4), levels, 4)).measurements
        for name in (INNATE, LEARNED):
            assert not np.intersect1d(ours[name], theirs[name]).size, generation
