"""Checks of a contract, clause by clause: a clause that holds is listed; the first that does not raises InputError."""

from __future__ import annotations

import dataclasses
import sys
import traceback
from collections.abc import Callable
from typing import Any, final

from genomes.errors import InputError, ShapeError


@final
class Clauses:
    """The clauses of one component's contract.

    Attributes:
        said: the sentences that hold so far, in the order of the checks.
    """

    def __init__(self, component: Any) -> None:
        self.component = component
        self.name = type(component).__name__
        self.said: list[str] = []

    def hold(self, holds: object, sentence: str, got: object = None) -> None:
        """Adds the sentence to the clauses that hold.

        Raises:
            InputError: the clause does not hold; `got` says what was found instead.
        """
        if not holds:
            found = "it does not hold" if got is None else f"got {got}"
            raise InputError(f"{self.name}: expected that {sentence}; {found}")
        self.said.append(sentence)

    def through(self, check: Callable[[Clauses], None]) -> list[str]:
        """Runs a check that calls `hold` for every clause; returns the clauses that hold.

        Raises:
            InputError: the first clause that does not hold, or the error that the component raised, in one sentence.
        """
        try:
            check(self)
        except InputError:
            raise
        except ShapeError as error:
            raise InputError(str(error)) from error
        except Exception as error:  # a user-defined class may raise anything; its author needs a sentence
            source = getattr(sys.modules.get(type(self.component).__module__), "__file__", None)
            frames = traceback.extract_tb(error.__traceback__)
            place = ([frame for frame in frames if frame.filename == source] or frames)[-1]
            words = " ".join(str(error).split())[:300]
            where = f"{self.name}: {place.name}(), line {place.lineno}"
            raise InputError(f"{where}: raised {type(error).__name__}: {words}") from error
        return self.said

    def value(self) -> None:
        """The clause of every component: it is its own configuration and nothing else."""
        frozen = dataclasses.is_dataclass(self.component) and vars(type(self.component))["__dataclass_params__"].frozen
        self.hold(frozen, "a component is a frozen dataclass")
        twin = dataclasses.replace(self.component)
        equal = twin == self.component and hash(twin) == hash(self.component)
        self.hold(equal, "a component equals its copy and has a hash")
