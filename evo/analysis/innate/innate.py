"""The innate test of one run or of several: what the genomes can do without learning, against null models.

Genomes were chosen on the selection split; whatever is said here was measured on the test split, with births and draws
that no run has met.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from evo.analysis.assay_runner import AssayRunner, Watch
from evo.analysis.innate import hot_start, robustness
from evo.analysis.innate import weight_agnostic as ladder
from evo.analysis.innate.battery import (
    DIRECT,
    EVOLVED,
    LONG,
    TERMS,
    TIMES,
    Battery,
    battery,
    genomes,
    life_words,
    picture,
    table,
)
from evo.analysis.innate.design import Design
from evo.analysis.innate.learning_rate import in_words
from evo.analysis.innate.null_models import FOUNDERS, SHUFFLED, STANDARD
from evo.analysis.innate.sentence import Wording, chances, number, one_line
from evo.analysis.report.section import Section
from evo.analysis.subject import Subject
from evo.distribution.executor import Executor
from genomes.errors import require
from inner_loop.life import Condition

if TYPE_CHECKING:
    import pandas

_BIRTHS, _BIRTHS_THAT_DIFFER = 16, 32
_FEWEST = 19  # draws: with fewer no p can be .05
_TESTED = {"random": FOUNDERS, "shuffled": SHUFFLED, "standard": STANDARD}


@final
@dataclass(frozen=True, eq=False)
class InnateTest:
    """What was found.

    Attributes:
        sentence: the line that a user gets who wants one.
        sections: of the report.
        found: the numbers, by name.
    """

    sentence: str
    sections: tuple[Section, ...]
    found: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: a score that there is not is None; p values are corrected for the number of `tests` (Holm)."""
        return {"sentence": self.sentence, **self.found}


def innate_test(
    subjects: Sequence[Subject],
    executor: Executor,
    births: int | None = None,
    episodes: int | None = None,
    draws: int = 200,
    watch: Watch = lambda what, done, total: None,
) -> InnateTest:
    """Examines the genomes of one run, or those of several, which then are what is counted.

    Args:
        subjects: one a run, in alike experiments.
        births: of a genome; 16, or 32 where births differ or meet something of their own.
        episodes: of an examination in a world; those of the experiment.
        draws: of each null model.

    Raises:
        InputError: runs that cannot be compared, too few draws or births, episodes where there is no world.
    """
    require(draws >= _FEWEST, "--draws", f"at least {_FEWEST}: with fewer no p can be .05", draws)
    require(births is None or births >= 1, "--births", "at least 1", births)
    benches = [_bench(each, executor, births, episodes, draws, watch) for each in subjects]
    runs = [str(each.experiment) for each in subjects if each.run is not None]
    require(len(set(runs)) == len(runs), "innate", "every run once", "one experiment with one seed twice")
    kinds = [*dict.fromkeys(f"{b.main} in {', '.join(b.measured)}, tested in {', '.join(b.at_birth)}" for b in benches)]
    require(len(kinds) == 1, "innate", "runs with the same scores and conditions", kinds)
    batteries = [battery(bench) for bench in benches]
    frame = table(batteries)
    found = numbers(frame, benches)
    sentence = one_line(found, Wording.of(subjects))
    sections = (
        _section(batteries, frame, (sentence, chances(found))),
        ladder.ladder(batteries),
        hot_start.section(batteries),
        robustness.robustness(batteries),
    )
    return InnateTest(sentence, sections, found)


def numbers(frame: pandas.DataFrame, benches: Sequence[Design]) -> dict[str, Any]:
    """The numbers by which a test is cited, from the table of the battery.

    Returns:
        those of plasticity off at birth; and under `conditions` those of whatever condition the genome was chosen by.
    """
    bench = benches[0]
    found: dict[str, Any] = {"score": bench.main, **_of(frame, "innate", "learned"), "effective_bits": None}
    found["conditions"] = {}
    if bench.condition != "innate":
        found["conditions"][bench.condition] = _of(frame, bench.condition, bench.after)
    counted = {"births": bench.births, "draws": bench.draws, "runs": len(benches)}
    return found | counted | {"tests": int(frame["p"].notna().sum())}


