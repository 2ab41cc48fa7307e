"""The facts of inspections as tools of a run: read-only, bounded, without secrets, below the working directory."""

import json
from pathlib import Path
from typing import Any

import pytest
from run_rig import Start, calls, ended

from stepwarden.agents.code_tools import MOST_CHARACTERS
from stepwarden.agents.run_request import RunRequest
from stepwarden.runs.run import Run
from stepwarden.runs.run_calls import CallState
from tests.support.repositories import commit, committed, git

pytestmark = pytest.mark.asyncio

SHOP = '''"""The shop."""


def total(prices, rate):
    return sum(prices) * rate


def bill(prices):
    return total(prices, 1.2)
'''
TEST = "from shop import bill\n\n\ndef test_bill():\n    assert bill([1]) > 1\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in git with a change that is not committed."""
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "shop.py").write_text(SHOP)
    (shop / "test_shop.py").write_text(TEST)
    committed(shop)
    (shop / "shop.py").write_text(SHOP.replace("total(prices, rate)", "total(prices, rate, fee)", 1))
    return shop


async def results(started: Start, directory: Path, *asked: tuple[str, dict[str, Any]]) -> list[tuple[CallState, str]]:
    """Return how each call ended, with all of its result."""
    runs = await started([calls(*asked), "done"])
    run = await ended(runs, RunRequest("look", directory=str(directory)))
    texts = await runs.journal.texts(run.id)
    made = run.jobs["main"].steps[0].calls
    return [(call.state, texts.get(call.result.digest, call.result.text)) for call in made]


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("outline_file", {"path": "shop.py"}, ["shop.py: Python, 9 lines", "4-5 def total(prices, rate, fee)"]),
        ("find_definition", {"name": "bill"}, ["shop.py:bill (lines 8-9)", "    9     return total(prices, 1.2)"]),
        ("find_calls", {"name": "total"}, [":9 total() in bill"]),
        ("find_calls", {"name": "bill", "of": "callees"}, ["shop.py\n  total at :9"]),
        ("find_calls", {"name": "total", "of": "tests"}, ["test_shop.py test_bill"]),
        ("read_git", {"what": "status"}, ["branch main", "unstaged: shop.py"]),
        ("read_git", {"what": "diff"}, ["-def total(prices, rate):", "+def total(prices, rate, fee):"]),
        ("read_git", {"what": "diff", "path": "test_shop.py"}, ["0 files changed"]),
        ("read_git", {"what": "log"}, [" one"]),
        ("read_git", {"what": "log", "path": "shop.py", "first": 4, "last": 5}, [" one"]),
        ("read_git", {"what": "blame", "path": "shop.py", "first": 3}, ["4-4 000000000", "not committed yet", "5-9 "]),
        ("check_files", {"paths": ["shop.py"]}, ["1 file checked", "(new in the change)"]),
        ("check_change", {}, ["interface: shop.py:4 total"]),
    ],
)
async def test_a_question_about_the_code_is_answered_with_its_places(
    started: Start, project: Path, tool: str, arguments: dict[str, Any], told: list[str]
) -> None:
    ((state, text),) = await results(started, project, (tool, arguments))
    assert (state, [part for part in told if part not in text], text) == (CallState.DONE, [], text)


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("outline_file", {"path": "../outside.py"}, "cannot be outlined"),
        ("outline_file", {"path": ".env"}, "cannot be outlined"),
        ("find_definition", {"name": "totl"}, "Similar: shop.py:total"),
        ("find_definition", {"name": "x" * 5_000}, "Nothing is defined as"),
        ("find_calls", {"name": "total", "of": "caller"}, "'callers', 'callees' or 'tests'"),
        ("read_git", {"what": "blame", "path": ".env"}, "no file that may be read"),
        ("read_git", {"what": "blame", "path": "shop.py", "first": 500}, "has only"),
        ("read_git", {"what": "diff", "compare_to": "--output=/tmp/x"}, "compare_to"),
        ("read_git", {"what": "diff", "compare_to": "maim"}, "main"),
        ("check_files", {"paths": ["nowhere"]}, "No source file is there"),
    ],
)
async def test_what_cannot_be_answered_is_the_calls_error_with_what_to_send(
    started: Start, project: Path, tool: str, arguments: dict[str, Any], told: str
) -> None:
    (project / ".env").write_text("KEY=1\n")
    (project.parent / "outside.py").write_text("def outside(): ...\n")
    ((state, text),) = await results(started, project, (tool, arguments))
    assert state is CallState.FAILED
    assert told in text
    assert not Path("/tmp/x").exists()


async def test_secrets_of_the_change_of_commits_and_of_code_are_hidden(started: Start, project: Path) -> None:
    key = "AKIA" + "QX6ZP2LM4RT5WVB3"
    (project / "keys.py").write_text(f'def key():\n    AWS_ACCESS_KEY_ID = "{key}"\n    return AWS_ACCESS_KEY_ID\n')
    (project / ".env").write_text(f"AWS_ACCESS_KEY_ID={key}\n")
    asked: list[tuple[str, dict[str, Any]]] = [
        ("read_git", {"what": "diff"}),
        ("find_definition", {"name": "key"}),
        ("check_change", {}),
        ("read_git", {"what": "log"}),
        ("read_git", {"what": "blame", "path": "keys.py"}),
    ]
    before = await results(started, project, *asked)
    assert "secret" in before[2][1]
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", f"add {key}")
    after = await results(started, project, *asked)
    assert "add <secret withheld>" in after[3][1]
    assert [text for _, text in (*before, *after) if key in text] == []


async def test_a_large_answer_is_cut_and_says_so(started: Start, project: Path) -> None:
    (project / "large.py").write_text("".join(f"VALUE_{number} = '{'x' * 200}'\n" for number in range(400)))
    ((_, text),) = await results(started, project, ("read_git", {"what": "diff"}))
    assert MOST_CHARACTERS < len(text) < MOST_CHARACTERS + 100
    assert "[cut: " in text


async def test_a_directory_without_git_or_code_says_so(started: Start, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    asked = ("read_git", {"what": "status"}), ("find_definition", {"name": "main"}), ("check_change", {})
    told = await results(started, empty, *asked)
    assert [state for state, _ in told] == [CallState.FAILED] * 3
    assert "No git repository" in told[0][1]


async def test_nothing_is_written_where_code_is_asked_about(started: Start, project: Path) -> None:
    commit(project)
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    await results(started, project, ("check_files", {}), ("check_change", {}), ("read_git", {"what": "status"}))
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


async def test_a_run_without_a_directory_has_none_of_these_tools(started: Start) -> None:
    runs = await started(["done"])
    run: Run = await ended(runs, RunRequest("look"))
    assert not {"outline_file", "read_git"} & {grant.name for grant in run.jobs["main"].plan.tools}


async def test_the_tools_are_told_in_few_words(started: Start, project: Path) -> None:
    runs = await started(["done"])
    run = await ended(runs, RunRequest("look", directory=str(project)))
    toolbox = await runs._toolbox_of(run, "local")  # pyright: ignore[reportPrivateUsage] - what its model is told
    own = toolbox.offered(["outline_file", "find_definition", "find_calls", "read_git", "check_files", "check_change"])
    assert len(own) == 6
    assert sum(len(json.dumps(one.schema)) + len(one.description) for one in own) < 2_600
