"""The private functions of Ray that instinct calls; each has a test, since any release of Ray may move them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)


@contextmanager
def listening_quietly() -> Iterator[None]:
    """Keeps Ray's messages about dead workers and nodes off standard output; the dispatcher counts them instead."""
    from ray._private import worker

    before = worker.print_to_stdstream
    worker.print_to_stdstream = lambda data, **_: _log.debug("%s", "\n".join(data["lines"]))
    try:
        yield
    finally:
        worker.print_to_stdstream = before


def read_environment_again() -> None:
    """Makes Ray read its `RAY_` variables again: it reads them at import, which may have been before they were set."""
    import ray

    ray._raylet.Config.initialize("")
