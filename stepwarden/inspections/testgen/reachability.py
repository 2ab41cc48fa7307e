"""Which functions the tests of a project call, by themselves or through others, as far as names can tell."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from stepwarden.inspections.scope import is_function
from stepwarden.source.outline import CallSite, Definition, DefinitionKind, Import, Language, Outline

Key = tuple[str, str]
"""A definition: its file and its qualified name."""

MANY = 25  # definitions of one name, above which a call through an unknown object says nothing
FEW = 3  # definitions of one name that a test may mean although it imports none of their files
CALLED_LANGUAGES = frozenset({Language.PYTHON, Language.JAVASCRIPT, Language.TYPESCRIPT, Language.GO})
"""Languages whose outlines have calls."""
_PLAIN_DECORATORS = frozenset(
    {"staticmethod", "classmethod", "contextmanager", "asynccontextmanager", "wraps", "cache", "lru_cache", "final"}
)
_HARMLESS_BASES = frozenset(
    {"object", "ABC", "Protocol", "Generic", "Exception", "ValueError", "RuntimeError", "Enum", "StrEnum", "NamedTuple"}
)
_CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__", "constructor"})
_ENDINGS = (".py", ".pyi", ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".d.ts")


@dataclass(frozen=True)
class Reachability:
    """The definitions of files in one family of languages, found by name; `tests` are not among them."""

    outlines: Mapping[str, Outline]
    tests: frozenset[str] = frozenset()
    _resolved: dict[tuple[str, str, int], tuple[str, ...]] = field(default_factory=dict, repr=False)

    @cached_property
    def functions(self) -> dict[str, list[Key]]:
        """Functions and methods outside the tests by their own names."""
        found: dict[str, list[Key]] = {}
        for path, item in self.items():
            if is_function(item):
                found.setdefault(item.name, []).append((path, item.qualified))
        return found

    @cached_property
    def constructors(self) -> dict[str, list[Key]]:
        """What runs when a class is called, by the name of the class."""
        classes = {(path, item.qualified) for path, item in self.items() if item.kind is DefinitionKind.CLASS}
        found: dict[str, list[Key]] = {}
        for path, item in self.items():
            if item.name in _CONSTRUCTORS and (path, item.parent) in classes:
                found.setdefault(item.parent.rpartition(".")[2], []).append((path, item.qualified))
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        """Paths by the last part of what an import may call them."""
        found: dict[str, list[str]] = {}
        for path in self.outlines:
            pure = PurePosixPath(path)
            stem = pure.name.partition(".")[0]
            found.setdefault(stem, []).append(path)
            if stem in {"__init__", "index"} or pure.suffix == ".go":
                found.setdefault(pure.parent.name, []).append(path)
        return found

    @cached_property
    def _folders(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.outlines:
            found.setdefault(PurePosixPath(path).parent.as_posix(), []).append(path)
        return found

    def items(self) -> Iterator[tuple[str, Definition]]:
        """Go through all definitions outside the tests, each with its file."""
        for path, found in self.outlines.items():
            if path not in self.tests:
                for item in found.definitions:
                    yield path, item

    def neighbours(self, path: str) -> list[str]:
        """Return the files of the same folder, which share a package in Go."""
        return self._folders.get(PurePosixPath(path).parent.as_posix(), [])

    def imported(self, path: str, item: Import) -> tuple[str, ...]:
        """Return the files that an import in `path` may mean: a module, or all of a package."""
        key = (PurePosixPath(path).parent.as_posix(), item.module, item.level)
        if key not in self._resolved:
            self._resolved[key] = tuple(self._find(path, item))
        found = self._resolved[key]
        below = [inner for name, _ in item.names for inner in self._member(found, item, path, name)]
        return tuple(dict.fromkeys((*below, *found)))

    def _find(self, path: str, item: Import) -> Iterable[str]:
        if self.outlines[path].language is Language.GO:
            return [
                other
                for other in self._by_stem.get(item.module.rpartition("/")[2], ())
                if _ends(PurePosixPath(other).parent.as_posix(), item.module)
            ]
        if self.outlines[path].language is Language.PYTHON:
            return self._python(path, item)
        return self._javascript(path, item.module)

    def _python(self, path: str, item: Import) -> Iterable[str]:
        module = item.module.replace(".", "/")
        if item.level:
            above = PurePosixPath(path).parents[min(item.level - 1, len(PurePosixPath(path).parents) - 1)]
            module = (above / module).as_posix() if module else above.as_posix()
            return [other for other in self._candidates(module) if _bare(other) == module]
        return [other for other in self._candidates(module) if _ends(_bare(other), module)] if module else []

    def _member(self, found: tuple[str, ...], item: Import, path: str, name: str) -> Iterable[str]:
        """Return the module `name` of an imported package, where there is one."""
        if self.outlines[path].language is not Language.PYTHON or name not in self._by_stem:
            return []
        module = f"{item.module.replace('.', '/')}/{name}".lstrip("/")
        if item.level:
            folders = {PurePosixPath(other).parent.as_posix() for other in found}
            return [other for other in self._by_stem[name] if PurePosixPath(other).parent.as_posix() in folders]
        return [other for other in self._by_stem[name] if _ends(_bare(other), module)]

    def _javascript(self, path: str, module: str) -> Iterable[str]:
        if not module.startswith("."):
            tail = module.rpartition("/")[2]
            return [other for other in self._by_stem.get(tail, ()) if _ends(_bare(other), module.lstrip("@~/"))]
        parts: list[str] = list(PurePosixPath(path).parent.parts)
        for part in module.split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part not in {"", "."}:
                parts.append(part)
        wanted = "/".join(parts)
        known = wanted if wanted in self.outlines else _bare(wanted)
        return [other for other in self._candidates(known) if other == known or _bare(other) == known]

    def _candidates(self, module: str) -> list[str]:
        return self._by_stem.get(PurePosixPath(module).name.partition(".")[0], [])


def _bare(path: str) -> str:
    """Return a path as imports spell it: without its ending, and without what stands for a whole package."""
    for ending in _ENDINGS:
        if path.endswith(ending):
            path = path.removesuffix(ending)
            break
    return path.removesuffix("/__init__").removesuffix("/index")


def _ends(path: str, module: str) -> bool:
    """Whether a path is the module's, as seen from some directory: either is an end of the other."""
    return path == module or path.endswith(f"/{module}") or (path != "." and module.endswith(f"/{path}"))


