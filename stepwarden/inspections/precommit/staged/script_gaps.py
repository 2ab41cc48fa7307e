"""What a JavaScript or TypeScript file of a tree uses and that the tree does not have."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

from stepwarden.inspections.precommit.staged.names import FileNames, Gap
from stepwarden.inspections.precommit.staged.script_names import FUNCTIONS, Exports, read_exports, read_names
from stepwarden.inspections.precommit.staged.trees import FileVersion, Tree
from stepwarden.inspections.shared.fact_text import count
from stepwarden.source.languages.es_imports import import_of
from stepwarden.source.syntax import line_at, text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_ENDINGS = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".d.ts", ".json", ".vue", ".svelte")
_INDEX = ("/index.ts", "/index.tsx", "/index.js", "/index.jsx", "/index.mjs")
_COMPILED = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_IMPORTING = frozenset({"import_statement", "export_statement", "variable_declarator", "call_expression"})


@dataclass(frozen=True)
class ScriptGaps:
    """Finds the gaps of the scripts of one tree; what is read of a file is read once for all of them."""

    tree: Tree
    _names: dict[FileVersion, FileNames] = field(default_factory=dict[FileVersion, FileNames], repr=False)
    _exports: dict[FileVersion, Exports] = field(default_factory=dict[FileVersion, Exports], repr=False)

    def beside(self, tree: Tree) -> "ScriptGaps":
        """Return the same for another tree of the repository."""
        return replace(self, tree=tree)

    def names(self, path: str) -> FileNames:
        """Return the names of a file."""
        version = self.tree.version(path)
        if version not in self._names:
            root = self.tree.syntax(path)
            self._names[version] = read_names(root) if root is not None else FileNames(open=self.tree.has(path))
        return self._names[version]

    def exports(self, path: str) -> Exports:
        """Return what a file exports; one that does not parse may export anything."""
        version = self.tree.version(path)
        if version not in self._exports:
            root = self.tree.syntax(path)
            self._exports[version] = read_exports(root) if root is not None else Exports(open=self.tree.has(path))
        return self._exports[version]

    def provides(self, source: str, name: str) -> bool:
        """Whether a file is there and has `name`: an export, or for itself any name of its top level."""
        if not self.tree.has(source):
            return False
        exports = self.exports(source)
        return not name or exports.open or name in exports.names or name in self.names(source).top

    def find(self, path: str) -> Iterator[Gap]:
        """Yield what the file uses and nothing in the tree has."""
        root = self.tree.syntax(path)
        if root is None:
            return
        names = self.names(path)
        for name, line in names.missing.items():
            shown = f"this.{name.rpartition('.')[2]}" if "." in name else name
            yield Gap(path, line, f"uses {shown}", name, (path,))
        imported: dict[str, tuple[str, str]] = {}
        for node in walk(root):
            if node.type in _IMPORTING:
                yield from self._gaps_of_import(path, node, imported)
        yield from self._gaps_of_calls(path, root, imported, names)

    def _gaps_of_import(self, path: str, node: "Node", imported: dict[str, tuple[str, str]]) -> Iterator[Gap]:
        for item in import_of(node):
            if not item.module.startswith((".", "@/", "~/")):
                continue
            files = _files(path, item.module)
            there = [file for file in files if self.tree.has(file)]
            if not there:
                yield Gap(path, item.line, f"imports {item.module}", "", files)
                continue
            exports = [self.exports(file) for file in there]
            if item.alias:
                imported[item.alias] = (there[0], "*")
            for name, alias in item.names:
                imported[alias] = (there[0], name)
                if name not in {"*", "default"} and not any(each.open or name in each.names for each in exports):
                    yield Gap(path, item.line, f"imports {name}", name, tuple(there))

    def _gaps_of_calls(
        self, path: str, root: "Node", imported: dict[str, tuple[str, str]], names: FileNames
    ) -> Iterator[Gap]:
        taken: dict[str, dict[str, int]] = {}
        for node in walk(root):
            called = node.child_by_field_name("function") if node.type == "call_expression" else None
            if called is None:
                continue
            name = text_of(called)
            file, own = imported.get(name, (path, name))
            if called.type == "member_expression":
                alias = text_of(called.child_by_field_name("object"))
                own = text_of(called.child_by_field_name("property"))
                file, kind = imported.get(alias, ("", ""))
                if kind != "*" or alias in names.inner:
                    continue
                if not self.provides(file, own):
                    yield Gap(path, line_at(node), f"uses {name}", own, (file,))
            elif called.type != "identifier" or name in names.inner:
                continue
            if file not in taken:
                taken[file] = self._taken(file)
            arguments = node.child_by_field_name("arguments")
            passed = [child for child in arguments.named_children if child.type != "comment"] if arguments else []
            if any(child.type == "spread_element" for child in passed) or len(passed) <= taken[file].get(own, 1_000):
                continue
            what = f"passes {count(len(passed), 'argument')}, {own} takes {taken[file][own]}"
            yield Gap(path, line_at(node), what, own, (file,), needs=False)

    def _taken(self, path: str) -> dict[str, int]:
        """Return how many arguments the functions of a file's top level take, those that take any number left out."""
        root = self.tree.syntax(path)
        found: dict[str, int] = {}
        for name, function in _functions(root.named_children) if root is not None else ():
            listed = function.child_by_field_name("parameters")
            children = [child for child in listed.named_children if child.type != "comment"] if listed else [function]
            text = text_of(function)
            if name in found or "..." in text_of(listed) or "arguments" in text:
                found[name] = 1_000  # declared more than once, or for any number
            else:
                found[name] = sum(text_of(child.child_by_field_name("pattern")) != "this" for child in children)
        return found


def _functions(nodes: Sequence["Node"]) -> Iterator[tuple[str, "Node"]]:
    for node in nodes:
        if node.type == "export_statement":
            yield from _functions(node.named_children)
        elif node.type in FUNCTIONS:
            yield text_of(node.child_by_field_name("name")), node
        elif node.type in {"lexical_declaration", "variable_declaration"}:
            for item in node.named_children:
                value = item.child_by_field_name("value")
                if value is not None and value.type in FUNCTIONS:
                    yield text_of(item.child_by_field_name("name")), value


def _files(path: str, module: str) -> tuple[str, ...]:
    """Return the files that a module of the own tree could be."""
    stems: list[str] = []
    if module.startswith("."):
        stems.append(normpath(join(dirname(path), module)))
    else:
        here: str = dirname(path)
        while True:
            stems += [normpath(join(here, "src", module[2:])), normpath(join(here, module[2:]))]
            if not here:
                break
            here = dirname(here)
    files: list[str] = []
    for stem in stems:
        if stem.startswith(".."):
            continue
        compiled = next(((stem.removesuffix(end), to) for end, to in _COMPILED.items() if stem.endswith(end)), None)
        files += [f"{stem}{ending}" for ending in (*_ENDINGS, *_INDEX)]
        files += [f"{compiled[0]}{ending}" for ending in compiled[1]] if compiled else []
    return tuple(files)
