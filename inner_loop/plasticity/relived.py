"""The steps of an episode as a descent through time reads them, from activities alone."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.network import Network, NetworkState, Weights
from inner_loop.objective import Lived


def relived(
    network: Network,
    weights: Weights,
    newborn: Phenotype,
    activity: Float[Tensor, "P neurons T B"],
    actions: Tensor,
    reward: Float[Tensor, "P T B"],
    alive: Bool[Tensor, "P T B"],
) -> list[Lived]:
    """T steps of one episode, whose weights did not change in it.

    What unit models keep beside the activity is computed again, for all steps side by side: at every step the activity
    of the step before is known.

    Args:
        activity: of all neurons, in the topology's order.
        actions: (P, T, B) int64, or (P, outputs, T, B).
    """
    groups = network.topology.groups
    now = dict(zip((g.name for g in groups), activity.split([g.size for g in groups], dim=1), strict=True))
    before = {name: torch.cat([torch.zeros_like(y[:, :, :1]), y[:, :, :-1]], dim=2) for name, y in now.items()}
    internal = {
        name: kept.unflatten(2, tuple(reward.shape[1:])).unbind(2)
        for name, kept in _kept(network, weights, now, before).items()
    }
    steps, earlier = ({name: y.unbind(2) for name, y in by.items()} for by in (now, before))
    memory, streams = network.topology.has_memory, Streams(torch.zeros(1, 2, dtype=torch.int64))  # nothing is drawn
    nothing = reward.new_empty(1, 0, reward.shape[2])
    return [
        Lived(
            activities={name: y[t] for name, y in steps.items()},
            targets=nothing,
            output=network.output,
            objective=None,
            step=t,
            streams=streams,
            traits=newborn.traits,
            before={name: y[t] for name, y in earlier.items()} if memory else None,
            internal={name: kept[t] for name, kept in internal.items()},
            actions=actions.select(-2, t),
            reward=reward[:, t],
            alive=alive[:, t],
            weights=weights,
        )
        for t in range(reward.shape[1])
    ]


def _kept(
    network: Network, weights: Weights, now: dict[str, Tensor], before: dict[str, Tensor]
) -> dict[str, Tensor]:
    """What the unit models of all groups but the sensory one keep, (P, n, T * B)."""
    units = {name: numbers for name, numbers in network.units.items() if name != network.sensory}  # it has leaked
    last = NetworkState({name: y.flatten(2) for name, y in before.items()}, {})
    again = Network(network.topology, units)
    return again.advance(weights, now[network.sensory].flatten(2), last).internal
