"""What one model of an endpoint takes: what its profile and its row say, without what it refused since. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from providers.call_reader import CALL_KEPT, MESSAGE_KEPT
from providers.catalogue import Row
from providers.failures import refuses_tools
from providers.profile import Profile, SchemaForm

_NO_SYSTEM = re.compile(r"system.{0,20}(role|message|prompt|instruction).{0,40}(not|n't|un)", re.IGNORECASE)
_LONG_DESCRIPTION = re.compile(r"description.{0,60}(too long|max\w* length|at most)", re.IGNORECASE | re.DOTALL)
_NO_THOUGHTS = re.compile(r"reasoning_content.{0,80}(must be passed|missing|required)", re.IGNORECASE | re.DOTALL)
_LEFT_OUT = (
    "temperature",
    "reasoning_effort",
    "thinking",
    "stream_options",
    "stream",
    "tool_choice",
    "parallel_tool_calls",
)
_KEPT = (*MESSAGE_KEPT, *CALL_KEPT)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one model is asked.

    `tools` says whether it is offered tools, or told of them in its prompt. `wants_thoughts` says that a message with
    calls goes back with a field of thoughts, `short_descriptions` that those of tools are cut.
    """

    answers: SchemaForm
    limit_field: str
    left_out: frozenset[str] = frozenset()
    tools: Literal["offered", "told"] = "offered"
    wants_thoughts: bool = False
    short_descriptions: bool = False

    @classmethod
    def of(cls, profile: Profile, row: Row | None = None) -> "Dialect":
        """Return the dialect that the profile and the model's row declare."""
        told = row is not None and row.tools is False
        tools = "told" if told else "offered"
        return cls(profile.answers, profile.limit_field, tools=tools, wants_thoughts=profile.wants_thoughts)

    def without(self, words: str, body: Mapping[str, Any]) -> "Dialect | None":
        """Return the dialect for the next try, after a 400 with these words; None if they refuse nothing of ours."""
        if "tools" in body and (better := self._with_other_tools(words)):
            return better
        if re.search(r"response_format|json_schema|json_object|structured.?output", words) and (
            "response_format" in body
        ):
            return replace(self, answers="json_object" if self.answers == "json_schema" else "text")
        if self.limit_field in body and "max_completion_tokens" in words and "max_tokens" in words:
            other = "max_tokens" if self.limit_field == "max_completion_tokens" else "max_completion_tokens"
            if other not in self.left_out:
                return replace(self, limit_field=other, left_out=self.left_out | {self.limit_field})
        if "system" not in self.left_out and _NO_SYSTEM.search(words):
            return replace(self, left_out=self.left_out | {"system"})
        refused = [name for name in _LEFT_OUT if name in body and name in words]
        refused += [
            name for name in _KEPT if name in words and f'"{name}"' in str(body.get("messages")).replace("'", '"')
        ]
        return replace(self, left_out=self.left_out | {refused[0]}) if refused else None

    def _with_other_tools(self, words: str) -> "Dialect | None":
        if refuses_tools(words):
            return replace(self, tools="told")
        if not self.short_descriptions and _LONG_DESCRIPTION.search(words):
            return replace(self, short_descriptions=True)
        return replace(self, wants_thoughts=True) if not self.wants_thoughts and _NO_THOUGHTS.search(words) else None
