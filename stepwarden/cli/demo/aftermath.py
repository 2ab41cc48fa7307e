"""After the thread: whether the line it names is the bug, and where its history lies."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from stepwarden.cli.demo.console import DemoConsole
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

DECISIONS_IN = {"agent", "rule"}


@asynccontextmanager
async def opened(place: DemoPaths) -> AsyncGenerator[ThreadQueries, None]:
    """Open the store that the servers wrote, to read it."""
    store = Store(load_settings(home=place.home, database_url=None).store_url)
    try:
        yield ThreadQueries(Journal(store))
    finally:
        await store.close()


def apply_fix(stage: DemoConsole, sample: Sample, thread: Thread) -> None:
    """Change the line that the thread's evidence names, and no other, and run the program again."""
    with stage.scene("The line it names is the bug"):
        named = [item for _, item in thread.claims.evidence if item.holds and item.supports == "hypothesis"]
        stage.expect("the thread holds one quote that proves its theory", len(named), 1)
        for item in named:
            number = item.line or 0
            before = sample.line(item.path, number)
            sample.mend(item.path, number, BUG, FIX)
            stage.listed(
                [(f"{item.path}:{number}", f"- {before}"), ("", f"+ {sample.line(item.path, number)}")],
            )
        ran = sample.run()
        stage.output(ran.output, f"python {MAIN}")
        stage.expect("it passes", ran.code, 0)


async def show_history(stage: DemoConsole, place: DemoPaths, archive: ThreadQueries, thread: Thread) -> None:
    """Show what is on disk: every event, its chain of hashes, who decided what; and how to look at it."""
    with stage.scene("Where the history lies"):
        history = await archive.history(thread.id, LOCAL)
        stage.listed([(str(entry.seq), describe(entry)) for entry in history])
        _expect_whole(stage, thread, history)
        stage.say("Who decided what, and why:")
        decisions = digest(thread).decisions
        stage.listed([(f"step {at.step}", at.by.value, at.kind, at.reason) for at in decisions])
        stage.expect("agent and rules are both named", {at.by.value for at in decisions}, DECISIONS_IN)
        _exported(place.directory / "thread.md", as_markdown(thread, history))
        _exported(place.directory / "thread.json", as_json(thread, history))
        _try_commands(stage, place, thread.id)
        stage.say(f"All of it, with an export as thread.md and thread.json, is kept until you delete {place.directory}")


def _try_commands(stage: DemoConsole, place: DemoPaths, thread_id: str) -> None:
    """Name the commands that look at the history, and see that they work."""
    stage.say("To look at it:")
    for verb in ("show", "verify"):
        stage.verbatim(f"  STEPWARDEN_HOME={place.home} stepwarden threads {verb} {thread_id}")
    shown = place.stepwarden("threads", "show", thread_id)
    stage.expect("`show` gives the report", (shown.returncode, thread_id in shown.stdout), (0, True))
    verified = place.stepwarden("threads", "verify", thread_id)
    stage.expect(f"`verify` finds the chain of hashes whole: {verified.stdout.strip()}", verified.returncode, 0)


def _expect_whole(stage: DemoConsole, thread: Thread, history: list[HistoryEntry]) -> None:
    kinds = Counter(entry.kind for entry in history)
    numbers = Counter(entry.data["step"]["number"] for entry in history if entry.kind == "step")
    stage.expect("both refusals are in it", kinds["refused"], 2)
    stage.expect("step 2 is in it twice, the replaced one too", numbers[2], 2)
    stage.expect("step 3, sent to both servers, is in it once", numbers[3], 1)
    stage.expect("five steps are live", len(thread.live), 5)


def _exported(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
