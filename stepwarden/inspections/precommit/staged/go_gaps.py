"""What a Go file of a tree uses and that its package, or another package of the module, does not have."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import dirname, join
from typing import TYPE_CHECKING

from stepwarden.inspections.precommit.staged.names import Gap
from stepwarden.inspections.precommit.staged.trees import Tree
from stepwarden.inspections.shared.fact_text import count
from stepwarden.source.syntax import line_at, text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_MODULE = re.compile(rb"^module\s+(\S+)", re.MULTILINE)
_NAMES = frozenset({"identifier", "type_identifier"})
_DECLARED = frozenset({"function_declaration", "type_spec", "type_alias", "type_parameter_declaration"})
_LISTED = frozenset({"var_spec", "const_spec", "parameter_declaration", "variadic_parameter_declaration"})
_LEFT = frozenset({"short_var_declaration", "range_clause", "receive_statement", "type_switch_statement"})


@dataclass(frozen=True, slots=True)
class _Package:
    """What the files of one directory declare: names, and of functions how many arguments they take (None: any)."""

    names: frozenset[str]
    functions: dict[str, int | None]
    open: bool = False


@dataclass(frozen=True)
class GoGaps:
    """Finds the gaps of the Go files of one tree."""

    tree: Tree
    _packages: dict[str, _Package] = field(default_factory=dict[str, _Package], repr=False)

    def provides(self, source: str, name: str) -> bool:
        """Whether a package, by its directory, has `name`; any, where it has no file that can be read."""
        package = self._package(source)
        return package.open or name in package.names or not name

    def find(self, path: str) -> Iterator[Gap]:
        """Yield what the file uses and its packages do not have."""
        root = self.tree.syntax(path)
        own = self._package(dirname(path))
        if root is None or own.open:
            return
        bound = {text_of(node) for node in walk(root) if node.type in _NAMES and _is_binding(node)}
        imported = dict(self._imported(path, root))
        seen: set[str] = set()
        for node in walk(root):
            name = text_of(node) if node.type in _NAMES else ""
            if name and name not in bound and name not in own.names and name not in seen and _is_use(node):
                seen.add(name)
                yield Gap(path, line_at(node), f"uses {name}", name, (dirname(path),))
            elif node.type in {"selector_expression", "qualified_type"}:
                yield from self._gaps_of_selector(path, node, imported, bound)
            elif node.type == "call_expression":
                yield from self._gaps_of_call(path, node, imported, bound)

    def _gaps_of_selector(self, path: str, node: "Node", imported: dict[str, str], bound: set[str]) -> Iterator[Gap]:
        first, last = node.named_children[0], node.named_children[-1]
        alias, name = text_of(first), text_of(last)
        if alias in imported and alias not in bound and not self.provides(imported[alias], name):
            yield Gap(path, line_at(node), f"uses {alias}.{name}", name, (imported[alias],))

    def _gaps_of_call(self, path: str, node: "Node", imported: dict[str, str], bound: set[str]) -> Iterator[Gap]:
        called = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        if called is None or arguments is None:
            return
        name, directory = text_of(called), dirname(path)
        if called.type == "selector_expression":
            alias, _, name = name.partition(".")
            if alias not in imported or alias in bound:
                return
            directory = imported[alias]
        elif called.type != "identifier" or name in bound - self._package(directory).names:
            return
        passed = [child for child in arguments.named_children if child.type != "comment"]
        takes = self._package(directory).functions.get(name)
        alone = len(passed) == 1 and passed[0].type == "call_expression"  # which may give several values
        if takes is None or len(passed) == takes or alone or text_of(arguments).rstrip(") \n,").endswith("..."):
            return
        what = f"passes {count(len(passed), 'argument')}, {name} takes {takes}"
        yield Gap(path, line_at(node), what, name, (directory,), needs=False)

    def _imported(self, path: str, root: "Node") -> Iterator[tuple[str, str]]:
        """Yield the names of imported packages of the own module, with their directories."""
        here: str = dirname(path)
        while not self.tree.has(join(here, "go.mod")):
            if not here:
                return
            here = dirname(here)
        found = _MODULE.search(self.tree.read(join(here, "go.mod")) or b"")
        module = found[1].decode("utf-8", "replace").strip('"') if found else ""
        for node in walk(root):
            if node.type != "import_spec":
                continue
            text = text_of(node.child_by_field_name("path")).strip('"`')
            if module and text.startswith(f"{module}/"):
                alias = text_of(node.child_by_field_name("name")) or text.rpartition("/")[2]
                yield alias, join(here, text.removeprefix(f"{module}/"))

    def _package(self, directory: str) -> _Package:
        if directory not in self._packages:
            self._packages[directory] = self._read_package(directory)
        return self._packages[directory]

    def _read_package(self, directory: str) -> _Package:
        names: set[str] = set()
        functions: dict[str, int | None] = {}
        files = self.tree.files_in(directory, ".go")
        for file in files:
            root = self.tree.syntax(file)
            if root is None:
                return _Package(frozenset(), {}, open=True)
            for node in root.named_children:
                for name in _declared(node):
                    names.add(name)
                if node.type == "function_declaration":
                    name = text_of(node.child_by_field_name("name"))
                    functions[name] = _count_parameters(node) if name not in functions else None
                if node.type == "import_declaration" and " . " in text_of(node):
                    return _Package(frozenset(), {}, open=True)
        return _Package(frozenset(names), functions, open=not files)


def _declared(node: "Node") -> Iterator[str]:
    if node.type == "function_declaration":
        yield text_of(node.child_by_field_name("name"))
        return
    for inner in walk(node) if node.type in {"type_declaration", "const_declaration", "var_declaration"} else ():
        if inner.type in {"type_spec", "type_alias", "const_spec", "var_spec"}:
            yield from map(text_of, inner.children_by_field_name("name"))


def _count_parameters(node: "Node") -> int | None:
    listed = node.child_by_field_name("parameters")
    total = 0
    for child in listed.named_children if listed is not None else ():
        if child.type == "variadic_parameter_declaration":
            return None
        if child.type == "parameter_declaration":
            total += max(1, len(child.children_by_field_name("name")))
    return total


def _is_binding(node: "Node") -> bool:
    user = node.parent
    if user is None:
        return False
    if user.type in _DECLARED or user.type in _LISTED:
        return node in user.children_by_field_name("name")
    if user.type == "expression_list":
        at, user = user, user.parent
        return (
            user is not None
            and user.type in _LEFT
            and at
            in (
                user.child_by_field_name("left"),
                user.child_by_field_name("alias"),
            )
        )
    return False


def _is_use(node: "Node") -> bool:
    """Whether a name is used by itself: no key of a literal, no type of another package."""
    user = node.parent
    if user is None or user.type in {"qualified_type", "package_clause", "import_spec", "label_name"}:
        return False
    if user.type == "literal_element" and user.parent is not None and user.parent.type == "keyed_element":
        return user.parent.named_children[0] != user
    return True
