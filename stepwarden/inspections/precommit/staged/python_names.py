"""The names of a Python file, with its scopes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stepwarden.inspections.precommit.staged.names import FileNames, Scope
from stepwarden.source.syntax import line_at, text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_FUNCTIONS = frozenset({"function_definition", "lambda"})
_COMPREHENSIONS = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
_TARGETS = frozenset({"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern"})
_LEFT = frozenset({"assignment", "augmented_assignment", "for_statement", "for_in_clause"})
_PARAMETERS = frozenset({"parameters", "lambda_parameters", "list_splat_pattern", "dictionary_splat_pattern"})
_OPEN = frozenset({"globals", "locals", "vars", "exec", "__getattr__"})
_PLAIN_BASES = frozenset({"", "object", "ABC", "abc.ABC", "Exception", "ValueError", "RuntimeError"})


def read_names(root: "Node") -> FileNames:
    """Return the names of a file."""
    top = Scope()
    uses: list[tuple[str, int, Scope]] = []
    inner: set[str] = set()
    is_open = False
    waiting: list[tuple[Node, Scope]] = [(root, top)]
    while waiting:
        node, scope = waiting.pop()
        if node.type == "wildcard_import":
            is_open = True
        elif node.type == "identifier":
            name = text_of(node)
            if (bound := _scope_bound(node, scope, top)) is not None:
                bound.bound.setdefault(name, line_at(node))
                if bound is not top:
                    inner.add(name)
            elif not _is_no_name(node):
                uses.append((name, line_at(node), scope))
                is_open = is_open or name in _OPEN
        inside = _scope_of(node, scope)
        waiting += [(child, inside) for child in reversed(node.named_children)]
    missing: dict[str, int] = {}
    for name, line, scope in uses:
        if not scope.sees(name):
            missing.setdefault(name, line)
    bound_members, missing_members = _members(root)
    return FileNames({**top.bound, **bound_members}, {**missing, **missing_members}, frozenset(inner), is_open)


def _scope_of(node: "Node", scope: Scope) -> Scope:
    if node.type == "class_definition":
        return Scope(scope, is_class=True)
    return Scope(scope) if node.type in _FUNCTIONS or node.type in _COMPREHENSIONS else scope


def _scope_bound(node: "Node", scope: Scope, top: Scope) -> Scope | None:
    """Return the scope in which an identifier gives a name a value, None for one that is used."""
    at, user = node, node.parent
    while user is not None and user.type in _TARGETS:
        at, user = user, user.parent
    if user is None:
        return None
    kind = user.type
    if kind in {"function_definition", "class_definition"} and user.child_by_field_name("name") == at:
        return scope.around or scope
    if kind == "global_statement":
        return top
    is_bound = (
        (kind in _LEFT and user.child_by_field_name("left") == at)
        or (
            kind in {"named_expression", "default_parameter", "typed_default_parameter"} and _is_field(user, "name", at)
        )
        or kind in _PARAMETERS
        or (kind == "typed_parameter" and user.named_children[0] == at)
        or kind in {"as_pattern_target", "nonlocal_statement", "delete_statement", "splat_pattern"}
        or _stands_in(node, "as_pattern_target", "case_pattern", "type_parameter", "type_alias_statement")
        or _is_imported(node)
    )
    return scope if is_bound else None


def _is_field(user: "Node", field: str, node: "Node") -> bool:
    return user.child_by_field_name(field) == node


def _stands_in(node: "Node", *kinds: str) -> bool:
    """Whether a name is part of a pattern or of the names of types: it may be given a value there."""
    around = node.parent
    for _ in range(4):
        if around is None:
            return False
        if around.type in kinds and not (around.type == "type_parameter" and _is_subscript(around)):
            return True
        around = around.parent
    return False


def _is_subscript(node: "Node") -> bool:
    return node.parent is not None and node.parent.type == "generic_type"


def _is_imported(node: "Node") -> bool:
    """Whether a name is bound by an import: the alias, or the first part of what is imported."""
    user = node.parent
    if user is None or user.type not in {"dotted_name", "aliased_import"}:
        return False
    if user.type == "aliased_import":
        return True
    around = user.parent
    return (
        around is not None
        and around.type.startswith("import_")
        and user.named_children[0] == node
        and (around.child_by_field_name("module_name") != user)
    )


def _is_no_name(node: "Node") -> bool:
    """Whether an identifier is an attribute, a keyword of a call, or part of an import."""
    user = node.parent
    if user is None or user.type == "dotted_name":
        return user is None or user.parent is None or user.parent.type != "decorator"
    if user.type == "attribute":
        return user.child_by_field_name("attribute") == node
    return user.type in {"keyword_argument", "keyword_pattern"} and user.child_by_field_name("value") != node


def _members(root: "Node") -> tuple[dict[str, int], dict[str, int]]:
    """Return the members of the file's classes, and those that a class uses of itself and does not have."""
    bound: dict[str, int] = {}
    missing: dict[str, int] = {}
    assigned = {text_of(node.child_by_field_name("attribute")): line_at(node) for node in walk(root) if _is_set(node)}
    for node in root.named_children:
        inner = node.child_by_field_name("definition") or node
        body = inner.child_by_field_name("body")
        if inner.type != "class_definition" or body is None:
            continue
        name = text_of(inner.child_by_field_name("name"))
        own = dict(_body_names(body))
        bound |= {f"{name}.{member}": line for member, line in {**assigned, **own}.items()}
        if text_of(inner.child_by_field_name("superclasses")).strip("()") not in _PLAIN_BASES or "__getattr__" in own:
            continue
        if inner != node:
            continue  # a decorator may add members
        for used in walk(body):
            member = text_of(used.child_by_field_name("attribute")) if used.type == "attribute" else ""
            of_self = text_of(used.child_by_field_name("object")) == "self" and not member.startswith("__")
            if member and of_self and member not in own and member not in assigned:
                missing.setdefault(f"{name}.{member}", line_at(used))
    return bound, missing


def _is_set(node: "Node") -> bool:
    user = node.parent
    while user is not None and user.type in _TARGETS:
        node, user = user, user.parent
    return (
        node.type in {"attribute", *_TARGETS}
        and user is not None
        and ((user.type in _LEFT and user.child_by_field_name("left") == node) or user.type == "as_pattern_target")
    )


def _body_names(body: "Node") -> Iterator[tuple[str, int]]:
    for child in walk(body):
        if child.type in {"function_definition", "class_definition"}:
            yield text_of(child.child_by_field_name("name")), line_at(child)
        elif child.type == "assignment":
            yield text_of(child.child_by_field_name("left")), line_at(child)
        elif child.type == "string" and child.parent is not None and child.parent.type in {"list", "tuple"}:
            yield text_of(child).strip("'\""), line_at(child)  # of __slots__