def _of(frame: pandas.DataFrame, born: Condition, lived: Condition) -> dict[str, Any]:
    """In one condition at birth, and the one after a life that belongs to it."""

    def of(network: str, condition: str, *columns: str) -> list[float | None]:
        if (network, condition) not in frame.index:
            return [None] * len(columns)
        values = [float(frame.at[(network, condition), column]) for column in columns]
        return [value if math.isfinite(value) else None for value in values]

    found: dict[str, Any] = {}
    for name, network, condition in (
        ("innate", EVOLVED, born),
        ("learned", EVOLVED, lived),
        ("random_founders", FOUNDERS.name, born),
        ("shuffled", SHUFFLED.name, born),
        ("standard_init", STANDARD.name, born),
        ("direct", DIRECT, lived),
        ("direct_long", LONG, lived),
    ):
        (found[name],), found[f"{name}_ci"] = of(network, condition, "mean"), of(network, condition, "low", "high")
    for name, null in _TESTED.items():
        (found[f"p_{name}"],) = of(null.name, born, "p corrected")
        (found[f"effect_{name}"],) = of(null.name, born, "effect size")
    return found


def _bench(
    subject: Subject, executor: Executor, births: int | None, episodes: int | None, draws: int, watch: Watch
) -> Design:
    lifetime = subject.experiment.lifetime
    if episodes is not None:
        lifetime = lifetime.examined(episodes)
    experiment = replace(subject.experiment, held_out=(), lifetime=lifetime)
    bench = Design(subject, AssayRunner(experiment, executor, watch), births or _BIRTHS, draws)
    return bench if births or not bench.stochastic else replace(bench, births=_BIRTHS_THAT_DIFFER)


def _section(batteries: Sequence[Battery], frame: pandas.DataFrame, said: tuple[str, ...]) -> Section:
    """The battery in words, numbers and a picture."""
    import pandas

    tables = {"scores": frame.reset_index(drop=True)}
    if len(batteries) > 1:
        tables["runs"] = pandas.concat(
            [table([one]).assign(run=one.bench.subject.name) for one in batteries], ignore_index=True
        )
    if any(len(one.bench.subject.levels) > 1 for one in batteries):
        tables["genomes"] = pandas.concat([genomes(one) for one in batteries], ignore_index=True)
    said = (*said, *_remarks(batteries, frame))
    title = "Innate test"
    return Section("innate", title, said, TERMS, tables, {"nulls": picture(batteries, frame)})


def _paces(batteries: Sequence[Battery]) -> str:
    """At which rates the direct networks learned."""
    tried = [tuple(each.paces[name] for name in (DIRECT, LONG)) for each in batteries]
    known = [f"{short:g} and {long:g}" for short, long in tried if short is not None and long is not None]
    if not known:
        return f"It learns {in_words(None)}."
    return f"Its learning rate, tuned for each length on the selection split, is {'; '.join(known)} times the genome's."


def _remarks(batteries: Sequence[Battery], frame: pandas.DataFrame) -> list[str]:
    """What has to be known to read the numbers."""
    bench = batteries[0].bench
    experiment = bench.experiment
    said = []
    if (LONG, bench.after) in frame.index:
        short, long = (frame.at[(network, bench.after), "mean"] for network in (DIRECT, LONG))
        said.append(
            f"A direct network that lives by the same rule comes to {number(short)} in a life as long, "
            f"{life_words(bench)}, to {number(long)} in one {TIMES} times as long. {_paces(batteries)}"
        )
    if not bench.learns:
        plastic = "innate_plastic" in bench.measured
        lives = "A life is its examination here" if plastic else "Lives do not change the weights here"
        said.append(f"{lives}: there is nothing after learning, and no direct network learns.")
    if not experiment.encoding.spec(experiment.topology).size:
        said.append("The genome has no gene for the wiring: whatever is inherited is in its other genes.")
    if all(one.bench.dense for one in batteries):
        said.append("Every synapse grew: mask only would be standard initialisation, weights only shuffled wiring.")
    own = [one.scores[EVOLVED, bench.condition] for one in batteries]
    if lost := sum(int((~np.isfinite(scores.values)).sum()) for scores in own):
        said.append(f"{lost} births of the evolved genome itself had no score: the numbers are those of the others.")
    values = np.concatenate([scores.values for scores in own])
    if bench.stochastic and len(values) > 1 and not np.ptp(values):
        said.append(
            "All births of the evolved genome score the same: an interval without width says no more than that."
        )
    if failed := sum(one.bench.examiner.failures for one in batteries):
        said.append(f"{failed} births or lives had no score that is a number; they are left out.")
    return said
