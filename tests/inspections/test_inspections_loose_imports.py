"""Which files an import may mean where only their paths are known: rather one too many than one too few."""

from collections.abc import Mapping

import pytest

from stepwarden.inspections.testgen.loose_imports import LooseImports
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Outline

FILES = {
    "lib/shop/__init__.py": "",
    "lib/shop/cart.py": "def total(): pass\n",
    "lib/shop/store/__init__.py": "",
    "lib/shop/store/disk.py": "def save(): pass\n",
    "web/src/cart.ts": "export function total() {}\n",
    "web/src/store/index.ts": "export function save() {}\n",
    "web/plain.js": "export function plain() {}\n",
    "go/billing/invoice.go": "package billing\nfunc Sum() {}\n",
    "go/billing/tax.go": "package billing\nfunc Tax() {}\n",
}


def outlines_of(files: Mapping[str, str]) -> dict[str, Outline]:
    found: dict[str, Outline] = {}
    for name, body in files.items():
        outline = parse_outline(name, body.encode())
        assert outline is not None
        found[name] = outline
    return found


def files_of(path: str, text: str) -> list[tuple[str, ...]]:
    """Return the files that each import of a file may mean, in the order of its imports."""
    outlines = outlines_of({**FILES, path: text})
    imports = LooseImports(outlines)
    return [imports.files(path, item) for item in outlines[path].imports]


@pytest.mark.parametrize(
    ("path", "text", "meant"),
    [
        ("tests/test_a.py", "import shop.cart\n", "lib/shop/cart.py"),
        ("tests/test_a.py", "from shop import cart\n", "lib/shop/cart.py"),
        ("tests/test_a.py", "from lib.shop.store.disk import save\n", "lib/shop/store/disk.py"),
        ("tests/test_a.py", "from shop.store import disk\n", "lib/shop/store/disk.py"),
        ("lib/shop/test_a.py", "from .cart import total\n", "lib/shop/cart.py"),
        ("lib/shop/test_a.py", "from . import cart\n", "lib/shop/cart.py"),
        ("lib/shop/tests/test_a.py", "from ..store.disk import save\n", "lib/shop/store/disk.py"),
        ("web/src/cart.test.ts", 'import { total } from "./cart";\n', "web/src/cart.ts"),
        ("web/src/cart.test.ts", 'import { total } from "./cart.js";\n', "web/src/cart.ts"),
        ("web/src/tests/a.test.ts", 'import { save } from "../store";\n', "web/src/store/index.ts"),
        ("web/src/tests/a.test.ts", 'import { plain } from "../../plain.js";\n', "web/plain.js"),
        ("web/src/a.test.ts", 'import { total } from "@/cart";\n', "web/src/cart.ts"),
        ("go/cmd/main_test.go", 'package main\nimport "example.com/shop/billing"\n', "go/billing/tax.go"),
        ("go/cmd/main_test.go", 'package main\nimport "example.com/billing/v2"\n', "go/billing/invoice.go"),
    ],
)
def test_an_import_finds_the_file_it_means(path: str, text: str, meant: str) -> None:
    assert any(meant in found for found in files_of(path, text))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/test_a.py", "import json\n"),
        ("tests/test_a.py", "from other.cart import total\n"),
        ("lib/shop/store/test_a.py", "from .cart import total\n"),
        ("web/src/a.test.ts", 'import { total } from "./store/cart";\n'),
        ("web/src/a.test.ts", 'import fs from "node:fs";\n'),
        ("go/cmd/main_test.go", 'package main\nimport "fmt"\n'),
    ],
)
def test_an_import_of_something_else_finds_none(path: str, text: str) -> None:
    assert not any(files_of(path, text))


def test_the_files_of_a_go_package_stand_in_one_directory() -> None:
    assert LooseImports(outlines_of(FILES)).siblings("go/billing/sum_test.go") == [
        "go/billing/invoice.go",
        "go/billing/tax.go",
    ]
