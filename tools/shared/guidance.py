"""What to do before the next call: bullets of the tool's prompt, what is open, and the literal next call."""

import re
from collections.abc import Mapping, Sequence

from prompts import Prompt
from stepwarden.steps.clause import UNANSWERED, Clause
from stepwarden.steps.expert_rules import MOST_ROUNDS
from stepwarden.steps.thread import Assurance, Phase, Signal, Step, Thread
from stepwarden.threads.calls import StepReply
from tools.shared.met_actions import without_met
from tools.shared.phrases import clause_lines

BULLETS = 3  # how many required actions one reply has at most
FRESH = 2  # of them, bullets of a phase: at step 1, then one less
RUN = "{command, output, exit}"  # of a bullet that asks for a run
_FINISH = " To finish: next_step_required=false."
_DISPROVE = " Say what you looked at, and quote a line that no step has quoted."
_GIVE_UP = ' If there is no more to find: next_step_required=false, confidence="low".'
_FIELD = re.compile(r"[a-z]+(_[a-z]+)*")
_CLOSED_BY: Mapping[str, str] = {
    "no_hypothesis": "hypothesis",
    "hypothesis": "evidence",
    "hypothesis_reused": "evidence",
    "irrelevant": "evidence",
    "refuted": "evidence",
    "issue": "evidence",
    "untested": "evidence",
    "expert": "findings",
    "expert_file": "files_checked",
}
SIGNAL_SECTIONS: Mapping[Signal, str] = {Signal.STALLED: "stalled", Signal.DISPROVE: "disprove"}


def required_actions(reply: StepReply, prompt: Prompt) -> list[str]:
    """Return the short list of what to do now, the most pressing first.

    None where the next call says it: to finish, or to close what is open. A signal: its section. One act that is
    missing: that. Else what is wrong with this step's quotes, what the tool's own look asks for, then bullets of the
    phase that this branch has not been shown, can follow and has not; fewer where something says already what to do.
    """
    if reply.awaits or reply.held or _may_finish(reply):  # the next call says it
        return []
    answer = _answers_to_expert(reply.assessment.open)
    if reply.review is not None and reply.review.disagrees:
        return answer or ["Close what is open."]
    for signal in reply.signals:
        if signal in SIGNAL_SECTIONS:
            return _bullets_of(signal, reply, prompt)
    if reply.answers and all(answer.failed for answer in reply.answers):
        return ["There is no answer to weigh: go on."]
    mend = ["Mend the refuted quotes."] if any(item.verdict == "refuted" for item in reply.step.evidence) else []
    split = ["Finish, or split the rest off into a thread of its own."] if Signal.SPLIT in reply.signals else []
    if act := _missing_act(reply, prompt):
        return [*mend, *split, *reply.step.measured_actions, *act][:BULLETS]
    is_told = bool(mend or answer or split or reply.step.measured_actions)
    is_told = is_told or bool(reply.step.number == 1 and reply.facts)  # advice shrinks before facts
    fresh = _fresh_bullets(reply.thread, reply.step, prompt)[: FRESH - is_told - (reply.step.number > 1)]
    return [*mend, *answer, *split, *reply.step.measured_actions, *fresh][:BULLETS] or [_last_resort(reply)]


def _how_to_close(clauses: Sequence[Clause]) -> str:
    """Return how the objections of an expert are closed, "" where none is open."""
    name = next((clause.id for clause in clauses if clause.kind == "expert"), "")
    return f'quote new code there, supports: "{name}", or withdraw the issue, or reply in findings' if name else ""


def _how_to_answer(clauses: Sequence[Clause]) -> str:
    """Return how flagged places are answered, "" where none is open."""
    asked = any(clause.subject == UNANSWERED for clause in clauses)
    return " (a place: an issue there, or in findings a line `safe: path:line reason`)" if asked else ""


def _how_to_prove(clauses: Sequence[Clause]) -> str:
    """Return how a later quote counts for the hypothesis: unmarked, it counts in the step that states it alone."""
    unproven = any(clause.kind == "hypothesis" or clause.subject == "hypothesis" for clause in clauses)
    return ' (mark its quote supports: "hypothesis")' if unproven else ""


def _missing_act(reply: StepReply, prompt: Prompt) -> list[str]:
    """Return the one act that an end still lacks: the only open clause, or what would test the conclusion.

    Where a run tests it as well as a quote, the tool's own words for that stand beside it.
    """
    kinds = [clause.kind for clause in reply.at_end]
    if kinds not in (["min_steps"], ["untested"]) or (reply.step.number == 1 and kinds == ["min_steps"]):
        return []
    line = clause_lines(reply.at_end)[0]
    runs = [bullet for bullet in prompt.sections["prove"] if RUN in bullet] if kinds == ["untested"] else []
    runs = without_met(reply.thread, runs)
    return [f"{line[:1].upper()}{line[1:]}.", *runs[:1]]


