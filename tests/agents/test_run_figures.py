"""The figures of a run in its report, its exports and on the terminal: the same everywhere."""

import html
import json

import pytest
from run_rig import Start, calls, ended

from stepwarden.agents.run_report import run_as_html, run_as_json, run_as_markdown
from stepwarden.agents.run_request import RunRequest
from stepwarden.agents.run_text import metrics_lines
from stepwarden.cli.run_console import show_run
from stepwarden.threads.calls import LOCAL

pytestmark = pytest.mark.asyncio


async def test_report_exports_and_terminal_show_the_same_figures(
    started: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = ("calculate", {"expression": "6*7"}), ("calculate", {"expression": "6/0"})
    runs = await started([calls(good, bad), calls(good), "It is 42."])
    run = await ended(runs, RunRequest("six times seven"))
    found = await runs.whole(run.id, LOCAL)
    lines = list(metrics_lines(found.metrics))
    assert lines[0].endswith(f"; 3 answers, 3 calls, {run.version} events")
    assert lines[1].startswith("Model scripted: 3 asked, 3 answered; 45 tokens; ")
    assert lines[2].startswith("Tool calculate: 3 calls, 1 failed; ")
    await show_run(runs, run.id)
    shown = capsys.readouterr().out
    for text in (shown, run_as_markdown(found), run_as_html(found)):
        for line in lines:
            assert line in html.unescape(text.replace("\\", ""))
    exported = json.loads(run_as_json(found))["metrics"]
    assert (exported["tools"]["calculate"]["failed"], exported["models"]["scripted"]["asked"]) == (1, 3)
    assert exported["spent"]["tokens"] == run.spent.tokens
