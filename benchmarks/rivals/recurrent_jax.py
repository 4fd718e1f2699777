"""JAX: a life as a scan over its updates, compiled whole; vmap(grad) of one individual, or the cohort by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from rivals.recurrent_workload import LEARNING_RATE, MOMENTUM, Newborns
from rivals.workload import Life
from torch import Tensor

Arrays = tuple[Any, ...]


def prepare(newborns: Newborns, by_hand: bool) -> Life:
    """The whole cohort at once, compiled here, before it is timed.

    Args:
        by_hand: gradients in closed form over the cohort, and all products that need not wait for the step before in
            one, rather than vmap(grad) of one individual.
    """
    parameters = tuple(jnp.asarray(p.numpy()) for p in (*newborns.weights, *newborns.biases))
    sequences = tuple(jnp.asarray(s.numpy()) for s in (newborns.inputs, newborns.targets))
    descend = _by_hand if by_hand else jax.grad(_loss)

    def life(parameters: Arrays, sequences: Arrays) -> Arrays:
        def update(carry: Any, sequence: Arrays) -> Any:
            parameters, velocity = carry
            slopes = descend(parameters, *sequence)
            velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, slopes)
            return (jax.tree.map(lambda p, v: p - LEARNING_RATE * v, parameters, velocity), velocity), None

        start = (parameters, jax.tree.map(jnp.zeros_like, parameters))
        return jax.lax.scan(update, start, sequences)[0][0]

    if not by_hand:
        life = jax.vmap(life, in_axes=(0, None))
    compiled = jax.jit(life).lower(parameters, sequences).compile()

    def live_all() -> list[Tensor]:
        final = jax.block_until_ready(compiled(parameters, sequences))
        return [torch.from_numpy(np.array(w)) for w in final[:3]]

    return live_all


def _loss(parameters: Arrays, inputs: Any, targets: Any) -> Any:
    """Of one individual: inputs (T, 8, B)."""
    heard, lateral, read, bias, bias_of_readout = parameters

    def step(before: Any, x: Any) -> Any:
        now = jnp.tanh(heard @ x + lateral @ before + bias[:, None])
        return now, read @ now + bias_of_readout[:, None]

    rest = jnp.zeros((lateral.shape[0], inputs.shape[2]), inputs.dtype)
    return jnp.square(jax.lax.scan(step, rest, inputs)[1] - targets).mean()


def _by_hand(parameters: Arrays, inputs: Any, targets: Any) -> Arrays:
    """Of the cohort: activity is (T, C, units, B)."""
    heard, lateral, read, bias, bias_of_readout = parameters

    def forward(before: Any, driven: Any) -> Any:
        now = jnp.tanh(driven + jnp.einsum("cij,cjb->cib", lateral, before))
        return now, (before, now)

    def backward(later: Any, lived: Arrays) -> Any:
        error, now = lived
        delta = (error + jnp.einsum("cij,cib->cjb", lateral, later)) * (1.0 - now * now)
        return delta, delta

    driven = jnp.einsum("cij,tjb->tcib", heard, inputs) + bias[:, :, None]
    _, (before, now) = jax.lax.scan(forward, jnp.zeros_like(driven[0]), driven)
    off = jnp.einsum("cij,tcjb->tcib", read, now) + bias_of_readout[:, :, None] - targets[:, None]
    off = off * (2.0 / targets.size)
    error = jnp.einsum("cij,tcib->tcjb", read, off)
    _, delta = jax.lax.scan(backward, jnp.zeros_like(driven[0]), (error, now), reverse=True)
    return (
        jnp.einsum("tcib,tjb->cij", delta, inputs),
        jnp.einsum("tcib,tcjb->cij", delta, before),
        jnp.einsum("tcib,tcjb->cij", off, now),
        delta.sum((0, 3)),
        off.sum((0, 3)),
    )
