"""The sections of the demo that the agent and the server take part in, in their order."""

from dataclasses import dataclass
from typing import Any

from mcp.shared.exceptions import MCPError

from stepwarden.cli.demo.agent import TOOL, DemoAgent, DemoAnswer
from stepwarden.cli.demo.checks import DemoChecks
from stepwarden.cli.demo.host import DemoServer
from stepwarden.cli.demo.sample import MAIN, Sample

TASK = "The report says 21 of 24 readings came through, and nothing raises. Find where the others are lost."
MISREAD = "for attempt in range(1, ATTEMPTS):"  # what the agent believes it read; the line has a `+ 1`
LOOP = "for attempt in range("
TAKEN = "taken = batch["
BUG, FIX = "taken + 1 :", "taken:"


@dataclass
class Scenario:
    """What the sections share; `last` and `answer` are the last step and its reply."""

    checks: DemoChecks
    sample: Sample
    agent: DemoAgent
    planned: int = 0
    last: dict[str, Any] | None = None
    answer: DemoAnswer | None = None

    def expect_pause(self, answer: DemoAnswer, number: int) -> None:
        """Expect that step `number` was recorded, and that the server says what to do before the next one."""
        expect = self.checks.expect
        expect(f"step {number} is recorded", (answer.refused, answer.value("step_number")), (False, number))
        expect("status is a pause", answer.value("status"), f"pause_for_{TOOL}")
        expect("it says what to do first", bool(answer.value("required_actions")))

    def expect_refusal(self, answer: DemoAnswer, next_number: int) -> None:
        """Expect that nothing was recorded, and that the server names the next number."""
        self.checks.expect("status is a refusal", answer.value("status"), f"{TOOL}_refused")
        self.checks.expect("the host is told of an error", answer.refused)
        self.checks.expect(f"step {next_number} is still the next", answer.value("next_step_number"), next_number)


def show_failure(checks: DemoChecks, sample: Sample) -> None:
    """Run the program as it ships."""
    with checks.section("A real program with a real bug"):
        checks.console.say(
            f"{len(sample.files)} files, {sample.line_count} lines, in {sample.directory}: {', '.join(sample.files)}"
        )
        result = sample.run()
        checks.console.show_text(f"python {MAIN}", result.output)
        checks.expect("it fails: readings are lost on the way", result.code, 1)


async def open_thread(run: Scenario) -> None:
    """Send step 1: the server plans the work and asks the agent to pause."""
    with run.checks.section("Step 1: the work is planned, and the agent pauses"):
        answer = await run.agent.send(
            1,
            TASK,
            findings=run.sample.run().output,
            relevant_files=run.sample.files,
            working_directory=str(run.sample.directory),
        )
        if not run.agent.thread:
            raise LookupError("the server opened no thread, so no further step can be sent")
        run.expect_pause(answer, 1)
        low, likely, high = (answer.value(f"plan.{name}") or 0 for name in ("low", "likely", "high"))
        run.planned = likely
        run.checks.expect(
            f"planned at {likely} steps ({low} to {high}), with a reason: {answer.value('plan.reason')}",
            (0 < low <= likely <= high, low < high, bool(answer.value("plan.reason"))),
            (True, True, True),
        )
        # A plan names who made it only where that was not the rules.
        run.checks.expect("the agent did not say how many: the rules did", answer.value("plan.by"), None)


async def send_nothing_new(run: Scenario) -> None:
    """Send a step that found nothing: it is refused."""
    with run.checks.section("An empty step is refused"):
        answer = await run.agent.send(2, "Had another look.", findings=run.sample.run().output)
        run.expect_refusal(answer, 2)


async def skip_a_step(run: Scenario) -> None:
    """Skip a number: the step is refused."""
    with run.checks.section("A skipped step is refused"):
        answer = await run.agent.send(3, "On to the conclusion.", findings="It must be the retries.")
        run.expect_refusal(answer, 2)


async def misquote(run: Scenario) -> None:
    """State a wrong hypothesis, with a quote that is not in the file."""
    sample = run.sample
    with run.checks.section("A false quote is refuted"):
        run.checks.console.say("The agent quotes from memory. The file says something else.")
        number = sample.find("retry.py", LOOP)
        answer = await run.agent.send(
            2,
            "Looked at the retries.",
            findings="The loop makes one attempt too few.",
            hypothesis="The last attempt is never made, so a batch that meets a busy gateway is dropped.",
            confidence="medium",
            evidence=[{"file": "retry.py", "line": number, "quote": MISREAD, "supports": "hypothesis"}],
        )
        run.expect_pause(answer, 2)
        run.checks.expect("one quote refuted, none verified", answer.value("assessment.evidence"), {"refuted": 1})
        quotes = " ".join(answer.value("assessment.quotes") or [])
        run.checks.expect("the nearest line is named, as it really is", sample.line("retry.py", number) in quotes)
        was, likely = answer.value("plan.was"), answer.value("plan.likely")
        run.checks.expect(
            f"the plan grows, {was} -> {likely}: {answer.value('plan.reason')}",
            (was, (likely or 0) > run.planned),
            (run.planned, True),
        )


