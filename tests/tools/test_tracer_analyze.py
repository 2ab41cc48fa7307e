"""tracer and analyze over a connection: what they find bars the finish until it was looked at."""

from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import connected, without_ids
from tests.support.project import FAULT, FAULT_LINE

pytestmark = pytest.mark.asyncio

PROOF = [{"file": "src/cart.py", "line": FAULT_LINE, "quote": FAULT}]


async def test_a_trace_names_the_files_on_its_path_and_hands_its_tree_over_at_the_end(
    app: MCPServer, project: Path
) -> None:
    async with connected(app, project) as host:
        first = await host.open("tracer", step="Trace discounted", trace_mode="precision", target="discounted")
        assert first.facts[0].startswith("discounted src/cart.py:17: ")
        answer = await host.step("tracer", 2, first.id, findings="left aside", next_step_required=False)
        assert any("src/cart.py" in line and "not read yet" in line for line in answer.open), answer.open
        answer = await host.step(
            "tracer",
            3,
            first.id,
            findings="discounted calls total, which subtracts",
            files_checked=["src/cart.py"],
            evidence=PROOF,
            next_step_required=False,
        )
        assert answer.done, answer.text
        assert "└─" not in str(answer.sent["result"]) + answer.text
        status = await host.status(continuation_id=answer.id)
        assert "└─" in str(status.sent["result"]["measured"])


async def test_a_symbol_that_is_not_there_is_said_with_what_is_near(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        answer = await host.open("tracer", step="Trace it", trace_mode="precision", target="discount")
        assert answer.facts[0].startswith("No definition found for: discount")
        assert "src/cart.py:discounted" in answer.text
        answer = await host.step("tracer", 2, answer.id, target="discounted", findings="found its name")
        assert answer.facts[0].startswith("discounted src/cart.py:17")


GUESSED = """
class Jar:
    def count_coins(self): pass
def sure():
    jar = Jar()
    jar.count_coins()
def unsure(jar):
    jar.count_coins()
"""


async def test_a_guess_is_told_as_one_in_the_facts_and_in_the_trace(app: MCPServer, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "jar.py").write_text(GUESSED)
    async with connected(app, tmp_path / "shop") as host:
        answer = await host.open("tracer", trace_mode="dependencies", target="Jar.count_coins")
        found = without_ids((await host.status(continuation_id=answer.id)).sent["result"]["facts"])
        assert "Users (0 test files, 1 guessed): jar.py :6, :8 (guess)" in found
        answer = await host.open("tracer", trace_mode="precision", target="unsure")
        assert "Calls :8 Jar.count_coins (guess)" in answer.facts
        assert "All resolved, 1 guessed" in answer.facts


async def test_calls_of_the_name_that_lead_nowhere_are_told_as_callers_that_may_be_missing(
    app: MCPServer, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "pay.js").write_text("exports.pay = function () {}\n")
    (tmp_path / "shop" / "a.js").write_text("const { pay } = require('./built/' + name)\npay()\n")
    (tmp_path / "shop" / "b.js").write_text("const x = require('./dist/pay')\nx.pay()\n")
    (tmp_path / "shop" / "c.js").write_text("const { pay } = require('./pay')\npay()\n")
    async with connected(app, tmp_path / "shop") as host:
        answer = await host.open("tracer", trace_mode="dependencies", target="pay")
        facts = answer.facts
        assert facts[0] == "pay pay.js:1: used by 1 call in 1 file"
        assert "Callers may be missing, 2 calls of this name lead nowhere: a.js:2 pay, b.js:2 x.pay" in facts


async def test_mentions_are_told_by_the_lines_that_editors_count(app: MCPServer, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "sums.py").write_text("def total(x):\n    return x\n\x0c\nRULES = {'total': total}\n")
    async with connected(app, tmp_path / "shop") as host:
        answer = await host.open("tracer", trace_mode="dependencies", target="total")
        found = without_ids((await host.status(continuation_id=answer.id)).sent["result"]["facts"])
        assert "Named without a call: sums.py:4" in found


async def test_an_analysis_starts_from_counts_and_goes_on_through_its_phases(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("analyze", step="Explain the shop")
        assert first.facts[0].startswith("1 Python file, 19 lines, 1 test file")
        assert any("src/cart.py" in line and "not read yet" in line for line in first.open) or "+" in first.open[-1]
        answer = await host.step("analyze", 2, first.id, findings="read the cart", files_checked=["src/cart.py"])
        assert not any("not read yet" in line for line in answer.open)


async def test_a_tree_without_source_is_analyzed_without_facts(app: MCPServer, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("nothing here\n")
    async with connected(app, tmp_path / "empty") as host:
        assert "facts" not in (await host.open("analyze")).sent
        answer = await host.open("tracer", trace_mode="dependencies", target="total")
        assert answer.facts[0] == "No definition found for: total"


async def test_a_comment_that_names_a_definition_is_no_use_of_it(app: MCPServer, tmp_path: Path) -> None:
    (tmp_path / "jar.go").write_text("package jar\n\n// Count counts.\nfunc Count() {}\n\nvar hook = Count\n")
    async with connected(app, tmp_path) as host:
        answer = await host.open("tracer", step="Who uses it", trace_mode="dependencies", target="Count")
        assert "Named without a call: jar.go:6" in answer.facts


async def test_the_files_beside_a_definition_come_first_and_copies_of_libraries_last(
    app: MCPServer, tmp_path: Path
) -> None:
    shop = tmp_path / "shop"
    for place in ("vendor/lib", "cart", "web"):
        (shop / place).mkdir(parents=True)
    (shop / "cart" / "sums.py").write_text("def weigh(x):\n    return x\n")
    (shop / "vendor" / "lib" / "a.py").write_text("from cart.sums import weigh\n\ndef a():\n    weigh(1)\n")
    (shop / "vendor" / "lib" / "sums.py").write_text("def weigh(x):\n    return x + 1\n")
    (shop / "web" / "pages.py").write_text("from cart.sums import weigh\n\ndef show():\n    weigh(1)\n")
    (shop / "cart" / "till.py").write_text("from cart.sums import weigh\n\ndef pay():\n    weigh(1)\n")
    async with connected(app, shop) as host:
        first = await host.open("tracer", step="Trace weigh", trace_mode="dependencies", target="weigh")
    facts = " ".join(first.facts)
    assert facts.startswith("weigh cart/sums.py:1: used by 3 calls")  # not the copy of that name
    assert facts.index("cart/till.py") < facts.index("web/pages.py") < facts.index("vendor/lib/a.py")
