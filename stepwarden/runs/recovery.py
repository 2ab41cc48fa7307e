"""What is done about a fault: one table of its class and its level, with the recoveries in their order."""

import re
from collections.abc import Mapping
from enum import StrEnum

BACKOFF_S = 1.0
"""Before the first retry; doubled before each further one."""


class FaultClass(StrEnum):
    """What is broken."""

    AUTHENTICATION = "authentication"
    NETWORK = "network"
    TOOL = "tool"
    AI_SERVICE = "ai_service"
    DATA = "data"
    SYSTEM = "system"


class FaultLevel(StrEnum):
    """Where it showed: in a call, in a model's answer, in the look at a result, or in what carries the run."""

    ACTION = "action"
    AI = "ai"
    VALIDATION = "validation"
    SYSTEM = "system"


class RecoveryKind(StrEnum):
    """What can be done about it."""

    RETRY = "retry"  # the same once more, after a pause: only what may be repeated
    ALTERNATIVE = "alternative"  # other parameters, or another tool
    SIMPLER = "simpler"  # without this tool; for a model: rules answer
    ASK = "ask"  # a person
    LESS = "less"  # go on without what cannot be had


_R, _A, _S, _P, _L = RecoveryKind

_LADDERS: Mapping[FaultClass, Mapping[FaultLevel, tuple[RecoveryKind, ...]]] = {
    FaultClass.AUTHENTICATION: {
        FaultLevel.ACTION: (_P, _A, _L),
        FaultLevel.AI: (_S, _L),
        FaultLevel.VALIDATION: (_P, _A, _L),
        FaultLevel.SYSTEM: (_P, _L),
    },
    FaultClass.NETWORK: {
        FaultLevel.ACTION: (_R, _R, _R, _A, _L),
        FaultLevel.AI: (_R, _R, _S, _L),
        FaultLevel.VALIDATION: (_R, _A, _L),
        FaultLevel.SYSTEM: (_R, _R, _L),
    },
    FaultClass.TOOL: {
        FaultLevel.ACTION: (_A, _A, _S, _P, _L),
        FaultLevel.AI: (_S, _L),
        FaultLevel.VALIDATION: (_A, _S, _L),
        FaultLevel.SYSTEM: (_S, _L),
    },
    FaultClass.AI_SERVICE: {
        FaultLevel.ACTION: (_R, _A, _L),
        FaultLevel.AI: (_R, _R, _S, _L),
        FaultLevel.VALIDATION: (_S, _L),
        FaultLevel.SYSTEM: (_S, _L),
    },
    FaultClass.DATA: {
        FaultLevel.ACTION: (_A, _A, _S, _L),
        FaultLevel.AI: (_S, _L),
        FaultLevel.VALIDATION: (_A, _A, _L),
        FaultLevel.SYSTEM: (_S, _L),
    },
    FaultClass.SYSTEM: {
        FaultLevel.ACTION: (_S, _P, _L),
        FaultLevel.AI: (_S, _L),
        FaultLevel.VALIDATION: (_S, _L),
        FaultLevel.SYSTEM: (_L,),
    },
}


def ladder(fault: FaultClass, level: FaultLevel) -> tuple[RecoveryKind, ...]:
    """Return the recoveries for a fault, in their order; the last is always to go on with less."""
    return _LADDERS[fault][level]


def recovery_at(fault: FaultClass, level: FaultLevel, rung: int) -> RecoveryKind:
    """Return the recovery on a rung, from 0; the last one stands for all after it."""
    kinds = ladder(fault, level)
    return kinds[min(rung, len(kinds) - 1)]


def backoff_s(rung: int) -> float:
    """Return the pause before a retry on a rung, from 0."""
    return BACKOFF_S * 2.0**rung


_SIGNS: tuple[tuple[FaultClass, re.Pattern[str]], ...] = (
    (
        FaultClass.AUTHENTICATION,
        re.compile(
            r"\b(?:401|403|unauthori[sz]ed|forbidden|sign[ -]?in|not signed in|token (?:expired|is over))",
            re.IGNORECASE,
        ),
    ),
    (
        FaultClass.NETWORK,
        re.compile(
            r"\b(?:timed? ?out|no answer within|connection|network|unreachable|reset by|50[234]|429|rate limit|"
            r"calls are paused|did not answer)",
            re.IGNORECASE,
        ),
    ),
    (FaultClass.SYSTEM, re.compile(r"\b(?:no space left|disk full|out of memory|the store)\b", re.IGNORECASE)),
    (
        FaultClass.DATA,
        re.compile(
            r"\b(?:not found|no such|404|does not exist|empty|malformed|invalid value|field required)", re.IGNORECASE
        ),
    ),
)


def fault_of(text: str) -> FaultClass:
    """Return what is broken by the words of an error; what fits nothing is the tool's."""
    return next((fault for fault, sign in _SIGNS if sign.search(text[:2_000])), FaultClass.TOOL)
