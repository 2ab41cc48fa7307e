"""What stop conditions look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from stepwarden.runs.workflow_state import NEW_STATE, WorkflowState


@dataclass(frozen=True, slots=True)
class LastResult:
    """The last result of a call: its tool, the first 2,000 bytes of its text, and whether it failed."""

    tool: str = ""
    text: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class StopFacts:
    """What a condition looks at: one job, with the run's money and time.

    `tools` are the names of the calls with a result, in order; `matched` the conditions whose pattern was found.
    `answer` is the first 2,000 bytes of the last answer.
    """

    steps: int = 0
    last_had_calls: bool = True
    tools: Sequence[str] = ()
    errors: int = 0
    dollars: Decimal = Decimal()
    seconds: float = 0.0
    slowest: float = 0.0
    matched: frozenset[str] = frozenset()
    state: WorkflowState = NEW_STATE
    tokens: int = 0
    last: LastResult = LastResult()
    answer: str = ""
