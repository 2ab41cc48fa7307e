"""What an upstream asks the person behind a call in the middle of it, and what they answer: values of ours."""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

AnswerAction = Literal["accept", "decline", "cancel"]


@dataclass(frozen=True, slots=True)
class FormQuestion:
    """A form to fill in; `schema` is a flat JSON schema of its fields."""

    message: str
    schema: Mapping[str, Any]
    meta: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AddressQuestion:
    """An address to open in a browser; `id` is the upstream's own (protocols of 2025)."""

    message: str
    url: str
    id: str | None = None
    meta: Mapping[str, Any] | None = None


UpstreamQuestion = FormQuestion | AddressQuestion


@dataclass(frozen=True, slots=True)
class OtherRequest:
    """Something that an upstream wants of a host and no person can answer; `method` names it in the protocol."""

    method: str


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    """What a person did with a question; `content` holds the fields of an accepted form."""

    action: AnswerAction
    content: Mapping[str, Any] | None = None
    meta: Mapping[str, Any] | None = None


NO_ANSWER = QuestionAnswer("cancel")


@dataclass(frozen=True, slots=True)
class QuestionFailure:
    """The protocol error of a host that could not put a question."""

    code: int
    message: str
    data: Any = None


@dataclass(frozen=True)
class QuestionRound:
    """What an upstream of 2026 answers instead of a result: questions by its own keys, and a state it wants back."""

    questions: Mapping[str, UpstreamQuestion | OtherRequest]
    state: str | None = None


Asker = Callable[[UpstreamQuestion], Awaitable[QuestionAnswer | QuestionFailure]]
"""Puts a question of an upstream to the person behind the call that it belongs to."""

current_asker: ContextVar[Asker | None] = ContextVar("current_asker", default=None)
"""Who answers the questions that an upstream asks in the middle of the call being made here."""
