"""How a thread stands by its evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stepwarden.steps.clause import Clause
from stepwarden.steps.thread import Assurance


@dataclass(frozen=True, slots=True)
class Assessment:
    """How a thread stands by its evidence. `open` are the clauses that bar its finish."""

    assurance: Assurance
    evidence: Mapping[str, int] = field(default_factory=dict[str, int])
    open: tuple[Clause, ...] = ()

    @property
    def sufficient(self) -> bool:
        """Whether the gate would let the thread finish now."""
        return not self.open
