"""docgen through a real client: the server finds, counts and checks the documentation on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from server import build_server
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings
from tests.support.host import Answer, Host, connected

pytestmark = pytest.mark.asyncio

CART = '''"""The cart of a shop."""


def total(lines):
    return sum(line.price * line.count for line in lines)


class Line:
    """One line of a cart."""

    def __init__(self, price, count):
        """Hold a price in cents and a count."""
        self.price = price
        self.count = count

    def doubled(self):
        return Line(self.price, self.count * 2)
'''
CART_DOCUMENTED = CART.replace("(lines):\n", '(lines):\n    """Give the total in cents."""\n').replace(
    "(self):\n        return Line", '(self):\n        """Give a line of twice the count."""\n        return Line'
)
SHELF = """export function shelf(size) {
  return new Array(size);
}
"""
STOCK = """// Package stock counts what is there.
package stock

func Left(all int, sold int) int {
	return all - sold
}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / "src").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "src" / "cart.py").write_text(CART)
    (root / "src" / "shelf.js").write_text(SHELF)
    (root / "src" / "stock.go").write_text(STOCK)
    (root / "tests" / "test_cart.py").write_text("def test_total():\n    assert True\n")
    return root


async def begin(host: Host, **fields: Any) -> Answer:
    said: dict[str, Any] = {"step": "Document the shop", "working_directory": str(host.directory)}
    return await host.step("docgen", 1, **(said | fields))


def write_docs(root: Path, *names: str) -> None:
    documented = {
        "cart.py": CART_DOCUMENTED,
        "shelf.js": f"/**\n * Gives an empty shelf.\n */\n{SHELF}",
        "stock.go": STOCK.replace("func Left", "// Left gives how many are not sold.\nfunc Left"),
    }
    for name in names:
        (root / "src" / name).write_text(documented[name])


async def test_a_thread_names_each_file_counts_it_when_it_is_documented_and_ends_by_itself(
    app: MCPServer, shop: Path
) -> None:
    async with connected(app, shop) as host:
        first = await begin(host)
        assert first.sent["total_steps"] == 4
        assert "0 of 3 files documented; 4 definitions left." in first.sent["facts"]
        assert "Left out: 1 test file; relevant_files at step 1 can name them." in first.sent["facts"]
        asked = "Document src/cart.py: total (4), Line.doubled (16). Use docstrings; change no code."
        assert first.sent["required_actions"][0] == asked

        write_docs(shop, "cart.py")
        second = await host.step("docgen", 2, first.id, num_files_documented=3)
        assert "1 of 3 files documented (you counted 3); 2 definitions left." in second.sent["facts"]
        assert second.sent["required_actions"][0].startswith("Document src/shelf.js: shelf (1). Use JSDoc")

        write_docs(shop, "shelf.js", "stock.go")
        third = await host.step("docgen", 3, first.id)
        assert third.done
        assert third.verdict.startswith("DONE (verified). 3 steps")
        assert "every public definition of the 3 files is documented" in third.verdict


async def test_code_that_changes_behind_the_docs_is_told_line_by_line_and_bars_the_finish(
    app: MCPServer, shop: Path
) -> None:
    async with connected(app, shop) as host:
        first = await begin(host, relevant_files=["src/cart.py"])
        assert first.sent["total_steps"] == 2
        (shop / "src" / "cart.py").write_text(CART_DOCUMENTED.replace("self.count * 2", "self.count * 3"))
        second = await host.step("docgen", 2, first.id, next_step_required=False)
        assert second.verdict.startswith("HELD")
        assert any("code changed, restore it: line" in line and "* 3" in line for line in second.open)

        write_docs(shop, "cart.py")
        third = await host.step("docgen", 3, first.id)
        assert third.verdict.startswith("DONE (verified).")


