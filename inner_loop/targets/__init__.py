"""The targets of instinct; a class that is listed here is tested against the contract."""

from inner_loop.target import Target
from inner_loop.targets.wiring import Wiring

TARGETS: tuple[type[Target], ...] = (Wiring,)