def _answers_to_expert(clauses: Sequence[Clause]) -> list[str]:
    names = ", ".join(clause.id for clause in clauses if clause.kind == "expert")
    return [f"Answer {names}: quote new code there, withdraw the issue, or reply in findings."] if names else []


def _last_resort(reply: StepReply) -> str:
    """Return what to do where every bullet of the phase was shown: a reply never says to act and not how."""
    if reply.answers:
        return "Weigh this answer against those before it."
    return "Close what is open." if reply.assessment.open else "Nothing is open: ask to finish, or say what is missing."


def _bullets_of(signal: Signal, reply: StepReply, prompt: Prompt) -> list[str]:
    """Return bullets of a signal's section; each time the thread hears it, they go on where they ended."""
    section = list(prompt.sections[SIGNAL_SECTIONS[signal]])
    bullets = without_met(reply.thread, section) or section
    heard = sum(remark.kind == signal.value and remark.step < reply.step.number for remark in reply.thread.decisions)
    start = heard * BULLETS % len(bullets)
    return [*bullets[start:], *bullets[:start]][:BULLETS]


def _fresh_bullets(thread: Thread, step: Step, prompt: Prompt) -> list[str]:
    """Return the next bullets of the step's phase, and those of the phase after it when they are used up."""
    shown = _shown_of(thread, step.phase) - (FRESH if step.number == 1 else 1)
    own = prompt.sections[step.phase.value]
    fresh = without_met(thread, own[shown:])[:FRESH]
    if fresh or step.phase is Phase.CONCLUDE:
        return fresh
    return _fresh_bullets_of_next(thread, step, prompt, shown - len(own))


def _shown_of(thread: Thread, phase: Phase) -> int:
    """Return how many bullets of a phase were shown, the last step's included: those of step 1, and one a step."""
    return thread.totals.in_phase(phase) + (FRESH - 1 if thread.trail[0].phase is phase else 0)


def _fresh_bullets_of_next(thread: Thread, step: Step, prompt: Prompt, borrowed: int) -> list[str]:
    """Return bullets of the phase after; `borrowed` counts the steps that took one of it before."""
    following = list(Phase)[list(Phase).index(step.phase) + 1]
    bullets = prompt.sections[following.value]
    start = _shown_of(thread, following) + max(0, borrowed)
    return without_met(thread, bullets[start % len(bullets) :])[:FRESH]


def next_call(reply: StepReply, fields: str) -> str:
    """Return the `next_steps` text: stop, do the actions, and the literal next call with its `fields`."""
    tool, thread = reply.thread.tool, reply.thread
    call = f'{tool}(step_number={reply.next_number}, continuation_id="{thread.id}"'
    if reply.awaits:
        same = f'Send this same call again, with continuation_id="{thread.id}", to collect the answer.'
        return f"{same} To go on without it: {call}, {fields}, ...)"
    if reply.held:
        ask = f"{call}, {_fields_to_close(reply.held, fields)}, next_step_required=false)"
        how, then = f"{_how_to_prove(reply.held)}{_how_to_answer(reply.held)}", "ends it"
        if told := _how_to_close(reply.held):
            how = f" ({told})"
            then = "ends it; your reply goes to the expert first" if thread.expert_rounds < MOST_ROUNDS else then
        return f"Close what is open{how}; the next ask {then}: {ask}"
    if _may_finish(reply):
        return f"Nothing open. Finish: {call}, step, next_step_required=false)"
    if reply.step.number > 1:  # what stops and what to fill is said once a thread
        return f"Then {call}, ...){_way_out(reply)}"
    return f"STOP! Do NOT call {tool} again yet. Act, then {call}, {fields}, ...){_way_out(reply)}"


def _may_finish(reply: StepReply) -> bool:
    """Whether all that is claimed is verified, and an ask to finish would be held for nothing."""
    if reply.signals.keys() - {Signal.STALLED, Signal.SPLIT} or reply.answers:
        return False
    return reply.assessment.assurance is Assurance.VERIFIED and not reply.at_end


def _way_out(reply: StepReply) -> str:
    """Return what a signal adds to the next call: how to answer it, or how to end."""
    if Signal.DISPROVE in reply.signals:
        return _DISPROVE
    if Signal.STALLED in reply.signals:
        return _FINISH if reply.assessment.sufficient else _GIVE_UP
    return _FINISH if Signal.SPLIT in reply.signals else ""


def _fields_to_close(held: Sequence[Clause], fields: str) -> str:
    """Return the fields of the next ask: those that what is open is closed with, else the tool's usual ones."""
    needed = [_CLOSED_BY.get(clause.kind) or _field_named_in(clause.text) for clause in held]
    if any(clause.kind == "measured" for clause in held) and "files_checked" in fields:
        needed.append("files_checked")
    return ", ".join(dict.fromkeys(["step", *filter(None, needed)])) if any(needed) else fields


def _field_named_in(text: str) -> str:
    """Return the field that a tool's own clause begins with, such as "relevant_files: the tests you wrote"."""
    head, colon, _ = text.partition(":")
    return head if colon and _FIELD.fullmatch(head) else ""
