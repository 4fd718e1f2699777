"""The Ray behind an evolution: one started here, or an existing cluster, in which nodes come and go."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, final

from evo.distribution.host_process import borrowed, own_handler, quiet, undrawn
from evo.distribution.ray_internals import listening_quietly, read_environment_again
from evo.distribution.user_modules import travelling
from evo.evaluation.numerics import cores, variables
from genomes.errors import InputError, require

if TYPE_CHECKING:
    from evo.experiment.experiment import Experiment

_PREFLIGHT = 2.0  # seconds for a cluster's port to answer
_PROBE = 30.0  # seconds for a cluster to accept a process; Ray itself may try for minutes
_READ_AGAIN = 1.0  # seconds until the list of nodes is read again
_NODE_LABEL = "ray.io/node-id"
_ATTACH = "import logging, ray, sys; ray.init(sys.argv[1], log_to_driver=False, logging_level=logging.ERROR)"
_TOKEN = "give the cluster's own token in RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token"
_REASONS = {
    r"authentication token|InvalidAuthToken|Unauthenticated": "the token is missing or not the cluster's; " + _TOKEN,
    r"ray client connection timeout": "the cluster's client port answers, but does not accept this process; " + _TOKEN,
    r"ersion mismatch|ersions do not match": "its version of Ray or Python differs from this one: {rest}",
    r"Could not find any running Ray": "no cluster runs on this machine; give HOST:PORT or set RAY_ADDRESS",
    r"No node info found": (
        "this machine is no node of that cluster; start instinct on one of its nodes, "
        "make this machine a node with `ray start --address={address}`, or use ray://HOST:10001"
    ),
}
"""Ray's messages when it does not accept a process, and our explanation of each."""


class ClusterUnreachable(InputError):
    """No cluster answers, or it does not accept this process."""


@final
@dataclass(frozen=True)
class Node:
    """A live machine of a cluster: its id in Ray, address, host name, and the CPUs and GPUs that Ray may use."""

    id: str
    address: str
    host: str
    cpus: int
    gpus: int


@final
class Cluster:
    """A Ray that runs tasks; used as a context manager. A Ray that was running before is not stopped.

    Args:
        workers: the most tasks at once; None: one per core.
        address: address of a running cluster: `auto`, HOST:PORT or ray://HOST:PORT. Without `workers` and `address`,
            RAY_ADDRESS if it is set; else a Ray is started here.

    Raises:
        ClusterUnreachable: on entry, when no cluster answers at the address or it does not accept this process.
    """

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        require(workers is None or workers >= 1, "workers", "at least 1", workers)
        given = address or (os.environ.get("RAY_ADDRESS") if workers is None else None)
        self._address = None if given == "local" else given
        self._workers = workers
        self._ours = ExitStack()
        self._read: tuple[float, tuple[Node, ...]] = (-_READ_AGAIN, ())

    @property
    def attached(self) -> bool:
        """True for an existing cluster, False for a Ray of this process."""
        return self._address is not None

    def preflight(self) -> None:
        """Raises ClusterUnreachable if an existing cluster does not accept this process; starts nothing."""
        if self._address is not None:
            quiet()
            _use_token(own=False)
            reach(self._address)

    def __enter__(self) -> Cluster:
        with ExitStack() as begun:
            begun.enter_context(borrowed())
            _use_token(own=not self.attached)
            import ray

            if "RAY_AUTH_MODE" in os.environ and not ray.is_initialized():
                read_environment_again()  # an earlier `import ray` has read another mode
            if not ray.is_initialized():
                begun.enter_context(listening_quietly())
                with own_handler(), undrawn():
                    _attach(self._address) if self._address else _start(self._workers)
                begun.callback(undrawn()(ray.shutdown))
            self._ours = begun.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leaves the cluster, or stops the Ray that was started here; a Ray that was running before goes on."""
        self._ours.close()

    def nodes(self) -> tuple[Node, ...]:
        """The live nodes; read again at most every second."""
        import ray

        read, known = self._read
        if time.monotonic() - read >= _READ_AGAIN:
            known = tuple(_node(each) for each in ray.nodes() if each["Alive"])
            self._read = (time.monotonic(), known)
        return known

    def able(self, device: str) -> tuple[Node, ...]:
        """The live nodes that can take a task: the head node often has no free core, and not every node has a GPU."""
        return tuple(node for node in self.nodes() if _units(node, device))

    def capacity(self, device: str, away: Collection[str] = ()) -> int:
        """Number of tasks that can run at once: the cores, or for CUDA the GPUs, of the live nodes not in `away`."""
        units = sum(_units(node, device) for node in self.nodes() if node.id not in away)
        return units if self._workers is None else min(units, self._workers)

    def task(self, function: Callable[..., Any], device: str, experiment: Experiment) -> Any:
        """Makes a Ray task of `function`, tried once on one core or one GPU, with the modules that a worker may lack.

        Raises:
            InputError: the user modules of the experiment are too large to send.
        """
        import ray

        settings: dict[str, Any] = {"num_gpus": 1, "num_cpus": 0} if _cuda(device) else {"num_cpus": 1}
        if self.attached:  # the workers of a Ray of this process inherit its variables
            settings["runtime_env"] = {"env_vars": variables()}
        return ray.remote(max_retries=0, **settings)(travelling(function, experiment))

    def away_from(self, task: Any, node_ids: Collection[str], device: str = "cpu") -> Any:
        """The task, excluded from these nodes unless no other node can take it. Call `.remote(...)` on it."""
        if not node_ids or all(node.id in node_ids for node in self.able(device)):
            return task
        return task.options(label_selector={_NODE_LABEL: f"!in({','.join(sorted(node_ids))})"})

    def on(self, task: Any, node_id: str, **options: Any) -> Any:
        """The task, restricted to this node, with other options of Ray. Call `.remote(...)` on it."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False), **options)


