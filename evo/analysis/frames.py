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
    """Runs the innate test of the best genome and returns one row a network and condition; see `innate_test`."""
    tested = subject(run.path, allow_code=run.allow_code)
    return innate_test([tested], Serial(), births, draws=draws).sections[0].tables["scores"]


@settled()
def knockout_frame(run: Run, births: int | None = None) -> pandas.DataFrame:
    """Knocks out every rule and gene of the best genome singly and returns one row a unit; see `knockouts`."""
    tested = subject(run.path, allow_code=run.allow_code)
    home = replace(tested.experiment, held_out=())
    return knockouts(tested, AssayRunner(home, Serial()), births or lives_of(home, tested)).frame


def lineage_frame(run: Run, individual: RunIndividual | None = None) -> pandas.DataFrame:
    """Returns the line from a founder to an individual, one row an ancestor.

    Each step back goes to the parent that differs in the fewest genes. Columns: `generation`, `slot`, `parents` as
    generation/slot, `ancestors` (number of ancestors born in that generation, by any path), the main score in every
    condition, `genome bits`, `changed` (number of genes that differ from the row above).

    Args:
        individual: an individual of this run, as `run.individual(generation, slot)` returns it; by default the best.

    Raises:
        InputError: the search keeps no parents, or some generations were not kept whole.
    """
    search, kept = type(run.experiment.search).__name__, f"keep: {run.experiment.keep}"
    has_parents = len(run.generations) == 1 or keeps_parents(run)
    require(has_parents, str(run.path), "a search that keeps parents, for a lineage", search)
    require(run.whole == run.generations, str(run.path), "every generation kept whole, for a lineage", kept)
    chosen = run.best() if individual is None else individual
    return line_table(line(run, chosen), pedigree(run, chosen).born)
