"""testgen checks on disk the tests that an agent names: there, new, calling the code, asserting."""

from pathlib import Path

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import connected

pytestmark = pytest.mark.asyncio

GOOD = (
    "from cart import Line, discounted\n\n\ndef test_a_discount_is_taken_off():\n"
    "    assert discounted([Line(2, 1)], 50) == 0\n"
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD, ""),
        ("def test_a():\n    assert 1 + 1 == 2\n", "calls nothing of the code under test: test_a (1)"),
        (GOOD.replace("assert ", ""), "asserts nothing: test_a_discount_is_taken_off (4)"),
        (GOOD + "def test_b(:\n", "the test does not parse"),
        (None, "named in relevant_files, but does not exist"),
    ],
)
async def test_a_named_test_has_to_be_there_to_parse_to_call_the_code_and_to_assert(
    app: MCPServer, project: Path, text: str | None, fault: str
) -> None:
    async with connected(app, project) as host:
        first = await host.open("testgen", relevant_files=["src/cart.py"])
        if text is not None:
            (project / "tests" / "test_more.py").write_text(text)
        said = {"relevant_files": ["tests/test_more.py"], "files_checked": ["src/cart.py"]}
        second = await host.step("testgen", 2, first.id, next_step_required=False, **said)
        found = [clause for clause in second.sent["assessment"]["open"] if "test_more.py" in clause]
        assert [fault in clause for clause in found] == ([True] if fault else [])


async def test_tests_that_were_there_before_are_no_new_ones(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("testgen", relevant_files=["src/cart.py", "tests/test_cart.py"])
        second = await host.step("testgen", 2, first.id, files_checked=["src/cart.py"], next_step_required=False)
        unchanged = "relevant_files: no named test is new or changed since step 1"
        assert unchanged in second.open
        (project / "tests" / "test_cart.py").write_text(GOOD)
        third = await host.step("testgen", 3, first.id, findings="wrote one", next_step_required=True)
        assert unchanged not in third.open


async def test_skipped_and_empty_tests_are_named_and_what_only_they_use_stays_untested(
    app: MCPServer, project: Path
) -> None:
    text = GOOD.replace("def test", "@pytest.mark.skip\ndef test").replace("from cart", "import pytest\nfrom cart")
    (project / "tests" / "test_cart.py").unlink()
    (project / "tests" / "test_skipped.py").write_text(text)
    async with connected(app, project) as host:
        first = await host.open("testgen", relevant_files=["src/cart.py"])
        assert "test_a_discount_is_taken_off (6) is skipped" in first.text
        (project / "tests" / "test_more.py").write_text(f"{text}\n\ndef test_later():\n    pass\n")
        said = {"relevant_files": ["tests/test_more.py"], "files_checked": ["src/cart.py"]}
        second = await host.step("testgen", 2, first.id, next_step_required=False, **said)
        found = [clause for clause in second.sent["assessment"]["open"] if "test_more.py" in clause]
        assert found == [
            "tests/test_more.py: skipped or expected to fail, tests nothing: test_a_discount_is_taken_off (6)",
            "tests/test_more.py: empty, tests nothing: test_later (10)",
        ]


async def test_tests_of_java_are_read_where_they_are_named(app: MCPServer, project: Path) -> None:
    (project / "Cart.java").write_text("class Cart {\n  int total() { return 1; }\n}\n")
    async with connected(app, project) as host:
        first = await host.open("testgen", relevant_files=["Cart.java"])
        test = 'class CartTest {\n  @Test\n  @Disabled("later")\n  void adds() { assertEquals(1, total()); }\n}\n'
        (project / "CartTest.java").write_text(test)
        said = {"relevant_files": ["CartTest.java"], "files_checked": ["Cart.java"]}
        second = await host.step("testgen", 2, first.id, next_step_required=False, **said)
        assert (
            "CartTest.java: skipped or expected to fail, tests nothing: adds (2)" in second.sent["assessment"]["open"]
        )


async def test_how_other_languages_are_tested_is_not_told(app: MCPServer, project: Path) -> None:
    (project / "web.js").write_text("export function shown() {\n  return 1\n}\n")
    async with connected(app, project) as host:
        assert "No tests yet in javascript" not in (await host.open("testgen", relevant_files=["src/cart.py"])).text
        assert "No tests yet in javascript" in (await host.open("testgen", relevant_files=["web.js"])).text


async def test_a_junit_file_and_a_reported_run_say_what_failed_and_a_failing_test_covers_nothing(
    app: MCPServer, project: Path
) -> None:
    (project / "tests" / "test_cart.py").write_text(GOOD)
    name = "test_a_discount_is_taken_off"
    failed = f'<testcase classname="tests.test_cart" name="{name}"><failure/></testcase>'
    (project / "junit.xml").write_text(f"<testsuites><testsuite>{failed}</testsuite></testsuites>")
    async with connected(app, project) as host:
        first = await host.open("testgen", relevant_files=["src/cart.py"])
        assert f"junit.xml: 1 ran, 1 failed: {name}; 0 skipped" in first.sent["facts"]
        assert "failed when it ran" in str(await host.status(continuation_id=first.id))
        run = {"command": "pytest -v", "output": f"tests/test_cart.py::{name} PASSED\n= 1 passed in 0.1s =", "exit": 0}
        second = await host.step("testgen", 2, first.id, findings="mended", evidence=[run])
        assert "`pytest -v`, as you report it: 1 ran, 0 failed; 0 skipped" in second.sent["facts"]
        assert "junit.xml" not in str(second.sent["facts"])


async def test_a_coverage_file_tells_the_lines_of_a_function_that_never_ran(app: MCPServer, project: Path) -> None:
    total = "def total(lines, off=0):\n    if off:\n        return off\n    return sum(lines)\n"
    code = f"{total}\n\ndef gone():\n    return 1\n"
    (project / "src" / "cart.py").write_text(code)
    (project / "tests" / "test_cart.py").write_text(
        "from cart import gone, total\n\n\ndef test_a():\n    assert total([gone()])\n"
    )
    hits = "".join(f"DA:{line},{hit}\n" for line, hit in {1: 1, 2: 1, 3: 0, 4: 1, 7: 1, 8: 0}.items())
    (project / "lcov.info").write_text(f"SF:src/cart.py\n{hits}end_of_record\n")
    async with connected(app, project) as host:
        first = await host.open("testgen", relevant_files=["src/cart.py"])
        assert "F1 Never ran, by lcov.info: src/cart.py:1 total, lines 3" in first.sent["facts"]
        assert "Untested: 1 of 2 functions, judging by lcov.info and by names." in first.sent["facts"]


async def test_a_hostile_results_file_is_told(app: MCPServer, project: Path) -> None:
    (project / "junit.xml").write_text('<!DOCTYPE x [<!ENTITY a "aa">]><testsuites>&a;</testsuites>')
    async with connected(app, project) as host:
        first = await host.open("testgen", relevant_files=["src/cart.py"])
        assert "junit.xml declares entities, so it is not read." in first.sent["facts"]
