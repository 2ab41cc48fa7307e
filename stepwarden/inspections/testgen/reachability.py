"""Which functions the tests of a project reach, directly or through others, as far as names show."""

import re
from collections.abc import Callable, Iterable, Iterator, Set
from pathlib import PurePosixPath

from stepwarden.inspections.shared.program_lines import main_lines
from stepwarden.inspections.shared.subject import is_function
from stepwarden.inspections.testgen.code_index import CONSTRUCTORS, CodeIndex, Key, called_name
from stepwarden.source.outline import Definition, DefinitionKind, Language, Outline

MANY = 25  # definitions of one name; above, a call on an unknown object says nothing
CALLED_LANGUAGES = frozenset({Language.PYTHON, Language.JAVASCRIPT, Language.TYPESCRIPT, Language.GO})
"""Languages whose outlines have calls."""
_PLAIN_DECORATORS = frozenset(
    {"staticmethod", "classmethod", "contextmanager", "asynccontextmanager", "wraps", "cache", "lru_cache", "final"}
)
_PLAIN_BASES = frozenset(
    {"object", "ABC", "Protocol", "Generic", "Exception", "ValueError", "RuntimeError", "Enum", "StrEnum", "NamedTuple"}
)


def reached_from(index: CodeIndex, start: Iterable[Key], read: Callable[[str], str | None]) -> set[Key]:
    """Return the definitions that run when those of `start` run and the files are loaded, as far as names show.

    It errs on the side of reaching: a call on an object may mean every method of that name. `read` gives the text of a
    file.
    """
    reached = set(start) | runs_uncalled(index)
    fresh = list(reached)
    for path in _loaded_files(index):
        outline = index.outlines[path]
        loaded = {"", *(item.qualified for item in outline.definitions if not is_function(item))}
        calls = [call for call in outline.calls if call.inside in loaded]
        if calls and outline.language is not Language.GO:
            program = main_lines(read(path) or "")
            calls = [call for call in calls if call.line not in program]
        fresh += _reach(index, (called_name(outline, call) for call in calls), reached)
    return follow_calls(index, fresh, reached)


def _loaded_files(index: CodeIndex) -> Iterator[str]:
    """Yield the files that something loads: a script of Python or JavaScript that no file imports runs by itself."""
    imported = {
        file
        for path, outline in index.outlines.items()
        for item in outline.imports
        for file in index.imports.files(path, item)
        if file != path
    }
    for path, outline in index.outlines.items():
        if path not in index.tests and (path in imported or outline.language is Language.GO or _is_package(path)):
            yield path


def _is_package(path: str) -> bool:
    return PurePosixPath(path).name.partition(".")[0] in {"__init__", "index"}


def follow_calls(index: CodeIndex, start: Iterable[Key], reached: set[Key]) -> set[Key]:
    """Add to `reached` what the definitions of `start` lead to, and return it."""
    called: dict[str, dict[str, set[str]]] = {}
    waiting = list(start)
    while waiting:
        path, qualified = waiting.pop()
        calls = called.get(path)
        if calls is None:
            calls = called[path] = _names_called_in(index.outlines[path])
        waiting += _reach(index, calls.get(qualified, ()), reached)
    return reached


def _names_called_in(outline: Outline) -> dict[str, set[str]]:
    """Return the names called in each definition, those of nested definitions included."""
    found: dict[str, set[str]] = {}
    for call in outline.calls:
        qualified = call.inside
        while qualified:
            found.setdefault(qualified, set()).add(called_name(outline, call))
            qualified = qualified.rpartition(".")[0]
    return found


def _reach(index: CodeIndex, names: Iterable[str], reached: set[Key]) -> list[Key]:
    """Add the definitions of these names to `reached`, and return those that are new."""
    fresh: list[Key] = []
    for name in set(names):
        keys = index.named(name)
        if len(keys) <= MANY:
            fresh += [key for key in keys if key not in reached]
    fresh = list(dict.fromkeys(fresh))
    reached.update(fresh)
    return fresh


def runs_uncalled(index: CodeIndex) -> set[Key]:
    """Return the definitions that run without a call that names them.

    These are special methods, properties, `init` of Go, functions that a decorator hands to a framework, methods that a
    base class of a library calls, and functions inside functions.
    """
    classes = {(path, item.qualified): item for path, item in index.definitions() if item.kind is DefinitionKind.CLASS}
    own_bases = _own_bases(classes.values())
    return {
        (path, item.qualified)
        for path, item in index.definitions()
        if is_function(item)
        and (_is_go_init(path, item) or _runs_uncalled(item, classes.get((path, item.parent)), own_bases))
    }


def _is_go_init(path: str, item: Definition) -> bool:
    """Whether Go itself runs the function, when the package is loaded."""
    return path.endswith(".go") and item.qualified == "init"


def _own_bases(classes: Iterable[Definition]) -> Set[str]:
    """Return the names of classes without a library's class anywhere above them: no library calls their methods."""
    bases: dict[str, set[str]] = {}
    for item in classes:
        bases.setdefault(item.name, set()).update(_last_name(base) for base in item.bases)
    foreign = {name for names in bases.values() for name in names} - bases.keys() - _PLAIN_BASES
    grown = True
    while grown:
        more = {name for name, above in bases.items() if name not in foreign and above & foreign}
        foreign |= more
        grown = bool(more)
    return (bases.keys() - foreign) | _PLAIN_BASES


def _runs_uncalled(item: Definition, owner: Definition | None, own_bases: Set[str]) -> bool:
    if item.name in CONSTRUCTORS:
        return False
    special = item.name.startswith("__") and item.name.endswith("__")
    decorated = any(_last_name(text) not in _PLAIN_DECORATORS for text in item.decorators)
    nested = owner is None and bool(item.parent) and item.kind is DefinitionKind.FUNCTION
    foreign = owner is not None and any(_last_name(base) not in own_bases for base in owner.bases)
    return special or decorated or nested or foreign or item.exempt


def _last_name(text: str) -> str:
    return re.split(r"[(\[<]", text.lstrip("@"), maxsplit=1)[0].rpartition(".")[2].strip()
