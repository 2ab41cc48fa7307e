"""The scenes that the agent and the server play, in their order."""

from dataclasses import dataclass
from typing import Any

from mcp.shared.exceptions import MCPError

from stepwarden.cli.demo.agent import TOOL, DemoAgent, DemoAnswer
from stepwarden.cli.demo.console import DemoConsole
from stepwarden.cli.demo.host import DemoServer
from stepwarden.cli.demo.sample import MAIN, Sample

TASK = "The report says 21 of 24 readings came through, and nothing raises. Find where the others are lost."
MISREAD = "for attempt in range(1, ATTEMPTS):"  # what the agent believes to have read; the line has a `+ 1`
LOOP = "for attempt in range("
TAKEN = "taken = batch["
BUG, FIX = "taken + 1 :", "taken:"


@dataclass
class Scenario:
    """What the scenes share; `last` and `answer` are the step sent last and what came of it."""

    stage: DemoConsole
    sample: Sample
    agent: DemoAgent
    sized: int = 0
    last: dict[str, Any] | None = None
    answer: DemoAnswer | None = None

    def expect_pause(self, answer: DemoAnswer, number: int) -> None:
        """Expect that step `number` was recorded, and that the server tells what to do before the next."""
        expect = self.stage.expect
        expect(f"step {number} is recorded", (answer.refused, answer.at("step_number")), (False, number))
        expect("status is a pause", answer.at("status"), f"pause_for_{TOOL}")
        expect("it says what to do first", bool(answer.at("required_actions")))

    def expect_refusal(self, answer: DemoAnswer, next_number: int) -> None:
        """Expect that nothing was recorded, and that the server names the number that comes next."""
        self.stage.expect("status is a refusal", answer.at("status"), f"{TOOL}_refused")
        self.stage.expect("the host is told of an error", answer.refused)
        self.stage.expect(f"step {next_number} is still the next", answer.at("next_step_number"), next_number)


def show_failure(stage: DemoConsole, sample: Sample) -> None:
    """Run the program as it ships."""
    with stage.scene("A real program with a real bug"):
        stage.say(f"{len(sample.files)} files, {sample.length} lines, in {sample.directory}: {', '.join(sample.files)}")
        ran = sample.run()
        stage.output(ran.output, f"python {MAIN}")
        stage.expect("it fails: readings are lost on the way", ran.code, 1)


async def open_thread(play: Scenario) -> None:
    """Step 1: the server sizes the work, and pauses."""
    with play.stage.scene("Step 1: the work is sized, and the agent held back"):
        answer = await play.agent.send(
            1,
            TASK,
            findings=play.sample.run().output,
            relevant_files=play.sample.files,
            working_directory=str(play.sample.directory),
        )
        if not play.agent.thread:
            raise LookupError("the server opened no thread, so no further step can be sent")
        play.expect_pause(answer, 1)
        low, likely, high = (answer.at(f"plan.{name}") or 0 for name in ("low", "likely", "high"))
        play.sized = likely
        play.stage.expect(
            f"sized at {likely} steps ({low} to {high}), with a reason: {answer.at('plan.reason')}",
            (0 < low <= likely <= high, low < high, bool(answer.at("plan.reason"))),
            (True, True, True),
        )
        play.stage.expect("the agent did not say how many: the rules did", answer.at("plan.by"), "rule")


async def send_nothing_new(play: Scenario) -> None:
    """A step with nothing in it is refused."""
    with play.stage.scene("An empty step is refused"):
        answer = await play.agent.send(2, "Had another look.", findings="")
        play.expect_refusal(answer, 2)


async def skip_a_step(play: Scenario) -> None:
    """A skipped number is refused."""
    with play.stage.scene("A skipped step is refused"):
        answer = await play.agent.send(3, "On to the conclusion.", findings="It must be the retries.")
        play.expect_refusal(answer, 2)


async def misquote(play: Scenario) -> None:
    """A wrong theory, and a quote for it that is not in the file."""
    sample = play.sample
    with play.stage.scene("A wrong theory: its quote is refuted"):
        play.stage.say("The agent quotes from memory. This is not what the file says.")
        number = sample.find("retry.py", LOOP)
        answer = await play.agent.send(
            2,
            "Looked at the retries.",
            findings="The loop makes one attempt too few.",
            hypothesis="The last attempt is never made, so a batch that meets a busy gateway is dropped.",
            confidence="medium",
            evidence=[{"file": "retry.py", "line": number, "quote": MISREAD, "supports": "hypothesis"}],
        )
        play.expect_pause(answer, 2)
        play.stage.expect("one quote refuted, none verified", answer.at("assessment.evidence"), {"refuted": 1})
        said = " ".join(answer.at("assessment.quotes") or [])
        play.stage.expect("the nearest line is named, as it really is", sample.line("retry.py", number) in said)
        play.stage.expect(
            f"the plan grows, {answer.at('plan.was')} -> {answer.at('plan.likely')}: {answer.at('plan.reason')}",
            (answer.at("plan.was"), (answer.at("plan.likely") or 0) > play.sized),
            (play.sized, True),
        )


