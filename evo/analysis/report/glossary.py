"""Meanings of the numbers that commands print or write and that no section of an analysis explains."""

from __future__ import annotations

PROGRESS = {
    "generation": "number of evaluated generations, of the total number",
    "best, mean": "best and mean main score over the individuals of the generation that have a score, on the selection "
    "split, in each condition that the config measures",
    "gain": "mean over individuals of the main score after the life minus that at birth, on the selection split",
    "bits": "mean size of the genomes in bits; constant unless an encoding switches genes off",
    "failures": "individuals of the generation without a score: their goals are set to the worst values, and the log "
    "contains the reason",
    "lives/s": "lifetimes per second since the start of the command, births included",
    "left": "estimated minutes and seconds until the last generation",
}
"""Meanings of the columns that `evolve` and `resume` show; log.jsonl has the mean and best of every measurement."""

RESULT = {
    "generations": "number of evaluated generations",
    "lifetimes": "number of lifetimes during evolution: generations x individuals x births; later examinations are not "
    "counted",
    "seconds": "duration of evolution, over all sessions of the run",
    "genome_bits": "exact size of the genome: sum over its numbers of log2 of the number of levels",
    "wiring_bits": "size of the weights that the genome unfolds into: 32 bits for each synapse that can grow",
    "founders_innate": "mean main score at birth of 64 random genomes of the founders' distribution, test split",
    "innate": "main score at birth with plasticity off, on the test split: mean over births; `innate_ci` is its 95 % "
    "interval, bootstrapped over births and samples (or episodes), with several runs over runs and the samples that "
    "they share, or Student's t over runs where they share none",
    "learned": "main score after the life, plasticity off again, on the test split; `learned_ci` likewise",
    "founders": "mean main score of 64 random genomes in every condition, test split",
    "best": "main score of the best genome in every condition, test split; it was chosen on the selection split",
    "held_out": "main score of the best genome in held-out worlds, which no life and no selection used, by their name "
    "and condition",
    "random_founders": "mean main score at birth of genomes drawn from the founders' distribution",
    "shuffled": "mean main score at birth with the weights permuted among the synapses of each projection: degrees and "
    "weights are kept",
    "standard_init": "mean main score at birth of the same topology with standard weights (LeCun et al. 1998; behind "
    "relu He et al. 2015)",
    "direct": "main score of networks with standard weights after the same life as the genome's networks, by the same "
    "rule at a learning rate that is tuned for them",
    "direct_long": "the same after a life ten times as long",
    "p_random, p_shuffled, p_standard": "chance that the null model does at least as well, (k + 1) / (n + 1) over "
    "its n draws (Phipson & Smyth 2010), corrected for the number of tests (Holm 1979); with several runs a paired "
    "test over the runs and the samples that they share",
    "effect_random, effect_shuffled, effect_standard": "difference between the evolved genome and the mean of the null "
    "model, in standard deviations of the null model's draws",
    "effective_bits": "fewest bits that keep the score: at most 1 % of the difference to random founders is lost; "
    "chosen on the selection split",
    "coded_bits": "size of the genome's levels in bits, entropy coded",
    "births": "number of births of the evolved genome, each with its own random numbers of development and of life",
    "draws": "number of draws of each null model",
    "runs": "number of runs that were tested together",
    "tests": "number of tests for which p was corrected",
    "conditions": "the same numbers in the condition at birth that the run selected for, if it is not plasticity off, "
    "for example plasticity on from birth",
}
"""Meanings of the keys of result.json and innate.json, and of the facts at the head of a report."""
