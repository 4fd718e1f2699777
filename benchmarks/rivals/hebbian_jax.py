"""JAX: a life as a scan over episodes and steps, compiled whole; vmap of one individual, or the cohort by hand."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from rivals.hebbian_workload import BOUND, LEARNING_RATE, Newborns
from rivals.workload import Life
from torch import Tensor

jax.config.update("jax_enable_x64", True)  # the pole moves in float64, as in Gymnasium and here; the rest is float32


def prepare(newborns: Newborns, by_hand: bool) -> Life:
    """The whole cohort at once, compiled here, before it is timed.

    Args:
        by_hand: True puts the individuals on the last axis of all arrays, instead of vmap.
    """
    weights = [jnp.asarray(w.numpy()) for w in newborns.weights]
    rules = [jnp.asarray(r.numpy()) for r in newborns.coefficients]
    starts = jnp.asarray(newborns.starts.numpy())
    if by_hand:
        weights, rules = ([jnp.moveaxis(a, 0, -1) for a in arrays] for arrays in (weights, rules))

    def life(weights: Any, rules: Any, starts: Any) -> Any:
        lives = weights[0].shape[2:]

        def step(carry: Any, _: None) -> Any:
            weights, motion, fallen, rewards = carry
            activities = [motion.astype(jnp.float32)]
            for weight in weights:
                activities.append(jnp.tanh((weight * activities[-1]).sum(1)))
            moved = _push(motion, jnp.argmax(activities[-1], axis=0))
            rewards += 1.0 - fallen
            motion = jnp.where(fallen, motion, moved)
            fallen |= (jnp.abs(motion[0]) > 2.4) | (jnp.abs(motion[2]) > 12 * 2 * math.pi / 360)
            changed = [_learn(*each) for each in zip(weights, rules, activities, activities[1:], strict=False)]
            return (changed, motion, fallen, rewards), None

        def episode(carry: Any, start: Any) -> Any:
            weights, rewards = carry
            motion = jnp.broadcast_to(start.reshape(4, *[1] * len(lives)), (4, *lives))
            there = (weights, motion, jnp.zeros(lives, bool), rewards)
            (weights, _, _, rewards), _ = jax.lax.scan(step, there, length=newborns.workload.steps)
            return (weights, rewards), None

        return jax.lax.scan(episode, (weights, jnp.zeros(lives)), starts)[0]

    if not by_hand:
        life = jax.vmap(life, in_axes=(0, 0, None))
    compiled = jax.jit(life).lower(weights, rules, starts).compile()

    def live_all() -> list[Tensor]:
        final, rewards = jax.block_until_ready(compiled(weights, rules, starts))
        arrays = [np.moveaxis(np.array(w), -1, 0) if by_hand else np.array(w) for w in final]
        return [torch.from_numpy(a) for a in (*arrays, np.array(rewards, np.float32)[:, None])]

    return live_all


def _push(motion: Any, action: Any) -> Any:
    """CartPole-v1; motion (4, ...)."""
    _, velocity, angle, spin = motion
    sine, cosine = jnp.sin(angle), jnp.cos(angle)
    free = (jnp.where(action == 1, 10.0, -10.0) + 0.05 * spin * spin * sine) / 1.1
    turning = (9.8 * sine - cosine * free) / (0.5 * (4.0 / 3.0 - 0.1 * cosine * cosine / 1.1))
    return motion + 0.02 * jnp.stack([velocity, free - 0.05 * turning * cosine / 1.1, spin, turning])


def _learn(weight: Any, rule: Any, pre: Any, post: Any) -> Any:
    """weight (post, pre, ...), activities (units, ...)."""
    a, b, c, d = rule
    pre, post = pre[None], post[:, None]
    weight = weight + LEARNING_RATE * (a * post * pre + b * pre + c * post + d)
    return weight * jnp.minimum(BOUND / jnp.abs(weight).max((0, 1)), 1.0)
