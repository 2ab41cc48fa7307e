"""What came of a call."""

from dataclasses import dataclass

from stepwarden.upstream.transport.session import Answer


@dataclass(frozen=True)
class CallOutcome:
    """What came of a call: the answer, how long it took in seconds, and what we found wrong with it."""

    answer: Answer
    seconds: float
    attempts: int
    misfit: str = ""
