"""The house's language: one meaning for a type's name, nouns for modules, and a glossary that names what exists."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("server.py", "tools", "providers", "prompts", "stepwarden")
GLOSSARY_TERMS = 25  # at most: a newcomer reads it in two minutes
# Nouns that end like gerunds.
NOUNS = {"meaning", "nesting", "spending", "string"}


def modules() -> Iterator[Path]:
    for name in PRODUCT:
        place = ROOT / name
        yield from [place] if place.is_file() else sorted(place.rglob("*.py"))


def public_classes() -> Iterator[tuple[str, Path]]:
    for path in modules():
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield node.name, path.relative_to(ROOT)


def glossary() -> list[tuple[str, str]]:
    """Return each row's term, and the cell that says where it stands in the code."""
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    section = text.partition("## Glossary")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [(row[0], row[-1]) for row in rows[1:]]


def test_a_public_class_name_has_one_meaning_in_the_product() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for name, path in public_classes():
        places[name].append(str(path))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}
    assert len(places) > 300  # the walk found the product


def test_no_module_is_a_gerund() -> None:
    names = {path.parent.name if path.stem == "__init__" else path.stem for path in modules()}
    words = {name.rpartition("_")[2] for name in names}
    assert {word for word in words if word.endswith("ing")} - NOUNS == set()


def test_the_glossary_is_short_and_names_what_exists() -> None:
    rows = glossary()
    assert 10 < len(rows) <= GLOSSARY_TERMS
    assert len({term for term, _ in rows}) == len(rows)
    known = {name for name, _ in public_classes()} | {path.stem for path in modules()}
    known |= {path.parent.name for path in modules()}
    named = {name for _, cell in rows for name in re.findall(r"`([\w.]+)`", cell)}
    assert named - known == set()
    assert len(named) >= len(rows)
