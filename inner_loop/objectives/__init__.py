"""The objectives of instinct; a class that is listed here is tested against the contract."""

from inner_loop.objective import Objective
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.homeostasis import Homeostasis
from inner_loop.objectives.mixture import Mixture
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.objectives.wiring_cost import WiringCost

OBJECTIVES: tuple[type[Objective], ...] = (
    CrossEntropy,
    SquaredError,
    Homeostasis,
    WiringCost,
    Mixture,
)
