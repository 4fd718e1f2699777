"""Collects the analyses of a run behind `instinct innate` and `instinct inspect`, and renders them as a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evo.analysis.assay_runner import AssayRunner, Watch
from evo.analysis.connectomics.random_founders import random_founders
from evo.analysis.connectomics.wiring import wiring
from evo.analysis.genetics.cross_fostering import cross_fostering
from evo.analysis.genetics.knockouts import knockouts, lives_of
from evo.analysis.genetics.rules import rules
from evo.analysis.history.course import evolution
from evo.analysis.innate.genome_size import genome_size
from evo.analysis.innate.innate import InnateTest, innate_test
from evo.analysis.report.glossary import RESULT
from evo.analysis.report.page import render
from evo.analysis.report.section import Section
from evo.analysis.representation.neural_codes import inside
from evo.analysis.representation.recordings import read_measured
from evo.analysis.subject import Subject
from evo.distribution.executor import Executor
from evo.evaluation.cohort import Reserved
from evo.evaluation.stochastic_scores import is_stochastic
from evo.evolution.result import founders_scores
from evo.evolution.run import Run
from evo.experiment.experiment import Experiment
from evo.storage.run_set import SET
from genomes.errors import require
from inner_loop.recording import stimuli_there

if TYPE_CHECKING:
    pass

_BORN = 9  # births of the best genome whose wiring is analysed: its own birth and 8 further ones


def innate(
    subjects: Sequence[Subject],
    executor: Executor,
    watch: Watch,
    births: int | None = None,
    episodes: int | None = None,
    draws: int = 200,
) -> InnateTest:
    """Runs the innate test of one run or several, and measures the size of their genomes."""
    tested = innate_test(subjects, executor, births, episodes, draws, watch)
    sizes = [  # the report shows the section of the first subject; of the others only the size is used
        genome_size(each, AssayRunner(_home(each, episodes), executor, watch), births, beside=each is subjects[0])
        for each in subjects
    ]
    effective = [size.effective_bits for size in sizes]
    found = {**tested.found, "effective_bits": sum(effective) / len(effective)}
    found["genome_bits"] = sum(size.bits for size in sizes) / len(sizes)
    found["coded_bits"] = sum(size.coded_bits for size in sizes) / len(sizes)
    shown = sizes[0].section
    if len(sizes) > 1:
        each = ", ".join(f"{bits:,.0f}" for bits in effective)
        which = f"This is {subjects[0].name}; effective bits of all {len(sizes)} runs: {each}."
        shown = replace(shown, sentences=(which, *shown.sentences))
    return replace(tested, found=found, sections=(*tested.sections, shown))


def inspect(
    subject: Subject,
    executor: Executor,
    watch: Watch,
    births: int | None = None,
    draws: int = 200,
    other: Run | None = None,
    measured: Path | None = None,
) -> tuple[InnateTest, list[Section]]:
    """Runs every analysis of the best genome of a run.

    Args:
        births: number of births of each variant; by default every analysis has its own number.
        draws: number of draws of each null model.
        other: a second run, with which chromosomes are exchanged (cross-fostering).
        measured: a file of measured responses or dissimilarities, which are compared with the layers.

    Raises:
        InputError: the subject is a file and not a run, or the file of measurements does not fit.
    """
    require(subject.run, subject.name, "a run", "a file, which has no evolution; see instinct innate")
    run, best = subject.run, subject.best
    assert run is not None, "just expected"
    assert best is not None, "a run has a best genome"
    home = _home(subject)
    theirs = read_measured(measured, stimuli_there(home.environment)) if measured else None
    examiner, few = AssayRunner(home, executor, watch), lives_of(home, subject)
    tested = innate([subject], executor, watch, births, draws=draws)
    sections = [*tested.sections, rules(subject), knockouts(subject, examiner, births or few).section]
    if other is not None:
        sections.append(cross_fostering(run, other, executor, births or few))
    # if scores are stochastic, the genome may owe its selection to a favourable birth: it is analysed in other births
    seen = replace(best, bred=Reserved.UNMET) if is_stochastic(home, subject.levels[:1]) else best
    named, random = home.environment.class_names, random_founders(home)
    sections.append(wiring(run.phenotype(seen, _BORN), home.seed, draws, names=named, random=random))
    sections.append(evolution(run, best, founders_scores(run.experiment)))
    sections.append(inside(home, seen.levels, seen.number, seen.slot, theirs))
    return tested, sections


def _home(subject: Subject, episodes: int | None = None) -> Experiment:
    """Returns the experiment without held-out worlds, which are examined separately."""
    home = replace(subject.experiment, held_out=())
    return home if episodes is None else replace(home, lifetime=home.lifetime.examined(episodes))


def report(subject: Subject, tested: InnateTest, sections: Sequence[Section]) -> str:
    """Returns the HTML report of one run."""
    run, found = subject.run, tested.found
    assert run is not None, "only a run is reported on"
    done, experiment = len(run.generations), run.experiment
    lifetimes = done * experiment.search.lives * experiment.lifetime.births
    facts: list[tuple[str, object, str]] = [
        (label, found[name], name)
        for label, name in (
            (f"{found['score']} at birth", "innate"),
            (f"{found['score']} after learning", "learned"),
            ("random founders at birth", "random_founders"),
            ("shuffled wiring at birth", "shuffled"),
            ("bits of genome", "genome_bits"),
            ("bits that keep the score", "effective_bits"),
        )
        if found.get(name) is not None
    ]
    facts.append(("bits of wiring", experiment.topology.synapses * 32, "wiring_bits"))
    facts += [("generations", done, "generations"), ("lifetimes", lifetimes, "lifetimes")]
    place = run.path.absolute()
    name = f"{place.parent.name}/{place.name}" if (place.parent / SET).is_file() else place.name
    return render(f"{name}: innate and learned", tested.sentence, facts, sections, RESULT)
