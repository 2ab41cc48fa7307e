"""testgen, refactor, secaudit, codereview and debug look at the code: facts in the reply, clauses that it closes."""

from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import Answer, Host, connected, without_ids
from tests.support.repositories import committed

pytestmark = pytest.mark.asyncio

PRICES = '''"""Prices."""

import hashlib
import os


def total(prices, rebate=0):
    """Return the total."""
    if rebate and prices:
        return sum(prices) - rebate
    return sum(prices)


def shout(name):
    os.system("say " + name)


def mark(text):
    return hashlib.md5(text).hexdigest()
'''
LONG = "def long(a):\n" + "".join(f"    if a > {n}:\n        a += {n}\n" for n in range(30)) + "    return a\n"
TOTAL_TEST = "from prices import total\n\n\ndef test_total():\n    assert total([1]) == 1\n"
LONG_STEP = (
    "Look at all of it, please: the prices, what is long and what is not, and everything that the tests leave out"
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / "tests").mkdir(parents=True)
    (root / "prices.py").write_text(PRICES)
    (root / "long.py").write_text(LONG)
    (root / "tests" / "test_prices.py").write_text(TOTAL_TEST)
    (root / "requirements.txt").write_text("requests\n")
    return root


async def begin(host: Host, tool: str, **fields: Any) -> Answer:
    said: dict[str, Any] = {"step": LONG_STEP, "working_directory": str(host.directory)}
    return await host.step(tool, 1, **(said | fields))


async def facts(host: Host, thread: str) -> list[str]:
    """Return all facts of a thread: a reply has room for the first ones."""
    return without_ids((await host.status(continuation_id=thread)).sent["result"]["facts"])


