"""The arguments of a tool in a few lines: each with its schema, and the definitions that it refers to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from stepwarden.upstream.mishaps import quoted
from stepwarden.upstream.tool import UpstreamTool

NESTED_CHARS = 1_500  # of one nested schema
ALL_NESTED_CHARS = 6_000  # of all nested schemas of one tool
ENUM_CHARS = 600
WORDS_CHARS = 400

_TOLD_APART = frozenset({"type", "description", "title", "default", "enum"})
_NOT_TOLD = frozenset({"type", "title", "description", "properties", "required", "$schema", "$id", "$comment"})
_DEFINITIONS = ("$defs", "definitions")
_AS_THEY_ARE = frozenset({"default", "enum", "const", "examples"})  # values, not schemas

Schema = Mapping[str, Any]


def parameter_lines(tool: UpstreamTool) -> tuple[str, Sequence[str]]:
    """Give a heading of ours, and one line in the upstream's words for each argument, condition and definition."""
    budget = _Budget()
    missing = [name for name in tool.required if name not in tool.parameters]
    lines = [_argument(name, schema, name in tool.required, budget) for name, schema in tool.parameters.items()]
    lines += [_argument(name, {}, True, budget) for name in missing]
    more = _tidy({key: value for key, value in tool.schema.items() if key not in {*_NOT_TOLD, *_DEFINITIONS}})
    if more.get("additionalProperties") is False:
        del more["additionalProperties"]
    if more:
        lines.append(f"and for all of them: {budget.shown(more)}")
    lines += [f"{name} = {budget.shown(schema)}" for name, schema in _referred_to(tool.schema)]
    return "Arguments (* is required):" if lines else "It takes no arguments.", lines


@dataclass
class _Budget:
    left: int = ALL_NESTED_CHARS

    def shown(self, schema: object) -> str:
        """Give a schema as JSON, as long as there is room."""
        text = quoted(json.dumps(schema, ensure_ascii=False), max(4, min(NESTED_CHARS, self.left)))
        self.left -= len(text)
        return text


def _argument(name: str, schema: object, required: bool, budget: _Budget) -> str:
    entry = _mapping(schema)
    kind = entry.get("type")
    nested = _tidy({key: value for key, value in entry.items() if key not in _TOLD_APART})
    parts = [kind if isinstance(kind, str) else "any" if kind is None else quoted(json.dumps(kind), 60)]
    if (reference := _name_of(nested.get("$ref"))) is not None:
        parts = [reference]
        del nested["$ref"]
    if isinstance(entry.get("enum"), list):
        parts.append("one of " + quoted(json.dumps(entry["enum"], ensure_ascii=False)[1:-1], ENUM_CHARS))
    if entry.get("default") is not None:
        parts.append(f"default {quoted(json.dumps(entry['default'], ensure_ascii=False), 60)}")
    if nested:
        parts.append(budget.shown(nested))
    words = quoted(str(entry.get("description") or ""), WORDS_CHARS)
    return f"- {quoted(name, 60)}{'*' if required else ''} ({', '.join(parts)}){': ' if words else ''}{words}"


def _referred_to(schema: Schema) -> Iterator[tuple[str, object]]:
    """Give the definitions that are referred to, those of definitions too, in the order they are met."""
    known: dict[str, object] = {}
    for key in _DEFINITIONS:
        known |= _mapping(schema.get(key))
    waiting = list(_references({key: value for key, value in schema.items() if key not in _DEFINITIONS}))
    told: set[str] = set()
    while waiting:
        name = waiting.pop(0)
        if name in told or name not in known:
            continue
        told.add(name)
        waiting += _references(known[name])
        yield quoted(name, 60), _tidy(known[name])


def _references(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in cast("Schema", node).items():
            if key == "$ref" and (name := _name_of(value)) is not None:
                yield name
            elif key not in _AS_THEY_ARE:
                yield from _references(value)
    elif isinstance(node, list):
        for item in cast("list[object]", node):
            yield from _references(item)


def _name_of(reference: object) -> str | None:
    """Give the definition that a reference names, None where it names something else."""
    parts = reference.split("/") if isinstance(reference, str) else []
    return parts[2] if len(parts) == 3 and parts[0] == "#" and parts[1] in _DEFINITIONS else None


def _tidy(schema: object, *, names: bool = False) -> Any:
    """Give a schema without titles, which say no more than the names; `names` says that the keys are no keywords."""
    if isinstance(schema, list):
        return [_tidy(item) for item in cast("list[object]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: value if key in _AS_THEY_ARE and not names else _tidy(value, names=key == "properties" and not names)
        for key, value in cast("Schema", schema).items()
        if names or not (key == "title" and isinstance(value, str))
    }


def _mapping(value: object) -> Schema:
    return cast("Schema", value) if isinstance(value, Mapping) else {}
