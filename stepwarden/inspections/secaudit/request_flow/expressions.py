"""What an expression carries of the input of a request: read from the expression and the names before it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stepwarden.inspections.secaudit.request_flow.syntax import (
    CALLS,
    IDENTIFIERS,
    MEMBERS,
    STRINGS,
    SUBSCRIPTS,
    SourceFunction,
    arguments_of,
    callee_of,
    dotted,
    keywords_of,
    text_of,
    unwrapped,
)
from stepwarden.inspections.secaudit.request_flow.vocabulary import CARRIES, HARMLESS, SOURCES, SQL_TEXT

if TYPE_CHECKING:
    from tree_sitter import Node

DEPTH = 60  # of an expression that is followed
_JOINING = frozenset({"+", "%", "/", "||", "??", "or", "and", "&&"})
_COLLECTIONS = frozenset(
    {
        "list",
        "tuple",
        "set",
        "dictionary",
        "pair",
        "array",
        "object",
        "spread_element",
        "list_splat",
        "dictionary_splat",
    }
    | {"expression_list", "composite_literal", "literal_value", "literal_element", "keyed_element", "keyword_argument"}
    | {"slice_expression", "type_conversion_expression", "unary_expression", "interpolation", "template_substitution"}
    | {"concatenated_string", "as_pattern", "type_assertion_expression", "satisfies_expression", "argument_list"}
)
_HOST = re.compile(r"^/[^/\\]|^https?://[^/?#]+/|^\.{0,2}/?$(?<=\.)|^\?|^#")


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression carries: the sources of its input, () for none.

    `anchored` says that its beginning is no input, as the host of a URL; `is_sql` that it is a statement of SQL.
    """

    origins: frozenset[str] = frozenset()
    anchored: bool = False
    is_sql: bool = False

    def with_more(self, other: "Value") -> "Value":
        """Return what both carry together."""
        return Value(self.origins | other.origins, self.anchored, self.is_sql or other.is_sql)


NOTHING = Value()


CalleeFinder = Callable[[SourceFunction, str], SourceFunction | None]
"""Returns the function that a dotted name means in a function, None where that is not known."""
Passed = Callable[[SourceFunction, SourceFunction, int, Mapping[int, Value]], frozenset[str]]
"""Is told which arguments of a call carry input; returns what its result carries."""


def _no_callee(_function: SourceFunction, _name: str) -> None:
    return None


def _not_passed(*_: object) -> frozenset[str]:
    return frozenset()


