"""The innate test of one run or several: behaviour of the genomes without learning, against null models.

Genomes are selected on the selection split. All scores of this test are measured on the test split, with random
numbers of births and draws that no run has used.
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
from evo.analysis.innate.sentence import Wording, chances, one_line
from evo.analysis.report.numbers import number
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
    """Results of the innate test.

    Attributes:
        sentence: summary in one line.
        sections: sections of the report.
        found: the numbers, by name.
    """

    sentence: str
    sections: tuple[Section, ...]
    found: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Returns the content of innate.json; missing scores are None, and p is corrected for all `tests` (Holm)."""
        return {"sentence": self.sentence, **self.found}


def innate_test(
    subjects: Sequence[Subject],
    executor: Executor,
    births: int | None = None,
    episodes: int | None = None,
    draws: int = 200,
    watch: Watch = lambda what, done, total: None,
) -> InnateTest:
    """Examines the genomes of one run, or of several runs; with several, the run is the unit of the statistics.

    Args:
        subjects: one subject a run, with the same scores and conditions.
        executor: runs the cohorts.
        births: number of births of a genome; by default 16, or 32 if births are stochastic.
        episodes: number of episodes of an examination in a world; by default that of the experiment.
        draws: number of draws of each null model.
        watch: progress callback.

    Raises:
        InputError: the runs cannot be compared, there are too few draws or births, or episodes are given for a task.
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
    """Collects the main numbers of a test from the table of the battery.

    Returns:
        numbers at birth with plasticity off; `conditions` holds those of another condition by which the genome was
        selected.
    """
    bench = benches[0]
    found: dict[str, Any] = {"score": bench.main, **_of(frame, "innate", "learned"), "effective_bits": None}
    found["conditions"] = {}
    if bench.condition != "innate":
        found["conditions"][bench.condition] = _of(frame, bench.condition, bench.after)
    counted = {"births": bench.births, "draws": bench.draws, "runs": len(benches)}
    return found | counted | {"tests": int(frame["p"].notna().sum())}


def _of(frame: pandas.DataFrame, born: Condition, lived: Condition) -> dict[str, Any]:
    """Collects the numbers of a condition at birth and of the condition after learning that belongs to it."""

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
    """Describes the battery by sentences, tables and a picture."""
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
    """Describes the learning rates of the direct networks."""
    tried = [tuple(each.paces[name] for name in (DIRECT, LONG)) for each in batteries]
    known = [f"{short:g} and {long:g}" for short, long in tried if short is not None and long is not None]
    if not known:
        return f"It learns {in_words(None)}."
    return f"Its learning rate, tuned for each length on the selection split, is {'; '.join(known)} times the genome's."


def _remarks(batteries: Sequence[Battery], frame: pandas.DataFrame) -> list[str]:
    """Returns remarks that are needed to interpret the numbers."""
    bench = batteries[0].bench
    experiment = bench.experiment
    said = []
    if (LONG, bench.after) in frame.index:
        short, long = (frame.at[(network, bench.after), "mean"] for network in (DIRECT, LONG))
        said.append(
            f"A direct network that learns by the same rule reaches {number(short)} in a life of the same length, "
            f"{life_words(bench)}, and {number(long)} in a life {TIMES} times as long. {_paces(batteries)}"
        )
    if not bench.learns:
        plastic = "innate_plastic" in bench.measured
        lives = "Learning happens within the examination here" if plastic else "Lives do not change the weights here"
        said.append(f"{lives}: there is no score after learning and no direct network that learns.")
    if not experiment.encoding.spec(experiment.topology).size:
        said.append("The genome has no gene for the wiring: all inheritance is in its other genes.")
    if all(one.bench.dense for one in batteries):
        said.append(
            "Every synapse grew: mask only would equal standard initialisation, and weights only shuffled wiring."
        )
    own = [one.scores[EVOLVED, bench.condition] for one in batteries]
    if lost := sum(int((~np.isfinite(scores.values)).sum()) for scores in own):
        said.append(f"{lost} births of the evolved genome had no score: the numbers refer to the other births.")
    values = np.concatenate([scores.values for scores in own])
    if bench.stochastic and len(values) > 1 and not np.ptp(values):
        said.append("All births of the evolved genome score the same, so that the interval over births has no width.")
    if failed := sum(one.bench.examiner.failures for one in batteries):
        said.append(f"{failed} births or lives had no finite score; they are left out.")
    return said
