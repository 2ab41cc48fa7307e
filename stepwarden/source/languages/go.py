"""Go: documented as revive's `exported` and `package-comments` count (golint's before it)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from stepwarden.source.grammar import (
    Comment,
    Draft,
    Grammar,
    ParsedFile,
    end_line_of,
    line_of,
    signature_of,
    text_of,
)
from stepwarden.source.languages.go_types import VARIABLES, embedded_of, result_of, type_of, value_of, variables_of
from stepwarden.source.outline import DefinitionKind, Import, Language

if TYPE_CHECKING:
    from tree_sitter import Node

_NAMES = frozenset({"identifier", "package_identifier"})
_COMMON_METHODS = frozenset({"Error", "Read", "ServeHTTP", "String", "Write", "Unwrap"})  # known by interfaces
_SORT_METHODS = frozenset({"Len", "Less", "Swap"})
_DIRECTIVE = re.compile(rb"//(?:[a-z0-9]+:[a-z0-9]|line |extern |export )")
_TYPES = {"struct_type": DefinitionKind.CLASS, "interface_type": DefinitionKind.INTERFACE}
_SPECS = frozenset({"const_spec", "var_spec"})


def _define(node: "Node", file: ParsedFile, parent: Draft | None) -> Draft | None:
    if node.type == "source_file":
        return _package(node, file)
    local = parent is not None and parent.kind is not DefinitionKind.MODULE
    if node.type in _SPECS and local:
        return None
    name = text_of(node.child_by_field_name("name"))
    exported = name[:1].isupper()
    if node.type in _SPECS and not exported:
        return None
    draft = Draft(name, _kind(node), node, line_of(node), end_line_of(node), exported and not local)
    draft.signature = signature_of(file, node)
    _mark_documented(draft, file, _outer(node))
    if node.type in {"function_declaration", "method_declaration"}:
        draft.parameters = tuple(_parameters(node.child_by_field_name("parameters")))
        draft.returns = result_of(node.child_by_field_name("result"))
    if node.type == "method_declaration":
        _set_receiver(draft, node)
    if node.type in {"type_spec", "type_alias"}:
        draft.bases = tuple(filter(None, embedded_of(node)))
        draft.returns = type_of(node.child_by_field_name("type"))
    if parent is not None and parent.exempt_inside:
        draft.exempt = True
    return draft


def _package(node: "Node", file: ParsedFile) -> Draft:
    clause = next((child for child in node.children if child.type == "package_clause"), None)
    name = next((text_of(child) for child in clause.named_children), "") if clause is not None else ""
    line = line_of(clause) if clause is not None else 1
    draft = Draft(name, DefinitionKind.MODULE, node, line, max(line, end_line_of(node)))
    draft.exempt = True  # one file of a package documents it: `find_undocumented` knows which
    draft.exempt_inside = name == "main" or file.path.endswith("_test.go")  # what is in it cannot be imported
    if clause is not None:
        _mark_documented(draft, file, (clause,))
        draft.signature = f"package {name}"
    return draft


def _kind(node: "Node") -> DefinitionKind:
    if node.type in _SPECS:
        return DefinitionKind.VALUE
    if node.type == "function_declaration":
        return DefinitionKind.FUNCTION
    if node.type == "method_declaration":
        return DefinitionKind.METHOD
    kind = node.child_by_field_name("type")
    return (
        _TYPES.get(kind.type, DefinitionKind.TYPE)
        if kind is not None and node.type == "type_spec"
        else DefinitionKind.TYPE
    )


def _outer(node: "Node") -> tuple["Node", ...]:
    """Return the nodes above which a definition may be documented: itself, and the declaration around it."""
    outer = node.parent
    if outer is not None and outer.type.endswith("_list"):
        outer = outer.parent
    return (node, outer) if outer is not None and outer.type.endswith("_declaration") else (node,)


def _mark_documented(draft: Draft, file: ParsedFile, anchors: Sequence["Node"]) -> None:
    for anchor in anchors:
        group = file.comments_before(anchor.start_byte, anchor.start_point.row)
        if group and _documents(file, group):
            draft.documented = True
            draft.doc_lines = (group[0].row + 1, group[-1].end_row + 1)
            return


def _documents(file: ParsedFile, group: Sequence[Comment]) -> bool:
    """Whether comments have a line that is neither a directive nor a note of deprecation."""
    for comment in group:
        text = file.text_of(comment)
        if _DIRECTIVE.match(text):
            continue
        for line in text.removeprefix(b"/*").removesuffix(b"*/").splitlines():
            words = line.removeprefix(b"//").strip()
            if words:
                return not words.startswith(b"Deprecated: ")
    return False


def _parameters(listed: "Node | None") -> Iterator[str]:
    for child in listed.named_children if listed is not None else ():
        for name in child.children_by_field_name("name"):
            yield text_of(name)


def _set_receiver(draft: Draft, node: "Node") -> None:
    """Set the type that a method belongs to; a method of an unexported type is not public."""
    receiver = node.child_by_field_name("receiver")
    base = re.search(r"(\w+)\s*(?:\[[^()]*\])?\s*\)\s*$", text_of(receiver))
    draft.owner = base[1] if base else ""
    draft.public = draft.public and draft.owner[:1].isupper()
    draft.exempt = draft.name in _COMMON_METHODS


def _finish(_file: ParsedFile, drafts: Sequence[Draft]) -> None:
    """Exempt the methods of sort.Interface, and all but the first of a group of values, which share a comment."""
    methods = {(draft.owner, draft.name) for draft in drafts if draft.kind is DefinitionKind.METHOD}
    checked: set[int] = set()
    for draft in drafts:
        if draft.kind is DefinitionKind.METHOD and draft.name in _SORT_METHODS:
            draft.exempt = draft.exempt or all((draft.owner, name) in methods for name in _SORT_METHODS)
        elif draft.kind is DefinitionKind.VALUE and not draft.documented and not draft.exempt:
            group = _outer(draft.node)[-1].start_byte
            draft.exempt = group in checked
            checked.add(group)


def _import_of(node: "Node") -> Iterable[Import]:
    path = text_of(node.child_by_field_name("path")).strip('"`')
    return [Import(path, (), line_of(node), 0, text_of(node.child_by_field_name("name")))]


def _call_of(node: "Node") -> tuple[str, str] | None:
    if node.type == "type_conversion_expression":  # F[int](x) may be either; with a generic type it is mostly a call
        generic = node.child_by_field_name("type")
        if generic is None or generic.type != "generic_type":
            return None
        owner, _, name = text_of(generic.child_by_field_name("type")).rpartition(".")
        return name, owner
    target = node.child_by_field_name("function")
    if target is None:
        return None
    if target.type in _NAMES:
        return text_of(target), ""
    if target.type != "selector_expression":
        return None
    return text_of(target.child_by_field_name("field")), value_of(target.child_by_field_name("operand")) or "?"


_PRAGMA = re.compile(rb"//(?:[a-z0-9]+:[a-z0-9]|line |extern |export |sys\b|nolint\b|\s*\+[a-z]|\s*#nosec)|/\*line ")
_OUTPUT = re.compile(rb"(?://|/\*)\s*(?:unordered )?output:", re.IGNORECASE)
_CGO = re.compile(rb"([ \t]*\n[ \t]*\n)?(?:\s|//[^\n]*\n|/\*(?:[^*]|\*(?!/))*+\*/|import|\()*+\"C\"")
_NEEDS_APART = re.compile(rb"//\s*\+build")


def _directives(file: ParsedFile, comment: Comment) -> Iterable[bytes]:
    """Return directives, the expected output of an example, and the C code above `import "C"`."""
    text = file.text_of(comment)
    rest = file.text[comment.end : comment.end + 20_000]
    if b"import" in file.text and b'"C"' in file.text:
        above = _CGO.match(rest)
        if above is not None:
            yield text + (b" (apart)" if above[1] else b"")
            return
    if _PRAGMA.match(text):
        yield text + (b" (apart)" if _NEEDS_APART.match(text) and re.match(rb"[ \t]*\n[ \t]*\n", rest) else b"")
    elif _OUTPUT.match(text) and b"func Example" in file.text:
        yield text


def _line_end_matters(before: bytes, after: bytes) -> bool:
    """Whether the language inserts a semicolon where a line ends between two words."""
    if not before:
        return False
    ends = before[-1:].isalnum() or before[-1:] in b"_)]}\"'`" or before in {b"++", b"--"} or before[-1:] > b"\x7f"
    return ends and after not in {b")", b"}"}


GRAMMAR = Grammar(
    language=Language.GO,
    wheel="tree_sitter_go",
    entries={".go": "language"},
    definitions=(
        "source_file",
        "function_declaration",
        "method_declaration",
        "type_spec",
        "type_alias",
        "const_spec",
        "var_spec",
    ),
    define=_define,
    imports=("import_spec",),
    import_of=_import_of,
    calls=("call_expression", "type_conversion_expression"),
    call_of=_call_of,
    variables=VARIABLES,
    variables_of=variables_of,
    branches=(
        "if_statement",
        "for_statement",
        "expression_case",
        "type_case",
        "communication_case",
        '"&&"',
        '"||"',
    ),
    finish=_finish,
    generated=re.compile(rb"^// Code generated .* DO NOT EDIT\.\r?$", re.MULTILINE),
    literals=frozenset({"interpreted_string_literal", "raw_string_literal", "rune_literal"}),
    directives=_directives,
    line_ends=re.compile(rb"\r\n"),
    comments_end_lines=True,
    line_end_matters=_line_end_matters,
)