async def test_a_second_ask_to_finish_with_files_left_ends_it_as_not_verified(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        first = await begin(host)
        held = await host.step("docgen", 2, first.id, next_step_required=False)
        assert held.verdict.startswith("HELD")
        assert held.open[0] == "src/cart.py: 2 undocumented: total (4) +1"
        done = await host.step("docgen", 3, first.id, step="The rest is not ours", next_step_required=False)
        assert done.verdict.startswith("DONE (asserted).")
        assert "Passed over: src/cart.py: 2 undocumented" in done.text


async def test_files_that_come_go_and_move_change_the_total(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        first = await begin(host)
        (shop / "src" / "stock.go").unlink()
        (shop / "src" / "till.py").write_text('"""The till."""\n\n\ndef ring():\n    return 1\n')
        (shop / "src" / "extra.py").write_text('"""More."""\n\n\ndef more():\n    return 2\n')
        (shop / "src" / "cart.py").rename(shop / "src" / "basket.py")
        (shop / "src" / "basket.py").write_text(CART_DOCUMENTED)
        said = "I moved the cart to the basket and documented it there; till and extras are new, the stock is gone"
        second = await host.step("docgen", 2, first.id, step=said)
        facts = second.sent["facts"]
        assert "0 of 5 files documented; 3 definitions left." in facts
        moved = "renamed src/cart.py -> src/basket.py; new src/extra.py, src/till.py; deleted src/stock.go"
        assert f"Changed: {moved}." in facts
        assert "src/stock.go: deleted, with its documentation: restore it" in second.open
        assert any(line.startswith("src/basket.py: moved from src/cart.py") for line in second.open)
        assert second.sent["total_steps"] == 6
        assert second.sent["plan"]["was"] == 4
        third = await host.step("docgen", 3, first.id, step="Nothing more moved")
        assert not any(fact.startswith("Changed") for fact in third.sent.get("facts", ()))
        assert third.open == ["the same 5 as before"]


def hide_by_header(root: Path) -> None:
    cart = root / "src" / "cart.py"
    cart.write_text(f"# Code generated by cartgen. DO NOT EDIT.\n{CART}")


def hide_by_ignoring(root: Path) -> None:
    (root / ".gitignore").write_text("src/cart.py\n")


def hide_by_deleting(root: Path) -> None:
    (root / "src" / "cart.py").unlink()


def move_with_other_code(root: Path) -> None:
    (root / "src" / "cart.py").unlink()
    (root / "src" / "basket.py").write_text(CART_DOCUMENTED.replace("* 2", "* 3"))


def say_nothing(root: Path) -> None:
    hollow = CART_DOCUMENTED.replace("Give the total in cents.", "TODO").replace("Give a line of twice the count.", ".")
    (root / "src" / "cart.py").write_text(hollow)


@pytest.mark.parametrize(
    ("trick", "told"),
    [
        (hide_by_header, "src/cart.py: now says that a program generated it"),
        (hide_by_ignoring, "src/cart.py: git ignores it now"),
        (hide_by_deleting, "src/cart.py: deleted"),
        (move_with_other_code, "src/cart.py: deleted"),
        (say_nothing, "src/cart.py: docs that say nothing: total (4) +1"),
    ],
)
async def test_what_only_looks_documented_is_told_and_never_verified(
    app: MCPServer, shop: Path, trick: Callable[[Path], None], told: str
) -> None:
    async with connected(app, shop) as host:
        first = await begin(host)
        write_docs(shop, "shelf.js", "stock.go")
        trick(shop)
        held = await host.step("docgen", 2, first.id, next_step_required=False)
        assert held.verdict.startswith("HELD")
        assert any(line.startswith(told) for line in held.open), held.open
        done = await host.step("docgen", 3, first.id, step="It is documented", next_step_required=False)
        assert done.verdict.startswith("DONE (asserted).")


async def test_a_docstring_in_an_empty_file_is_documentation(app: MCPServer, shop: Path) -> None:
    (shop / "src" / "__init__.py").write_text("")
    (shop / "src" / "zero.py").write_text("\n")
    async with connected(app, shop) as host:
        first = await begin(host, relevant_files=["src/__init__.py", "src/zero.py"])
        assert first.sent["total_steps"] == 3
        (shop / "src" / "__init__.py").write_text('"""The shop and its goods."""\n')
        second = await host.step("docgen", 2, first.id)
        assert second.sent["required_actions"][0].startswith("Document src/zero.py: module zero (1)")
        (shop / "src" / "zero.py").write_text('"""The goods that sell for nothing."""\n')
        assert (await host.step("docgen", 3, first.id)).verdict.startswith("DONE (verified).")


async def test_the_next_file_is_named_again_while_it_is_not_done(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        first = await begin(host)
        for number in (2, 3):
            answer = await host.step("docgen", number, first.id, step=f"Not yet, try {number}")
            assert answer.sent["required_actions"][0].startswith("Document src/cart.py: total (4)")


async def test_nothing_to_document_is_said_and_completes_at_once(app: MCPServer, shop: Path) -> None:
    write_docs(shop, "cart.py", "shelf.js", "stock.go")
    async with connected(app, shop) as host:
        only = await begin(host)
        assert only.done
        assert "every public definition of 3 source files is documented: nothing to do" in only.verdict


async def test_more_than_fifty_files_are_not_begun_before_paths_are_named(app: MCPServer, shop: Path) -> None:
    for number in range(60):
        folder = shop / ("big" if number < 48 else "small")
        folder.mkdir(exist_ok=True)
        (folder / f"part{number}.py").write_text("def part():\n    return 1\n")
    async with connected(app, shop) as host:
        refused = await begin(host)
        assert refused.is_error
        assert "63 files have undocumented definitions" in refused.text
        assert "relevant_files: files or directories, for example big (48), small (12), src (3)" in refused.text
        taken = await begin(host, relevant_files=["small"])
        assert taken.sent["total_steps"] == 13


async def test_a_scope_that_is_not_there_is_refused_with_what_to_send(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        refused = await begin(host, relevant_files=["src/none.py"])
        assert refused.is_error
        assert "nothing readable at src/none.py" in refused.text


async def test_private_definitions_and_existing_docs_count_when_they_are_asked_for(
    app: MCPServer, tmp_path: Path
) -> None:
    root = tmp_path / "small"
    root.mkdir()
    (root / "a.py").write_text('"""A."""\n\n\ndef _hidden():\n    return 1\n')
    (root / "b.py").write_text('"""B."""\n')
    async with connected(app, root) as host:
        assert (await begin(host)).done
        private = await begin(host, include_private=True)
        assert private.sent["facts"][0] == "0 of 1 file documented; 1 definition left."
        update = await begin(host, update_existing=True)
        assert update.sent["total_steps"] == 3
        seen = await host.step("docgen", 2, update.id, files_checked=["a.py", "b.py"])
        assert seen.verdict.startswith("DONE (verified).")


async def test_a_file_that_no_longer_parses_is_named_with_its_line(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        first = await begin(host, relevant_files=["src/cart.py"])
        (shop / "src" / "cart.py").write_text(CART_DOCUMENTED.replace('Line:\n    """One', 'Line\n    """One'))
        second = await host.step("docgen", 2, first.id)
        assert any("src/cart.py:" in line and "syntax error" in line for line in second.open)


async def test_another_process_goes_on_with_the_texts_that_the_first_kept(tmp_path: Path, shop: Path) -> None:
    def build() -> tuple[MCPServer, Any]:
        runtime = build_runtime(load_settings(home=tmp_path / "home", roots=(), tools="all"))
        return build_server(runtime.settings, runtime), runtime

    app, runtime = build()
    async with connected(app, shop) as host:
        first = await begin(host, relevant_files=["src/cart.py"])
    await runtime.close()
    (shop / "src" / "cart.py").write_text(CART_DOCUMENTED.replace("price * line", "price + line"))
    app, runtime = build()
    async with connected(app, shop) as host:
        second = await host.step("docgen", 2, first.id)
        assert any("code changed, restore it: line" in line for line in second.open)
        again = await host.step("docgen", 2, first.id)
        assert again.open == second.open
    await runtime.close()


async def test_without_a_directory_to_look_at_the_finish_is_held_for_one(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        first = await host.step("docgen", 1)
        assert first.open == ["working_directory: absolute; nothing can be checked without it"]
        second = await host.step("docgen", 2, first.id, working_directory=str(shop))
        assert "0 of 3 files documented; 4 definitions left." in second.sent["facts"]
        assert second.sent["total_steps"] == 4
