"""What a person is asked about a run: the forms, and how their answers are read."""

from mcp.types import ElicitRequestFormParams, ElicitResult

from stepwarden.agents.run_text import WaitingCall
from stepwarden.runs.run import Run
from tools.shared.thread_result import clip

AGREED = "approve"
VERDICT = "verdict"
SHOWN_ARGUMENTS = 1_000
_VERDICTS = {"done": "It was carried out", "not_done": "It was not: send it again"}


def approval_form(call: WaitingCall) -> ElicitRequestFormParams:
    """Return the question whether a call may be made."""
    return _yes_or_no(f"A run wants to call {_shown(call)}", f"Allow this {call.kind}")


def repetition_form(call: WaitingCall) -> ElicitRequestFormParams:
    """Return the question whether a call in doubt, that was not carried out, is sent again."""
    what = f"Nobody knows whether {call.tool} was carried out. It was not, and is sent again: {_shown(call)}"
    return _yes_or_no(what, f"Send this {call.kind} again")


def resume_form(run: Run) -> ElicitRequestFormParams:
    """Return the question whether a run that rests goes on."""
    what = f"A run rests: {clip(run.why, 300)}. It was asked: {clip(run.request, 300)}"
    return _yes_or_no(what, "Go on; otherwise it ends with what it has")


def verdict_form(call: WaitingCall) -> ElicitRequestFormParams:
    """Return the question what became of a call in doubt."""
    choice = {
        "type": "string",
        "title": "What became of it",
        "enum": list(_VERDICTS),
        "enumNames": list(_VERDICTS.values()),
    }
    form = {"type": "object", "properties": {VERDICT: choice}, "required": [VERDICT]}
    message = f"Nobody knows whether a run's call was carried out; look first. It is {_shown(call)}"
    return ElicitRequestFormParams(message=message, requested_schema=form)


def is_agreed(answer: ElicitResult) -> bool:
    """Return whether somebody said yes."""
    return answer.action == "accept" and (answer.content or {}).get(AGREED) is True


def verdict_in(answer: ElicitResult) -> str:
    """Return what somebody says became of a call, "" where they say nothing."""
    said = (answer.content or {}).get(VERDICT) if answer.action == "accept" else None
    return said if isinstance(said, str) and said in _VERDICTS else ""


def _yes_or_no(message: str, title: str) -> ElicitRequestFormParams:
    form = {
        "type": "object",
        "properties": {AGREED: {"type": "boolean", "title": title}},
        "required": [AGREED],
    }
    return ElicitRequestFormParams(message=message, requested_schema=form)


def _shown(call: WaitingCall) -> str:
    return f"{call.tool} ({call.kind}) with {clip(call.arguments, SHOWN_ARGUMENTS)}"