def _units(node: Node, device: str) -> int:
    return node.gpus if _cuda(device) else node.cpus


def _cuda(device: str) -> bool:
    return device.startswith("cuda")


def _node(described: Mapping[str, Any]) -> Node:
    """A Node from Ray's description."""
    has = described["Resources"]
    return Node(
        described["NodeID"],
        described["NodeManagerAddress"],
        described["NodeManagerHostname"],
        int(has.get("CPU", 0)),
        int(has.get("GPU", 0)),
    )


def _use_token(own: bool) -> None:
    """Sets Ray's authentication: for our own Ray, a new token; for an existing cluster, the configured token.

    Other users of the machine lack the token of our own Ray, so they cannot use it. Ray reads the variables when it
    starts; a token of our own is never written to a file.
    """
    named = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys()
    if own:
        if os.environ.setdefault("RAY_AUTH_MODE", "token") == "token":
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    elif named or Path("~/.ray/auth_token").expanduser().exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def _start(workers: int | None) -> None:
    import ray

    silent: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        ray.init(address="local", num_cpus=workers or cores(), **silent)
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterUnreachable(f"Ray: cannot be started here: {_last_line(str(error))}") from error


def _attach(address: str) -> None:
    import ray

    reach(address)
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        sentence = (
            "a cluster answers there, but rejects this process, which may hold the token of another Ray: "
            "start instinct again"
        )
        raise ClusterUnreachable(f"{address}: {sentence} ({_last_line(str(error))})") from error


def reach(address: str) -> None:
    """Raises ClusterUnreachable, with the reason, unless a cluster at the address accepts this process.

    A separate process tries the connection first, because Ray writes its reasons only to stderr and may try for
    minutes.
    """
    where = re.fullmatch(r"(ray://)?(\[[^\]]+\]|[^:/]+):(\d+)", address)
    require(where or address == "auto", "address", "auto, HOST:PORT or ray://HOST:PORT", address)
    if where:
        client, host, port = where.groups()
        if client and not _installed("grpc"):
            raise ClusterUnreachable(
                f"{address}: needs Ray's client, which is not installed: pip install 'ray[client]'"
            )
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PREFLIGHT).close()
        except (OSError, OverflowError) as error:
            raise ClusterUnreachable(f"{address}: no cluster answers there: {error}") from error
    patience = {"RAY_NUM_REDIS_GET_RETRIES": "2", "RAY_gcs_server_request_timeout_seconds": "10"}
    try:
        tried = subprocess.run(
            [sys.executable, "-c", _ATTACH, address],
            env=os.environ | patience,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE,
        )
    except subprocess.TimeoutExpired as error:
        raise ClusterUnreachable(
            f"{address}: no cluster accepts this process within {_PROBE:.0f} s; if one runs there, {_TOKEN}"
        ) from error
    if tried.returncode:
        raise _reason(address, tried.stderr)


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _reason(address: str, said: str) -> ClusterUnreachable:
    """The error that explains Ray's message to the user."""
    for pattern, sentence in _REASONS.items():
        if found := re.search(pattern, said):
            rest = " ".join(said[found.end() :].split()).strip(": ")
            return ClusterUnreachable(f"{address}: " + sentence.format(address=address, rest=rest))
    return ClusterUnreachable(f"{address}: the cluster does not accept this process: {_last_line(said)}")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1].strip()
