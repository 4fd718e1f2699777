"""The public names of a package, imported on first use (PEP 562): `import evo` loads neither torch nor Ray.

The names stand in the package's `__init__.pyi`, which type checkers and editors read, one import a line.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing and pathlib take half of the time of `import evo`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Builds `__getattr__`, `__dir__` and `__all__` of a package.

    Args:
        package: the name of the package.
        file: its `__init__.py`; the stub lies beside it and consists of lines `from .module import name as name`.
    """
    with open(f"{file}i", encoding="utf-8") as stub:
        words = [line.split() for line in stub if line.startswith("from .")]
    homes = {name: module for _, module, _, name, *_ in words}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        return getattr(import_module(homes[name], package), name)

    return get, lambda: sorted(homes), sorted(homes)
