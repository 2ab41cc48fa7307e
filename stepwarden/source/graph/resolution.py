"""What a call means, and how certain that is."""

import re
from dataclasses import dataclass
from enum import StrEnum

from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.outline import CallSite


class Certainty(StrEnum):
    """How certain it is what a call runs."""

    SURE = "sure"  # names, imports and classes lead to it by the language's own rules
    LIKELY = "likely"  # a guess: the only definition of its name, or one of several values of which others are unknown
    OPEN = "open"  # several definitions have its name
    OUTSIDE = "outside"  # built in, or imported from outside the tree
    DYNAMIC = "dynamic"  # a value decides at run time


@dataclass(frozen=True, slots=True)
class Resolution:
    """What one call means: one definition in `targets` where it is sure or likely, candidates where it is open.

    `reason` says in a few words why it is not sure. `built_in` marks calls of the language's own functions and, where
    the call is open, names that are mostly methods of built-in types.
    """

    path: str
    call: CallSite
    certainty: Certainty
    targets: tuple[Symbol, ...] = ()
    reason: str = ""
    built_in: bool = False

    @property
    def text(self) -> str:
        """The call as it stands in the code, its receiver as `(...)` where that is an expression."""
        receiver = "(...)" if re.search(r"[?()\[\]<|]", self.call.receiver) else self.call.receiver
        return f"{receiver}.{self.call.name}" if receiver else self.call.name

    @property
    def is_known(self) -> bool:
        """Whether one definition is known: for sure, or likely."""
        return self.certainty in {Certainty.SURE, Certainty.LIKELY}
