"""The learning rules of instinct; a class that is listed here is tested against the contract."""

from inner_loop.rule import LearningRule
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.bptt import BPTT
from inner_loop.rules.feedback_alignment import FeedbackAlignment
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.rules.output_only import OutputOnly
from inner_loop.rules.policy_gradient import PolicyGradient
from inner_loop.rules.reward_modulated import RewardModulated
from inner_loop.rules.trial_and_error import TrialAndError
from inner_loop.rules.volterra import Volterra

RULES: tuple[type[LearningRule], ...] = (
    Backprop,
    BPTT,
    FeedbackAlignment,
    Hebbian,
    Volterra,
    RewardModulated,
    PolicyGradient,
    TrialAndError,
    OutputOnly,
    Frozen,
)
