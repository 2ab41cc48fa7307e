"""Input of a request on its way through one function: which names carry it, what checks it, what it reaches."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stepwarden.inspections.secaudit.request_flow.expressions import NOTHING, ExpressionReader, Value
from stepwarden.inspections.secaudit.request_flow.syntax import (
    CALLS,
    FUNCTIONS,
    IDENTIFIERS,
    MEMBERS,
    STRINGS,
    SourceFunction,
    arguments_of,
    bound_names,
    callee_of,
    dotted,
    keywords_of,
    text_of,
    walk,
)
from stepwarden.inspections.secaudit.request_flow.vocabulary import (
    GUARDS,
    HOST_OF,
    OWN_ADDRESS,
    REDIRECT,
    SINKS,
    SQL,
    URL,
    Sink,
)

if TYPE_CHECKING:
    from tree_sitter import Node

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
_BRANCHES = frozenset(
    {"if_statement", "while_statement", "conditional_expression", "ternary_expression", "if_clause", "assert_statement"}
)
_CONDITIONAL = frozenset(
    {"if_statement", "elif_clause", "else_clause", "try_statement", "switch_statement", "match_statement"}
)
_COMPARISONS = frozenset({"comparison_operator", "binary_expression"})


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


@dataclass
class FlowTracer:
    """Follows input through the function that `reader` reads, and those inside it, once from first line to last.

    A check of a value covers all that comes from the same source.
    """

    reader: ExpressionReader
    summary: FlowSummary = field(default_factory=FlowSummary)

    def trace(self, carried: Mapping[str, Value]) -> FlowSummary:
        """Return what the function does with the names that carry input at its beginning."""
        body = self.reader.function.body
        if body is not None:
            self._visit(body, dict(carried), 0)
        return self.summary

    def _visit(self, node: "Node", names: dict[str, Value], depth: int) -> None:
        if node.type in FUNCTIONS or node.type in {"lambda", "class_definition", "class_declaration"}:
            self._visit_nested(node, names)
            return
        if node.type in _BRANCHES:
            self._note_guard(node.child_by_field_name("condition") or (node.named_children or [node])[0], names)
        equal = self._equal_to_literals(node, names) - self.reader.checked
        then = node.child_by_field_name("consequence") if equal else None
        for child in node.named_children:
            self.reader.checked |= equal if child == then else set()
            self._visit(child, names, depth + (node.type in _CONDITIONAL))
            self.reader.checked -= equal if child == then else set()
        if node.type in _ASSIGNMENTS:
            self._assign(node, names, depth)
        elif node.type in CALLS:
            self._call(node, names)
        elif node.type == "return_statement":
            self.summary.returned |= frozenset().union(
                *(self.reader.value(item, names).origins for item in node.named_children)
            )

    def _visit_nested(self, node: "Node", names: dict[str, Value]) -> None:
        """Follow the names on into a function inside; its own ones are not seen outside."""
        inner = dict(names)
        for own in SourceFunction(self.reader.function.path, self.reader.function.language, node, "").parameters:
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
                    self.reader.checked |= (
                        self.reader.value(child, names).origins if child.type in IDENTIFIERS else set()
                    )
                    self.reader.checked |= self.reader.source_of(child)

    def _equal_to_literals(self, node: "Node", names: Mapping[str, Value]) -> frozenset[str]:
        """Return the sources whose values are literals where a condition holds: `if kind == "txt"`."""
        condition = node.child_by_field_name("condition") if node.type == "if_statement" else None
        found: set[str] = set()
        for item in walk(condition) if condition is not None else ():
            sides = item.named_children if item.type in _COMPARISONS else []
            operators = {text_of(child) for child in item.children if not child.is_named}
            if len(sides) == 2 and operators & {"==", "==="} and sides[1].type in STRINGS:
                for child in walk(sides[0]):
                    found |= self.reader.value(child, names).origins
        return frozenset(found)

    def _assign(self, node: "Node", names: dict[str, Value], depth: int) -> None:
        left, right = (node.child_by_field_name(name) for name in _ASSIGNMENTS[node.type])
        if left is None or right is None:
            return
        if node.type in {"assignment_statement", "short_var_declaration"}:
            found, source = text_of(left), right.named_children
            if source and self._is_lookup(source[0], found, names):
                return
        value = self.reader.value(right, names)
        if node.type.startswith("augmented"):
            value = self.reader.value(left, names).with_more(value)
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
            self.reader.checked |= self.reader.value(index, names).origins if index is not None else set()
            return True
        return False

    def _destructured(self, right: "Node") -> Value:
        """Return the input that `const { query } = req` brings."""
        name = dotted(right)
        return Value(frozenset({f"{name}.body"})) if name in {"req", "request"} else NOTHING

    def _call(self, node: "Node", names: Mapping[str, Value]) -> None:
        callee = callee_of(node)
        name = dotted(callee)
        if node.parent is not None and node.parent.type == "expression_statement" and GUARDS.search(f".{name}("):
            for item in arguments_of(node):
                self.reader.checked |= self.reader.value(item, names).origins
        for sink in SINKS[self.reader.function.language]:
            if sink.callee.search(name) and self._reaches(node, sink, names):
                return
        self.reader.result_of(node, name, names)

    def _reaches(self, node: "Node", sink: Sink, names: Mapping[str, Value]) -> bool:
        text = text_of(node)
        if (sink.needs and not sink.needs.search(text)) or (sink.unless and sink.unless.search(text)):
            return False
        for value in self._given_to(node, sink, names):
            origins = sorted(origin for origin in value.origins if not _is_own_address(origin, sink))
            anchored = value.anchored and sink.what in {REDIRECT, URL}
            if origins and not anchored and (sink.what != SQL or value.is_sql):
                self.summary.reached.append(
                    Reached(node.start_point[0] + 1, sink, origins[0], self.reader.function.line)
                )
                return True
        return False

    def _given_to(self, node: "Node", sink: Sink, names: Mapping[str, Value]) -> Iterator[Value]:
        callee = callee_of(node)
        if sink.of_receiver:
            holder = callee.child_by_field_name(MEMBERS[callee.type][0]) if callee and callee.type in MEMBERS else None
            if holder is not None and not self.reader.source_of(holder):
                yield self.reader.value(holder, names)
            return
        given, named = arguments_of(node), keywords_of(node)
        yield from (self.reader.value(given[place], names) for place in sink.positions if place < len(given))
        yield from (self.reader.value(named[name], names) for name in sink.keywords if name in named)


def _is_own_address(origin: str, sink: Sink) -> bool:
    return sink.what == REDIRECT and OWN_ADDRESS.search(origin) is not None
