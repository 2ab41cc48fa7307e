"""Python: documented as ruff's D100 to D107 count, which is pydocstyle's convention."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from stepwarden.source.grammar import (
    Draft,
    Grammar,
    ParsedFile,
    end_line_of,
    first_of,
    line_of,
    signature_of,
    text_of,
)
from stepwarden.source.languages.docstrings import directives, docstring, documents
from stepwarden.source.languages.python_types import VARIABLES, type_of, value_of, variables_of
from stepwarden.source.outline import DefinitionKind, Import, Language

if TYPE_CHECKING:
    from tree_sitter import Node

_EXEMPT = frozenset({"overload", "override"})


def _has_words(string: "Node") -> bool:
    """Whether a docstring has a word in it."""
    return bool(re.sub(rb"[rRuU]?(\"\"\"|'''|\"|')", b"", string.text or b"").strip())


def _mark_documented(draft: Draft, body: "Node | None") -> None:
    string = docstring(body)
    if string is not None:
        draft.documented = _has_words(string)
        draft.doc_lines = (line_of(string), end_line_of(string))


def _define(node: "Node", file: ParsedFile, parent: Draft | None) -> Draft | None:
    if node.type == "module":
        return _module(node, file)
    name = text_of(node.child_by_field_name("name"))
    draft = Draft(name, _kind(node, parent), node, line_of(node), end_line_of(node))
    _mark_documented(draft, node.child_by_field_name("body"))
    draft.signature = signature_of(file, node)
    draft.decorators = tuple(_decorators(node))
    if node.type == "class_definition":
        draft.bases = tuple(_bases(node))
    else:
        draft.parameters = tuple(_parameters(node))
        draft.asynchronous = node.children[0].type == "async"
        draft.returns = type_of(node.child_by_field_name("return_type"))
    draft.public, draft.exempt = _visibility(draft, parent)
    if file.path.endswith(".pyi"):
        draft.exempt = True
    return draft


def _module(node: "Node", file: ParsedFile) -> Draft:
    path = PurePosixPath(file.path)
    draft = Draft(path.stem, DefinitionKind.MODULE, node, 1, max(1, end_line_of(node)))
    draft.public = not any(map(_is_private_module, (*path.parts[:-1], path.name.split(".")[0])))
    draft.exempt = path.suffix == ".pyi"
    _mark_documented(draft, node)
    return draft


def _is_private_module(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def _kind(node: "Node", parent: Draft | None) -> DefinitionKind:
    if node.type == "class_definition":
        return DefinitionKind.CLASS
    return (
        DefinitionKind.METHOD if parent is not None and parent.kind is DefinitionKind.CLASS else DefinitionKind.FUNCTION
    )


def _visibility(draft: Draft, parent: Draft | None) -> tuple[bool, bool]:
    """Return whether a definition is public, and whether it is exempt nevertheless."""
    inside = parent is not None and parent.kind in {DefinitionKind.FUNCTION, DefinitionKind.METHOD}
    public = (parent is None or parent.public) and not inside
    last = {decorator.split("(")[0].rpartition(".")[2] for decorator in draft.decorators}
    if draft.kind is DefinitionKind.METHOD:
        magic = draft.name.startswith("__") and draft.name.endswith("__")
        accessor = bool({f"{draft.name}.setter", f"{draft.name}.deleter"} & set(draft.decorators))
        return public and (magic or not draft.name.startswith("_")), accessor or bool(last & _EXEMPT)
    return public and not draft.name.startswith("_"), draft.kind is DefinitionKind.FUNCTION and "overload" in last


def _decorators(node: "Node") -> Iterator[str]:
    outer = node.parent
    if outer is not None and outer.type == "decorated_definition":
        for child in outer.children:
            if child.type == "decorator":
                yield " ".join(text_of(child.named_child(0)).split())


def _bases(node: "Node") -> Iterator[str]:
    bases = node.child_by_field_name("superclasses")
    for base in bases.named_children if bases is not None else ():
        if base.type not in {"keyword_argument", "comment"}:
            yield " ".join(text_of(base).split())


def _parameters(node: "Node") -> Iterator[str]:
    listed = node.child_by_field_name("parameters")
    for child in listed.named_children if listed is not None else ():
        named = child.child_by_field_name("name") or child
        while named.type in {"typed_parameter", "list_splat_pattern", "dictionary_splat_pattern"}:
            inner = first_of(named)
            if inner is None:
                break
            named = inner
        if named.type == "identifier":
            yield text_of(named)


def _import_of(node: "Node") -> Iterable[Import]:
    line = line_of(node)
    names = [_imported(child) for child in node.children_by_field_name("name")]
    if node.type == "import_statement":
        return [Import(name, (), line, 0, alias if alias != name else "") for name, alias in names]
    if node.type == "future_import_statement":
        return [Import("__future__", tuple(names), line)]
    module = node.child_by_field_name("module_name")
    stem, level = text_of(module), 0
    if module is not None and module.type == "relative_import":
        level = len(stem) - len(stem.lstrip("."))
        stem = stem.lstrip(". ")
    if any(child.type == "wildcard_import" for child in node.children):
        names.append(("*", "*"))
    return [Import(stem, tuple(names), line, level)]


def _imported(node: "Node") -> tuple[str, str]:
    if node.type != "aliased_import":
        return text_of(node), text_of(node)
    return text_of(node.child_by_field_name("name")), text_of(node.child_by_field_name("alias"))


def _call_of(node: "Node") -> tuple[str, str] | None:
    if node.type == "decorator":
        target = first_of(node)
        if target is None or target.type == "call":  # the call inside is one already
            return None
    else:
        target = node.child_by_field_name("function")
    if target is None:
        return None
    if target.type == "identifier":
        return text_of(target), ""
    if target.type != "attribute":
        return None
    owner = value_of(target.child_by_field_name("object"))
    return text_of(target.child_by_field_name("attribute")), owner or "?"


def _apply_all(file: ParsedFile, drafts: Sequence[Draft]) -> None:
    """Mark as private what `__all__` does not name, with everything inside it."""
    exported = list(_all_assignments(file.root))
    if not exported:
        return
    names = {name for statement in exported for name in _strings(statement.child_by_field_name("right"))}
    private: set[int] = set()
    for draft in drafts:
        top = draft.parent is not None and draft.parent.kind is DefinitionKind.MODULE
        if (top and draft.name not in names) or (draft.parent is not None and id(draft.parent) in private):
            draft.public = False
            private.add(id(draft))


def _all_assignments(root: "Node") -> Iterator["Node"]:
    """Return the assignments to `__all__` at module level, also conditional ones."""
    waiting = list(root.children)
    while waiting:
        node = waiting.pop()
        if node.type == "expression_statement" and node.child_count:
            inner = node.children[0]
            assigns = inner.type in {"assignment", "augmented_assignment"}
            if assigns and text_of(inner.child_by_field_name("left")) == "__all__":
                yield inner
        elif node.type in _CONDITIONS:
            waiting.extend(node.children)


def _strings(node: "Node | None") -> Iterator[str]:
    waiting = [node] if node is not None else []
    while waiting:
        node = waiting.pop()
        if node.type == "string":
            yield "".join(text_of(part) for part in node.children if part.type == "string_content")
        elif node.type in {"list", "tuple", "binary_operator", "call", "argument_list", "parenthesized_expression"}:
            waiting.extend(node.named_children)


_CONDITIONS = frozenset(
    {"if_statement", "elif_clause", "else_clause", "try_statement", "except_clause", "finally_clause", "block"}
    | {"with_statement"}
)

GRAMMAR = Grammar(
    language=Language.PYTHON,
    wheel="tree_sitter_python",
    entries={".py": "language"},
    definitions=("module", "class_definition", "function_definition"),
    define=_define,
    imports=("import_statement", "import_from_statement", "future_import_statement"),
    import_of=_import_of,
    calls=("call", "decorator"),
    call_of=_call_of,
    variables=VARIABLES,
    variables_of=variables_of,
    branches=(
        "if_statement",
        "elif_clause",
        "for_statement",
        "while_statement",
        "except_clause",
        "case_clause",
        "conditional_expression",
        "for_in_clause",
        "if_clause",
        '"and"',
        '"or"',
    ),
    finish=_apply_all,
    literals=frozenset({"string"}),
    documents=documents,
    directives=directives,
)
