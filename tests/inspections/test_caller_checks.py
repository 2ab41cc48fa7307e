"""Callers that do not fit: calls that pass too much, too little or in another order, and imports of what is gone."""

import time
from collections.abc import Callable
from textwrap import dedent

import pytest
from inspected_trees import graph_of

from stepwarden.inspections.shared.faults.caller_checks import CallerChecks, ImportChecks
from stepwarden.source.graph.modules import Modules

LOAD = "def load(path, limit, *, strict=False): ...\n"


def reader(files: dict[str, str]) -> Callable[[str], bytes | None]:
    return lambda path: dedent(files[path]).lstrip("\n").encode() if path in files else None


def checks_of(files: dict[str, str]) -> CallerChecks:
    return CallerChecks(graph_of(files), reader(files), time.monotonic() + 60)


def misfits(call: str, definition: str = LOAD) -> list[str]:
    files = {
        "shop/files.py": definition,
        "shop/use.py": f"from shop.files import *\nfrom shop.files import load\n{call}\n",
    }
    return [f"{path}:{fault.line} {fault.what}" for path, fault in checks_of(files).find_misfits("shop/files.py")]


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("load('a')", "leaves out limit, which load needs"),
        ("load('a', 1, True)", "passes 3 arguments, load takes 2"),
        ("load('a', 1, path='b')", "passes path twice to load"),
        ("load('a', 1, loose=True)", "passes loose=, which load does not take"),
    ],
)
def test_a_call_that_cannot_work_is_told_where_it_stands(call: str, why: str) -> None:
    assert misfits(call) == [f"shop/use.py:3 {why} (shop/files.py:1)"]


@pytest.mark.parametrize(
    ("call", "definition"),
    [
        ("load('a', 1)", LOAD),
        ("load('a', limit=1, strict=True)", LOAD),
        ("load(*names)", LOAD),
        ("load('a', **options)", LOAD),
        ("load()", "def load(*names, **options): ...\n"),
        ("load()", "@cached\ndef load(path): ...\n"),
        ("load()", "if 1:\n    def load(path): ...\nelse:\n    def load(): ...\n"),
        ("load('a')\ndef load(a): ...", LOAD),
        ("other.load()", LOAD),
    ],
)
def test_a_call_that_may_work_is_not(call: str, definition: str) -> None:
    assert misfits(call, definition) == []


def test_methods_and_constructors_get_their_object_by_themselves() -> None:
    shop = """
        class Shop:
            def __init__(self, name): ...
            def sell(self, item): ...
            @classmethod
            def made(cls, name): ...
            @staticmethod
            def sum(first, second): ...
            def run(self):
                self.sell(1)
                Shop.sell(self, 1)
                self.made("a")
                Shop.sum(1, 2)
                Shop("a")
                self.sell()
                Shop()
    """
    found = list(checks_of({"shop.py": shop}).find_misfits("shop.py"))
    assert [(fault.line, fault.what) for _, fault in found] == [
        (14, "leaves out item, which sell needs (:3)"),
        (15, "leaves out name, which __init__ needs (:2)"),
    ]


def test_a_parameter_before_others_breaks_those_who_pass_by_position_alone() -> None:
    files = {
        "shop/files.py": "def load(extra, path, limit=1): ...\n",
        "shop/use.py": """
            from shop.files import load
            load("a", 1)
            load("a", "b", path="c")
            load(extra=1, path="a")
            load(1, "a", 2)
        """,
    }
    found = checks_of(files).find_broken("shop/files.py", "load", ("path", "limit"), ("extra", "path", "limit"))
    assert found == ["shop/use.py:2", "shop/use.py:3", "shop/use.py:5"]
    assert checks_of(files).find_broken("shop/files.py", "load", ("first", "path"), ("extra", "path")) == [
        "shop/use.py:3"
    ]


def test_those_who_leave_a_parameter_out_rely_on_its_default() -> None:
    files = {
        "shop/files.py": "def load(path, limit=1, *, strict=False): ...\n",
        "shop/use.py": """
            from shop.files import load
            load("a")
            load("a", 2)
            load("a", limit=3)
            load("a", strict=True)
        """,
    }
    relying = checks_of(files).find_relying("shop/files.py", "load", ("limit",))
    assert relying == ["shop/use.py:2", "shop/use.py:5"]


def missing_imports(line: str, definition: str = "def load(): ...\nLIMIT = 1\n") -> list[str]:
    files = {"shop/__init__.py": "", "shop/files.py": definition, "shop/pages.py": "", "use.py": f"{line}\n"}
    graph = graph_of(files)
    checks = ImportChecks(graph, Modules(graph.outlines), reader(files))
    return [f"{path}:{fault.line} {fault.what}" for path, fault in checks.find_missing("shop/files.py")]


def test_an_import_of_a_name_that_is_gone_is_told() -> None:
    assert missing_imports("from shop.files import load, save") == [
        "use.py:1 imports save, which is not in shop/files.py"
    ]


@pytest.mark.parametrize(
    ("line", "definition"),
    [
        ("from shop.files import load, LIMIT", "def load(): ...\nLIMIT = 1\n"),
        ("from shop.files import *", "x = 1\n"),
        ("import shop.files", "x = 1\n"),
        ("try:\n    from shop.files import save\nexcept ImportError:\n    save = None", "x = 1\n"),
        ("from shop.files import save", "from other import *\n"),
        ("from shop.files import save", "def __getattr__(name): ...\n"),
        ("from shop.files import save", "if 1:\n    from other import save\n"),
        ("from shop import pages", "x = 1\n"),
    ],
)
def test_an_import_that_finds_its_name_or_expects_to_fail_is_not(line: str, definition: str) -> None:
    assert missing_imports(line, definition) == []