async def test_testgen_names_what_no_test_reaches_and_checks_the_tests_on_disk(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        first = await begin(host, "testgen", relevant_files=["prices.py"])
        assert first.facts[0] == "Untested: 2 of 3 functions, judging by names."
        found = await facts(host, first.id)
        assert any(fact.startswith("1 test file, pytest") or "no framework" in fact for fact in found)
        assert any("no test calls prices.py shout" in fact for fact in found)

        (shop / "tests" / "test_more.py").write_text("from prices import mark\n\n\ndef test_mark():\n    mark(b'')\n")
        second = await host.step("testgen", 2, first.id, relevant_files=["tests/test_more.py"])
        assert any("asserts nothing: test_mark" in fact for fact in await facts(host, first.id)), second.text

        (shop / "tests" / "test_more.py").write_text(
            "from prices import mark, shout\n\n\ndef test_mark():\n    assert mark(b'') and shout\n"
            "\n\ndef test_shout():\n    shout('a')\n    assert True\n"
        )
        third = await host.step("testgen", 3, first.id, files_checked=["prices.py"])
        assert not [clause for clause in third.open if "test" in clause and "prices.py" in clause]


async def test_refactor_names_the_longest_function_and_asks_for_a_look_at_it(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        first = await begin(host, "refactor")
        assert any("long.py:1 long: 62 lines, 30 branches" in fact for fact in await facts(host, first.id))
        second = await host.step("refactor", 2, first.id, files_checked=["long.py"])
        assert not [clause for clause in second.open if "long.py" in clause]


async def test_secaudit_names_dangerous_lines_by_their_risk_and_asks_for_them(app: MCPServer, shop: Path) -> None:
    (shop / "settings.py").write_text('API_KEY = "sk-proj-9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a"\n')
    async with connected(app, shop) as host:
        first = await begin(host, "secaudit")
        found = await facts(host, first.id)
        assert any("prices.py:15 os.system/popen" in fact for fact in found)
        assert any("prices.py:19 weak hash" in fact for fact in found)
        assert any("requirements.txt" in fact and "no lock file" in fact for fact in found)
        assert any("settings.py:1" in fact for fact in found)
        assert "9f8a7b6c" not in str(found)
        assert "3 places unanswered" in first.open
        assert "`safe: path:line" in first.text
        second = await host.step(
            "secaudit",
            2,
            first.id,
            findings="safe: prices.py:19 a cache key",
            files_checked=["prices.py", "settings.py", "requirements.txt"],
            issues_found=[{"severity": "medium", "description": "a shell", "file": "prices.py", "line": 15}],
        )
        assert "3 places: 1 issue, 1 safe by your word, not checked, 1 unanswered." in second.facts
        assert second.open[-1] == "1 place unanswered: settings.py:1 a model vendor's key in the source"


async def test_secaudit_ends_in_one_table_and_is_never_verified_over_an_unanswered_place(
    app: MCPServer, shop: Path
) -> None:
    async with connected(app, shop) as host:
        first = await begin(host, "secaudit", files_checked=["prices.py", "requirements.txt"])
        said: dict[str, Any] = {
            "issues_found": [
                {"severity": "high", "description": "shout runs a shell on a name", "file": "prices.py", "line": 15}
            ],
            "evidence": [{"file": "prices.py", "line": 15, "quote": 'os.system("say " + name)', "supports": "I1"}],
        }
        held = await host.step("secaudit", 2, first.id, next_step_required=False, **said)
        assert "findings: 1 place unanswered: prices.py:19 weak hash" in held.open
        assert "`safe: path:line reason`" in held.text
        again = [{"file": "prices.py", "line": 14, "quote": "def shout(name):", "supports": "I1"}]
        ended = await host.step("secaudit", 3, first.id, next_step_required=False, evidence=again)
        assert "DONE (partly verified)" in ended.text
        assert "| A04 weak hash | prices.py:19 | open |" in ended.text
        assert "| A05 os.system/popen | prices.py:15 | I1 high |" in ended.text
        assert "issues" not in ended.sent["result"]  # they stand in the table
        assert [ended.text.count(place) for place in ("prices.py:15", "prices.py:19")] == [1, 1]
        assert str(ended.sent).count("prices.py:19") == 1
        assert "prices.py:15" in str(ended.sent["result"]["measured"])
        done = await host.step(
            "secaudit",
            4,
            first.id,
            next_step_required=False,
            backtrack_from_step=3,
            findings="safe: prices.py:19 a cache key, not a secret",
            evidence=again,
        )
        assert "DONE (verified)" in done.text, done.text
        assert "| A04 weak hash | prices.py:19 | safe: a cache key, not a secret |" in done.text


async def test_codereview_counts_which_files_were_read(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        first = await begin(host, "codereview", relevant_files=["prices.py", "long.py"])
        assert any("2 files" in fact for fact in first.facts)
        second = await host.step("codereview", 2, first.id, files_checked=["prices.py"])
        assert any("read long.py" in clause for clause in second.open)


async def test_debug_finds_the_frames_of_a_trace_in_the_project(app: MCPServer, shop: Path) -> None:
    trace = (
        "Traceback (most recent call last):\n"
        f'  File "/srv/app/{shop.name}/prices.py", line 10, in total\n    return sum(prices) - rebate\n'
        "TypeError: unsupported operand\n"
    )
    async with connected(app, shop) as host:
        first = await begin(host, "debug", step=f"It fails: {trace}")
        assert any("prices.py:10 in total" in fact for fact in first.facts)
        assert any("prices.py:10" in clause for clause in first.open)
        second = await host.step("debug", 2, first.id, files_checked=["prices.py"])
        assert not [clause for clause in second.open if "prices.py:10" in clause]


async def test_debug_shows_the_line_of_a_frame_as_editors_count_them(app: MCPServer, shop: Path) -> None:
    (shop / "paged.py").write_text("def halve(x):\n\x0c\n    return 1 / x\n")
    trace = (
        "Traceback (most recent call last):\n"
        f'  File "/srv/app/{shop.name}/paged.py", line 3, in halve\n    return 1 / x\n'
        "ZeroDivisionError: division by zero\n"
    )
    async with connected(app, shop) as host:
        first = await begin(host, "debug", step=f"It fails: {trace}")
        assert any("return 1 / x" in fact for fact in await facts(host, first.id))


PAY = """from threading import Lock

_lock = Lock()


def charge(order):
    total = 0
    with _lock:
        for line in order:
            total += line.price
    _lock.notify = None
    return total
"""
API = "from pay import charge\n\ndef post(order):\n    return charge(order)\n"
API_TEST = "from api import post\n\ndef test_post():\n    assert post(None)\n"


@pytest.mark.parametrize(
    ("task", "more"),
    [
        ("charge() counts orders twice under load", {}),
        ("the sum is wrong", {"relevant_files": ["pay.py:9"]}),
        ("pay.py:9 counts lines twice", {}),
        ("lines are counted twice (pay.py, line 9)", {}),
        ("lines are counted twice, see /srv/app/shop/pay.py:9:17.", {}),
        ('It fails: Traceback\n  File "/srv/pay.py", line 9, in charge\nValueError: no', {}),
    ],
)
async def test_debug_tells_what_stands_round_the_place_that_a_task_names(
    app: MCPServer, shop: Path, task: str, more: dict[str, Any]
) -> None:
    for name, text in {"pay.py": PAY, "api.py": API, "test_api.py": API_TEST}.items():
        (shop / name).write_text(text)
    committed(shop)
    async with connected(app, shop) as host:
        first = await begin(host, "debug", step=task, **more)
        told = await facts(host, first.id)
    assert "charge pay.py:6-12, branches at :9" in told
    assert "Called at api.py:4 post" in told
    assert "Reached from 1 place in tests: test_api.py test_post" in told
    assert "Unusual in it: :8 holds a lock" in told
    assert any(fact.startswith("Changed last by ") and '"one"' in fact for fact in told)


async def test_debug_looks_at_nothing_where_no_place_or_several_are_named(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        for task in ("the sum is off by one cent", "no_such_function() fails"):
            first = await begin(host, "debug", step=task)
            assert first.sent.get("facts", []) == []


CHAIN = "def f0(): pass\n" + "".join(f"def f{n}(): f{n - 1}()\n" for n in range(1, 9))


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("from chain import f5\n\ndef test_it(): f5()\n", "Reached from 1 place in tests: test_chain.py test_it"),
        ("from chain import f8\n\ndef test_it(): f8()\n", "No test is seen to reach it in up to 6 calls."),
        ("from loaded import other\n\ndef test_it(): other()\n", "Reached from 1 place in tests: test_chain.py:1"),
        ("from program import other\n\ndef test_it(): other()\n", "No test is seen to reach it in up to 6 calls."),
    ],
)
async def test_debug_says_how_far_it_looked_for_tests_that_reach_a_function(
    app: MCPServer, tmp_path: Path, test: str, told: str
) -> None:
    loaded = "from chain import f0\n\nf0()\ndef other(): pass\n"
    program = f'{loaded.replace("f0()", "")}\nif __name__ == "__main__":\n    f0()\n'
    for name, text in {"chain.py": CHAIN, "loaded.py": loaded, "program.py": program, "test_chain.py": test}.items():
        (tmp_path / name).write_text(text)
    async with connected(app, tmp_path) as host:
        first = await begin(host, "debug", step="In chain.py the result is wrong for f0() now")
        assert told in await facts(host, first.id)


@pytest.mark.parametrize("tool", ["codereview", "precommit", "secaudit"])
async def test_a_folder_that_is_relevant_counts_as_read_with_a_file_of_it(
    app: MCPServer, shop: Path, tool: str
) -> None:
    async with connected(app, shop) as host:
        first = await begin(host, tool, relevant_files=["tests"])
        second = await host.step(tool, 2, first.id, findings="read long.py", files_checked=["long.py"])
        assert [clause for clause in second.open if "tests" in clause or "relevant_files" in clause]
        third = await host.step(tool, 3, first.id, findings="read it", files_checked=["tests/test_prices.py"])
        assert not [clause for clause in third.open if "relevant_files" in clause]
        report = await host.client.read_resource(f"stepwarden://threads/{first.id}/report")
        assert "not found" not in str(report)


async def test_testgen_says_in_which_languages_it_measures_nothing(app: MCPServer, tmp_path: Path) -> None:
    (tmp_path / "edit.c").write_text("int width(int a) {\n    return a + 1;\n}\n")
    async with connected(app, tmp_path) as host:
        first = await begin(host, "testgen", relevant_files=["edit.c"])
        assert first.facts == ["What tests reach is not measured in C; no test file."]


async def test_analyze_asks_who_imports_a_file_only_where_one_does(app: MCPServer, tmp_path: Path) -> None:
    (tmp_path / "edit.c").write_text("int a;\n" * 400)
    async with connected(app, tmp_path) as host:
        first = await begin(host, "analyze")
        assert "Analysis: read edit.c; what holds it together?" in first.text


async def test_docgen_says_of_a_directive_that_a_comment_parts_from_its_code_what_is_wrong(
    app: MCPServer, tmp_path: Path
) -> None:
    directive = "// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging\n"
    (tmp_path / "a.ts").write_text(f"{directive}export class Cart {{}}\n")
    async with connected(app, tmp_path) as host:
        first = await begin(host, "docgen", relevant_files=["a.ts"])
        (tmp_path / "a.ts").write_text(f"{directive}/** The goods that somebody chose. */\nexport class Cart {{}}\n")
        second = await host.step("docgen", 2, first.id)
        assert any("stands no longer right above the code it is for" in clause for clause in second.open), second.open


async def test_a_first_step_without_a_directory_says_so_and_the_facts_come_with_the_next(
    app: MCPServer, shop: Path
) -> None:
    (shop / "pay.py").write_text(PAY)
    async with connected(app, shop) as host:
        first = await host.step("debug", 1, step="charge() counts orders twice")
        assert any(note.startswith("No code was read: give working_directory") for note in first.sent["notes"])
        second = await host.step("debug", 2, first.id, working_directory=str(shop), findings="it does")
        assert "charge pay.py:6-12, branches at :9" in await facts(host, first.id)
        assert not any(note.startswith("No code was read") for note in second.sent["notes"])


async def test_a_file_that_is_not_there_is_told_at_step_1_however_it_is_named(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        first = await begin(host, "codereview", relevant_files=["prices.py", "nope.py", "tests"])
        assert "Not found, or not readable here: nope.py" in first.text.splitlines()
