"""Summary of the innate test in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from evo.analysis.innate.null_models import FOUNDERS, SHUFFLED, STANDARD
from evo.analysis.report.numbers import number
from evo.analysis.subject import Subject
from inner_loop.environment import Score

_CERTAIN = 0.05
_BORN = {"innate": "at birth", "innate_memory": "with memory in its activity", "innate_plastic": "with plasticity on"}


@final
@dataclass(frozen=True)
class Wording:
    """Words for a subject in the summary.

    Attributes:
        who: subject of the sentence.
        score: main score of the environment.
        things: name of the samples of a task; None in a world.
        plastic: True if plasticity could be on at birth.
        several: True for several genomes, of several runs.
    """

    who: str
    score: Score
    things: str | None = None
    plastic: bool = False
    several: bool = False

    @classmethod
    def of(cls, subjects: Sequence[Subject]) -> Wording:
        """Builds the words for one run or file, or for several runs."""
        first, several = subjects[0], len(subjects) > 1
        experiment = first.experiment
        if several:
            who = f"In {len(subjects)} runs the evolved genomes"
        elif first.run is None:
            who = f"The network of {first.name}"
        else:
            who = "In this run the evolved genome"
        if first.run is not None and not all(subject.bred for subject in subjects):
            who = who.replace(" the evolved", ", in an experiment they did not evolve in, the evolved", 1)
            who = who if several else who.replace("they", "it")
        plastic = "innate_plastic" in experiment.lifetime.distinct(experiment.topology, experiment.rule)
        return cls(who, experiment.score, experiment.environment.things, plastic, several)

    def does(self, amount: str) -> str:
        """Returns the predicate of the sentence, with the score that is reached."""
        ending = "" if self.several else "s"
        if self.score.share and self.things:
            return f"classif{'y' if self.several else 'ies'} {amount} of unseen {self.things}"
        if self.score.name == "return":
            return f"reach{'' if self.several else 'es'} a return of {amount}"
        return f"score{ending} {amount} in {self.score.label}"

    def amount(self, value: float | None, interval: Sequence[float | None] = (None, None)) -> str:
        """Writes a score, with its interval if there is one: 95 % [93, 97]."""
        if value is None:
            return "no finite score"
        percent = self.score.share
        shown = [f"{100 * v:.0f}" if percent else number(v) for v in (value, *interval) if v is not None]
        unit = " %" if percent else ""
        return f"{shown[0]}{unit} [{shown[1]}, {shown[2]}]" if len(shown) == 3 else f"{shown[0]}{unit}"


def one_line(found: Mapping[str, Any], wording: Wording) -> str:
    """Writes the summary: scores at birth, of null models and after learning, and in another selected condition.

    Args:
        found: the numbers of `InnateTest.as_dict`.
        wording: the words for the subject.
    """
    off = " with plasticity off" if wording.plastic else ""
    said = [f"{wording.who} {_compared(found, wording, f' at birth{off}')}."]
    for condition, other in found["conditions"].items():
        who = "they" if wording.several else "it"
        said.append(f"From birth {_BORN[condition]} {who} {_compared(other, wording, '')}.")
    return " ".join(said)


def chances(found: Mapping[str, Any]) -> str:
    """Writes the p values of the same comparisons."""
    several = f"Student's t over {found['runs']} runs, and over the samples of the test where they share them"
    how = f"{found['draws']} draws of each" if found["runs"] == 1 else several
    said = [f"One-sided p against null models, {how}, corrected for {found['tests']} tests: {_listed(found)}."]
    said += [f"From birth {_BORN[c]}: {_listed(other)}." for c, other in found["conditions"].items()]
    return " ".join(said)


def _compared(found: Mapping[str, Any], wording: Wording, when: str) -> str:
    parts = [
        f"{wording.does(wording.amount(found['innate'], found['innate_ci']))}{when}",
        f"{FOUNDERS.name} {wording.amount(found['random_founders'], found['random_founders_ci'])}"
        f"{_unsure(found['p_random'])}",
        f"{SHUFFLED.name} {wording.amount(found['shuffled'])}{_unsure(found['p_shuffled'])}",
    ]
    if found["learned"] is not None:
        parts.append(f"after learning {wording.amount(found['learned'])}")
    return "; ".join(parts)


def _unsure(p: float | None) -> str:
    """Marks a difference that is not significant, so that the summary alone does not mislead."""
    return f" (not significant: p = {p:.2g})" if p is not None and p > _CERTAIN else ""


def _listed(found: Mapping[str, Any]) -> str:
    tested = (("random", FOUNDERS), ("shuffled", SHUFFLED), ("standard", STANDARD))
    shown = [(null.name, found[f"p_{name}"]) for name, null in tested]
    return ", ".join(f"{name} {'unknown' if p is None else f'p = {p:.2g}'}" for name, p in shown)