async def go_back(play: Scenario) -> None:
    """Backtrack: the wrong step is replaced."""
    sample = play.sample
    with play.stage.scene("Backtrack: step 2 is replaced"):
        number = sample.find("gateway.py", TAKEN)
        play.stage.say("This quote comes out of a read tool, with its line numbers; the server takes them off.")
        answer = await play.agent.send(
            2,
            "Read the loop again: it makes every attempt. Looked at what the gateway takes instead.",
            findings="Each reading that is lost is the first one for which the gateway had no room.",
            confidence="low",
            backtrack_from_step=2,
            files_checked=["retry.py", "gateway.py"],
            evidence=[{"file": "gateway.py", "quote": sample.read("gateway.py", number, number + 1)}],
        )
        play.expect_pause(answer, 2)
        play.stage.expect("only the new quote counts", answer.at("assessment.evidence"), {"verified": 1})
        play.stage.expect("step 2 was replaced once", answer.at("progress.breadcrumb"), "1 > 2'")


async def ask_for_more(play: Scenario) -> None:
    """Resize: the agent asks for more steps, and says so by a number."""
    with play.stage.scene("Resize: the agent asks for more steps"):
        before = play.sized + 1  # the refuted quote made it one more; that stays after the backtrack
        play.last = {
            "step": "Two files hand readings on: the gateway says how many it took, the outbox puts back the rest.",
            "findings": "What is put back depends on the number that deliver() gives; both sides have to be compared.",
            "files_checked": ["outbox.py"],
            "total_steps": before + 1,
        }
        play.answer = await play.agent.send(3, **play.last)
        play.expect_pause(play.answer, 3)
        plan = [play.answer.at(f"plan.{name}") for name in ("was", "likely", "by")]
        play.stage.expect(f"{before} -> {before + 1}, by the agent", plan, [before, before + 1, "agent"])


async def kill_server(stage: DemoConsole, server: DemoServer) -> None:
    """End the server as a crash would, with the thread half done."""
    with stage.scene("kill -9 of the server, in mid-thread"):
        code = await server.kill()
        stage.say(f"kill -9 {server.process.pid}: the server is dead, exit code {code}.")
        stage.expect("it did not end by itself", code != 0)
        try:
            await server.client.call_tool("status", {})
        except MCPError as error:
            stage.expect(f"the host gets no answer any more: {error}", got=True)
        else:
            stage.expect("the host gets no answer any more", got=False)


async def go_on(play: Scenario, server: DemoServer) -> None:
    """Send the last step to a new server: it was recorded, once."""
    play.agent.client = server.client
    with play.stage.scene("A new process, and the thread goes on"):
        play.stage.say("Was step 3 recorded? The agent cannot know, so it sends the same step again.")
        answer = await play.agent.send(3, again="word for word as before", **(play.last or {}))
        before = play.answer.data if play.answer else None
        play.stage.expect("it is answered as before, to the letter", answer.data, before)
        play.stage.expect("and step 4 is the next", answer.at("next_step_number"), 4)


async def claim_certainty(play: Scenario) -> None:
    """`certain` alone ends nothing."""
    with play.stage.scene("`certain` with nothing behind it ends nothing"):
        play.last = {
            "hypothesis": "flush() puts back one reading too few when the gateway takes a part of a batch.",
            "confidence": "certain",
        }
        answer = await play.agent.send(4, "I know it now.", findings="The outbox loses it.", **play.last)
        play.expect_pause(answer, 4)
        play.stage.expect("not sufficient", answer.at("assessment.sufficient"), wanted=False)
        play.stage.expect("something is open", bool(answer.at("assessment.open")))


async def prove_it(play: Scenario) -> None:
    """The same claim with the line that proves it ends the thread, although the agent would go on."""
    sample = play.sample
    with play.stage.scene("The early end: the same claim, now with its proof"):
        number = sample.find("outbox.py", BUG)
        quote = {"file": "outbox.py", "line": number, "quote": sample.line("outbox.py", number)}
        answer = await play.agent.send(
            5,
            "Compared both sides: deliver() gives a count, and the slice after it starts one too late.",
            findings="The first reading not taken is at index `taken`; the slice begins at the one after it.",
            evidence=[{**quote, "supports": "hypothesis"}],
            **(play.last or {}),
        )
        expect = play.stage.expect
        expect("the agent asked to go on, the server ended it", answer.at("status"), f"{TOOL}_complete")
        expect("nothing more is asked for", answer.at("next_step_required"), wanted=False)
        expect("assurance is `verified`", answer.at("assessment.assurance"), "verified")
        saved = play.sized - 5
        expect(f"{saved} of the {play.sized} steps it was sized at are saved", answer.at("progress.saved"), saved)
