"""How it can be found out whether a write was carried out: a declared look, and the mark that it looks for."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MARK = "{mark}"
"""Stands in a look's texts for the mark of the call."""


class MarkConfig(BaseModel):
    """Where a write takes its mark: a last line of the text `argument`, or an item of the list at `path` within it.

    An argument that holds an object as JSON text, as some servers want it, is opened for it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    argument: str = Field(min_length=1)
    path: str = ""


class CleaningConfig(BaseModel):
    """A call that takes the mark off again. `field` is where a thing that was found has it.

    Its texts are filled in from the thing (`{found.key}`), the write (`{issue_key}`), and what the field is without the
    mark (`{left}`: a text, or a list as JSON).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    tool: str = Field(min_length=1)
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])
    field: str = Field(min_length=1)


class LookConfig(BaseModel):
    """A read that tells whether a write was carried out: it was where something at `path` of its result `holds` a text.

    Texts are filled in from the arguments of the write (`{issue_key}`), and `{mark}`. Without `holds` anything at the
    path will do; without `path` the whole result is meant. A result with `most` things at the path may be cut: that
    nothing was found in it tells nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    tool: str = Field(min_length=1)
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])
    path: str = ""
    holds: str = ""
    most: int = Field(default=0, ge=0)
    mark: MarkConfig | None = None
    clean: CleaningConfig | None = None