class CallingFunction:
    """What the names in one file mean, by its imports."""

    def __init__(self, web: Reachability, path: str, outline: Outline) -> None:
        self._web = web
        self._path = path
        self._names: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._modules: dict[str, tuple[str, ...]] = {}
        self._related: set[str] = set()
        for item in outline.imports:
            files = web.imported(path, item)
            self._related.update(files)
            for name, alias in item.names:
                self._names[alias] = (name, files)
                self._modules.setdefault(alias, files)
            bound = item.alias or (item.module if not item.names else "")
            if bound:
                self._modules[bound] = files
                self._modules.setdefault(bound.rpartition("/")[2], files)
        if outline.language is Language.GO:
            self._related.update(web.neighbours(path))
        folders = {PurePosixPath(file).parent.as_posix() for file in self._related if _is_package(file)}
        self._packages = tuple(f"{folder}/" for folder in folders)

    @property
    def related(self) -> frozenset[str]:
        """The files of the project that this one imports."""
        return frozenset(self._related)

    def bound(self, files: Collection[str]) -> frozenset[str]:
        """Return the names that the file's imports bind to something of `files`."""
        names = {alias for alias, (_, found) in self._names.items() if any(path in files for path in found)}
        return frozenset(
            names | {alias for alias, found in self._modules.items() if any(path in files for path in found)}
        )

    def means(self, call: CallSite) -> list[Key]:
        """Return the definitions that a call may mean; none where nothing of that name is likely to be meant."""
        if call.receiver in self._modules:
            exact = self._in(call.name, self._modules[call.receiver])
            if exact:
                return exact
        if not call.receiver and call.name in self._names:
            name, files = self._names[call.name]
            name = call.name if name in {"default", "*"} else name
            return self._in(name, files) or self._anywhere(name)
        return self._anywhere(call.name)

    def imports(self) -> list[Key]:
        """Return the functions that the file imports by their names: it uses them, even where it does not call them."""
        return [key for name, files in self._names.values() for key in self._in(name, files) if key[1] == name]

    def _in(self, name: str, files: tuple[str, ...]) -> list[Key]:
        keys = [*self._web.functions.get(name, ()), *self._web.constructors.get(name, ())]
        return [key for key in keys if key[0] in files]

    def _anywhere(self, name: str) -> list[Key]:
        keys = [*self._web.functions.get(name, ()), *self._web.constructors.get(name, ())]
        near = [key for key in keys if key[0] in self._related or key[0].startswith(self._packages)]
        if near:
            return near
        return keys if len(keys) <= FEW else []


def _is_package(path: str) -> bool:
    return PurePosixPath(path).name.partition(".")[0] in {"__init__", "index", "mod"}


