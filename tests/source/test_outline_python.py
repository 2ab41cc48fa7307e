"""Python: definitions, docstrings as pydocstyle counts them, imports, calls."""

import pytest

from stepwarden.source.documentation import find_undocumented
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import CallSite, Definition, DefinitionKind, Import, Outline

SHOP = b'''"""A shop."""
from __future__ import annotations
import os.path as place, sys
from ..goods import Book as B, Pen
from . import *

@total_ordering
class Shop(Base, metaclass=Meta):
    """A shop."""
    def __init__(self, size: int = 0, *more: str, key, **rest): self.size = size
    def __repr__(self): return "shop"
    @property
    def owner(self):
        """Return the owner."""
    @owner.setter  # later
    def owner(self, owner): ...
    @overload
    def sell(self, a: int) -> int: ...
    @override
    def close(self): pass
    def _count(self): return 1
    class Shelf:
        def fill(self): self.shop.goods.add(Book()).sort()

async def run(shops):
    def inner(): ""
    for shop in shops:
        if shop and shop.size > 1 or not shop: await shop.run(x for x in shops if x)
    return sys.exit(1)
'''


def read(text: bytes, path: str = "a/shop.py") -> Outline:
    found = parse_outline(path, text)
    assert found is not None
    return found


def named(found: Outline) -> dict[str, Definition]:
    return {definition.qualified: definition for definition in found.definitions}


def missing(text: bytes, path: str = "a/shop.py") -> list[str]:
    return [each.qualified for each in find_undocumented({path: read(text, path)}).get(path, ())]


def test_definitions_have_their_kind_range_parameters_and_bases() -> None:
    found = named(read(SHOP))
    shop, start, run = found["Shop"], found["Shop.__init__"], found["run"]
    assert (shop.kind, shop.line, shop.end_line, shop.bases) == (DefinitionKind.CLASS, 8, 23, ("Base",))
    assert shop.decorators == ("total_ordering",)
    assert (start.kind, start.parent, start.parameters) == (
        DefinitionKind.METHOD,
        "Shop",
        ("self", "size", "more", "key", "rest"),
    )
    assert (run.asynchronous, run.signature, run.branches) == (True, "async def run(shops)", (27, 28, 28, 28, 28, 28))
    assert found["run.inner"].public is False
    assert found["Shop.Shelf.fill"].parent == "Shop.Shelf"


def test_what_lacks_a_docstring_is_what_pydocstyle_says() -> None:
    assert missing(SHOP) == ["Shop.__init__", "Shop.__repr__", "Shop.Shelf", "Shop.Shelf.fill", "run"]


@pytest.mark.parametrize(
    ("text", "path", "asked"),
    [
        (b"", "a/b.py", [""]),
        (b"", "a/_b.py", []),
        (b"", "_a/b.py", []),
        (b"", "a/__init__.py", [""]),
        (b"def f(): ...\n", "a/b.pyi", []),
        (b'""" """\n', "a.py", [""]),
        (b'f"""{a}"""\n', "a.py", [""]),
        (b'"""A."""\n__all__ = ["f"]\ndef f(): ...\ndef g(): ...\n', "a.py", ["f"]),
        (b'"""A."""\n__all__ = ["f"]\n__all__ += ["g"]\ndef f(): ...\ndef g(): ...\n', "a.py", ["f", "g"]),
        (b'"""A."""\nif x:\n    def f(): ...\n', "a.py", ["f"]),
    ],
)
def test_modules_stubs_and_what_is_exported(text: bytes, path: str, asked: list[str]) -> None:
    assert missing(text, path) == asked


def test_imports_say_what_name_is_what() -> None:
    assert read(SHOP).imports == (
        Import("__future__", (("annotations", "annotations"),), 2),
        Import("os.path", (), 3, 0, "place"),
        Import("sys", (), 3),
        Import("goods", (("Book", "B"), ("Pen", "Pen")), 4, 2),
        Import("", (("*", "*"),), 5, 1),
    )


def test_calls_say_their_receiver_and_what_they_are_in() -> None:
    calls = read(SHOP).calls
    assert CallSite("total_ordering", "", 7, "") in calls
    assert CallSite("exit", "sys", 29, "run") in calls
    assert CallSite("add", "self.shop.goods", 23, "Shop.Shelf.fill") in calls
    assert CallSite("sort", "self.shop.goods.add()", 23, "Shop.Shelf.fill") in calls


def test_a_syntax_error_costs_no_definition_beside_it() -> None:
    found = read(b'"""A."""\ndef f(:\n    pass\n\ndef g():\n    """G."""\n')
    assert found.broken
    assert "g" in {definition.name for definition in found.definitions}


@pytest.mark.parametrize(
    "deep", [b"(" * 100_000, b"[{" * 50_000, b"(" * 50_000 + b")" * 50_000, b"x = " + b"-" * 100_000]
)
def test_nesting_made_to_hurt_is_refused_or_read_at_once(deep: bytes) -> None:
    for name in ("a.py", "a.js", "a.ts", "a.go", "a.c", "a.rs"):
        assert read(deep, name).path == name


@pytest.mark.parametrize("levels", [1_400, 3_000])
def test_deep_blocks_are_refused_or_read_at_once(levels: int) -> None:
    assert read(b"".join(b" " * level + b"if x:\n" for level in range(levels))).lines == levels


@pytest.mark.parametrize(
    "data",
    [
        '"""Ä."""\n'.encode("utf-16"),
        b"\xef\xbb\xbf" + '"""Ä."""\n'.encode(),
        '# coding: latin-1\n"""Ä."""\n'.encode("latin-1"),
        '"""Ä."""\r\nx = 1\r\n'.encode(),
    ],
)
def test_encodings_and_line_ends_are_read(data: bytes) -> None:
    assert read(data).definitions[0].documented


def test_what_a_program_wrote_says_so_or_looks_so() -> None:
    assert read(b"# Code generated by x. DO NOT EDIT.\nx = 1\n").generated
    assert read(b"var a=1;" * 20_000, "a.js").generated
    assert not read(b'"""Finds columns that are auto-generated by a database."""\n').generated


def test_the_same_bytes_give_the_same_outline() -> None:
    assert read(SHOP) == read(SHOP)


def test_a_file_in_no_language_has_no_outline() -> None:
    assert parse_outline("README.md", b"# x") is None
