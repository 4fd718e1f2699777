"""Life seen from inside: what neurons are tuned to and how layers represent stimuli, at birth and after learning."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer
from numpy import ndarray

from evo.analysis.report.section import Section
from evo.analysis.representation.layers import Row, beside, between, heat_maps, in_words, layers, pairs, two_digits
from evo.analysis.representation.neurons import Tunings, index_name, rows, scatter, tuning
from evo.analysis.representation.recordings import Measured
from evo.experiment.experiment import Experiment
from evo.search.base import founders
from genomes.streams import derive
from inner_loop.life import LifeStreams
from inner_loop.recording import Observed, evenly, observe

_FOUNDERS = 19  # a random genome is above all of them 1 time in 20
_SAMPLES, _MOMENTS, _COMPARED = 500, 2500, 500  # stimuli of a task, of a world, and of those the ones in a matrix

TERMS = {
    "group": "group of neurons",
    "comparison": "the code of birth with that after the life; or a code with what is asked (class, target, "
    "best action, direction of motion: one-hot where it is a class), or with what was measured",
    "measure": "CKA: debiased linear centred kernel alignment, 0 for independent codes, 1 for codes that are alike up "
    "to rotation and scale. RSA: Spearman correlation of the dissimilarities of all pairs of stimuli (1 - correlation "
    "of their patterns; squared distance in groups of one or two neurons). Pairs within an episode are left out",
    "similarity": "of the evolved network; empty where a code does not differ between stimuli or is no number",
    "low": "lower end of the 95 % interval: of similarity over stimuli, in a world over episodes (delete-half "
    "jackknife), empty with fewer than 8 of them; of selectivity over the neurons of the group (Student's t)",
    "high": "upper end of the same",
    "founders": f"mean over {_FOUNDERS} random founders: untrained networks of random genomes, which live as the "
    "evolved one does",
    "founders low": "the lowest of them",
    "founders high": "the highest of them",
    "ceiling low": "what the best of codes could reach, given how repeats or subjects differ, from below: by RSA, "
    "where the file has several (Nili et al. 2014)",
    "ceiling high": "the same, from above",
    "other": "the other group",
    "at birth": "debiased CKA of the two groups at birth, evolved network",
    "after learning": "the same after its life",
    "when": "at birth, or after learning",
    "neurons": "in the group",
    "selectivity": "mean over neurons of the share of variance that the class explains, less what shuffled classes do "
    "(epsilon squared for single stimuli); for directions of motion the vector index gDSI, 0 to 1, which is not "
    "corrected for chance",
    "tuned": "share of neurons whose class explains more than shuffled ones do, at 5 % false discoveries in the group "
    "(999 permutations of trials; Benjamini & Hochberg 1995)",
}
"""What every column means."""


def inside(
    experiment: Experiment,
    levels: Integer[ndarray, " G"],
    generation: int = 0,
    slot: int = 0,
    measured: Measured | None = None,
) -> Section:
    """A genome and 19 random founders are born, seen, live, and are seen again on the same test stimuli.

    Args:
        levels: the genome.
        generation, slot: where it was born: the chance of its development, and of a life common to a generation.
        measured: a representation to stand beside the layers'; its stimuli are observed for themselves.

    Raises:
        InputError: stimuli of `measured` that the network does not meet.
    """
    import pandas

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
    """The genome first, random founders behind it."""
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
        return (
            "No neuron does anything after the life that it did not do at birth: what stands here is the innate code."
        )
    found = [row for row in similar if row["comparison"] == "birth and after" and row["measure"] == "CKA"]
    known = [row for row in found if np.isfinite(row["similarity"])]
    if not known:
        return "The codes of birth and after the life could not be compared: they do not differ between stimuli."
    most = min(known, key=lambda row: float(row["similarity"]))
    what = "The life changes" if len(known) == 1 else f"Of {len(known)} groups behind the senses the life changes"
    return f"{what} the code of {most['group']} most: CKA of birth and after is {in_words(most)}."


def _asked(similar: list[Row], observed: Observed) -> list[str]:
    """How well the layers know what is asked, and which of them better than random founders."""
    if observed.asked == "nothing":
        return ["This world does not say what is best done: there is nothing that neurons could be tuned to."]
    groups, word = list(observed.birth), observed.asked
    of = {(row["group"], row["comparison"]): row for row in similar}
    first, born = of[groups[0], f"{word} at birth"], of[groups[-1], f"{word} at birth"]
    said = f"With the {word} the code of {groups[-1]} has at birth a CKA of {in_words(born)}"
    lived = of.get((groups[-1], f"{word} after learning"))
    said += f"; after learning {in_words(lived)}" if lived is not None else ""
    said += f"; the stimuli themselves ({groups[0]}) {two_digits(first['similarity'])}."
    here = {group: of[group, f"{word} at birth"] for group in groups[1:]}
    above = [group for group, row in here.items() if row["similarity"] > row["founders high"]]
    who = " and ".join(above) or "no group"
    return [
        said,
        f"At birth the {word} is told better than in each of {_FOUNDERS} random founders by {who}: an untrained code "
        f"is no zero, and a group of one more random genome would be above all of theirs 1 time in {_FOUNDERS + 1} "
        f"(p = {1 / (_FOUNDERS + 1):.2f}, one-sided, for each group by itself).",
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
        f"Of the neurons behind the senses are tuned to the {observed.asked} beyond chance: {', '.join(said)} "
        f"(5 % false discoveries). Mean {index_name(observed)} in {behind[-1]}: {means}."
    )


def _nearest(theirs: list[Row], measured: Measured) -> str:
    found = [row for row in theirs if row["measure"] == "RSA" and np.isfinite(row["similarity"])]
    if not found:
        return f"No layer's code could be compared with {measured.name}."
    best = max(found, key=lambda row: float(row["similarity"]))
    when = best["comparison"].removeprefix("measured ")
    bounds = f"{best['ceiling low']:.2f} to {best['ceiling high']:.2f}"
    alone = "the file holds one repeat, so how near that is to the best possible cannot be said"
    repeats = f"the noise ceiling of its {len(measured.matrices)} repeats is {bounds}"
    ceiling = repeats if np.isfinite(best["ceiling low"]) else alone
    return f"Nearest to {measured.name} is {best['group']} {when}: RSA {in_words(best)}; {ceiling}."


def _seen(experiment: Experiment, observed: Observed) -> str:
    count, compared = len(observed.stimuli), min(len(observed.stimuli), _COMPARED)
    if experiment.task:
        stands = f" The neurons of {[*observed.birth][-1]} stand for {', '.join(observed.names)}, in this order."
        return (
            f"Stimuli: {count} samples of the test split, the same at birth and after the life, plasticity off."
            f"{stands if observed.names else ''}"
        )
    return (
        f"Stimuli: {count} moments of {len(np.unique(observed.episodes))} test episodes, as the newborn met them with "
        f"plasticity off, the same shown again after the life; layers are compared on {compared} of them."
    )
