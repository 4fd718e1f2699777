"""The worlds of instinct; a class that is listed here is tested against the contract."""

from inner_loop.world import World
from inner_loop.worlds.cart_pole import CartPole
from inner_loop.worlds.chemotaxis import Chemotaxis
from inner_loop.worlds.context_integration import ContextIntegration
from inner_loop.worlds.delayed_match import DelayedMatch
from inner_loop.worlds.foraging import Foraging
from inner_loop.worlds.go_no_go import GoNoGo
from inner_loop.worlds.gymnasium import Gymnasium
from inner_loop.worlds.hinton_nowlan import HintonNowlan
from inner_loop.worlds.looming import Looming
from inner_loop.worlds.perceptual_decision import PerceptualDecision
from inner_loop.worlds.ready_set_go import ReadySetGo
from inner_loop.worlds.retina import Retina
from inner_loop.worlds.swing_up import SwingUp
from inner_loop.worlds.t_maze import TMaze

WORLDS: tuple[type[World], ...] = (
    CartPole,
    SwingUp,
    TMaze,
    Chemotaxis,
    Looming,
    Foraging,
    Retina,
    PerceptualDecision,
    DelayedMatch,
    ContextIntegration,
    GoNoGo,
    ReadySetGo,
    HintonNowlan,
    Gymnasium,
)
