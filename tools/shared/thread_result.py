"""What a finished thread hands back, within a budget of bytes; the rest is paged through `status`."""

import json
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeVar

from stepwarden.files.secret_values import hide_secrets
from stepwarden.steps.digest import Digest, DigestIssue, DigestStep, digest
from stepwarden.steps.evidence import HOLDS, Evidence, Verdict
from stepwarden.steps.reported_run import ReportedRun
from stepwarden.steps.thread import Thread
from tools.shared.phrases import short_path

_Item = TypeVar("_Item")

RESULT_BYTES = 16_000  # of the structured result; with the text below about 22 KB (protocol, section 2)
TEXT_BYTES = 6_000  # of the same in text
LEAST_CHARS = 80  # a text that has to be cut keeps so much
OUTPUT_CHARS = 160  # of the end of what a reported run printed
MOST_QUOTES = 20  # evidence, the latest


def clip(text: str, chars: int) -> str:
    """Return `text` on one line, cut with an ellipsis to `chars` characters."""
    line = " ".join(text.split())
    return line if len(line) <= chars else f"{line[: max(0, chars - 3)]}..."


def _bytes(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def plan_result(thread: Thread) -> dict[str, Any]:
    """Return the steps of a plan in their order, texts as they were where they fit."""
    found = digest(thread)
    steps, left_out = fitting_steps(found.steps, RESULT_BYTES)
    more = f'{left_out} steps left out here; status(continuation_id="{thread.id}") pages through all of it'
    result: dict[str, Any] = {"summary": summary(thread, found), "steps": steps}
    if found.hypothesis:
        result["hypothesis"] = hypothesis_part(found, 600)
    if found.issues:
        result["issues"] = [_issue(issue) for issue in found.issues[:20]]
    return {**result, "more": more} if left_out else result


def full_result(thread: Thread) -> dict[str, Any]:
    """Return summary, live steps, files, issues, hypothesis and decisions; texts as they were where they fit."""
    found = digest(thread)
    result: dict[str, Any] = {"summary": summary(thread, found), "task": clip(found.task, 600)}
    if sections := fitting_sections(thread, RESULT_BYTES // 3):
        result["measured"] = sections
    if found.hypothesis:
        result["hypothesis"] = hypothesis_part(found, 1_200)
    if facts := _facts(thread):
        result["facts"] = _fitting(facts, RESULT_BYTES // 6)
    if found.evidence:
        result["evidence"] = _fitting([_evidence(item) for item in found.evidence[-MOST_QUOTES:]], RESULT_BYTES // 6)
    if found.runs:
        result["reported_runs"] = _fitting([_run(run) for run in found.runs[-MOST_QUOTES:]], RESULT_BYTES // 8)
    if found.issues:
        result["issues"] = _fitting([_issue(issue) for issue in found.issues], RESULT_BYTES // 3)
    if found.files:
        result["files"] = _fitting(list(found.files), RESULT_BYTES // 8)
    result["decisions"] = [
        clip(f"step {remark.step}, {remark.by}: {remark.kind}: {remark.reason}", 160)
        for remark in found.decisions[-12:]
    ]
    steps, left_out = fitting_steps(found.steps, RESULT_BYTES - _bytes(result))
    result["steps"] = steps
    cut = len(result.get("issues", [])) < len(found.issues) or len(result.get("files", [])) < len(found.files)
    if left_out or cut:
        what = f"{left_out} steps" if left_out else "issues and files"
        result["more"] = f'{what} left out here; status(continuation_id="{thread.id}") pages through all of it'
    return result


def fitting_sections(thread: Thread, budget: int) -> dict[str, str]:
    """Return what the tool's looks made for the report, cut at lines so that all of it fits in `budget` bytes."""
    fitting: dict[str, str] = {}
    for name, text in thread.claims.measured.sections.items():
        kept: list[str] = []
        for line in text.splitlines():
            budget -= _bytes(line)
            if budget < 0:
                kept.append("... (all of it is in the report)")
                break
            kept.append(line)
        fitting[name] = "\n".join(kept)
        if budget < 0:
            break
    return fitting


def _facts(thread: Thread) -> list[str]:
    """Return what the looks of the live steps found, each fact once; then what they left open."""
    looks = [step.measured for step in thread.live if step.measured is not None]
    facts = dict.fromkeys(fact for look in looks for fact in look.labelled)
    return [*facts, *(f"Open: {clause.text}" for clause in thread.claims.measured.clauses or ())]


def _fitting(items: list[_Item], budget: int) -> list[_Item]:
    """Return the first items, as many as fit in `budget` bytes."""
    sizes = accumulate(_bytes(item) + 2 for item in items)
    return [item for item, size in zip(items, sizes, strict=True) if size <= budget]


def summary(thread: Thread, found: Digest) -> str:
    """Return in one line what the thread holds, counted."""
    severe = sum(1 for issue in found.issues if issue.severity in {"critical", "high"})
    parts = [counted(len(found.steps), "live step")]
    if found.files:
        parts.append(counted(len(found.files), "file"))
    if found.issues:
        parts.append(f"{counted(len(found.issues), 'issue')}, {severe} high or critical")
    verdicts = thread.claims.verdicts  # in which a quote counts once, as in the assessment
    if verdicts:
        held = sum(count for verdict, count in verdicts.items() if verdict in HOLDS)
        parts.append(f"{held} of {counted(sum(verdicts.values()), 'quote')} found")
    return "; ".join(parts)


def context_line(origin: Thread, chars: int) -> str:
    """Return what a follow-up thread goes on from, in at most `chars` characters beside the origin's id."""
    found = digest(origin)
    parts = [clip(found.hypothesis, 120)] if found.hypothesis else []
    parts += [f"{issue.id} {issue.severity} {clip(issue.description, 60)} {issue.place}" for issue in found.issues[:3]]
    if found.files:
        parts.append(", ".join(found.files[:5]))
    parts.append(clip(found.task, 80))
    return f"Follows {origin.id}: {clip('; '.join(parts), chars)}" if chars else f"Follows {origin.id}."


def counted(number: int, noun: str) -> str:
    """Return `1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _evidence(item: Evidence) -> dict[str, Any]:
    quote = clip(hide_secrets(item.quote, item.path), 120)
    shown: dict[str, Any] = {"file": item.path, "line": item.line, "quote": quote}
    shown |= {"removed": True} if item.verdict is Verdict.REMOVED else {}
    shown |= {"fact": item.fact} if item.fact else {}
    return {**shown, "supports": item.supports} if item.supports else shown


def _run(run: ReportedRun) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "command": clip(run.command, 120),
        "output": clip(run.output[-OUTPUT_CHARS:], OUTPUT_CHARS),
    }
    return shown | ({"exit": run.exit} if run.exit is not None else {})


def places(found: Digest) -> str:
    """Name up to three places where the hypothesis was seen."""
    marked = [item for item in found.proofs if item.supports] or found.proofs
    seen = dict.fromkeys(f"{short_path(item.path)}:{item.line}" for item in marked)
    return ", ".join([*seen][-3:])


def hypothesis_part(found: Digest, chars: int) -> dict[str, Any]:
    """Return the hypothesis of a digest that has one, and where it was seen."""
    part: dict[str, Any] = {"text": clip(found.hypothesis or "", chars), "evidenced": found.hypothesis_evidenced}
    return {**part, "at": places(found)} if found.hypothesis_evidenced else part


def _issue(issue: DigestIssue) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": issue.id,
        "severity": issue.severity,
        "description": clip(issue.description, 300),
        "evidenced": issue.evidenced,
    }
    if issue.place:
        shown["at"] = issue.place
    return shown


def fitting_steps(steps: Sequence[DigestStep], budget: int) -> tuple[list[dict[str, Any]], int]:
    """Return the steps, texts cut to fit in `budget` bytes, else the last ones; and how many are left out."""
    for chars in (4_000, 1_600, 800, 400, 200, LEAST_CHARS):
        shown = [_step(step, chars) for step in steps]
        if _bytes(shown) <= budget:
            return shown, 0
    kept: list[dict[str, Any]] = []
    for step in reversed(steps):
        shown_step = _step(step, LEAST_CHARS)
        budget -= _bytes(shown_step) + 2
        if budget < 0:
            break
        kept.insert(0, shown_step)
    return kept, len(steps) - len(kept)


def _step(step: DigestStep, chars: int) -> dict[str, Any]:
    shown: dict[str, Any] = {"number": step.number, "step": clip(step.step, chars)}
    if step.findings.strip() and step.findings != step.step:
        shown["findings"] = clip(step.findings, chars)
    if step.confidence:
        shown["confidence"] = step.confidence
    own = {name: value for name, value in step.fields.items() if isinstance(value, str | int | bool)}
    return {**shown, **{name: clip(value, 200) if isinstance(value, str) else value for name, value in own.items()}}


def result_text(thread: Thread) -> str:
    """Return the result as text for hosts that show their model only that."""
    found = digest(thread)
    lines = [summary(thread, found) + "."]
    if found.hypothesis:
        mark = f"evidenced, {places(found)}" if found.hypothesis_evidenced else "not evidenced"
        lines.append(f"Hypothesis ({mark}): {clip(found.hypothesis, 600)}")
    for issue in found.issues[:20]:
        mark = "" if issue.evidenced else ", not evidenced"
        lines.append(f"{issue.id} {issue.severity}{mark}: {clip(issue.description, 160)} {issue.place}".rstrip())
    for name, text in fitting_sections(thread, TEXT_BYTES // 2).items():
        lines += [f"{name}:", text]
    budget = TEXT_BYTES - _bytes(lines)
    steps, left_out = fitting_steps(found.steps, budget)
    if left_out:
        lines.append(f'({left_out} earlier steps left out; status(continuation_id="{thread.id}") shows them)')
    for step in steps:
        branch = f" [{step['branch_id']}]" if "branch_id" in step else ""
        said = step["step"] if "findings" not in step else f"{step['step']} -> {step['findings']}"
        lines.append(f"{step['number']}.{branch} {said}")
    return "\n".join(lines)
