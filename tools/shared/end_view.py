"""The reply that ends a thread: what was checked, and no more; the agent's own steps and tables are in the report."""

from dataclasses import dataclass
from typing import Any

from stepwarden.steps.conclusion import advise, unproven_issues, what_it_stood
from stepwarden.steps.convergence import reported_test
from stepwarden.steps.digest import Digest, DigestIssue, digest
from stepwarden.steps.evidence import HOLDS, Verdict
from stepwarden.steps.submission import Severity
from stepwarden.steps.thread import Assurance, DecidedBy, Outcome, Thread
from stepwarden.threads.calls import StepReply
from tools.shared.phrases import NAMED, clause_lines, some_paths
from tools.shared.thread_result import clip, counted, hypothesis_part, places, plan_result, result_text

COMMAND_CHARS = 60  # of a command that the agent reports, in the verdict
MOST_NAMED = 5  # issues without evidence, in the verdict
ENDING_BYTES = 1_500  # of either part, without what models said
_VERIFIED = "verified, and "  # of a reason, where the line that it stands in has said so


@dataclass(frozen=True, slots=True)
class Room:
    """How much an ending reply says: characters of a claim, issues, facts, quotes, names in a clause.

    `told` are issues that a table of the tool in the same reply has.
    """

    chars: int
    issues: int
    facts: int
    quotes: int
    named: int
    told: frozenset[str] = frozenset()


ROOMS = (
    Room(chars=600, issues=20, facts=12, quotes=20, named=NAMED),
    Room(chars=300, issues=20, facts=8, quotes=8, named=NAMED),
    Room(chars=240, issues=12, facts=6, quotes=5, named=2),
    Room(chars=160, issues=8, facts=4, quotes=3, named=1),
    Room(chars=120, issues=5, facts=3, quotes=2, named=1),
    Room(chars=80, issues=4, facts=2, quotes=1, named=0),
    Room(chars=60, issues=2, facts=1, quotes=0, named=0),
)


def ended_line(reply: StepReply, outcome: str = "") -> str:
    """Return the verdict of a completion: what was found of the quotes, what tested the conclusion, what is left.

    `outcome` stands for it where models voted.
    """
    thread = reply.thread
    if outcome:
        return f"DONE ({outcome}). {counted(thread.last, 'step')}{_why(reply)}."
    how = _how(thread)
    head = f"DONE{f' ({how})' if how else ''}. {counted(thread.last, 'step')}{_why(reply)}."
    checked = _checked(thread, len(reply.finished.open) if reply.finished else 0)
    advice = advise(thread, passed_over=reply.finished is not None and bool(reply.finished.open))
    said = [head, *([advice] if advice else []), *([f"{capitalized('; '.join(checked))}."] if checked else [])]
    return " ".join(said)


def capitalized(text: str) -> str:
    """Return `text` as the start of a sentence; its other letters stay."""
    return text[:1].upper() + text[1:]


def _how(thread: Thread) -> str:
    """Return the assurance in words; nothing where the quotes were found and nothing tested what they stand for."""
    if thread.outcome is Outcome.INCONCLUSIVE:
        return "inconclusive"
    if thread.claims.measured.done and thread.last == 1:
        return "nothing to do"
    if thread.assurance is Assurance.VERIFIED and (unproven_issues(thread) or not what_it_stood(thread)):
        return ""
    return thread.assurance.value.replace("_", " ")


def _checked(thread: Thread, passed_over: int) -> list[str]:
    """Return the three things apart: quotes, the test of the conclusion, and what nobody looked at."""
    claims, said = thread.claims, list[str]()
    if (verdicts := claims.verdicts) and not thread.readable:
        said.append(f"{counted(sum(verdicts.values()), 'quote')} not checked: no file can be read")
    elif verdicts:
        held = sum(count for verdict, count in verdicts.items() if verdict in HOLDS)
        gone = f", {thread.trail[-1].stale} gone since" if thread.trail[-1].stale else ""
        out = verdicts.get(Verdict.REMOVED, 0)
        removed = f" ({out} in what the change removed)" if out else ""
        said.append(f"{held} of {counted(sum(verdicts.values()), 'quote')} found{removed}{gone}")
    elif not claims.measured.done and thread.tool != "planner":  # a plan rests on no quotes
        said.append("no quote given")
    if any(claims.resting):
        said.append(what_it_stood(thread) or ("" if claims.runs else "conclusion not tested"))
    if claims.runs:
        said.append(_reported(thread))
    if unproven := unproven_issues(thread):
        said.append(f"{', '.join(unproven[:MOST_NAMED])}{' ...' if unproven[MOST_NAMED:] else ''} not evidenced")
    if thread.model_option("use_assistant_model") is False:
        said.append("no expert asked: use_assistant_model is false")
    if claims.unread:
        said.append(f"{len(claims.unread)} of {counted(len(claims.relevant), 'relevant file')} unread")
    if passed_over:
        said.append(f"{counted(passed_over, 'clause')} passed over")
    return [words for words in said if words]


