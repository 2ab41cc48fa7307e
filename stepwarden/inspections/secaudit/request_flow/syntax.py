"""What the syntax trees of Python, JavaScript, TypeScript and Go have in common: functions, names, calls, strings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from stepwarden.source.file_parser import as_utf8, compile_for, is_too_deep
from stepwarden.source.languages import grammar_of
from stepwarden.source.outline import Language

if TYPE_CHECKING:
    from tree_sitter import Node

LANGUAGES = frozenset({Language.PYTHON, Language.JAVASCRIPT, Language.TYPESCRIPT, Language.GO})
FUNCTIONS = frozenset(
    {"function_definition", "function_declaration", "function_expression", "arrow_function", "method_definition"}
    | {"generator_function_declaration", "generator_function", "method_declaration", "func_literal"}
)
CALLS = frozenset({"call", "call_expression", "new_expression"})
MEMBERS: Mapping[str, tuple[str, str]] = {  # kind -> the fields of the object and of the name
    "attribute": ("object", "attribute"),
    "member_expression": ("object", "property"),
    "selector_expression": ("operand", "field"),
}
SUBSCRIPTS: Mapping[str, str] = {
    "subscript": "value",
    "subscript_expression": "object",
    "index_expression": "operand",
    "slice_expression": "operand",
}
STRINGS = frozenset(
    {"string", "concatenated_string", "template_string", "interpreted_string_literal", "raw_string_literal"}
)
IDENTIFIERS = frozenset(
    {"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern", "property_identifier"}
)
_PARAMETER_NAMES = ("name", "pattern", "left")
_WRAPPED = frozenset({"await_expression", "await", "parenthesized_expression", "non_null_expression", "as_expression"})


@dataclass(frozen=True, slots=True)
class FlowParameter:
    """One parameter: the names that it binds, and its text with type and default."""

    names: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class SourceFunction:
    """One function of a file, named or not; `decorators` are those of Python."""

    path: str
    language: Language
    node: "Node"
    name: str
    decorators: tuple[str, ...] = ()
    owner: str = ""

    @property
    def line(self) -> int:
        """Its first line, from 1; decorators do not count."""
        return self.node.start_point[0] + 1

    @property
    def end_line(self) -> int:
        """Its last line."""
        return self.node.end_point[0] + 1

    @cached_property
    def parameters(self) -> tuple[FlowParameter, ...]:
        """Its parameters in their order, the object of a method left out."""
        listed = self.node.child_by_field_name("parameters") or self.node.child_by_field_name("parameter")
        if listed is None:
            return ()
        nodes = listed.named_children if listed.type != "identifier" else [listed]
        found = [FlowParameter(tuple(bound_names(item)), text_of(item)) for item in nodes if item.type != "comment"]
        return tuple(item for item in found if item.names and item.names[0] not in {"self", "cls", "this"})

    @property
    def body(self) -> "Node | None":
        """What it runs."""
        return self.node.child_by_field_name("body")

    @cached_property
    def text(self) -> str:
        """Its source."""
        return text_of(self.node)


def parse_tree(path: str, text: str, language: Language) -> "Node | None":
    """Return the root of the syntax tree of a file, None where it is nested too deeply."""
    data = as_utf8(text.encode("utf-8", "replace"), "utf-8")
    if is_too_deep(data):
        return None
    return compile_for(grammar_of(language), path).parser.parse(data).root_node


def find_functions(path: str, language: Language, root: "Node") -> list[SourceFunction]:
    """Return all functions of a file in the order of their lines."""
    return [_function(path, language, node) for node in walk(root) if node.type in FUNCTIONS]


def _function(path: str, language: Language, node: "Node") -> SourceFunction:
    outer = node.parent
    decorators: tuple[str, ...] = ()
    if outer is not None and outer.type == "decorated_definition":
        decorators = tuple(text_of(item) for item in outer.named_children if item.type == "decorator")
    name = text_of(node.child_by_field_name("name"))
    if not name and outer is not None and outer.type in {"variable_declarator", "pair", "assignment_expression"}:
        name = text_of(outer.child_by_field_name("name") or outer.child_by_field_name("key") or outer.children[0])
    return SourceFunction(path, language, node, name.rpartition(".")[2], decorators, _owner(node))


def _owner(node: "Node") -> str:
    """Return the name of the class round a method."""
    outer = node.parent
    while outer is not None:
        if outer.type in {"class_definition", "class_declaration", "class"}:
            return text_of(outer.child_by_field_name("name"))
        if outer.type in FUNCTIONS:
            return ""
        outer = outer.parent
    return ""


def walk(node: "Node") -> Iterator["Node"]:
    """Yield a node and all below it, in the order of the text."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        yield item
        waiting += reversed(item.named_children)


def text_of(node: "Node | None") -> str:
    """Return the text of a node, "" for none."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def bound_names(node: "Node") -> Iterator[str]:
    """Yield the names that a parameter or the left side of an assignment binds."""
    if node.type in IDENTIFIERS:
        yield text_of(node)
        return
    if node.type in {"parameter_declaration", "var_spec"}:
        for item in node.children_by_field_name("name"):
            yield text_of(item)
        return
    inner = next((found for field in _PARAMETER_NAMES if (found := node.child_by_field_name(field))), None)
    if inner is not None:
        yield from bound_names(inner)
        return
    if node.type == "pair_pattern":
        value = node.child_by_field_name("value")
        yield from bound_names(value) if value is not None else ()
        return
    if node.type in MEMBERS or node.type in SUBSCRIPTS or node.type in CALLS:
        return
    for item in node.named_children:
        if item.type not in {"type", "type_annotation"}:
            yield from bound_names(item)


def unwrapped(node: "Node") -> "Node":
    """Return what stands in brackets, or is awaited."""
    while node.type in _WRAPPED and node.named_children:
        node = node.named_children[0]
    return node


def callee_of(call: "Node") -> "Node | None":
    """Return what a call calls."""
    return call.child_by_field_name("function") or call.child_by_field_name("constructor")


def arguments_of(call: "Node") -> list["Node"]:
    """Return the positional arguments of a call."""
    listed = call.child_by_field_name("arguments")
    items = listed.named_children if listed is not None else []
    return [item for item in items if item.type not in {"keyword_argument", "comment"}]


def keywords_of(call: "Node") -> dict[str, "Node"]:
    """Return the arguments of a call that are given by name."""
    listed = call.child_by_field_name("arguments")
    found: dict[str, Node] = {}
    for item in listed.named_children if listed is not None else []:
        value = item.child_by_field_name("value")
        if item.type == "keyword_argument" and value is not None:
            found[text_of(item.child_by_field_name("name"))] = value
    return found


def dotted(node: "Node | None") -> str:
    """Return a chain of names as text, calls as "()" and elements as "[]": `r.URL.Query().Get`; "?" for others."""
    parts: list[str] = []
    while node is not None:
        node = unwrapped(node)
        if node.type in MEMBERS:
            holder, name = MEMBERS[node.type]
            parts.append(f".{text_of(node.child_by_field_name(name))}")
            node = node.child_by_field_name(holder)
        elif node.type in CALLS:
            parts.append("()")
            node = callee_of(node)
        elif node.type in SUBSCRIPTS:
            parts.append("[]")
            node = node.child_by_field_name(SUBSCRIPTS[node.type])
        else:
            parts.append(text_of(node) if node.type in IDENTIFIERS or node.type in {"this", "self"} else "?")
            break
    return "".join(reversed(parts))
