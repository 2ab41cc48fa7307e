"""What to do before the next call: bullets of the tool's prompt, what is open, and the literal next call."""

from collections.abc import Mapping

from prompts import Prompt
from stepwarden.steps.evidence import Verdict
from stepwarden.steps.expert_rules import objections
from stepwarden.steps.thread import Phase, Signal, Step, Thread
from stepwarden.threads.calls import StepReply
from tools.shared.phrases import clause_lines, quote_line, some_paths

OBJECTIONS = 5  # of an expert, in one reply that is not held
BULLETS = 3  # how many required actions one reply has at most
_TOLD = (Verdict.REFUTED, Verdict.MOVED, Verdict.UNREACHABLE)
_GIVE_UP = ' If there is no more to find: next_step_required=false, confidence="low".'
SIGNAL_SECTIONS: Mapping[Signal, str] = {Signal.STALLED: "stalled", Signal.DISPROVE: "disprove"}


def required_actions(reply: StepReply, prompt: Prompt) -> list[str]:
    """Return the short list of what to do now, the most pressing first.

    Held: the open clauses, which stand in the assessment. A signal: its section. Else what is wrong with this step's
    quotes, what the tool's own look asks for, then the bullets of the phase that this branch has not been shown.
    """
    if reply.awaits:
        return []
    if reply.held:
        return ["Close what is open."]
    if reply.review is not None and reply.review.disagrees:
        return clause_lines(objections(reply.thread))[:OBJECTIONS]
    for signal in reply.signals:
        if signal in SIGNAL_SECTIONS:
            return _bullets_of(signal, reply, prompt)
    if reply.answers and all(answer.failed for answer in reply.answers):
        return ["There is no answer to weigh: go on."]
    mend = ["Mend the refuted quotes."] if any(item.verdict == "refuted" for item in reply.step.evidence) else []
    split = ["Finish, or split the rest into a thread of its own."] if Signal.SPLIT in reply.signals else []
    fresh = _fresh_bullets(reply.thread, reply.step, prompt)
    return [*mend, *split, *reply.step.measured_actions, *fresh][:BULLETS]


def _bullets_of(signal: Signal, reply: StepReply, prompt: Prompt) -> list[str]:
    """Return bullets of a signal's section; each time the thread hears it, they go on where they ended."""
    bullets = list(prompt.sections[SIGNAL_SECTIONS[signal]])
    heard = sum(remark.kind == signal.value and remark.step < reply.step.number for remark in reply.thread.decisions)
    start = heard * BULLETS % len(bullets)
    return [*bullets[start:], *bullets[:start]][:BULLETS]


def _fresh_bullets(thread: Thread, step: Step, prompt: Prompt) -> list[str]:
    """Return the next bullets of the step's phase, and those of the phase after it when they are used up."""
    shown = BULLETS * (thread.totals.in_phase(step.phase) - 1)
    fresh = list(prompt.sections[step.phase.value])[shown : shown + BULLETS]
    if fresh or step.phase is Phase.CONCLUDE:
        return fresh
    return _fresh_bullets_of_next(thread, step, prompt)


def _fresh_bullets_of_next(thread: Thread, step: Step, prompt: Prompt) -> list[str]:
    following = list(Phase)[list(Phase).index(step.phase) + 1]
    used = thread.totals.in_phase(following)
    bullets = prompt.sections[following.value]
    start = min(BULLETS * used, max(0, len(bullets) - BULLETS))
    return list(bullets)[start : start + 2]


def next_call(reply: StepReply, fields: str) -> str:
    """Return the `next_steps` text: stop, do the actions, and the literal next call with its `fields`."""
    tool, thread = reply.thread.tool, reply.thread
    call = f'{tool}(step_number={reply.next_number}, continuation_id="{thread.id}"'
    if reply.awaits:
        same = f'Send this same call again, with continuation_id="{thread.id}", to collect the answer.'
        return f"{same} To go on without it: {call}, {fields}, ...)"
    if reply.held:
        ask = f"{call}, {fields if reply.answers else 'step, evidence'}, next_step_required=false)"
        return f"STOP! Do NOT call {tool} again yet. Close these; the next ask completes: {ask}"
    call = f"{call}, {fields}"
    end = _GIVE_UP if Signal.STALLED in reply.signals else ""
    return f"STOP! Do NOT call {tool} again yet. Act first, then {call}, ...){end}"


def hints(reply: StepReply) -> list[str]:
    """Return once that no quote can be checked, with the first that could not."""
    step = reply.step
    if step.readable or not step.evidence or reply.thread.totals.first_quoted < step.number:
        return []
    return [
        "No file can be read: give working_directory (absolute; over HTTP inside STEPWARDEN_ROOTS), then quote again."
    ]


def left_out_lines(reply: StepReply) -> list[str]:
    """Return which files the models asked in this call were not sent."""
    if not reply.left_out:
        return []
    return [f"Not sent to the models (too large, or may not be read): {some_paths(reply.left_out)}."]


def quote_lines(reply: StepReply) -> list[str]:
    """Return what was found of this step's quotes, refuted ones first, plain hits left out; and of files it checked."""
    told = [item for item in reply.step.evidence if item.verdict is not Verdict.VERIFIED]
    lines = [f"Quote {quote_line(item)}" for item in sorted(told, key=lambda item: _TOLD.index(item.verdict))]
    step = reply.step
    missing = [path for path in step.submission.checked if path not in step.existing] if step.readable else []
    return [*lines, f"Not found, or not readable here: {some_paths(missing)}"] if missing else lines