async def go_back(run: Scenario) -> None:
    """Backtrack: replace the wrong step."""
    sample = run.sample
    with run.checks.section("Backtrack: step 2 is replaced"):
        number = sample.find("gateway.py", TAKEN)
        run.checks.console.say("This quote comes from a read tool, with line numbers; the server removes them.")
        answer = await run.agent.send(
            2,
            "Read the loop again: it makes every attempt. Looked at what the gateway takes instead.",
            findings="Each reading that is lost is the first one for which the gateway had no room.",
            confidence="low",
            backtrack_from_step=2,
            files_checked=["retry.py", "gateway.py"],
            evidence=[{"file": "gateway.py", "quote": sample.read("gateway.py", number, number + 1)}],
        )
        run.expect_pause(answer, 2)
        run.checks.expect("only the new quote counts", answer.value("assessment.evidence"), {"verified": 1})
        run.checks.expect("step 2 was replaced once", answer.value("progress.breadcrumb"), "1 > 2'")


async def ask_for_more(run: Scenario) -> None:
    """Ask for more steps by a number."""
    with run.checks.section("Resize: the agent asks for more steps"):
        before = run.planned + 1  # the refuted quote added one, which stays after the backtrack
        run.last = {
            "step": "Two files hand readings on: the gateway says how many it took, the outbox puts back the rest.",
            "findings": "What is put back depends on the number that deliver() gives; both sides have to be compared.",
            "files_checked": ["outbox.py"],
            "total_steps": before + 1,
        }
        run.answer = await run.agent.send(3, **run.last)
        run.expect_pause(run.answer, 3)
        plan = [run.answer.value(f"plan.{name}") for name in ("was", "likely", "by")]
        run.checks.expect(f"{before} -> {before + 1}, by the agent", plan, [before, before + 1, "agent"])


async def kill_server(checks: DemoChecks, server: DemoServer) -> None:
    """Kill the server as a crash would, with the thread half done."""
    with checks.section("kill -9 of the server, in the middle of the thread"):
        code = await server.kill()
        checks.console.say(f"kill -9 {server.process.pid}: the server is dead, exit code {code}.")
        checks.expect("it did not end by itself", code != 0)
        try:
            await server.client.call_tool("status", {})
        except MCPError as error:
            checks.expect(f"the host gets no more answers: {error}", got=True)
        else:
            checks.expect("the host gets no more answers", got=False)


async def continue_thread(run: Scenario, server: DemoServer) -> None:
    """Send the last step to a new server: it was recorded once."""
    run.agent.client = server.client
    with run.checks.section("A new process continues the thread"):
        run.checks.console.say("Was step 3 recorded? The agent cannot know, so it sends the same step again.")
        answer = await run.agent.send(3, again="word for word as before", **(run.last or {}))
        before = run.answer.data if run.answer else None
        run.checks.expect("the reply is the same as before", answer.data, before)
        run.checks.expect("step 4 is next", answer.value("next_step_number"), 4)


async def claim_certainty(run: Scenario) -> None:
    """Claim certainty without evidence: the thread does not end."""
    with run.checks.section("`certain` with nothing behind it ends nothing"):
        run.last = {
            "hypothesis": "flush() puts back one reading too few when the gateway takes a part of a batch.",
            "confidence": "certain",
        }
        answer = await run.agent.send(4, "I know it now.", findings="The outbox loses it.", **run.last)
        run.expect_pause(answer, 4)
        run.checks.expect("not sufficient", answer.value("assessment.sufficient"), wanted=False)
        run.checks.expect("something is open", bool(answer.value("assessment.open")))


async def prove_it(run: Scenario) -> None:
    """Make the same claim with the line that proves it: the thread ends, although the agent would continue."""
    sample = run.sample
    with run.checks.section("The early end: the same claim, now with its proof"):
        number = sample.find("outbox.py", BUG)
        quote = {"file": "outbox.py", "line": number, "quote": sample.line("outbox.py", number)}
        answer = await run.agent.send(
            5,
            "Compared both sides: deliver() gives a count, and the slice after it starts one too late.",
            findings="The first reading not taken is at index `taken`; the slice begins at the one after it.",
            evidence=[{**quote, "supports": "hypothesis"}],
            **(run.last or {}),
        )
        expect = run.checks.expect
        expect("the agent asked to continue, the server ended the thread", answer.value("status"), f"{TOOL}_complete")
        expect("nothing more is asked for", answer.value("next_step_required"), wanted=False)
        expect("assurance is `verified`", answer.value("assessment.assurance"), "verified")
        saved = run.planned - 5
        expect(f"{saved} of the {run.planned} planned steps are saved", answer.value("progress.saved"), saved)
