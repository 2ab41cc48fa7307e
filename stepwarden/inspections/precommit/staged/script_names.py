"""The names of a JavaScript or TypeScript file, what it exports, and what it imports from files beside it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stepwarden.inspections.precommit.staged.names import FileNames, Scope
from stepwarden.source.syntax import line_at, text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_NAMES = frozenset(
    {"identifier", "type_identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"}
)
FUNCTIONS = frozenset(
    {
        "function_declaration",
        "function_expression",
        "generator_function",
        "generator_function_declaration",
        "arrow_function",
        "method_definition",
    }
)
_SCOPES = FUNCTIONS | {
    "catch_clause",
    "function_signature",
    "function_type",
    "constructor_type",
    "method_signature",
    "abstract_method_signature",
    "call_signature",
    "construct_signature",
    "index_signature",
}
_PATTERNS = frozenset(
    {
        "object_pattern",
        "array_pattern",
        "pair_pattern",
        "rest_pattern",
        "assignment_pattern",
        "object_assignment_pattern",
    }
)
_OUTER_NAME = frozenset({"function_declaration", "generator_function_declaration", "function_signature"})
# Where the name of what is declared stands in the field `name`.
_NAMED = frozenset(
    {
        *("class_declaration", "abstract_class_declaration", "class", "interface_declaration"),
        *("type_alias_declaration", "enum_declaration", "type_parameter", "internal_module", "module"),
        *("function_expression", "generator_function", "mapped_type_clause", "variable_declarator", "import_alias"),
    }
)
_BINDING = frozenset(
    {
        *("formal_parameters", "import_clause", "namespace_import", "infer_type", "import_require_clause"),
        *("index_signature", "asserts", "type_predicate"),
    }
)
_FIELDS = (
    ("required_parameter", "pattern"),
    ("optional_parameter", "pattern"),
    ("arrow_function", "parameter"),
    ("catch_clause", "parameter"),
    ("for_in_statement", "left"),
    ("assignment_expression", "left"),
)


def read_names(root: "Node") -> FileNames:
    """Return the names of a file."""
    top = Scope()
    uses: list[tuple[str, int, Scope]] = []
    inner: set[str] = set()
    waiting: list[tuple[Node, Scope]] = [(root, top)]
    while waiting:
        node, scope = waiting.pop()
        if node.type in _NAMES:
            name = text_of(node)
            if (bound := _scope_bound(node, scope)) is not None:
                bound.bound.setdefault(name, line_at(node))
                if bound is not top:
                    inner.add(name)
            elif not _is_no_name(node):
                uses.append((name, line_at(node), scope))
        inside = Scope(scope) if node.type in _SCOPES else scope
        waiting += [(child, inside) for child in reversed(node.named_children)]
    missing: dict[str, int] = {}
    for name, line, scope in uses:
        if not scope.sees(name):
            missing.setdefault(name, line)
    bound_members, missing_members = _members(root)
    return FileNames({**top.bound, **bound_members}, {**missing, **missing_members}, frozenset(inner))


def _scope_bound(node: "Node", scope: Scope) -> Scope | None:
    """Return the scope in which an identifier is given a value, None for one that is used."""
    at, user = node, node.parent
    while user is not None and user.type in _PATTERNS:
        if user.type in {"assignment_pattern", "object_assignment_pattern"} and user.child_by_field_name("left") != at:
            return None
        at, user = user, user.parent
    if user is None:
        return None
    kind = user.type
    if kind in _OUTER_NAME and user.child_by_field_name("name") == at:
        return scope.around or scope
    if kind in _NAMED and user.child_by_field_name("name") == at:
        return scope
    if kind == "import_specifier":
        alias = user.child_by_field_name("alias")
        return scope if alias is None or alias == at else None
    if kind in _BINDING or any(kind == one and user.child_by_field_name(name) == at for one, name in _FIELDS):
        return scope
    return None


def _is_no_name(node: "Node") -> bool:
    """Whether an identifier stands for no variable: a part of an import or an export from elsewhere, an element."""
    user = node.parent
    if user is None or user.type in {"import_specifier", "namespace_export", "nested_type_identifier"}:
        return True
    if user.type == "export_specifier":
        clause = user.parent
        statement = clause.parent if clause is not None else None
        elsewhere = statement is not None and statement.child_by_field_name("source") is not None
        return elsewhere or user.child_by_field_name("name") != node
    return user.type.startswith("jsx_") and user.type != "jsx_expression" and not text_of(node)[:1].isupper()


def _members(root: "Node") -> tuple[dict[str, int], dict[str, int]]:
    """Return the members of the file's classes, and those that a class uses of itself and does not have."""
    bound: dict[str, int] = {}
    missing: dict[str, int] = {}
    assigned = {
        text_of(left.child_by_field_name("property")): line_at(node)
        for node in walk(root)
        if node.type == "assignment_expression"
        and (left := node.child_by_field_name("left")) is not None
        and left.type == "member_expression"
    }
    for node in walk(root):
        body = node.child_by_field_name("body") if node.type in {"class_declaration", "class"} else None
        if body is None:
            continue
        name = text_of(node.child_by_field_name("name"))
        own = dict(_own_members(body))
        bound |= {f"{name}.{member}": line for member, line in {**assigned, **own}.items()}
        if any(child.type == "class_heritage" for child in node.named_children):
            continue
        for used in walk(body):
            if used.type != "member_expression" or text_of(used.child_by_field_name("object")) != "this":
                continue
            member = text_of(used.child_by_field_name("property"))
            if member not in own and member not in assigned and _class_of(used) == node:
                missing.setdefault(f"{name}.{member}", line_at(used))
    return bound, missing


