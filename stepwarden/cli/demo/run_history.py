"""After the run of the demo: its history, that it is whole, and its report in every form."""

import json
from collections import Counter

from stepwarden.agents.run_report import history_lines, run_as_csv, run_as_html, run_as_json, run_as_markdown
from stepwarden.cli.demo.run_scenario import RunScenario
from stepwarden.threads.calls import LOCAL

SHOWN_LINES = 18
TOLD = {"started", "attached", "approval_asked", "commanded", "sent", "in_doubt", "stopping", "ended"}
"""Kinds of events that say who drove, who allowed what, and why it ended."""


async def show_report(run: RunScenario) -> None:
    """Show the history and the report, and check that they agree."""
    with run.checks.section("The history, and the report"):
        whole = await run.runs.whole(run.run_id, LOCAL)
        console, expect = run.checks.console, run.checks.expect
        console.say("Every question, call, word of a person and change of driver is an event, chained by hashes:")
        lines = list(history_lines(whole.history))
        told = [line for row, line in zip(whole.history, lines, strict=True) if row.kind in TOLD]
        console.show_rows([tuple(line.split(". ", 1)) for line in told])
        console.say(f"These are {len(told)} of {len(lines)}; stepwarden runs events shows all of them.")
        expect("the chain is whole", await run.runs.journal.store.verify(run.run_id), None)
        kinds = Counter(row.kind for row in whole.history)
        expect("two processes drove it", len({row.payload for row in whole.history if row.kind == "attached"}), 2)
        sent = 1 + run.sent_again if run.allowed else 0
        expect(f"the order was sent {sent} times" if sent != 1 else "the order was sent once", kinds["sent"], sent)
        report = run_as_markdown(whole).splitlines()
        console.show_text("stepwarden runs export --format markdown", "\n".join([*report[:SHOWN_LINES], "..."]))
        events = json.loads(run_as_json(whole))["events"]
        rows = len(run_as_csv(whole).splitlines()) - 1
        expect(f"JSON and CSV have the same {rows} events", (len(events), rows), (len(lines), len(lines)))
        page = run_as_html(whole)
        expect(f"a page of HTML that loads nothing, {len(page):,} characters", "://" not in page, wanted=True)


def show_next(run: RunScenario) -> None:
    """Say how to go on, without the demo."""
    console = run.checks.console
    console.say("")
    console.say("With a model (a key such as OPENAI_API_KEY, or CUSTOM_API_URL) the same is:")
    console.show_command('  stepwarden run "what is to be done"')
    console.show_command("  stepwarden runs list")
