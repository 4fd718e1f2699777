"""All interventions of instinct; the contract tests check each class in this tuple."""

from __future__ import annotations

from genomes.intervention import Intervention
from genomes.interventions.faster import Faster
from genomes.interventions.given import Given
from genomes.interventions.lesion import Lesion
from genomes.interventions.random_weights import RandomWeights
from genomes.interventions.severed import Severed
from genomes.interventions.shared_weight import SharedWeight
from genomes.interventions.shuffled import Shuffled
from genomes.interventions.signs_only import SignsOnly
from genomes.interventions.standard import Standard
from genomes.interventions.weight_noise import WeightNoise

INTERVENTIONS: tuple[type[Intervention], ...] = (
    *(Faster, Given, Lesion, RandomWeights, Severed, SharedWeight, Shuffled, SignsOnly, Standard, WeightNoise),
)
