"""What `run` does with a run; imported at its first call."""

from typing import Any

from mcp.types import CallToolResult, ElicitRequestFormParams, ElicitResult, InputRequiredResult, TextContent

from stepwarden.agents.run_text import WaitingCall, verdict_of, waiting_calls
from stepwarden.agents.runs import Runs
from stepwarden.runs.run import Run
from stepwarden.runs.run_commands import RunCommand, RunCommandKind
from stepwarden.storage import Head
from stepwarden.threads.calls import Caller
from stepwarden.threads.event_text import stamp
from stepwarden.upstream.calls.records import new_id
from tools.shared.edge import refused
from tools.shared.elicitation import Unanswered, can_put, current_context, put
from tools.shared.run_questions import AGREED, approval_form, is_agreed, repetition_form
from tools.shared.run_request import RunToolRequest
from tools.shared.run_wait import RunWait
from tools.shared.thread_result import clip

MOST_LISTED = 20
_STILL_WAITS = (
    "the call still waits. Tell them; they answer when you send this again at their word, "
    "or at a terminal by stepwarden runs approve"
)


async def act_on_run(wait: RunWait, request: RunToolRequest, run_id: str) -> CallToolResult | InputRequiredResult:
    """Look at a run, wait for it or say something to it. Raises UnknownStream, OtherKind and RunRefused."""
    runs = wait.runs
    run = await runs.look(run_id, wait.caller)
    wait_s = 0.0 if request.action == "look" else request.wait_s
    if request.action not in {"look", "wait"}:
        said = await _word(run, request)
        if not isinstance(said, RunCommand):
            return said
        run, _ = await runs.tell(run_id, said, wait.caller)
    runs.serve_soon()
    return await wait.reply(run_id, wait_s)


async def _word(run: Run, request: RunToolRequest) -> RunCommand | CallToolResult | InputRequiredResult:
    """Return what is said to the run; a result where something is missing, or the person is asked first."""
    kind = RunCommandKind(request.action)
    if kind not in {RunCommandKind.APPROVE, RunCommandKind.REFUSE, RunCommandKind.RESOLVE}:
        added = request.limits or {} if kind is RunCommandKind.EXTEND else {}
        return RunCommand(new_id("word"), kind, "user", "host", added)
    waiting = [one for one in waiting_calls(run) if one.in_doubt == (kind is RunCommandKind.RESOLVE)]
    named = [one for one in waiting if request.call in {None, one.key}]
    if len(named) != 1:
        there = ", ".join(one.key for one in waiting) or f"none; the run stands at {verdict_of(run)}"
        return refused(f"{request.action} needs call, one that waits for that. There are: {there}.")
    call = named[0]
    if kind is RunCommandKind.APPROVE:
        return await _approval(call, request)
    if kind is RunCommandKind.RESOLVE:
        if request.verdict is None:
            return refused('resolve needs verdict: "done" or "not_done", once you looked.')
        if request.verdict == "not_done":  # it is sent again
            asked = await _ask(call, repetition_form(call))
            if isinstance(asked, CallToolResult | InputRequiredResult):
                return asked
            if asked is False:
                return refused("Your user did not agree that it is sent again: it stays in doubt. Look with them.")
    arguments = {"call": call.key, "verdict": request.verdict, "reason": request.reason, "note": request.reason}
    given = {name: value for name, value in arguments.items() if value is not None}
    return RunCommand(new_id("word"), kind, "user", "host", given)


async def _approval(call: WaitingCall, request: RunToolRequest) -> RunCommand | CallToolResult | InputRequiredResult:
    """Return the person's word on a call: theirs where the host can ask them, else the word that the reply gave."""
    asked = await _ask(call, approval_form(call))
    if isinstance(asked, CallToolResult | InputRequiredResult):
        return asked
    if asked is None and request.confirm != call.about:
        again = f'run(action="approve", run_id="{request.run_id}", call="{call.key}", confirm="{call.about}")'
        what = f"{call.tool} may be called with {clip(call.arguments, 300)}"
        return refused(f"Nothing was allowed. Ask your user whether {what}; if they agree: {again}.")
    if asked is False:
        said = {"call": call.key, "reason": "your user said no"}
        return RunCommand(new_id("word"), RunCommandKind.REFUSE, "user", "host", said)
    return RunCommand(new_id("word"), RunCommandKind.APPROVE, "user", "host", {"call": call.key, "about": call.about})


async def _ask(call: WaitingCall, form: ElicitRequestFormParams) -> bool | CallToolResult | InputRequiredResult | None:
    """Ask the person; None where the host cannot. A result says that nobody answered, or that the host has to ask."""
    context = current_context()
    if context is None:
        return None
    try:
        answer = await put(context, AGREED, form, state=call.about)
    except Unanswered:
        return refused("Your user did not answer: nothing was allowed. Send it again to ask them again.")
    if answer is None and can_put(context, form):  # the host has gone, or failed: that allows nothing
        return refused(f"Your host could not put the question: nothing was allowed, and {_STILL_WAITS}.")
    if not isinstance(answer, ElicitResult):
        return answer
    if answer.action == "cancel":
        return refused(f"Your user closed the question: nothing was allowed, and {_STILL_WAITS}.")
    return is_agreed(answer)


async def list_runs(runs: Runs, caller: Caller) -> CallToolResult:
    """Show the caller's runs, the last changed first."""
    heads = await runs.heads(caller, MOST_LISTED)
    rows = [_row(head) for head in heads]
    lines = ["{run_id} {status}, steps: {steps}, {changed}: {request}".format_map(row) for row in rows]
    text = "\n".join(lines) or "No runs yet: execute starts one."
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content={"runs": rows})


def _row(head: Head) -> dict[str, Any]:
    changed = stamp(head.updated)
    told = {"run_id": head.stream, "status": head.state, "steps": head.steps, "changed": changed}
    return {**told, "request": clip(head.title, 80)}
