"""The built-in searches; the contract tests check every search that is registered here."""

from evo.search.algorithms.cma_es import CMAES
from evo.search.algorithms.evolution_strategy import EvolutionStrategy
from evo.search.algorithms.fitness_proportional import FitnessProportional
from evo.search.algorithms.genetic import Genetic
from evo.search.algorithms.nsga2 import NSGA2
from evo.search.algorithms.nsga3 import NSGA3
from evo.search.algorithms.random_search import RandomSearch
from evo.search.algorithms.steady_state import SteadyState
from evo.search.base import Search

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