def _class_of(node: "Node") -> "Node | None":
    """Return the class that `this` is of: None in a plain function, whose `this` is another."""
    around = node.parent
    while around is not None and around.type not in {"class_declaration", "class"}:
        if around.type in {"function_declaration", "function_expression", "object"}:
            return None
        around = around.parent
    return around


def _own_members(body: "Node") -> Iterator[tuple[str, int]]:
    for child in body.named_children:
        name = child.child_by_field_name("name") or child.child_by_field_name("property")
        if name is not None:
            yield text_of(name), line_at(child)
        for parameter in walk(child) if text_of(name) == "constructor" else ():
            if parameter.type in {"required_parameter", "optional_parameter"}:
                yield text_of(parameter.child_by_field_name("pattern")), line_at(parameter)


@dataclass(slots=True)
class Exports:
    """What a file exports, by names with lines; `open` where it may export more than is written."""

    names: dict[str, int] = field(default_factory=dict[str, int])
    open: bool = False


def read_exports(root: "Node") -> Exports:
    """Return what a file exports."""
    exports = Exports()
    for node in walk(root):
        if node.type == "export_statement":
            _add_export(node, exports)
        elif node.type == "assignment_expression":
            left = "".join(text_of(node.child_by_field_name("left")).split())
            if left in {"module.exports", "exports"}:
                _add_object(node.child_by_field_name("right"), exports)
            elif left.startswith(("module.exports.", "exports.")):
                exports.names[left.rpartition(".")[2]] = line_at(node)
    if not exports.names:
        exports.open = True
    return exports


def _add_export(node: "Node", exports: Exports) -> None:
    if any(child.type == "default" for child in node.children):
        exports.names["default"] = line_at(node)
    if any(child.type in {"*", "="} for child in node.children):
        exports.open = True
    for child in node.named_children:
        for item in child.named_children if child.type == "export_clause" else ():
            name = item.child_by_field_name("alias") or item.child_by_field_name("name")
            exports.names[text_of(name)] = line_at(item)
        if child.type == "namespace_export":
            exports.names[text_of(child.named_children[0])] = line_at(child)
    declared = node.child_by_field_name("declaration")
    if declared is not None:
        exports.open = exports.open or declared.type == "ambient_declaration"
        exports.names |= {text_of(name): line_at(name) for name in _declared_names(declared)}


def _declared_names(declared: "Node") -> Iterator["Node"]:
    """Yield the names that an exported declaration gives values, those of a pattern included."""
    plain = declared.type not in {"lexical_declaration", "variable_declaration"}
    for item in [declared] if plain else declared.named_children:
        name = item.child_by_field_name("name")
        if name is not None:
            yield from (part for part in walk(name) if plain or part.type in _NAMES)


def _add_object(value: "Node | None", exports: Exports) -> None:
    if value is None or value.type != "object":
        exports.open = True
        return
    for child in value.named_children:
        if child.type == "spread_element":
            exports.open = True
        else:
            exports.names[text_of(child.child_by_field_name("key") or child.child_by_field_name("name") or child)] = (
                line_at(child)
            )