def _reported(thread: Thread) -> str:
    """Return the runs that the agent reports: its word, which the server did not see."""
    if turned := reported_test(thread):
        return f"reported by the agent, not run here: `{clip(turned, COMMAND_CHARS)}` failed, then passed"
    _, run = thread.claims.runs[-1]
    ended = f", exit {run.exit}" if run.exit is not None else ""
    more = f" (+{len(thread.claims.run_keys) - 1} more)" if len(thread.claims.run_keys) > 1 else ""
    return f"reported by the agent, not run here: `{clip(run.command, COMMAND_CHARS)}`{ended}{more}"


def _why(reply: StepReply) -> str:
    ended = reply.finished
    if ended is None or ended.by is DecidedBy.AGENT:
        return ""
    saved = f" instead of {reply.thread.last + ended.saved}" if ended.saved else ""
    return f"{saved}: {ended.reason.removeprefix(_VERIFIED).rstrip('.')}"


def result_of(thread: Thread, room: Room) -> dict[str, Any]:
    """Return what the thread claims, with places, and what it left; a plan's steps are its result.

    The last findings stand for it where nothing is claimed.
    """
    if thread.tool == "planner":
        return plan_result(thread)
    found, result = digest(thread), dict[str, Any]()
    if found.hypothesis:
        result["hypothesis"] = hypothesis_part(found, room.chars)
    if issues := _listed(found, room):
        result["issues"] = [_issue(issue, room.chars // 2) for issue in issues[: room.issues]]
    if more := _more(found, room):
        result["more"] = more
    if (
        not result
        and not room.told
        and not _is_told_elsewhere(thread)
        and (learned := thread.trail[-1].submission.learned)
    ):
        result["findings"] = clip(learned, room.chars)
    if unread := list(thread.claims.unread):
        result["unread"] = some_paths(unread)
    if lowered := _lowered(thread):
        result["lowered"] = lowered
    return result


def _is_told_elsewhere(thread: Thread) -> bool:
    """Whether the verdict says what came of it, or the last findings stand beside the agent's own vote."""
    voted = thread.tool == "consensus" and any(step.submission.fields.get("own_vote") for step in thread.live)
    return voted or bool(thread.claims.measured.done)


def _listed(found: Digest, room: Room) -> list[DigestIssue]:
    return [issue for issue in found.issues if issue.id not in room.told]


def _more(found: Digest, room: Room) -> str:
    left = len(_listed(found, room)) - room.issues
    return f"+{counted(left, 'more issue')}: report" if left > 0 else ""


def _issue(issue: DigestIssue, chars: int) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": issue.id, "severity": issue.severity, "description": clip(issue.description, chars)}
    return {**shown, "evidenced": issue.evidenced} | ({"at": issue.place} if issue.place else {})


def result_lines(thread: Thread, room: Room) -> list[str]:
    """Return the same as text; the last findings where nothing is claimed."""
    if thread.tool == "planner":
        return [result_text(thread)]
    found, lines = digest(thread), list[str]()
    if found.hypothesis:
        mark = f"evidenced, {places(found)}" if found.hypothesis_evidenced else "not evidenced"
        lines.append(f"Hypothesis ({mark}): {clip(found.hypothesis, room.chars)}")
    for issue in _listed(found, room)[: room.issues]:
        mark = "" if issue.evidenced else ", not evidenced"
        words = clip(issue.description, room.chars // 2)
        lines.append(f"{issue.id} {issue.severity}{mark}: {words} {issue.place}".rstrip())
    if more := _more(found, room):
        lines.append(more)
    if not lines and not room.told and not _is_told_elsewhere(thread) and thread.trail[-1].submission.learned:
        lines.append(clip(thread.trail[-1].submission.learned, room.chars))
    return lines


def left_lines(reply: StepReply, room: Room) -> list[str]:
    """Return what the end leaves: clauses, unread files, and severe issues made less of that no quote bears out."""
    thread, ended = reply.thread, reply.finished
    lines: list[str] = []
    if ended is not None and ended.open:
        lines.append("Passed over: " + "; ".join(clause_lines(ended.open, named=room.named)).rstrip(".") + ".")
    if unread := list(thread.claims.unread):
        lines.append(f"Unread: {some_paths(unread)}.")
    if lowered := _lowered(thread):
        lines.append(f"Lowered, not evidenced: {', '.join(lowered)}.")
    return lines


def _lowered(thread: Thread) -> list[str]:
    """Return the issues that were severe once, are not now, and rest on nothing."""
    first: dict[str, Severity] = {}
    for step in thread.live:
        for issue in step.issues:
            if issue.severity.needs_evidence:
                first.setdefault(issue.id, issue.severity)
    now = thread.claims.issues
    return [
        f"{name} ({severity.value} to {now[name].severity.value})"
        for name, severity in first.items()
        if name in now and not now[name].severity.needs_evidence and not thread.claims.issue_supports[name].relevant
    ]


def after_end(reply: StepReply) -> str:
    """Return what can be done with the end: read the report, go on, follow it up."""
    thread, ended = reply.thread, reply.finished
    reopen = "backtrack_from_step"
    if ended is not None and ended.by is not DecidedBy.AGENT:
        reopen = f"step_number={reply.next_number}"
    return f"Report: stepwarden://threads/{thread.id}/report. To go on: {reopen}, or step 1 with this id."
