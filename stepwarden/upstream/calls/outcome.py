"""What came of a call."""

from dataclasses import dataclass

from stepwarden.upstream.call_request import CallReply


@dataclass(frozen=True)
class CallOutcome:
    """What came of a call: the answer, how long it took in seconds, and how it does not fit the tool's own schema.

    `in_doubt`: it is an error that leaves open what was done.
    """

    answer: CallReply
    seconds: float
    attempts: int
    mismatch: str = ""
    in_doubt: bool = False
