"""Input of a request on its way through one function: which names carry it, what checks it, what it reaches."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stepwarden.inspections.secaudit.request_flow.syntax import (
    CALLS,
    FUNCTIONS,
    IDENTIFIERS,
    MEMBERS,
    STRINGS,
    SUBSCRIPTS,
    SourceFunction,
    arguments_of,
    bound_names,
    callee_of,
    dotted,
    keywords_of,
    text_of,
    unwrapped,
    walk,
)
from stepwarden.inspections.secaudit.request_flow.vocabulary import (
    CARRIES,
    GUARDS,
    HARMLESS,
    HOST_OF,
    OWN_ADDRESS,
    REDIRECT,
    SINKS,
    SOURCES,
    SQL,
    SQL_TEXT,
    URL,
    Sink,
)

if TYPE_CHECKING:
    from tree_sitter import Node

DEPTH = 60  # of an expression that is followed
_ASSIGNMENTS: Mapping[str, tuple[str, str]] = {
    "assignment": ("left", "right"),
    "augmented_assignment": ("left", "right"),
    "named_expression": ("name", "value"),
    "variable_declarator": ("name", "value"),
    "assignment_expression": ("left", "right"),
    "augmented_assignment_expression": ("left", "right"),
    "short_var_declaration": ("left", "right"),
    "assignment_statement": ("left", "right"),
    "var_spec": ("name", "value"),
    "for_statement": ("left", "right"),
    "for_in_statement": ("left", "right"),
    "range_clause": ("left", "right"),
    "for_in_clause": ("left", "right"),
}
_JOINING = frozenset({"+", "%", "/", "||", "??", "or", "and", "&&"})
_BRANCHES = frozenset(
    {"if_statement", "while_statement", "conditional_expression", "ternary_expression", "if_clause", "assert_statement"}
)
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
_CONDITIONAL = frozenset(
    {"if_statement", "elif_clause", "else_clause", "try_statement", "switch_statement", "match_statement"}
)
_COMPARISONS = frozenset({"comparison_operator", "binary_expression"})
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


@dataclass(frozen=True, slots=True)
class Reached:
    """Input that reaches a sink on a line; `origin` is its source as the text has it."""

    line: int
    sink: Sink
    origin: str
    node_line: int = 0


@dataclass
class FlowSummary:
    """What was found in one function: the sinks that are reached, and what the function returns."""

    reached: list[Reached] = field(default_factory=list[Reached])
    returned: frozenset[str] = frozenset()


CalleeFinder = Callable[[SourceFunction, str], SourceFunction | None]
"""Returns the function that a dotted name means in a function, None where that is not known."""
Passed = Callable[[SourceFunction, SourceFunction, int, Mapping[int, Value]], frozenset[str]]
"""Is told which arguments of a call carry input; returns what its result carries."""


def _no_callee(_function: SourceFunction, _name: str) -> None:
    return None


def _not_passed(*_: object) -> frozenset[str]:
    return frozenset()


@dataclass
class FlowTracer:
    """Follows input through one function and those inside it, once from its first line to its last.

    `find_callee` and `passed` are about calls of other functions of the project. A check of a value covers all that
    comes from the same source.
    """

    function: SourceFunction
    find_callee: CalleeFinder = _no_callee
    passed: Passed = _not_passed
    summary: FlowSummary = field(default_factory=FlowSummary)
    checked: set[str] = field(default_factory=set[str])

    def trace(self, carried: Mapping[str, Value]) -> FlowSummary:
        """Return what the function does with the names that carry input at its beginning."""
        body = self.function.body
        if body is not None:
            self._visit(body, dict(carried), 0)
        return self.summary

    def _visit(self, node: "Node", names: dict[str, Value], depth: int) -> None:
        if node.type in FUNCTIONS or node.type in {"lambda", "class_definition", "class_declaration"}:
            self._visit_nested(node, names)
            return
        if node.type in _BRANCHES:
            self._note_guard(node.child_by_field_name("condition") or (node.named_children or [node])[0], names)
        equal = self._equal_to_literals(node, names) - self.checked
        then = node.child_by_field_name("consequence") if equal else None
        for child in node.named_children:
            self.checked |= equal if child == then else set()
            self._visit(child, names, depth + (node.type in _CONDITIONAL))
            self.checked -= equal if child == then else set()
        if node.type in _ASSIGNMENTS:
            self._assign(node, names, depth)
        elif node.type in CALLS:
            self._call(node, names)
        elif node.type == "return_statement":
            self.summary.returned |= frozenset().union(
                *(self.value(item, names).origins for item in node.named_children)
            )

    def _visit_nested(self, node: "Node", names: dict[str, Value]) -> None:
        """Follow the names on into a function inside; its own ones are not seen outside."""
        inner = dict(names)
        for own in SourceFunction(self.function.path, self.function.language, node, "").parameters:
            for name in own.names:
                inner.pop(name, None)
        before = self.summary.returned
        for child in node.named_children:
            if child != node.child_by_field_name("parameters"):
                self._visit(child, inner, 0)
        self.summary.returned = before

    def _note_guard(self, condition: "Node", names: Mapping[str, Value]) -> None:
        """Take what a condition checks as checked: membership, a prefix, a pattern, a check by its name."""
        for node in walk(condition):
            operators = {text_of(child) for child in node.children if not child.is_named}
            is_membership = node.type == "comparison_operator" and bool(operators & {"in", "not in", "not"})
            is_check = node.type in CALLS and GUARDS.search(f".{dotted(callee_of(node))}(") is not None
            is_check = is_check or (node.type in _COMPARISONS and HOST_OF.search(text_of(node)) is not None)
            if is_membership or is_check:
                for child in walk(node):
                    self.checked |= self.value(child, names).origins if child.type in IDENTIFIERS else set()
                    self.checked |= self._source_of(child)

    def _equal_to_literals(self, node: "Node", names: Mapping[str, Value]) -> frozenset[str]:
        """Return the sources whose values are literals where a condition holds: `if kind == "txt"`."""
        condition = node.child_by_field_name("condition") if node.type == "if_statement" else None
        found: set[str] = set()
        for item in walk(condition) if condition is not None else ():
            sides = item.named_children if item.type in _COMPARISONS else []
            operators = {text_of(child) for child in item.children if not child.is_named}
            if len(sides) == 2 and operators & {"==", "==="} and sides[1].type in STRINGS:
                for child in walk(sides[0]):
                    found |= self.value(child, names).origins
        return frozenset(found)

    def _assign(self, node: "Node", names: dict[str, Value], depth: int) -> None:
        left, right = (node.child_by_field_name(name) for name in _ASSIGNMENTS[node.type])
        if left is None or right is None:
            return
        if node.type in {"assignment_statement", "short_var_declaration"}:
            found, source = text_of(left), right.named_children
            if source and self._is_lookup(source[0], found, names):
                return
        value = self.value(right, names)
        if node.type.startswith("augmented"):
            value = self.value(left, names).with_more(value)
        if node.type == "variable_declarator" and left.type == "object_pattern" and not value.origins:
            value = self._destructured(right)
        keeps = depth > 0 and not any(text_of(item) in set(bound_names(left)) for item in walk(right))
        for name in bound_names(left):
            if value.origins or value.is_sql:
                names[name] = value
            elif not keeps:
                names.pop(name, None)

    def _is_lookup(self, source: "Node", left: str, names: Mapping[str, Value]) -> bool:
        """Note `_, ok := allowed[name]` of Go as a check of the name."""
        if source.type == "index_expression" and re.search(r",\s*\w+$", left):
            index = source.child_by_field_name("index")
            self.checked |= self.value(index, names).origins if index is not None else set()
            return True
        return False

    def _destructured(self, right: "Node") -> Value:
        """Return the input that `const { query } = req` brings."""
        name = dotted(right)
        return Value(frozenset({f"{name}.body"})) if name in {"req", "request"} else NOTHING

    def value(self, node: "Node", names: Mapping[str, Value], depth: int = 0) -> Value:
        """Return what an expression carries."""
        node = unwrapped(node)
        if depth > DEPTH:
            return NOTHING
        if node.type in IDENTIFIERS:
            return self._unchecked(names.get(text_of(node), NOTHING))
        if source := self._source_of(node):
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
        return self._result_of(node, name, names)

    def _result_of(self, node: "Node", name: str, names: Mapping[str, Value]) -> Value:
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

    def _source_of(self, node: "Node") -> frozenset[str]:
        """Return the source that an expression reads itself, nothing where it is none."""
        if node.type not in MEMBERS and node.type not in CALLS and node.type not in SUBSCRIPTS:
            return frozenset()
        found = SOURCES[self.function.language].search(dotted(node))
        return frozenset({" ".join(text_of(node).split())}) if found else frozenset()

    def _unchecked(self, value: Value) -> Value:
        return replace(value, origins=value.origins - self.checked) if value.origins & self.checked else value

    def _call(self, node: "Node", names: Mapping[str, Value]) -> None:
        callee = callee_of(node)
        name = dotted(callee)
        if node.parent is not None and node.parent.type == "expression_statement" and GUARDS.search(f".{name}("):
            for item in arguments_of(node):
                self.checked |= self.value(item, names).origins
        for sink in SINKS[self.function.language]:
            if sink.callee.search(name) and self._reaches(node, sink, names):
                return
        self._result_of(node, name, names)

    def _reaches(self, node: "Node", sink: Sink, names: Mapping[str, Value]) -> bool:
        text = text_of(node)
        if (sink.needs and not sink.needs.search(text)) or (sink.unless and sink.unless.search(text)):
            return False
        for value in self._given_to(node, sink, names):
            origins = sorted(origin for origin in value.origins if not _is_own_address(origin, sink))
            anchored = value.anchored and sink.what in {REDIRECT, URL}
            if origins and not anchored and (sink.what != SQL or value.is_sql):
                self.summary.reached.append(Reached(node.start_point[0] + 1, sink, origins[0], self.function.line))
                return True
        return False

    def _given_to(self, node: "Node", sink: Sink, names: Mapping[str, Value]) -> Iterator[Value]:
        callee = callee_of(node)
        if sink.of_receiver:
            holder = callee.child_by_field_name(MEMBERS[callee.type][0]) if callee and callee.type in MEMBERS else None
            if holder is not None and not self._source_of(holder):
                yield self.value(holder, names)
            return
        given, named = arguments_of(node), keywords_of(node)
        yield from (self.value(given[place], names) for place in sink.positions if place < len(given))
        yield from (self.value(named[name], names) for name in sink.keywords if name in named)


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


def _is_own_address(origin: str, sink: Sink) -> bool:
    return sink.what == REDIRECT and OWN_ADDRESS.search(origin) is not None
