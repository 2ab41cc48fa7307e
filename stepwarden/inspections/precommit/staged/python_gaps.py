"""What a Python file of a tree uses and that the tree does not have: names, imports, members, parameters."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from posixpath import dirname, join
from typing import TYPE_CHECKING

from stepwarden.inspections.precommit.staged.names import FileNames, Gap
from stepwarden.inspections.precommit.staged.python_names import read_names
from stepwarden.inspections.precommit.staged.trees import FileVersion, Tree
from stepwarden.inspections.shared.faults.call_arguments import find_calls, find_misfit, has_plain_calls
from stepwarden.inspections.shared.faults.python_functions import PythonFunction, find_functions
from stepwarden.source.syntax import line_at, text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_Functions = Mapping[str, PythonFunction]


@dataclass(frozen=True, slots=True)
class _Imported:
    """What one name of a file stands for: `name` of one of the modules `files`, or such a module itself ("")."""

    files: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class PythonGaps:
    """Finds the gaps of the Python files of one tree; what is read of a file is read once for all of them."""

    tree: Tree
    _names: dict[FileVersion, FileNames] = field(default_factory=dict[FileVersion, FileNames], repr=False)
    _plain: dict[FileVersion, _Functions] = field(default_factory=dict[FileVersion, _Functions], repr=False)

    def beside(self, tree: Tree) -> "PythonGaps":
        """Return the same for another tree of the repository."""
        return replace(self, tree=tree)

    def names(self, path: str) -> FileNames:
        """Return the names of a file; of one that is not there, nothing; of one that does not parse, anything."""
        version = self.tree.version(path)
        if version not in self._names:
            root = self.tree.syntax(path)
            self._names[version] = read_names(root) if root is not None else FileNames(open=self.tree.has(path))
        return self._names[version]

    def provides(self, source: str, name: str) -> bool:
        """Whether a file is there and binds `name`."""
        return self.tree.has(source) and (not name or self.names(source).provides(name))

    def find(self, path: str) -> Iterator[Gap]:
        """Yield what the file uses and nothing in the tree has."""
        root = self.tree.syntax(path)
        names = self.names(path)
        if root is None:
            return
        if not names.open:
            for name, line in names.missing.items():
                shown = f"self.{name.rpartition('.')[2]}" if "." in name else name
                yield Gap(path, line, f"uses {shown}", name, (path,))
        imported: dict[str, _Imported] = {}
        for node in walk(root):
            if node.type in {"import_from_statement", "import_statement"}:
                yield from self._gaps_of_import(path, node, imported)
        yield from self._gaps_of_attributes(path, root, imported, names)
        yield from self._gaps_of_calls(path, root, imported, names)

    def _gaps_of_import(self, path: str, node: "Node", imported: dict[str, _Imported]) -> Iterator[Gap]:
        is_tried = _is_tried(node)
        line = line_at(node)
        if node.type == "import_statement":
            for child in node.children_by_field_name("name"):
                module = text_of(child.child_by_field_name("name") or child)
                alias = text_of(child.child_by_field_name("alias"))
                files = self._files(path, module, 0)
                if alias or "." not in module:
                    imported[alias or module] = _Imported(files)
                if not is_tried and not self._there(files):
                    yield Gap(path, line, f"imports {module}", "", files)
            return
        module_node = node.child_by_field_name("module_name")
        text = text_of(module_node)
        module = text.lstrip(".")
        level = len(text) - len(module)
        files = self._files(path, module, level)
        packages = self._there(files)
        if files and not packages and not is_tried and module:
            yield Gap(path, line, f"imports {text}", "", files)
        for child in node.children_by_field_name("name"):
            name = text_of(child.child_by_field_name("name") or child)
            inner = self._files(path, f"{module}.{name}" if module else name, level)
            is_module = bool(self._there(inner)) and not any(
                self.names(file).provides(name) and not self.names(file).open for file in packages
            )
            alias = text_of(child.child_by_field_name("alias")) or name
            imported[alias] = _Imported(inner) if is_module else _Imported(packages, name)
            if is_tried or (module and not packages) or is_module:
                continue
            if not any(self.names(file).provides(name) for file in packages):
                yield Gap(path, line, f"imports {name}", name, packages)
                yield Gap(path, line, f"imports {name}", "", inner)

    def _files(self, path: str, module: str, level: int) -> tuple[str, ...]:
        """Return the files that a module could be."""
        parts = module.split(".") if module else []
        if level:
            start = dirname(path)
            for _ in range(level - 1):
                start = dirname(start)
            roots = [start]
        elif not parts or parts[0] in sys.stdlib_module_names:
            return ()
        else:
            roots = list(self._roots(path))
        files: list[str] = []
        for root in roots:
            stem = join(root, *parts)
            files += ([f"{stem}.py"] if parts else []) + [f"{stem}/__init__.py".lstrip("/")]
        return tuple(files)

    def _roots(self, path: str) -> Iterator[str]:
        """Yield the directories around a file that are no package themselves."""
        here = dirname(path)
        while True:
            if not self.tree.has(join(here, "__init__.py")):
                yield here
                yield join(here, "src")
            if not here:
                return
            here = dirname(here)

    def _there(self, files: Sequence[str]) -> tuple[str, ...]:
        return tuple(file for file in files if self.tree.has(file))

    def _gaps_of_attributes(
        self, path: str, root: "Node", imported: dict[str, _Imported], names: FileNames
    ) -> Iterator[Gap]:
        modules = {name: one for name, one in imported.items() if not one.name and name not in names.inner}
        for node in walk(root) if modules else ():
            alias = text_of(node.child_by_field_name("object")) if node.type == "attribute" else ""
            if alias not in modules:
                continue
            name = text_of(node.child_by_field_name("attribute"))
            files = self._there(modules[alias].files)
            has = any(self.names(file).provides(name) or self._is_module_in(file, name) for file in files)
            if files and not has and not name.startswith("__"):
                yield Gap(path, line_at(node), f"uses {alias}.{name}", name, files)

    def _is_module_in(self, package: str, name: str) -> bool:
        here = dirname(package)
        return package.endswith("__init__.py") and bool(
            self._there((join(here, f"{name}.py"), join(here, name, "__init__.py")))
        )

    def _gaps_of_calls(
        self, path: str, root: "Node", imported: dict[str, _Imported], names: FileNames
    ) -> Iterator[Gap]:
        for node in walk(root):
            if node.type != "call":
                continue
            target = self._target(path, node, imported, names)
            if target is None:
                continue
            file, name = target
            function = self._functions(file).get(name)
            call = next(iter(find_calls(node)), None)
            if function is None or call is None:
                continue
            if why := find_misfit(function, call).replace("__init__", name):
                passed = why.removeprefix("passes ").partition("=")
                yield Gap(path, line_at(node), why, passed[0] if passed[1] else name, (file,), needs=False)

    def _functions(self, path: str) -> _Functions:
        version = self.tree.version(path)
        if version not in self._plain:
            self._plain[version] = self._read_functions(path)
        return self._plain[version]

    def _read_functions(self, path: str) -> _Functions:
        """Return the functions of a file by the names that calls have for them, each that is one and plain."""
        root = self.tree.syntax(path)
        found: dict[str, list[PythonFunction]] = {}
        for function in find_functions(root) if root is not None else ():
            found.setdefault(function.qualified, []).append(function)
        plain = {name: items[0] for name, items in found.items() if len(items) == 1 and has_plain_calls(items[0])}
        names = self.names(path)
        made = {
            name.removesuffix(".__init__"): one
            for name, one in plain.items()
            if name.endswith(".__init__") and one.owner in names.top and f"{one.owner}.__new__" not in names.top
        }
        return {**plain, **made}

    def _target(
        self, path: str, node: "Node", imported: dict[str, _Imported], names: FileNames
    ) -> tuple[str, str] | None:
        """Return the file and the name of the function that a call runs, where both are plain."""
        called = node.child_by_field_name("function")
        if called is None:
            return None
        if called.type == "identifier":
            name = text_of(called)
            if name in names.inner:
                return None
            if name in imported:
                one = imported[name]
                return (one.files[0], one.name) if one.name and len(one.files) == 1 else None
            return (path, name) if name in names.top else None
        if called.type != "attribute":
            return None
        alias, name = text_of(called.child_by_field_name("object")), text_of(called.child_by_field_name("attribute"))
        if alias == "self":
            owner = _class_around(node)
            return (path, f"{owner}.{name}") if owner else None
        if alias in imported and not imported[alias].name and alias not in names.inner:
            files = self._there(imported[alias].files)
            return (files[0], name) if len(files) == 1 else None
        return None


def _is_tried(node: "Node") -> bool:
    """Whether an import stands where its failure is expected."""
    around = node.parent
    while around is not None:
        if around.type == "try_statement":
            return True
        around = around.parent
    return False


def _class_around(node: "Node") -> str:
    """Return the class of the file's top level around a call, "" for none."""
    around = node.parent
    while around is not None:
        if around.type == "class_definition":
            outer = around.parent
            return text_of(around.child_by_field_name("name")) if outer and outer.type == "module" else ""
        around = around.parent
    return ""
