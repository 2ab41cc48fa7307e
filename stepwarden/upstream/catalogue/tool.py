"""One tool of an upstream as it was listed: a frozen value with a fingerprint, or the reason why it cannot be used."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from stepwarden.upstream.catalogue.schemas import SCHEMA_BYTES, SCHEMA_DEPTH, depth_of, structure_of
from stepwarden.upstream.catalogue.shown_schema import are_words_cut, shown_schema
from stepwarden.upstream.digest import canonical
from stepwarden.upstream.failures import quoted
from stepwarden.upstream.visible_text import visible

UNUSABLE = "org.stepwarden/unusable"
"""The key of a tool's metadata that says why it cannot be used; such a tool has no schema any more."""

NAME = re.compile(r"[A-Za-z0-9_.\-/]{1,128}")
TOOL_BYTES = SCHEMA_BYTES + 32 * 1024
DESCRIPTION_CHARS = 8_000  # as much is kept and compared
_PARTS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")


@dataclass(frozen=True, slots=True)
class ToolEffects:
    """What a tool claims to do: a claim to destroy wins over one that it only reads.

    `repeatable`: a second call with the same arguments changes nothing more.
    """

    reads_only: bool
    destroys: bool
    repeatable: bool

    @property
    def kind(self) -> str:
        """How it is shown: read, write or destructive."""
        return "read" if self.reads_only else "destructive" if self.destroys else "write"


@dataclass(frozen=True)
class UpstreamTool:
    """`wire` is the tool as the protocol has it: name, title, description, inputSchema, outputSchema, annotations."""

    wire: Mapping[str, Any] = field(hash=False)

    @property
    def name(self) -> str:
        """Its name at its server."""
        return self.wire["name"]

    @property
    def title(self) -> str:
        """Its title in its own words, "" where it has none."""
        hints: Mapping[str, Any] = self.wire.get("annotations") or {}
        return str(self.wire.get("title") or hints.get("title") or "")

    @property
    def description(self) -> str:
        """Its description in its own words."""
        return str(self.wire.get("description") or "")

    @property
    def schema(self) -> Mapping[str, Any]:
        """The schema of its arguments."""
        return self.wire["inputSchema"]

    @property
    def output_schema(self) -> Mapping[str, Any] | None:
        """The schema of its structured results, None where it has none."""
        return self.wire.get("outputSchema")

    @cached_property
    def effects(self) -> ToolEffects:
        """What it claims to do to the world."""
        hints: Mapping[str, Any] = self.wire.get("annotations") or {}
        destroys = hints.get("destructiveHint") is True
        reads_only = hints.get("readOnlyHint") is True and not destroys
        return ToolEffects(reads_only, destroys, reads_only or hints.get("idempotentHint") is True)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The schema of each argument."""
        return self.schema.get("properties") or {}

    @property
    def required(self) -> tuple[str, ...]:
        """The arguments that it requires."""
        return tuple(self.schema.get("required") or ())

    @cached_property
    def shown_schema(self) -> Mapping[str, Any] | None:
        """The schema of its arguments as hosts are shown it, None where they cannot be."""
        return shown_schema(self.schema, named_for_hosts=True)

    @cached_property
    def are_words_cut(self) -> bool:
        """Whether hosts are shown less of what is said of its arguments than its server says."""
        return self.shown_schema is not None and are_words_cut(self.schema, self.shown_schema)

    @cached_property
    def shown_output_schema(self) -> Mapping[str, Any] | None:
        """The schema of its results as hosts are shown it, None where there is none that they can be."""
        return None if self.output_schema is None else shown_schema(self.output_schema)

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256, in hex, of everything a model is told of the tool."""
        return hashlib.sha256(canonical(self.wire).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class UnusableTool:
    """A tool that was listed and cannot be used, and why."""

    name: str
    why: str


def list_unusable(unusable: Iterable[UnusableTool], most: int = 5) -> str:
    """Return the tools that cannot be used, grouped by reason; at most a few of each, and of the reasons."""
    names: dict[str, list[str]] = {}
    for item in unusable:
        names.setdefault(item.why, []).append(item.name)
    groups = [f"{_few(list(dict.fromkeys(found)), most)} ({quoted(why, 120)})" for why, found in names.items()]
    return _few(groups, most, "; ")


def _few(items: Sequence[str], most: int, between: str = ", ") -> str:
    return between.join([*items[:most], *([f"+{len(items) - most} more"] if len(items) > most else [])])


def read_tools(listed: Iterable[Mapping[str, Any]]) -> tuple[dict[str, UpstreamTool], list[UnusableTool]]:
    """Return the tools of a list (as the protocol has it) by name, and those that cannot be used."""
    tools: dict[str, UpstreamTool] = {}
    skipped: list[UnusableTool] = []
    for entry in listed:
        name = str(entry.get("name"))
        why = _unusable(name, entry) or ("a second tool of this name; the first is used" if name in tools else "")
        if why:
            skipped.append(UnusableTool(quoted(name, 60) or "(no name)", why))
            continue
        kept = {key: entry[key] for key in _PARTS if entry.get(key) is not None}
        if depth_of(kept.get("outputSchema"), SCHEMA_DEPTH) > SCHEMA_DEPTH:
            del kept["outputSchema"]  # its results are not checked, and hosts do not have to parse it
        if "description" in kept:
            kept["description"] = visible(str(kept["description"]))[:DESCRIPTION_CHARS]
        tools[name] = UpstreamTool(kept)
    return tools, skipped


def _unusable(name: str, entry: Mapping[str, Any]) -> str:
    meta = entry.get("_meta")
    if isinstance(meta, dict) and UNUSABLE in meta:
        return str(cast("dict[str, Any]", meta)[UNUSABLE])
    if not NAME.fullmatch(name):
        return "its name is not 1 to 128 letters, digits and _.-/"
    try:
        size = len(canonical(entry).encode(errors="surrogatepass"))
    except (RecursionError, ValueError):
        return "its schema is nested too deep"
    if size > TOOL_BYTES:
        return f"its schema and description are over {TOOL_BYTES >> 10} KiB"
    output = entry.get("outputSchema")
    why = structure_of(entry.get("inputSchema"))
    if not why and output is not None and not isinstance(output, dict):
        why = "its output schema is not an object"
    return why


def unusable_entry(name: object, why: str) -> dict[str, Any]:
    """Return the entry of a list for a tool that cannot be used: its name, if it has one, and the reason."""
    named = name if isinstance(name, str) else ""
    return {"name": named, "inputSchema": {"type": "object"}, "_meta": {UNUSABLE: why}}
