"""Analyses of a run's best genome as data frames, computed in this process."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evo.analysis.assay_runner import AssayRunner
from evo.analysis.genetics.knockouts import knockouts, lives_of
from evo.analysis.history.lineage import keeps_parents, line, line_table, pedigree
from evo.analysis.innate.innate import innate_test
from evo.analysis.subject import subject
from evo.distribution.executor import Serial
from evo.evaluation.numerics import settled
from evo.evolution.individual import RunIndividual
from evo.evolution.run import Run
from genomes.errors import require

if TYPE_CHECKING:
    import pandas


@settled()
def innate_frame(run: Run, births: int | None = None, draws: int = 200) -> pandas.DataFrame:
    """The innate test of the best genome: a row a network and condition; see `innate_test`."""
    whom = subject(run.path, allow_code=run.allow_code)
    return innate_test([whom], Serial(), births, draws=draws).sections[0].tables["scores"]


@settled()
def knockout_frame(run: Run, births: int | None = None) -> pandas.DataFrame:
    """Every rule and gene of the best genome knocked out singly: a row a unit; see `knockouts`."""
    whom = subject(run.path, allow_code=run.allow_code)
    home = replace(whom.experiment, held_out=())
    return knockouts(whom, AssayRunner(home, Serial()), births or lives_of(home, whom)).frame


def lineage_frame(run: Run, individual: RunIndividual | None = None) -> pandas.DataFrame:
    """The line from a founder to an individual, a row an ancestor: at each step the parent nearest in its genes.

    Columns: `generation`, `slot`, `parents` as generation/slot, `ancestors` (how many of that generation by any path),
    the main score in every condition, `genome bits`, `changed` (genes changed from the row above).

    Args:
        individual: of this run, as `run.individual(generation, slot)` gives it; the best unless given.

    Raises:
        InputError: the search keeps no parents, or generations were not kept whole.
    """
    search, kept = type(run.experiment.search).__name__, f"keep: {run.experiment.keep}"
    has_parents = len(run.generations) == 1 or keeps_parents(run)
    require(has_parents, str(run.path), "a search that keeps parents, for a lineage", search)
    require(run.whole == run.generations, str(run.path), "every generation kept whole, for a lineage", kept)
    chosen = run.best() if individual is None else individual
    return line_table(line(run, chosen), pedigree(run, chosen).born)
