"""Checks arguments and results against foreign JSON schemas: bounded, offline, in words a model can act on.

References are followed inside the schema only. Patterns run on an engine whose time is linear (Rust, by pydantic);
those that it cannot read are left to the server. Every keyword that is looked at counts, so a schema that multiplies
itself ends. What cannot be checked is not refused: the server checks again.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportCallIssue=false
# jsonschema says little of its types

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema

from stepwarden.upstream.catalogue.schema_text import error_lines, unknown_field
from stepwarden.upstream.failures import quoted

SCHEMA_BYTES = 64 * 1024  # of one tool's schema; the largest of a hundred well-known tools is below 10 kB
SCHEMA_DEPTH = 48
ARGUMENT_BYTES = 512 * 1024
KEYWORDS = 20_000  # that one check looks at: about 60 ms
LEVELS = 150  # of keywords in keywords: at Python's own limit the library's map of kinds ends the process
MOST_LINES = 8
_COMBINING = ("allOf", "anyOf", "oneOf", "$ref", "$dynamicRef", "if", "dependentSchemas", "not")
_UNSAFE = ("patternProperties", "unevaluatedProperties", "unevaluatedItems")  # they run patterns of their own


class UnusableSchema(Exception):
    """A schema that cannot be used; its text says why, in a few words."""


class _BudgetSpent(Exception):
    pass


@dataclass
class _CheckBudget:
    left: int = 0
    level: int = 0

    def begin(self, budget: int) -> None:
        self.left, self.level = budget, 0


@dataclass(frozen=True)
class Checker:
    """One compiled schema. Not for several threads."""

    schema: Mapping[str, Any]
    _validator: Any = field(repr=False)
    _budget: _CheckBudget = field(repr=False)

    def errors_in(self, value: object) -> list[str]:
        """Return one line for each thing wrong with `value`, at most eight; none where it fits or cannot be checked."""
        self._budget.begin(KEYWORDS)
        lines: list[str] = []
        try:
            for error in self._validator.iter_errors(value):
                lines += error_lines(error)
                if len(lines) > MOST_LINES:
                    break
        except (_BudgetSpent, *_lost_references()):
            return []
        unique = list(dict.fromkeys(lines))
        return unique if len(unique) <= MOST_LINES else [*unique[:MOST_LINES], "and more"]


def _lost_references() -> tuple[type[Exception], ...]:
    from jsonschema.exceptions import UndefinedTypeCheck, UnknownType
    from referencing.exceptions import NoSuchAnchor, PointerToNowhere, Unresolvable

    return (Unresolvable, NoSuchAnchor, PointerToNowhere, UnknownType, UndefinedTypeCheck)


def structure_of(schema: object) -> str:
    """Return why this is not an input schema of a tool, "" where it looks like one; cheap enough for long lists."""
    if not isinstance(schema, dict):
        return "its schema is not an object"
    entry = cast("dict[str, Any]", schema)
    if entry.get("type", "object") != "object":
        return "its schema is not of type object"
    properties = entry.get("properties", {})
    if not isinstance(properties, dict) or not all(
        isinstance(item, dict | bool) for item in cast("dict[str, Any]", properties).values()
    ):
        return "the properties of its schema are not schemas"
    required = entry.get("required", [])
    if not isinstance(required, list) or not all(isinstance(item, str) for item in cast("list[Any]", required)):
        return "required of its schema is not a list of names"
    if depth_of(entry, SCHEMA_DEPTH) > SCHEMA_DEPTH:
        return f"its schema is nested over {SCHEMA_DEPTH} deep"
    return ""


def depth_of(value: object, most: int) -> int:
    """Return how deep `value` is nested, without going deeper than `most` + 1."""
    level, depth = [value], 0
    while level and depth <= most:
        deeper: list[object] = []
        for item in level:
            if isinstance(item, dict):
                deeper += cast("dict[str, object]", item).values()
            elif isinstance(item, list):
                deeper += cast("list[object]", item)
        level, depth = deeper, depth + 1
    return depth


def compiled(schema: Mapping[str, Any]) -> Checker:
    """Return a compiled schema. Raises UnusableSchema."""
    from jsonschema.validators import validator_for
    from referencing import Registry

    safe = cast("dict[str, Any]", _safe(schema))
    base = validator_for(safe)
    budget = _CheckBudget()
    budget.begin(5 * KEYWORDS)
    try:
        error = next(_counted(validator_for(base.META_SCHEMA), budget)(base.META_SCHEMA).iter_errors(safe), None)
    except _BudgetSpent:
        raise UnusableSchema("its schema is too large or nested too deep") from None
    if error is not None:
        place = ".".join(str(part) for part in error.absolute_path) or "its root"
        raise UnusableSchema(f"its schema is not valid at {quoted(place, 60)}")
    return Checker(schema, _counted(base, budget)(safe, registry=Registry()), budget)


def _safe(node: object) -> object:
    """Return a schema without the keywords that run patterns in a way we cannot bound."""
    if isinstance(node, list):
        return [_safe(item) for item in cast("list[object]", node)]
    if not isinstance(node, Mapping):
        return node
    entry = cast("Mapping[str, object]", node)
    unsafe = [key for key in _UNSAFE if key in entry]
    left_out = {*unsafe, "additionalProperties"} if unsafe else set[str]()
    return {key: _safe(value) for key, value in entry.items() if key not in left_out}


def _counted(base: Any, budget: _CheckBudget) -> Any:
    from jsonschema.validators import extend

    def counting(check: Callable[..., Any]) -> Callable[..., Any]:
        def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            budget.left -= 1
            budget.level += 1
            if budget.left < 0 or budget.level > LEVELS:
                raise _BudgetSpent
            try:
                yield from check(validator, value, instance, schema) or ()
            finally:
                budget.level -= 1

        return counted

    keywords = {name: counting(check) for name, check in base.VALIDATORS.items()}
    return extend(base, {**keywords, "pattern": counting(_pattern), "format": counting(_nothing)})


def _nothing(_validator: Any, _value: Any, _instance: Any, _schema: Any) -> Iterator[Any]:
    yield from ()


def _pattern(_validator: Any, value: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if isinstance(instance, str) and isinstance(value, str) and not _matches(value, instance):
        yield ValidationError("pattern")


def _matches(pattern: str, text: str) -> bool:
    matcher = _matcher(pattern)
    return matcher is None or matcher.isinstance_python(text)


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> SchemaValidator | None:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except PatternError:
        return None  # it looks round or back: the server checks it itself


def argument_errors(checker: Checker, arguments: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the arguments of a call, one line each, unknown fields included."""
    schema = checker.schema
    properties: Mapping[str, Any] = schema.get("properties", {})
    listed = "additionalProperties" not in schema and not any(key in schema for key in (*_COMBINING, *_UNSAFE))
    lines = checker.errors_in(arguments)
    if listed:
        unknown = [name for name in arguments if name not in properties]
        lines = [*(unknown_field(name, name, list(properties)) for name in unknown), *lines][: MOST_LINES + 1]
    return lines


def unpacked(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments as models mean them.

    Lists and objects that came as JSON in a text, as some hosts send them, are unpacked; null for an argument that may
    be left out, and that the schema gives another type, leaves it out.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    required: Sequence[str] = schema.get("required") or ()
    given: dict[str, Any] = {}
    for name, value in arguments.items():
        wanted = properties.get(name)
        kind = cast("Mapping[str, Any]", wanted).get("type") if isinstance(wanted, Mapping) else None
        if value is None and isinstance(kind, str) and kind != "null" and name not in required:
            continue
        given[name] = _from_text(value, kind) if isinstance(value, str) and kind in {"object", "array"} else value
    return given


def _from_text(text: str, kind: str) -> object:
    """Return the object or array that stands in `text`, or the text where there is none."""
    if text.lstrip()[:1] not in {"{", "["}:
        return text
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict if kind == "object" else list) else text