def called_by_tests(web: Reachability) -> dict[Key, list[str]]:
    """Return the definitions that test files call or import by name, each with those test files."""
    found: dict[Key, list[str]] = {}
    for path in sorted(web.tests):
        outline = web.outlines[path]
        caller = CallingFunction(web, path, outline)
        keys = {key for call in _distinct(outline.calls) for key in caller.means(call)}
        for key in keys.union(caller.imports()):
            found.setdefault(key, []).append(path)
    return found


def _distinct(calls: Iterable[CallSite]) -> Iterable[CallSite]:
    return {(call.receiver, call.name): call for call in calls}.values()


def runs_unnamed(web: Reachability) -> set[Key]:
    """Return the definitions that run without a call that names them.

    Special methods, properties, what a decorator hands to a framework, methods that a base class of others calls, and
    functions inside functions.
    """
    classes = {(path, item.qualified): item for path, item in web.items() if item.kind is DefinitionKind.CLASS}
    harmless = _harmless(classes.values())
    return {
        (path, item.qualified)
        for path, item in web.items()
        if is_function(item) and _runs_unnamed(item, classes.get((path, item.parent)), harmless)
    }


def _harmless(classes: Iterable[Definition]) -> Set[str]:
    """Return the names of classes that have no base of others anywhere above them: nobody else calls their methods."""
    bases: dict[str, set[str]] = {}
    for item in classes:
        bases.setdefault(item.name, set()).update(_last_name(base) for base in item.bases)
    foreign = {name for names in bases.values() for name in names} - bases.keys() - _HARMLESS_BASES
    grown = True
    while grown:
        more = {name for name, above in bases.items() if name not in foreign and above & foreign}
        foreign |= more
        grown = bool(more)
    return (bases.keys() - foreign) | _HARMLESS_BASES


def _runs_unnamed(item: Definition, owner: Definition | None, known: Set[str]) -> bool:
    if item.name in _CONSTRUCTORS:
        return False
    special = item.name.startswith("__") and item.name.endswith("__")
    decorated = any(_last_name(text) not in _PLAIN_DECORATORS for text in item.decorators)
    nested = owner is None and bool(item.parent) and item.kind is DefinitionKind.FUNCTION
    foreign = owner is not None and any(_last_name(base) not in known for base in owner.bases)
    return special or decorated or nested or foreign or item.exempt


def _last_name(text: str) -> str:
    return re.split(r"[(\[<]", text.lstrip("@"), maxsplit=1)[0].rpartition(".")[2].strip()


def reached_through(web: Reachability, start: Iterable[Key]) -> set[Key]:
    """Return the definitions that run when those of `start` do, and when the files are loaded, as far as names tell.

    It errs on the side of reaching: a call through an object may mean every method of that name.
    """
    inside: dict[str, dict[str, set[str]]] = {}
    reached = set(start) | runs_unnamed(web)
    waiting = list(reached)
    for path, outline in web.outlines.items():
        if path not in web.tests:
            loaded = {"", *(item.qualified for item in outline.definitions if not is_function(item))}
            waiting += _new(web, (call.name for call in outline.calls if call.inside in loaded), reached)
    while waiting:
        path, qualified = waiting.pop()
        calls = inside.get(path)
        if calls is None:
            calls = inside[path] = _called_inside(web.outlines[path])
        waiting += _new(web, calls.get(qualified, ()), reached)
    return reached


_NAMED = re.compile(r"(?<!def )(?<!function )(?<!func )\b([A-Za-z_$][\w$]*)\b(?!\s*[(\"'])")


def passed_on(text: str) -> frozenset[str]:
    """Return the names in a masked source text that are not called there: others may run what is passed on."""
    return frozenset(_NAMED.findall(text))


def _called_inside(outline: Outline) -> dict[str, set[str]]:
    """Return the names called in each definition; what is nested in it counts as run with it."""
    found: dict[str, set[str]] = {}
    for call in outline.calls:
        qualified = call.inside
        while qualified:
            found.setdefault(qualified, set()).add(call.name)
            qualified = qualified.rpartition(".")[0]
    return found


def _new(web: Reachability, names: Iterable[str], reached: set[Key]) -> list[Key]:
    fresh: list[Key] = []
    for name in set(names):
        keys = [*web.functions.get(name, ()), *web.constructors.get(name, ())]
        if len(keys) <= MANY:
            fresh += [key for key in keys if key not in reached]
    fresh = list(dict.fromkeys(fresh))
    reached.update(fresh)
    return fresh
