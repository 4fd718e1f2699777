"""The usual way on CartPole: Gymnasium's own environment, and a network of torch tensors, one individual at a time.

Written fairly: no wrappers around the environment, no autograd, coefficients as plain numbers.
"""

from __future__ import annotations

import gymnasium
import torch
from rivals.hebbian_workload import BOUND, LEARNING_RATE, Newborns
from rivals.workload import Life
from torch import Tensor

Rules = list[list[float]]


def live(env: gymnasium.Env, weights: list[Tensor], rules: Rules, starts: Tensor, steps: int) -> float:
    """One life, written into the weights; returns the sum of its rewards."""
    rewards = 0.0
    for start in starts.numpy():
        observation, _ = env.reset()
        env.state, observation = start, start.astype(observation.dtype)
        fallen = False
        for _ in range(steps):
            activities = [torch.from_numpy(observation)]
            for weight in weights:
                activities.append(torch.tanh(weight @ activities[-1]))
            seen, reward, terminated, _, _ = env.step(int(activities[-1].argmax()))
            rewards += 0.0 if fallen else reward
            for weight, (a, b, c, d), pre, post in zip(weights, rules, activities, activities[1:], strict=False):
                weight += LEARNING_RATE * (a * torch.outer(post, pre) + b * pre + c * post[:, None] + d)
                weight *= (BOUND / weight.abs().max()).clamp(max=1.0)
            observation = observation if fallen else seen
            fallen = fallen or terminated
    return rewards


def prepare(newborns: Newborns, individuals: int) -> Life:
    """The first `individuals` of the cohort, one at a time; making the environment belongs to a life."""
    rules = [[rule[i].tolist() for rule in newborns.coefficients] for i in range(individuals)]
    gymnasium.logger.min_level = gymnasium.logger.ERROR  # otherwise it warns at every step after a fall

    @torch.inference_mode()
    def live_all() -> list[Tensor]:
        finals, returns = [], []
        for i in range(individuals):
            env = gymnasium.make("CartPole-v1").unwrapped
            weights = [weight[i].clone() for weight in newborns.weights]
            returns.append(live(env, weights, rules[i], newborns.starts, newborns.workload.steps))
            finals.append(weights)
        return [*(torch.stack(layer) for layer in zip(*finals, strict=True)), torch.tensor(returns)[:, None]]

    return live_all
