"""Neural codes at birth and after learning: tuning of neurons, and representation of stimuli by layers."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer
from numpy import ndarray

from evo.analysis.report.numbers import two_digits
from evo.analysis.report.section import Section
from evo.analysis.representation.layers import Row, beside, between, heat_maps, in_words, layers, pairs
from evo.analysis.representation.neurons import Tunings, index_name, rows, scatter, tuning
from evo.analysis.representation.recordings import Measured
from evo.experiment.experiment import Experiment
from evo.search.base import founders
from genomes.streams import derive
from inner_loop.life import LifeStreams
from inner_loop.recording import Observed, evenly, observe

_FOUNDERS = 19  # one more random genome exceeds all of them with probability 1 / 20
_SAMPLES, _MOMENTS, _COMPARED = 500, 2500, 500  # number of stimuli in a task, in a world, and in a matrix

_NOTHING = "Nothing is met or lived here, so there are no stimuli that neurons could respond to."

TERMS = {
    "group": "group of neurons",
    "comparison": "the code at birth with that after the life; or a code with the target of the environment (class, "
    "target value, best action, direction of motion; classes are one-hot), or with a measured representation",
    "measure": "CKA: debiased linear centred kernel alignment, 0 for independent codes, 1 for codes that are alike up "
    "to rotation and scale. RSA: Spearman correlation of the dissimilarities of all pairs of stimuli (1 - correlation "
    "of their patterns; squared distance in groups of one or two neurons). Pairs within an episode are left out",
    "similarity": "similarity in the evolved network; empty if a code does not differ between stimuli or is not finite",
    "low": "lower end of the 95 % interval: of similarity over stimuli, in a world over episodes (delete-half "
    "jackknife), empty with fewer than 8 of them; of selectivity over the neurons of the group (Student's t)",
    "high": "upper end of that interval",
    "founders": f"mean over {_FOUNDERS} random founders: untrained networks of random genomes, which live as the "
    "evolved network does",
    "founders low": "the lowest of them",
    "founders high": "the highest of them",
    "ceiling low": "lower bound of the noise ceiling: the best possible RSA, given the differences between repeats or "
    "subjects, if the file has several (Nili et al. 2014)",
    "ceiling high": "upper bound of the noise ceiling",
    "other": "the other group",
    "at birth": "debiased CKA of the two groups at birth, evolved network",
    "after learning": "debiased CKA of the two groups after the life, evolved network",
    "when": "time of the measurement: at birth, or after learning",
    "neurons": "number of neurons in the group",
    "selectivity": "mean over neurons of the share of variance that the class explains, corrected for the share that "
    "shuffled classes explain (epsilon squared for single stimuli); for directions of motion the vector index gDSI, 0 "
    "to 1, which is not corrected for chance",
    "tuned": "share of neurons whose variance the class explains better than shuffled classes do, at 5 % false "
    "discoveries in the group (999 permutations of trials; Benjamini & Hochberg 1995)",
}
"""Meanings of the table columns."""


def inside(
    experiment: Experiment,
    levels: Integer[ndarray, " G"],
    generation: int = 0,
    slot: int = 0,
    measured: Measured | None = None,
) -> Section:
    """Observes a genome and 19 random founders at birth and after their lives, on the same test stimuli.

    Args:
        experiment, levels: the genome, (G,), and its experiment.
        generation, slot: of its birth; the random numbers of its development and life follow from them.
        measured: a measured representation, which is compared with the layers on its own stimuli.

    Raises:
        InputError: the network does not meet the stimuli of `measured`.
    """
    import pandas

    if not experiment.lifetime.unit:
        return Section("life", "Life inside", (_NOTHING,), {})
    streams = derive(experiment.seed, "inside")
    observed = _observed(experiment, levels, generation, slot, _SAMPLES if experiment.task else _MOMENTS)
    seen = observed.part(evenly(len(observed.stimuli), _COMPARED))
    groups, similar, alike = list(seen.birth), layers(seen, streams), between(seen)
    tables = {"layers": pandas.DataFrame(similar)} if similar else {}
    tables["between"] = pairs(groups, alike)
    pictures = {"between": heat_maps(groups, alike)}
    sentences = [_changes(similar, observed), *_asked(similar, observed)]
    if observed.classes is not None:
        tunings = tuning(observed, streams)
        tables["tuning"] = pandas.DataFrame(rows(tunings))
        pictures["tuning"] = scatter(tunings, observed)
        sentences.append(_tuned(tunings, observed))
    if measured is not None:
        theirs = beside(_observed(experiment, levels, generation, slot, measured.stimuli), measured, streams)
        tables["measured"] = pandas.DataFrame(theirs)
        sentences.append(_nearest(theirs, measured))
    sentences.append(_seen(experiment, observed))
    return Section("life", "Life inside", tuple(sentences), TERMS, tables, pictures)


def _observed(experiment: Experiment, levels: ndarray, generation: int, slot: int, stimuli: int | ndarray) -> Observed:
    """Observes the genome, in the first place, and the random founders after it."""
    spec, seed, device = experiment.genome.spec, experiment.seed, experiment.device
    random = spec.quantise(founders(_FOUNDERS, spec, derive(seed, "random founders")))
    genomes = np.concatenate([levels[None, :].astype(random.dtype), random])
    newborn = experiment.birth(genomes, derive(seed, "birth", generation, range(slot, slot + len(genomes))).to(device))
    own = derive(seed, "plasticity", generation, range(slot, slot + len(genomes))).to(device)
    streams = LifeStreams(derive(seed, "life", generation).to(device), own)
    where, lifetime = experiment.environment, experiment.lifetime
    return observe(newborn, experiment.rule, experiment.objective, where, lifetime, streams, "test", stimuli)


def _changes(similar: list[Row], observed: Observed) -> str:
    if not observed.changed():
        return "The life does not change the activity of any neuron: this section describes the innate code."
    found = [row for row in similar if row["comparison"] == "birth and after" and row["measure"] == "CKA"]
    known = [row for row in found if np.isfinite(row["similarity"])]
    if not known:
        return "The codes at birth and after the life could not be compared: they do not differ between stimuli."
    most = min(known, key=lambda row: float(row["similarity"]))
    what = "The life changes" if len(known) == 1 else f"Of {len(known)} groups behind the senses the life changes"
    return f"{what} the code of {most['group']} most: CKA between birth and after is {in_words(most)}."


def _asked(similar: list[Row], observed: Observed) -> list[str]:
    """Describes the similarity of the layers to the target, and which of them exceed all random founders."""
    if observed.asked == "nothing":
        return ["This world does not define a best action or another target, so there is no tuning to analyse."]
    groups, word = list(observed.birth), observed.asked
    of = {(row["group"], row["comparison"]): row for row in similar}
    first, born = of[groups[0], f"{word} at birth"], of[groups[-1], f"{word} at birth"]
    said = f"The CKA of the code of {groups[-1]} with the {word} is {in_words(born)} at birth"
    lived = of.get((groups[-1], f"{word} after learning"))
    said += f"; after learning {in_words(lived)}" if lived is not None else ""
    said += f"; that of the stimuli themselves ({groups[0]}) is {two_digits(first['similarity'])}."
    here = {group: of[group, f"{word} at birth"] for group in groups[1:]}
    above = [group for group, row in here.items() if row["similarity"] > row["founders high"]]
    who = " and ".join(above) or "no group"
    return [
        said,
        f"Groups whose CKA with the {word} at birth exceeds that of all {_FOUNDERS} random founders: {who}. An "
        f"untrained code has a CKA above zero, and one more random genome would exceed all founders with probability "
        f"1 / {_FOUNDERS + 1} (p = {1 / (_FOUNDERS + 1):.2f}, one-sided, for each group by itself).",
    ]


def _tuned(tunings: Tunings, observed: Observed) -> str:
    behind = list(observed.birth)[1:]
    said = []
    for when in dict.fromkeys(when for _, when in tunings):
        tuned = np.concatenate([tunings[group, when].tuned for group in behind])
        said.append(f"{tuned.sum()} of {len(tuned)} {when}")
    output = [row for row in rows(tunings) if row["group"] == behind[-1]]
    means = "; ".join(f"{row['when']} {in_words(row | {'similarity': row['selectivity']})}" for row in output)
    return (
        f"Neurons behind the senses that are tuned to the {observed.asked} above chance: {', '.join(said)} "
        f"(5 % false discoveries). Mean {index_name(observed)} in {behind[-1]}: {means}."
    )


def _nearest(theirs: list[Row], measured: Measured) -> str:
    found = [row for row in theirs if row["measure"] == "RSA" and np.isfinite(row["similarity"])]
    if not found:
        return f"No layer's code could be compared with {measured.name}."
    best = max(found, key=lambda row: float(row["similarity"]))
    when = best["comparison"].removeprefix("measured ")
    bounds = f"{best['ceiling low']:.2f} to {best['ceiling high']:.2f}"
    alone = "the file contains one repeat, so the best possible RSA is not known"
    repeats = f"the noise ceiling of its {len(measured.matrices)} repeats is {bounds}"
    ceiling = repeats if np.isfinite(best["ceiling low"]) else alone
    return f"Nearest to {measured.name} is {best['group']} {when}: RSA {in_words(best)}; {ceiling}."


def _seen(experiment: Experiment, observed: Observed) -> str:
    count, compared = len(observed.stimuli), min(len(observed.stimuli), _COMPARED)
    if experiment.task and not experiment.task.steps:
        stands = f" The neurons of {[*observed.birth][-1]} stand for {', '.join(observed.names)}, in this order."
        return (
            f"Stimuli: {count} samples of the test split, the same at birth and after the life, plasticity off."
            f"{stands if observed.names else ''}"
        )
    if experiment.task:
        return (
            f"Stimuli: {count} steps of {len(np.unique(observed.episodes))} test sequences, the same at birth and "
            f"after the life, plasticity off. Layers are compared on {compared} of them."
        )
    return (
        f"Stimuli: {count} steps of {len(np.unique(observed.episodes))} test episodes, as the newborn met them with "
        f"plasticity off; the same stimuli are shown again after the life. Layers are compared on {compared} of them."
    )
