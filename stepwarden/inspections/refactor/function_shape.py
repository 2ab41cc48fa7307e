"""The shape of a long function: how deep it nests, and what its parts share where one would cut it in two."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stepwarden.source.outline import Definition
from stepwarden.source.syntax import line_at, text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

LEAST_PART = 0.2  # of the lines of a function that each part keeps
DOMINANT = 0.6  # of the lines: a statement that has more is cut inside
_FUNCTIONS = frozenset(
    {
        *("function_definition", "function_declaration", "method_definition", "method_declaration"),
        *("arrow_function", "function_expression", "generator_function_declaration", "func_literal", "lambda"),
    }
)
_NESTING = frozenset(
    {
        *("if_statement", "for_statement", "while_statement", "with_statement", "try_statement", "match_statement"),
        *("for_in_statement", "do_statement", "switch_statement", "expression_switch_statement"),
        *("type_switch_statement", "select_statement"),
    }
)
_BLOCKS = frozenset({"block", "statement_block", "statement_list"})
_LISTS = frozenset(
    {
        *("expression_list", "pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern"),
        *("array_pattern", "object_pattern", "as_pattern_target"),
    }
)
_SETTING = {
    **dict.fromkeys(("assignment", "augmented_assignment", "assignment_expression", "for_statement"), "left"),
    **dict.fromkeys(("augmented_assignment_expression", "short_var_declaration", "assignment_statement"), "left"),
    **dict.fromkeys(("for_in_statement", "range_clause", "for_in_clause"), "left"),
    **dict.fromkeys(("variable_declarator", "named_expression", "var_spec"), "name"),
}
_BINDING = frozenset({"for_statement", "for_in_statement", "range_clause", "for_in_clause", "as_pattern_target"})
_INNER = frozenset({"for_in_clause"})
_NAMES = frozenset({"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"})


@dataclass(frozen=True, slots=True)
class SharedName:
    """A local that both parts use: the line where the first part last sets it, and where the second first reads it."""

    name: str
    set_at: int
    read_at: int


@dataclass(frozen=True, slots=True)
class FunctionShape:
    """How deep a function nests, and where; before which line it is best cut (0: nowhere), and what is shared there."""

    depth: int
    deepest: int
    cut: int = 0
    shared: tuple[SharedName, ...] = ()


def measure_shape(root: "Node", item: Definition) -> FunctionShape | None:
    """Return the shape of the function that an outline names; None where the tree has none there."""
    function = _function_at(root, item)
    body = function.child_by_field_name("body") if function is not None else None
    if body is None:
        return None
    depth, deepest = max(_depths(body), default=(0, 0), key=lambda pair: (pair[0], -pair[1]))
    statements = _parts(body, item.end_line - item.line + 1)
    cuts = list(_cuts(statements))
    fewest = min((len(shared) for _, _, shared in cuts), default=0)
    even = [(uneven, cut, shared) for uneven, cut, shared in cuts if len(shared) == fewest]
    _, cut, shared = min(even, default=(0, 0, ()), key=lambda found: found[:2])
    return FunctionShape(depth, deepest, cut, shared)


def _function_at(root: "Node", item: Definition) -> "Node | None":
    return next(
        (
            node
            for node in walk(root)
            if node.type in _FUNCTIONS
            and node.end_point.row + 1 == item.end_line
            and item.line <= line_at(node) <= item.end_line
        ),
        None,
    )


def _depths(body: "Node") -> Iterator[tuple[int, int]]:
    """Yield how deep each statement with a block of its own is nested, and its line."""
    waiting = [(child, 0) for child in body.named_children]
    while waiting:
        node, depth = waiting.pop()
        if node.type in _FUNCTIONS:
            continue
        goes_on = node.parent is not None and node.parent.type in {"else_clause", "if_statement"}
        if node.type in _NESTING and not (node.type == "if_statement" and goes_on):
            depth += 1
            yield depth, line_at(node)
        waiting += [(child, depth) for child in node.named_children]


def _parts(body: "Node", lines: int) -> Sequence["Node"]:
    """Return the statements of a body; where one of them is most of it, those inside that one."""
    while True:
        while len(body.named_children) == 1 and body.named_children[0].type in _BLOCKS:
            body = body.named_children[0]
        statements = [child for child in body.named_children if child.type != "comment" and not _is_text(child)]
        largest = max(statements, key=_lines, default=None)
        inner = _block_of(largest) if largest is not None and _lines(largest) > DOMINANT * lines else None
        if inner is None:
            return statements
        body = inner


def _is_text(statement: "Node") -> bool:
    """Whether a statement is a docstring."""
    return statement.type == "expression_statement" and [one.type for one in statement.named_children] == ["string"]


def _block_of(statement: "Node") -> "Node | None":
    """Return the largest block directly in a statement."""
    blocks = [child for child in statement.named_children if child.type in _BLOCKS]
    return max(blocks, key=_lines, default=None)


def _lines(node: "Node") -> int:
    return node.end_point.row - node.start_point.row + 1


def _cuts(statements: Sequence["Node"]) -> Iterator[tuple[int, int, tuple[SharedName, ...]]]:
    """Yield how uneven the two sides of a place between two statements are, its line, and the locals both sides use."""
    total = sum(map(_lines, statements))
    uses = [_uses_of(statement) for statement in statements]
    before = 0
    for at in range(1, len(statements)):
        before += _lines(statements[at - 1])
        if LEAST_PART * total <= before <= (1 - LEAST_PART) * total:
            sets = {name: line for use in uses[:at] for name, line in use.sets.items()}
            reads: dict[str, int] = {}
            replaced: set[str] = set()
            for use in uses[at:]:
                for name, line in use.reads.items():
                    if name not in replaced:
                        reads.setdefault(name, line)
                replaced |= use.replaces
            shared = tuple(SharedName(name, line, reads[name]) for name, line in sets.items() if name in reads)
            yield abs(total - 2 * before), line_at(statements[at]), shared


@dataclass(slots=True)
class _Uses:
    """Names that a statement sets, with the last lines, and reads, with the first; `replaces` are set in any case."""

    sets: dict[str, int] = field(default_factory=dict[str, int])
    reads: dict[str, int] = field(default_factory=dict[str, int])
    replaces: set[str] = field(default_factory=set[str])


def _uses_of(statement: "Node") -> _Uses:
    found = _Uses()
    bound: set[str] = set()  # by a loop, a handler or an expression of this statement, before it is read
    events = [_event_of(node, statement) for node in walk(statement) if node.type in _NAMES and not _is_member(node)]
    for _, node, setter, is_own in sorted(events, key=lambda event: event[0]):
        name = text_of(node)
        is_read = setter is None or setter.startswith("augmented")
        if is_read and name not in bound and name not in found.replaces:
            found.reads.setdefault(name, line_at(node))
        if setter is not None and setter not in _INNER:
            found.sets[name] = line_at(node)
        if setter in _BINDING and name not in found.reads:
            bound.add(name)
        if is_own:
            found.replaces.add(name)
    return found


def _event_of(node: "Node", statement: "Node") -> tuple[int, "Node", str | None, bool]:
    """Return when a name is used, what sets it there (None: it is read), and whether that is the statement itself."""
    target = node
    while target.parent is not None and target.parent.type in _LISTS:
        target = target.parent
    around = target.parent
    if target.type == "as_pattern_target":
        return node.start_byte, node, target.type, False
    key = _SETTING.get(around.type) if around is not None else None
    if around is None or key is None or around.child_by_field_name(key) != target:
        return node.start_byte, node, None, False
    if around.type in _INNER and around.parent is not None:  # read by what stands before it
        return around.parent.start_byte, node, around.type, False
    if around.type in _BINDING:
        return node.start_byte, node, around.type, False
    is_own = statement in {around, around.parent} and not around.type.startswith("augmented")
    return around.end_byte, node, around.type, is_own


def _is_member(node: "Node") -> bool:
    """Whether a name is an attribute of something, or names an argument of a call."""
    around = node.parent
    if around is None:
        return False
    if around.type == "attribute":
        return around.child_by_field_name("attribute") == node
    return around.type == "keyword_argument" and around.child_by_field_name("name") == node
