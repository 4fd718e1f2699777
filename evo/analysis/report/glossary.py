"""What every number means that a command prints or writes and no analysis explains itself."""

from __future__ import annotations

PROGRESS = {
    "generation": "how many are evaluated, of how many there will be",
    "best, mean": "of the main score over the individuals of the generation that lived, on the selection split, in "
    "each condition that the config measures",
    "gain": "mean over individuals of the main score after the life minus that at birth, on the selection split",
    "bits": "mean size of the genomes; constant unless an encoding switches genes off",
    "failures": "individuals of the generation without a score: they got the worst goals, and the log says why",
    "lives/s": "lifetimes a second since the command began, births included",
    "left": "minutes and seconds until the last generation at this pace",
}
"""Of the table that `evolve` and `resume` show; log.jsonl has the mean and best of every measurement."""

RESULT = {
    "generations": "evaluated",
    "lifetimes": "lived while evolving: generations x individuals x births; examinations afterwards are not counted",
    "seconds": "spent evolving, over all sessions of the run",
    "genome_bits": "exact size of the genome: the sum of log2 of the number of levels, over its numbers",
    "wiring_bits": "of the weights that the genome unfolds into: 32 for each synapse that can grow",
    "founders_innate": "mean main score at birth of 64 random genomes of the founders' distribution, test split",
    "innate": "main score at birth with plasticity off, on the test split: mean over births; `innate_ci` is its 95 % "
    "interval, bootstrapped over births and samples (or episodes), with several runs over runs and the samples that "
    "they share, or Student's t over runs where they share none",
    "learned": "main score after the life, plasticity off again, on the test split; `learned_ci` likewise",
    "founders": "mean over 64 random genomes in every condition",
    "best": "the best genome in every condition; it was chosen on the selection split",
    "held_out": "the best genome in worlds that no life and no selection saw, by their name and condition",
    "random_founders": "mean main score at birth of genomes drawn from the founders' distribution",
    "shuffled": "mean main score at birth with the weights permuted among the synapses of each projection: degrees and "
    "weights are kept",
    "standard_init": "mean main score at birth of the same topology with standard weights (LeCun et al. 1998; behind "
    "relu He et al. 2015)",
    "direct": "standard weights after the life that the genome's networks live, by the same rule at a rate of its own",
    "direct_long": "the same after a life ten times as long",
    "p_random, p_shuffled, p_standard": "chance that the null model does at least as well, (k + 1) / (n + 1) over "
    "its n draws (Phipson & Smyth 2010), corrected for the number of tests (Holm 1979); with several runs a paired "
    "test over the runs and the samples that they share",
    "effect_random, effect_shuffled, effect_standard": "how many standard deviations of the null model's draws the "
    "evolved genome lies above their mean",
    "effective_bits": "fewest bits that keep the score within 1 % of the way up from random founders; chosen on the "
    "selection split",
    "coded_bits": "the genome's levels, entropy coded",
    "births": "of the evolved genome: each with developmental chance and a life of its own",
    "draws": "of each null model",
    "runs": "that were tested together",
    "tests": "for which p was corrected",
    "conditions": "the same numbers with plasticity on from birth, or whatever else the run selected for at birth",
}
"""Of result.json and innate.json, and of the facts at the head of a report."""
