"""The summary of a file: what it loads, names and runs; the same after a way through bytes."""

import pytest
from graph_trees import loads, summaries

from stepwarden.source.file_summary import LoadedModule, decode_summary, encode_summary
from stepwarden.source.outline_codec import DamagedOutline

FILES = {
    "shop/__init__.py": "",
    "shop/cart.py": """
        from typing import TYPE_CHECKING
        from . import rules, money as m
        from shop.money import *
        if TYPE_CHECKING:
            from shop import web

        @route("/a")
        class Cart:
            import shop.deep
            def add(self):
                from shop import late

        def main(): ...
        main()
    """,
    "shop/rules.py": "def main(): ...\n",
    "shop/money.py": "x = 1\n",
    "shop/deep.py": "",
    "shop/late.py": "",
    "shop/web.py": "",
    "a.ts": 'import type { T } from "./b";\nimport { b } from "./b";\nexport function main() {}\n',
    "b.ts": "",
    "m.go": "package m\nfunc main() {}\n",
}


def test_what_runs_when_a_file_is_loaded_is_kept() -> None:
    cart = summaries(FILES)["shop/cart.py"]
    assert cart.loads == (
        LoadedModule("typing", 0, 2, ("TYPE_CHECKING",)),
        LoadedModule("", 1, 3, ("rules", "money")),
        LoadedModule("shop.money", 0, 4, ("*",)),
        LoadedModule("shop", 0, 6, ("web",)),
        LoadedModule("shop.deep", 0, 10, ()),
    )
    assert cart.type_lines == {6}
    assert cart.names == {"Cart", "main"}
    assert len(cart.decorators) == 1
    assert loads(FILES)["shop/cart.py"] == {"shop/rules.py", "shop/money.py", "shop/web.py", "shop/deep.py"}


def test_a_main_counts_where_it_is_run() -> None:
    assert {path for path, found in summaries(FILES).items() if found.runs_main} == {"shop/cart.py", "m.go"}


def test_imports_for_types_are_told_in_scripts_too() -> None:
    assert summaries(FILES)["a.ts"].type_lines == {1}


@pytest.mark.parametrize("path", FILES)
def test_a_summary_is_the_same_after_a_way_through_bytes(path: str) -> None:
    found = summaries(FILES)[path]
    again = decode_summary(path, encode_summary(found))
    assert encode_summary(again) == encode_summary(found)
    assert (again.names, again.type_lines, again.language) == (found.names, found.type_lines, found.language)


@pytest.mark.parametrize("data", [b"", b"x", encode_summary(summaries(FILES)["b.ts"])[:-3]])
def test_other_bytes_are_no_summary(data: bytes) -> None:
    with pytest.raises(DamagedOutline):
        decode_summary("a.py", data)
