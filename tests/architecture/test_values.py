"""What differs between tools and providers is a value where it is declared, and every import can be seen."""

import ast
from collections.abc import Iterator
from pathlib import Path

from providers.profiles import PROFILES
from tests.architecture.test_names import ROOT, modules
from tools.catalogue import NAMES

LOAD_LIBRARIES = {"providers/stack.py", "stepwarden/source/grammar.py", "stepwarden/storage/sqlite.py"}


def compared(path: Path) -> Iterator[str]:
    """Return the texts that the code of a file compares something with."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Compare):
            found = [part for side in (node.left, *node.comparators) for part in ast.walk(side)]
            yield from (part.value for part in found if isinstance(part, ast.Constant) and isinstance(part.value, str))
        if isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def names_compared(names: set[str], folders: tuple[str, ...]) -> dict[str, set[str]]:
    """Return the names that code in these folders compares something with, by file."""
    paths = [path for path in modules() if any(path.is_relative_to(ROOT / folder) for folder in folders)]
    return {str(path.relative_to(ROOT)): found for path in paths if (found := names & set(compared(path)))}


def test_no_decision_is_made_by_the_name_of_a_provider() -> None:
    assert names_compared({profile.name for profile in PROFILES}, ("providers", "stepwarden", "tools")) == {}


def test_the_manager_and_the_machine_make_no_decision_by_the_name_of_a_tool() -> None:
    assert names_compared(set(NAMES), ("stepwarden/manager", "stepwarden/steps", "stepwarden/threads")) == {}


def test_no_module_of_ours_is_imported_by_its_name_in_a_string() -> None:
    by_name = {
        str(path.relative_to(ROOT))
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__"))
    }
    assert by_name == LOAD_LIBRARIES
