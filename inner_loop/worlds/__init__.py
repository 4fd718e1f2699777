"""The worlds that come with the house; registering one here is what puts it under the contract tests."""

from inner_loop.world import World
from inner_loop.worlds.cart_pole import CartPole
from inner_loop.worlds.retina import Retina

WORLDS: tuple[type[World], ...] = (CartPole, Retina)
