"""The arguments of a tool in a few lines: each with its schema, and the definitions it refers to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from stepwarden.upstream.catalogue.tool import UpstreamTool
from stepwarden.upstream.failures import quoted

NESTED_CHARS = 1_500  # of one nested schema
ALL_NESTED_CHARS = 6_000  # of all nested schemas of one tool
ENUM_CHARS = 600
ALL_WORDS_CHARS = 8_000  # of the descriptions of all arguments,
FEWEST_CHARS = 60  # and what each of them has at least

_SHOWN_APART = frozenset({"type", "description", "title", "default", "enum"})
_LEFT_OUT = frozenset({"type", "title", "description", "properties", "required", "$schema", "$id", "$comment"})
_DEFINITIONS = ("$defs", "definitions")
_AS_THEY_ARE = frozenset({"default", "enum", "const", "examples"})  # values, not schemas

Schema = Mapping[str, Any]


def parameter_lines(tool: UpstreamTool) -> tuple[str, Sequence[str]]:
    """Return a heading of ours, and one line in the upstream's words for each argument, condition and definition."""
    known = _definitions(tool.schema)
    named: dict[str, object] = {**tool.parameters}
    for name in tool.required:
        named.setdefault(name, {})
    budget = _Budget(_chars_each([len(_description(schema)) for schema in named.values()]))
    lines = [_argument(name, schema, name in tool.required, known, budget) for name, schema in named.items()]
    more = _tidy({key: value for key, value in tool.schema.items() if key not in {*_LEFT_OUT, *_DEFINITIONS}})
    if more.get("additionalProperties") is False:
        del more["additionalProperties"]
    if more:
        lines.append(f"the arguments as a whole: {budget.shown(more)}")
    lines += [f"{name} = {budget.shown(schema)}" for name, schema in _referred_to(tool.schema, known)]
    return "Arguments (* is required):" if lines else "It takes no arguments.", lines


@dataclass
class _Budget:
    words: int  # characters for the description of one argument
    left: int = ALL_NESTED_CHARS  # for nested schemas

    def shown(self, schema: object) -> str:
        """Return a schema as JSON, as long as there is room."""
        text = quoted(json.dumps(schema, ensure_ascii=False), max(4, min(NESTED_CHARS, self.left)))
        self.left -= len(text)
        return text


def _chars_each(lengths: Sequence[int]) -> int:
    """Return to how many characters descriptions are cut, so that only the longest are and all keep to their limit."""
    left = ALL_WORDS_CHARS
    for done, length in enumerate(sorted(lengths)):
        each = left // (len(lengths) - done)
        if length > each:
            return max(FEWEST_CHARS, each)
        left -= length
    return ALL_WORDS_CHARS


def _description(schema: object) -> str:
    return str(_mapping(schema).get("description") or "")


def _argument(name: str, schema: object, required: bool, known: Schema, budget: _Budget) -> str:
    entry = _mapping(schema)
    kind = entry.get("type")
    nested = _tidy({key: value for key, value in entry.items() if key not in _SHOWN_APART})
    parts = [kind if isinstance(kind, str) else "any" if kind is None else quoted(json.dumps(kind), 60)]
    if (reference := _name_of(nested.get("$ref"))) in known:
        parts = [quoted(str(reference), 60)]
        del nested["$ref"]
    if isinstance(entry.get("enum"), list):
        parts.append(f"one of {_values(entry['enum'])}")
    if entry.get("default") is not None:
        parts.append(f"default {quoted(json.dumps(entry['default'], ensure_ascii=False), 60)}")
    if nested:
        parts.append(budget.shown(nested))
    words = quoted(_description(entry), budget.words)
    return f"- {quoted(name, 60)}{'*' if required else ''} ({', '.join(parts)}){': ' if words else ''}{words}"


def _values(values: list[object]) -> str:
    """Return as many values as fit, and how many more there are."""
    shown: list[str] = []
    for value in values:
        text = quoted(json.dumps(value, ensure_ascii=False), ENUM_CHARS)
        if sum(map(len, shown)) + len(text) > ENUM_CHARS:
            return f"{', '.join(shown)}, +{len(values) - len(shown)} more"
        shown.append(text)
    return ", ".join(shown)


def _definitions(schema: Schema) -> Schema:
    return {name: value for key in _DEFINITIONS for name, value in _mapping(schema.get(key)).items()}


def _referred_to(schema: Schema, known: Schema) -> Iterator[tuple[str, object]]:
    """Return the definitions that are referred to, those of definitions too, in the order they are met."""
    waiting = list(_references({key: value for key, value in schema.items() if key not in _DEFINITIONS}))
    shown: set[str] = set()
    while waiting:
        name = waiting.pop(0)
        if name in shown or name not in known:
            continue
        shown.add(name)
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
    """Return the definition that a reference names, None where it names something else."""
    parts = reference.split("/") if isinstance(reference, str) else []
    return parts[2] if len(parts) == 3 and parts[0] == "#" and parts[1] in _DEFINITIONS else None


def _tidy(schema: object, *, names: bool = False) -> Any:
    """Return a schema without titles, which say no more than the names; `names` says that the keys are no keywords."""
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