@dataclass
class ExpressionReader:
    """Reads what the expressions of one function carry.

    `find_callee` and `passed` are about calls of other functions of the project. What stands in `checked` carries no
    input any more.
    """

    function: SourceFunction
    find_callee: CalleeFinder = _no_callee
    passed: Passed = _not_passed
    checked: set[str] = field(default_factory=set[str])

    def value(self, node: "Node", names: Mapping[str, Value], depth: int = 0) -> Value:
        """Return what an expression carries."""
        node = unwrapped(node)
        if depth > DEPTH:
            return NOTHING
        if node.type in IDENTIFIERS:
            return self._unchecked(names.get(text_of(node), NOTHING))
        if source := self.source_of(node):
            return self._unchecked(Value(source))
        if node.type in CALLS:
            return self._value_of_call(node, names, depth)
        if node.type in MEMBERS or node.type in SUBSCRIPTS:
            holder = MEMBERS[node.type][0] if node.type in MEMBERS else SUBSCRIPTS[node.type]
            inner = node.child_by_field_name(holder)
            last = dotted(node)
            if inner is None or last.endswith(("Path().name", "Path().stem", "Path().suffix", ".length")):
                return NOTHING
            return replace(self.value(inner, names, depth + 1), is_sql=False)
        return self._value_of_parts(node, names, depth)

    def _value_of_parts(self, node: "Node", names: Mapping[str, Value], depth: int) -> Value:
        if node.type in STRINGS:
            return self._value_of_string(node, names, depth)
        if node.type in {"binary_expression", "binary_operator", "boolean_operator"}:
            operator = text_of(node.child_by_field_name("operator"))
            if operator not in _JOINING:
                return NOTHING
            return self._joined(node.named_children, names, depth)
        if node.type in {"conditional_expression", "ternary_expression"}:
            parts = [self.value(item, names, depth + 1) for item in node.named_children]
            return parts[0].with_more(parts[2]) if len(parts) > 2 and node.type[0] == "c" else _all_of(parts[1:])
        if node.type in _COLLECTIONS:
            return _all_of([self.value(item, names, depth + 1) for item in node.named_children])
        return NOTHING

    def _joined(self, items: Sequence["Node"], names: Mapping[str, Value], depth: int) -> Value:
        """Return what texts carry that are put together; the first says how it begins."""
        parts = [self.value(item, names, depth + 1) for item in items]
        first = unwrapped(items[0]) if items else None
        anchored = bool(parts) and (parts[0].anchored or (first is not None and _anchors(first, parts[0])))
        return replace(_all_of(parts), anchored=anchored)

    def _value_of_string(self, node: "Node", names: Mapping[str, Value], depth: int) -> Value:
        inserted = [item for item in node.named_children if item.type in {"interpolation", "template_substitution"}]
        if node.type == "concatenated_string":
            return self._joined(node.named_children, names, depth)
        is_sql = SQL_TEXT.search(text_of(node)) is not None
        if not inserted:
            return Value(is_sql=is_sql)
        parts = [self.value(part, names, depth + 1) for item in inserted for part in item.named_children[:1]]
        anchored = _anchors(node, NOTHING)
        if _starts_with(node, inserted[0]):
            anchored = not parts[0].origins or parts[0].anchored
        return replace(_all_of(parts), is_sql=is_sql, anchored=anchored)

    def _value_of_call(self, node: "Node", names: Mapping[str, Value], depth: int) -> Value:
        callee = callee_of(node)
        name = dotted(callee)
        last = name.rpartition(".")[2]
        given = arguments_of(node)
        if HARMLESS.search(last):
            return NOTHING
        if callee is not None and callee.type in MEMBERS:
            holder = callee.child_by_field_name(MEMBERS[callee.type][0])
            if holder is not None and (own := self.value(holder, names, depth + 1)).origins:
                return own
            if (
                holder is not None
                and last in {"join", "format", "concat", "replace"}
                and unwrapped(holder).type in STRINGS
            ):
                return self._joined([holder, *given], names, depth)
        if last in {"URL", "urljoin"}:
            return self._joined(given[:1] if last == "URL" else given, names, depth)
        if CARRIES.search(last) and not name.startswith("?"):
            return self._joined([*given, *keywords_of(node).values()], names, depth)
        return self.result_of(node, name, names)

    def result_of(self, node: "Node", name: str, names: Mapping[str, Value]) -> Value:
        """Return what a call of a function of the project returns of what it is given."""
        called = self.find_callee(self.function, name)
        if called is None:
            return NOTHING
        given = self._carried_by_position(node, called, names)
        return Value(self.passed(self.function, called, node.start_point[0] + 1, given)) if given else NOTHING

    def _carried_by_position(
        self, call: "Node", called: SourceFunction, names: Mapping[str, Value]
    ) -> dict[int, Value]:
        values = {place: self.value(item, names) for place, item in enumerate(arguments_of(call))}
        order = {name: place for place, own in enumerate(called.parameters) for name in own.names}
        for keyword, item in keywords_of(call).items():
            if keyword in order:
                values[order[keyword]] = self.value(item, names)
        return {place: value for place, value in values.items() if value.origins and place < len(called.parameters)}

    def source_of(self, node: "Node") -> frozenset[str]:
        """Return the source that an expression reads itself, nothing where it is none."""
        if node.type not in MEMBERS and node.type not in CALLS and node.type not in SUBSCRIPTS:
            return frozenset()
        found = SOURCES[self.function.language].search(dotted(node))
        return frozenset({" ".join(text_of(node).split())}) if found else frozenset()

    def _unchecked(self, value: Value) -> Value:
        return replace(value, origins=value.origins - self.checked) if value.origins & self.checked else value


def _all_of(parts: Sequence[Value]) -> Value:
    found = NOTHING
    for part in parts:
        found = found.with_more(part)
    return replace(found, anchored=bool(parts) and parts[0].anchored)


def _anchors(node: "Node", value: Value) -> bool:
    """Whether a text begins with what no input changes: a path of this site, a host, or what another name holds."""
    if node.type not in STRINGS:
        return not value.origins
    text = text_of(node).lstrip("frbuFRBU").strip("\"'`")
    return _HOST.search(text) is not None


def _starts_with(node: "Node", part: "Node") -> bool:
    """Whether nothing but quotation marks stands before a part of a string."""
    before = text_of(node)[: part.start_byte - node.start_byte]
    return not before.lstrip("frbuFRBU").strip("\"'`")
