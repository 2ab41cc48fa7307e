"""After the thread: whether the line it names is the bug, and where its history is stored."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from stepwarden.cli.demo.checks import DemoChecks
from stepwarden.cli.demo.host import DemoPaths
from stepwarden.cli.demo.sample import MAIN, Sample
from stepwarden.cli.demo.scenario import BUG, FIX
from stepwarden.settings import load_settings
from stepwarden.steps.digest import digest
from stepwarden.steps.thread import Thread
from stepwarden.storage import Store
from stepwarden.threads.calls import LOCAL, HistoryEntry
from stepwarden.threads.event_text import describe
from stepwarden.threads.exports import as_json, as_markdown
from stepwarden.threads.journal import Journal
from stepwarden.threads.queries import ThreadQueries

DECIDED_BY = {"agent", "rule"}


@asynccontextmanager
async def open_history(paths: DemoPaths) -> AsyncGenerator[ThreadQueries, None]:
    """Open the store that the servers wrote, to read it."""
    store = Store(load_settings(home=paths.home, database_url=None).store_url)
    try:
        yield ThreadQueries(Journal(store))
    finally:
        await store.close()


def apply_fix(checks: DemoChecks, sample: Sample, thread: Thread) -> None:
    """Fix only the line that the thread's evidence names, and run the program again."""
    with checks.section("The line it names is the bug"):
        named = [item for _, item in thread.claims.evidence if item.holds and item.supports == "hypothesis"]
        checks.expect("the thread has one quote that proves its hypothesis", len(named), 1)
        for item in named:
            number = item.line or 0
            before = sample.line(item.path, number)
            sample.fix(item.path, number, BUG, FIX)
            checks.console.show_rows(
                [(f"{item.path}:{number}", f"- {before}"), ("", f"+ {sample.line(item.path, number)}")],
            )
        result = sample.run()
        checks.console.show_text(f"python {MAIN}", result.output)
        checks.expect("it passes", result.code, 0)


async def show_history(checks: DemoChecks, paths: DemoPaths, queries: ThreadQueries, thread: Thread) -> None:
    """Show what is on disk: every event, its chain of hashes, who decided what; and how to view it."""
    with checks.section("Where the history lies"):
        history = await queries.history(thread.id, LOCAL)
        checks.console.show_rows([(str(entry.seq), describe(entry)) for entry in history])
        _expect_complete(checks, thread, history)
        checks.console.say("Who decided what, and why:")
        decisions = digest(thread).decisions
        checks.console.show_rows(
            [(f"step {record.step}", record.by.value, record.kind, record.reason) for record in decisions]
        )
        checks.expect(
            "the agent and the rules both decided something", {record.by.value for record in decisions}, DECIDED_BY
        )
        _write(paths.directory / "thread.md", as_markdown(thread, history))
        _write(paths.directory / "thread.json", as_json(thread, history))
        _try_commands(checks, paths, thread.id)
        checks.console.say(
            f"All of it, with an export as thread.md and thread.json, is kept until you delete {paths.directory}"
        )


def _try_commands(checks: DemoChecks, paths: DemoPaths, thread_id: str) -> None:
    """Show the commands that view the history, and check that they work."""
    checks.console.say("To view it:")
    for verb in ("show", "verify"):
        checks.console.show_command(f"  STEPWARDEN_HOME={paths.home} stepwarden threads {verb} {thread_id}")
    shown = paths.stepwarden("threads", "show", thread_id)
    checks.expect("`show` gives the report", (shown.returncode, thread_id in shown.stdout), (0, True))
    verified = paths.stepwarden("threads", "verify", thread_id)
    checks.expect(f"`verify` finds the chain of hashes intact: {verified.stdout.strip()}", verified.returncode, 0)


def _expect_complete(checks: DemoChecks, thread: Thread, history: list[HistoryEntry]) -> None:
    kinds = Counter(entry.kind for entry in history)
    numbers = Counter(entry.data["step"]["number"] for entry in history if entry.kind == "step")
    checks.expect("both refusals are in it", kinds["refused"], 2)
    checks.expect("step 2 is in it twice, the replaced one too", numbers[2], 2)
    checks.expect("step 3, sent to both servers, is in it once", numbers[3], 1)
    checks.expect("five steps are live", len(thread.live), 5)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
