"""What changed in a tool since it was trusted, and whether it may do more by it, or tell a model other things."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, cast

from stepwarden.upstream.catalogue.schema_order import in_one_order
from stepwarden.upstream.catalogue.tool import UpstreamTool
from stepwarden.upstream.failures import quoted

MOST_LINES = 24
_SAME_CHARS = 32  # of what both texts begin with, before the place where they differ
_WORDS = ("title", "description")


@dataclass(frozen=True, slots=True)
class ToolChange:
    """One difference in words; `widens` says that the tool may do more by it, or that a model is told other things."""

    words: str
    widens: bool

    @property
    def line(self) -> str:
        """How it is shown: the words, and whether they widen; the words hold some of the upstream's own."""
        return f"{'WIDER: ' if self.widens else ''}{self.words}"


def changes(before: UpstreamTool, after: UpstreamTool) -> list[ToolChange]:
    """Return what differs, the widening changes first.

    A change narrows only if that is certain: an argument or a value less, one more that is required, a safer
    annotation, a text that only lost words. All else widens: descriptions are what injections are made of. What only
    stands in another order (the values of an enum, names between commas in a default) is no change.
    """
    found = [*_annotations(before, after), *_schema(before, after), *_texts(before, after)]
    if in_one_order(before.output_schema) != in_one_order(after.output_schema):
        found.append(ToolChange("its results have another form", widens=False))
    return sorted(found, key=lambda change: not change.widens)


def widens(before: UpstreamTool, after: UpstreamTool) -> bool:
    """Return whether the tool has to be accepted before it is called again."""
    return before.fingerprint != after.fingerprint and any(change.widens for change in changes(before, after))


def _annotations(before: UpstreamTool, after: UpstreamTool) -> Iterator[ToolChange]:
    if before.effects.kind != after.effects.kind:
        order = ("read", "write", "destructive")
        wider = order.index(after.effects.kind) > order.index(before.effects.kind)
        # Milder words are the upstream's word alone: they would take an approval away.
        yield ToolChange(
            f"it was {before.effects.kind} and says {after.effects.kind} now",
            widens=wider or after.effects.kind == "read",
        )
    if after.effects.repeatable and not before.effects.repeatable and before.effects.kind == after.effects.kind:
        yield ToolChange("it says now that it may be repeated", widens=True)


def _schema(before: UpstreamTool, after: UpstreamTool) -> Iterator[ToolChange]:
    old, new = before.parameters, after.parameters
    for name in new:
        if name not in old:
            yield ToolChange(f"new argument {quoted(name, 40)}: {quoted(json.dumps(new[name]), 160)}", widens=True)
        elif in_one_order(old[name]) != in_one_order(new[name]):
            one, other = _apart(json.dumps(old[name]), json.dumps(new[name]))
            words = f"argument {quoted(name, 40)}: {quoted(one, 200)} became {quoted(other, 200)}"
            yield ToolChange(words, widens=not _narrower(old[name], new[name]))
    for name in old:
        if name not in new:
            yield ToolChange(f"without argument {quoted(name, 40)}", widens=False)
    yield from (
        ToolChange(f"{quoted(n, 40)} is required now", widens=False) for n in after.required if n not in before.required
    )
    yield from (
        ToolChange(f"{quoted(n, 40)} is optional now", widens=True) for n in before.required if n not in after.required
    )
    opened, closed = _rest(before.schema), _rest(after.schema)
    if opened != closed:
        opened.pop("additionalProperties", None)
        closed.pop("additionalProperties", None)
        only_closed = closed == opened and after.schema.get("additionalProperties") is False
        yield ToolChange("the schema of its arguments changed", widens=not only_closed)


def _rest(schema: Mapping[str, Any]) -> dict[str, object]:
    apart = {"properties", "required", "title", "$schema"}
    return {key: in_one_order(value, key) for key, value in schema.items() if key not in apart}


def _narrower(old: object, new: object) -> bool:
    """Return whether an argument's schema certainly takes less: fewer values of an enum, or words left out."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return False
    before, after = cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", new)
    for key in {*before, *after}:
        one, other = before.get(key), after.get(key)
        if in_one_order(one, key) == in_one_order(other, key):
            continue
        if key == "enum" and isinstance(one, list) and isinstance(other, list):
            if all(item in one for item in cast("list[object]", other)):
                continue
            return False
        if key in _WORDS and isinstance(one, str) and (other is None or _lost_words(one, str(other))):
            continue
        return False
    return True


def _texts(before: UpstreamTool, after: UpstreamTool) -> Iterator[ToolChange]:
    if before.title != after.title:
        words = f"title: {quoted(before.title, 60) or 'none'} became {quoted(after.title, 60) or 'none'}"
        yield ToolChange(words, widens=not _lost_words(before.title, after.title))
    if before.description != after.description:
        wider = not _lost_words(before.description, after.description)
        for line in _diff(before.description, after.description):
            yield ToolChange(f"description: {line}", widens=wider)


def _lost_words(before: str, after: str) -> bool:
    """Return whether `after` is `before` with whole lines left out, or other blanks."""
    remaining = iter([" ".join(line.split()) for line in before.splitlines()])
    return all(line in remaining for line in (" ".join(line.split()) for line in after.splitlines() if line.strip()))


def _diff(before: str, after: str) -> list[str]:
    """Return the lines that are gone or new, each pair from where it differs."""
    old, new = before.splitlines(), after.splitlines()
    shown: list[str] = []
    for tag, start, end, first, last in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            pairs = [_apart(one, other) for one, other in zip_longest(old[start:end], new[first:last], fillvalue="")]
            shown += [quoted(f"-{one}", 200) for one, _ in pairs[: end - start]]
            shown += [quoted(f"+{other}", 200) for _, other in pairs[: last - first]]
    if len(shown) > MOST_LINES:
        shown = [*shown[:MOST_LINES], f"and {len(shown) - MOST_LINES} more lines"]
    return shown or ["other blanks"]


def _apart(before: str, after: str) -> tuple[str, str]:
    """Return two texts from shortly before the place where they differ: a change at the end of a long one is seen."""
    shorter = min(len(before), len(after))
    same = next((at for at in range(shorter) if before[at] != after[at]), shorter) - _SAME_CHARS
    return (before, after) if same <= 0 else (f"...{before[same:]}", f"...{after[same:]}")
