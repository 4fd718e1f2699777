"""The targets of instinct; a class that is registered here is under the contract tests."""

from inner_loop.target import Target
from inner_loop.targets.wiring import Wiring

TARGETS: tuple[type[Target], ...] = (Wiring,)
