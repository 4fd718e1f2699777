"""The command `instinct`, also as `python -m evo`: Ctrl-C while it is still being imported is no traceback either."""

from __future__ import annotations

import contextlib
import sys


def main() -> int:
    """Gives the exit code of the command."""
    try:
        from evo.cli.supervisor import main as command

        return command()
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):
            print("instinct: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
