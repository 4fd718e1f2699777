"""JAX: one life as a scan over its steps, compiled whole; either vmap of one individual or einsum over the cohort."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from rivals.workload import BATCH, LEARNING_RATE, MOMENTUM, Life, Newborns
from torch import Tensor

Arrays = list[Any]


def prepare(newborns: Newborns, batched: bool) -> Life:
    """The whole cohort at once, compiled here, before it is timed.

    Args:
        batched: True computes gradients in closed form by einsum over the cohort, instead of vmap(grad) of one
            individual.
    """
    workload = newborns.workload
    own = workload.own_samples
    weights, biases = ([_array(p) for p in layer] for layer in (newborns.weights, newborns.biases))
    masks = None if newborns.masks is None else [_array(m) for m in newborns.masks]
    inputs = _array(newborns.inputs if own else newborns.inputs[:, 0])
    targets = jax.nn.one_hot(_array(newborns.labels if own else newborns.labels[:, 0]), workload.sizes[-1], axis=-2)
    descend = _by_einsum if batched else _by_autodiff

    def life(parameters: Arrays, masks: Arrays | None, inputs: Any, targets: Any) -> Arrays:
        def step(carry: Any, lesson: Any) -> Any:
            parameters, velocity = carry
            gradients = descend(parameters, *lesson, workload.activation)
            if masks is not None:
                gradients = [[g * m for g, m in zip(gradients[0], masks, strict=True)], gradients[1]]
            velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, gradients)
            return (jax.tree.map(lambda p, v: p - LEARNING_RATE * v, parameters, velocity), velocity), None

        start = (parameters, jax.tree.map(jnp.zeros_like, parameters))
        return jax.lax.scan(step, start, (inputs, targets))[0][0]

    if not batched:
        # in the samples, the axis of steps comes before that of individuals
        stream = 1 if own else None
        life = jax.vmap(life, in_axes=(0, None if masks is None else 0, stream, stream))
    compiled = jax.jit(life).lower([weights, biases], masks, inputs, targets).compile()

    def live_all() -> list[Tensor]:
        final = jax.block_until_ready(compiled([weights, biases], masks, inputs, targets))
        return [torch.from_numpy(np.array(w)) for w in final[0]]

    return live_all


def _array(tensor: Tensor) -> Any:
    return jnp.asarray(tensor.numpy())


def _activate(x: Any, activation: str) -> Any:
    return jax.nn.relu(x) if activation == "relu" else jnp.tanh(x)


def _by_autodiff(parameters: Arrays, x: Any, target: Any, activation: str) -> Arrays:
    """Of one individual: x (units, B)."""

    def loss(parameters: Arrays) -> Any:
        y, last = x, len(parameters[0]) - 1
        for i, (weight, bias) in enumerate(zip(*parameters, strict=True)):
            y = weight @ y + bias[:, None]
            y = y if i == last else _activate(y, activation)
        return -(target * jax.nn.log_softmax(y, axis=0)).sum() / BATCH

    return jax.grad(loss)(parameters)


def _by_einsum(parameters: Arrays, x: Any, target: Any, activation: str) -> Arrays:
    """Of the cohort: x (C, units, B), or (units, B) where it is common to all."""
    weights, biases = parameters
    first = "ikb" if x.ndim == 3 else "kb"
    activities = [x]
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        total = jnp.einsum(f"ijk,{'ikb' if i else first}->ijb", weight, activities[-1]) + bias[:, :, None]
        activities.append(total if i == len(weights) - 1 else _activate(total, activation))
    delta = (jax.nn.softmax(activities[-1], axis=1) - target) / BATCH
    gradients: list[Any] = []
    for i in reversed(range(len(weights))):
        y = activities[i]
        gradients.insert(0, (jnp.einsum(f"ijb,{'ikb' if i else first}->ijk", delta, y), delta.sum(2)))
        if i:
            slope = (y > 0).astype(y.dtype) if activation == "relu" else 1.0 - y * y
            delta = jnp.einsum("ijk,ijb->ikb", weights[i], delta) * slope
    return [[g[0] for g in gradients], [g[1] for g in gradients]]
