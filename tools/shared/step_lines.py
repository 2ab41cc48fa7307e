"""Lines of a reply about its step: what was found of its quotes, what it changed, who is asked, what was not sent."""

from pathlib import PurePath

from stepwarden.steps.evidence import Evidence, Verdict
from stepwarden.steps.former_proofs import former_proofs
from stepwarden.steps.panel import panel_of
from stepwarden.steps.support import NEAR_LINES
from stepwarden.threads.calls import StepReply
from tools.shared.phrases import quote_line, short_path, some_paths
from tools.shared.thread_result import clip, counted

_TOLD = (Verdict.REFUTED, Verdict.REMOVED, Verdict.TOO_SHORT, Verdict.MOVED, Verdict.UNREACHABLE, Verdict.VERIFIED)


def hints(reply: StepReply) -> list[str]:
    """Return once each that facts can be cited, and that no file can be read, with the first step that names one."""
    cite = ["A fact's id can stand for its quote: evidence {file: F1}."] if reply.cites_anew else []
    return [*cite, *_unreadable(reply)]


def uncited_lines(reply: StepReply) -> list[str]:
    """Return what a step cited that is no fact of its thread, and which ids there are."""
    if not (unknown := reply.step.uncited):
        return []
    ids = len(reply.thread.fact_places)
    there = "none was told here" if not ids else "there is F1" if ids == 1 else f"there are F1 to F{ids}"
    return [f"No such fact to cite: {', '.join(clip(name, 60) for name in unknown[:5])}; {there}."]


def _unreadable(reply: StepReply) -> list[str]:
    step, before = reply.step, reply.thread.trail[: reply.step.number - 1]
    if step.readable or not step.paths or any(earlier.paths for earlier in before):
        return []
    again = ", then quote again" if step.evidence else ""
    return [f"No file can be read: give working_directory (absolute; over HTTP inside STEPWARDEN_ROOTS){again}."]


def source_lines(reply: StepReply) -> list[str]:
    """Return which models are asked in this call by nothing but a key, by which, and how many files they are sent."""
    asked = reply.asked
    if asked is None or not asked.source:
        return []
    files = asked.files or (reply.review.files if reply.review else 0)
    sent = f", {counted(files, 'file')}" if files else ""
    if panel_of(reply.thread) is not None:
        return [f"Models: {asked.source}{sent}."]
    return [f"Expert: {asked.model}, {asked.source}{sent}."]


def change_lines(reply: StepReply) -> list[str]:
    """Return what a step changed of those before it: the step that it stands for, or those that it dropped."""
    step, thread = reply.step, reply.thread
    if (gone := step.submission.replaces) is not None:
        order = ", ".join(str(live.number) for live in thread.live)
        return [f"Step {step.number} stands in the place of step {gone}. The plan is now: {order}."]
    dropped = next((record for record in reversed(thread.decisions) if record.kind == "backtracked"), None)
    if step.submission.backtrack is None or dropped is None or dropped.step != step.number:
        return []
    return [f"Replaced: {dropped.reason}."]


def left_out_lines(reply: StepReply) -> list[str]:
    """Return which files the models asked in this call were not sent."""
    if not reply.left_out:
        return []
    return [f"Not sent to the models (too large, or may not be read): {some_paths(reply.left_out)}."]


def quote_lines(reply: StepReply) -> list[str]:
    """Return what was found of this step's quotes, refuted ones first, plain hits left out; and of files it checked."""
    step = reply.step
    lines = [
        f"Quote {quote_line(item, before)}"
        for item in sorted(step.evidence, key=lambda item: _TOLD.index(item.verdict))
        if (before := _shown_before(item, reply)) or item.verdict is not Verdict.VERIFIED or (item.fact and item.note)
    ]
    lines += [*_former_lines(reply), *_far_lines(reply)]
    named = step.submission.checked
    if step.number == 1:  # later ones may name what was deleted, or is yet to be written
        named = (*named, *(path for path in step.submission.relevant if PurePath(path).suffix))
    missing = [path for path in dict.fromkeys(named) if path not in step.existing] if step.readable else []
    return [*lines, f"Not found, or not readable here: {some_paths(missing)}"] if missing else lines


def _former_lines(reply: StepReply) -> list[str]:
    """Return where the hypothesis that this step replaces was seen."""
    former = former_proofs(reply.thread)
    if former is None:
        return []
    seen = some_paths(list(dict.fromkeys(f"{short_path(item.path)}:{item.line}" for item in former.proofs)))
    then = "quote them again for its new words" if former.reworded else "they prove nothing of the new one"
    return [f"The hypothesis before rested on {seen}; {then}."]


def _far_lines(reply: StepReply) -> list[str]:
    """Return which quotes name an issue of their file that stands elsewhere in it."""
    issues = reply.thread.claims.issues
    named = [(item, issues.get(item.supports or "")) for item in reply.step.evidence if item.holds]
    return [
        f"Quote {short_path(item.path)}:{item.line}: {abs(item.line - issue.line)} lines from {issue.id}, "
        f"which stands at line {issue.line}"
        for item, issue in named
        if issue and item.path == issue.path and item.line and issue.line and abs(item.line - issue.line) > NEAR_LINES
    ]


def _shown_before(item: Evidence, reply: StepReply) -> int:
    """Return the step before this one that showed all the code of a quote first, 0 where there is none."""
    if not item.holds or not item.lines:
        return 0
    shown = [reply.thread.claims.shown.get((item.path, line), 0) for line in item.lines]
    return max(shown) if all(0 < step < reply.step.number for step in shown) else 0
