"""The searches that come with the house; registering one here is what puts it under the contract tests."""

from evo.search.base import Search
from evo.search.cma_es import CMAES
from evo.search.evolution_strategy import EvolutionStrategy
from evo.search.fitness_proportional import FitnessProportional
from evo.search.genetic import Genetic
from evo.search.nsga2 import NSGA2
from evo.search.nsga3 import NSGA3
from evo.search.random_search import RandomSearch
from evo.search.steady_state import SteadyState

SEARCHES: tuple[type[Search], ...] = (
    EvolutionStrategy,
    Genetic,
    NSGA2,
    NSGA3,
    CMAES,
    FitnessProportional,
    SteadyState,
    RandomSearch,
)
