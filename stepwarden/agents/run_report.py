"""A run to take away: a report in Markdown or HTML, its events as JSON or CSV. All of them are made of its history."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stepwarden.agents.conversation import whole
from stepwarden.agents.run_text import (
    call_line,
    doubt_lines,
    metrics_lines,
    requirement_lines,
    spent_line,
    state_line,
    verdict_of,
)
from stepwarden.agents.steered_text import STEERED_KINDS, said_in_steered
from stepwarden.reports.page import render_sections_page
from stepwarden.reports.plain import code, escaped, fence, quoted
from stepwarden.runs.run import AgentStep, Job, Run
from stepwarden.runs.run_events import decode_run_event
from stepwarden.runs.run_metrics import RunMetrics, metrics_of
from stepwarden.runs.run_rates import measure_run, measure_steps
from stepwarden.storage import StoredEvent
from stepwarden.threads.event_text import one_line, stamp

SHOWN = 160


@dataclass(frozen=True)
class WholeRun:
    """A run with its history and its long texts by digest."""

    run: Run
    history: Sequence[StoredEvent]
    texts: Mapping[str, str]

    @property
    def changed(self) -> float:
        """When it last changed, in unix seconds."""
        return self.history[-1].at if self.history else 0.0

    @property
    def metrics(self) -> RunMetrics:
        """What it took."""
        return metrics_of([(decode_run_event(row.kind, row.payload), row.at) for row in self.history])


def run_as_json(found: WholeRun) -> str:
    """Return a run as it stands, and every event with its time and hash."""
    events = [{**asdict(row), "payload": json.loads(row.payload)} for row in found.history]
    body = {**_standing(found), "events": events, "texts": dict(found.texts)}
    return json.dumps(body, ensure_ascii=False, indent=2, default=str)


def _standing(found: WholeRun) -> dict[str, Any]:
    run = found.run
    return {
        "run": run.id,
        "status": run.status.value,
        "verdict": verdict_of(run),
        "request": run.request,
        "metadata": dict(run.metadata),
        "thread": run.thread or None,
        "threads": list(run.threads),
        "answer": whole(run.answer, found.texts),
        "state": asdict(run.state),
        "spent": spent_line(run, found.changed),
        "steps": run.steps,
        "metrics": asdict(found.metrics),
        "rates": asdict(measure_run(run, found.changed)),
        "step_metrics": [asdict(one) for one in measure_steps(run)],
        **_steered(run),
    }


def _steered(run: Run) -> dict[str, Any]:
    """Return what a steered run has beside: claimed and checked, and what was learned."""
    works = [job.work for job in run.jobs.values() if job.work is not None]
    if not works:
        return {}
    return {
        "requirements": [asdict(one) for work in works for one in work.requirements],
        "insights": [asdict(one) for work in works for one in work.insights],
        "superseded": [asdict(call) for call in run.superseded.values()],
        "rating": asdict(run.rating) if run.rating is not None else None,
        "claimed_complete": any(work.claims_complete for work in works),
    }


def run_as_csv(found: WholeRun) -> str:
    """Return a line for each event: number, time, kind, hash, and what it says as JSON."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(("seq", "at", "kind", "hash", "payload"))
    rows.writerows((row.seq, stamp(row.at), row.kind, row.hash, row.payload) for row in found.history)
    return out.getvalue()


def run_as_markdown(found: WholeRun) -> str:
    """Return a run as a report for people."""
    return "\n".join(_markdown(found)) + "\n"


def _markdown(found: WholeRun) -> Iterator[str]:
    run = found.run
    yield from (f"# Run: {escaped(one_line(run.request, 120))}", "", f"**{escaped(verdict_of(run))}**")
    yield from ("", f"{code(run.id)}, {escaped(spent_line(run, found.changed))}")
    yield from ("", escaped(str(measure_run(run, found.changed))))
    yield from (line for told in _thread_lines(run) for line in ("", escaped(told)))
    yield from (("", *(f"- {escaped(name)}: {escaped(str(value))}" for name, value in run.metadata.items())))
    yield from ("", "## What was asked", "", *quoted(run.request))
    if run.answer.text:
        yield from ("", "## Answer", "", *quoted(whole(run.answer, found.texts)))
    if doubts := doubt_lines(run):
        yield from ("", "## In doubt", "", *(f"- {escaped(line)}" for line in doubts))
    yield from _markdown_of_requirements(run)
    if state := state_line(run):
        yield from ("", "## State", "", escaped(state))
    for job in run.jobs.values():
        yield from _markdown_of_job(job, found.texts, is_alone=len(run.jobs) == 1)
    yield from ("", "## Figures", "", *(f"- {escaped(line)}" for line in metrics_lines(found.metrics)))
    yield from ("", "## History", "", *(f"- {escaped(line)}" for line in history_lines(found.history)))


def _thread_lines(run: Run) -> Iterator[str]:
    """Yield the thread that a run was asked for in, and those that it took steps of."""
    if run.thread:
        yield f"Asked for in the thread {run.thread}."
    if run.threads:
        yield f"It took steps of {', '.join(run.threads)}."


def _markdown_of_requirements(run: Run) -> Iterator[str]:
    """Yield what was claimed beside what rules found, requirement by requirement."""
    for work in (job.work for job in run.jobs.values() if job.work is not None and job.work.requirements):
        yield from ("", "## Requirements", "", "| | asked for | kind | claimed by | checked | met by |")
        yield "|---|---|---|---|---|---|"
        for one in work.requirements:
            checked = f"{one.state}{f': {one.why}' if one.why and not one.is_met else ''}"
            cells = (one.id, one.text, one.kind, ", ".join(one.claimed), checked, ", ".join(one.evidence))
            yield f"| {' | '.join(escaped(one_line(cell, SHOWN)).replace('|', '/') for cell in cells)} |"
        if work.insights:
            yield from ("", "## Insights", "", *(f"- {one.kind}: {escaped(one.text)}" for one in work.insights))
        answers = f"{work.answered} answers of abilities by the model, {work.by_rule} by rules"
        yield from ("", answers, *(f"- {escaped(note)}" for note in work.notes))


def _markdown_of_job(job: Job, texts: Mapping[str, str], *, is_alone: bool) -> Iterator[str]:
    name = "" if is_alone else f" of {escaped(job.id)}"
    yield from ("", f"## Steps{name}", "", f"Model {code(job.plan.model)}.")
    for step in job.steps:
        yield from _markdown_of_step(step, texts)


def _markdown_of_step(step: AgentStep, texts: Mapping[str, str]) -> Iterator[str]:
    last = ", its last turn" if step.is_last_turn else ""
    spent = f"{step.spent.tokens} tokens, {step.duration:.1f} s{last}"
    yield from ("", f"### Step {step.number}", "", spent)
    if text := whole(step.text, texts):
        yield from ("", *quoted(text))
    for call in step.calls:
        yield from ("", f"- {escaped(call_line(call))}")
        if call.summary is not None:
            yield f"  - {escaped(str(call.summary))}"
        result = whole(call.result, texts)
        if len(result) > SHOWN:
            yield from ("", *(f"  {line}" for line in fence(result)))


def run_as_html(found: WholeRun) -> str:
    """Return the same report as one page of HTML that loads nothing and runs nothing."""
    run = found.run
    told = [f"{run.id}, {spent_line(run, found.changed)}", str(measure_run(run, found.changed))]
    told += [*_thread_lines(run), *(f"{name}: {value}" for name, value in run.metadata.items())]
    sections = [("In short", [escaped(line) for line in told]), ("What was asked", [run.request])]
    if run.answer.text:
        sections.append(("Answer", [whole(run.answer, found.texts)]))
    if doubts := doubt_lines(run):
        sections.append(("In doubt", doubts))
    if requirements := list(requirement_lines(run)):
        sections.append(("Requirements", requirements))
    if state := state_line(run):
        sections.append(("State", [state]))
    for job in run.jobs.values():
        lines = [line for step in job.steps for line in _lines_of(step, found.texts)]
        sections.append((f"Steps of {job.id}", lines))
    sections.append(("Figures", list(metrics_lines(found.metrics))))
    sections.append(("History", ["\n".join(f"- {escaped(line)}" for line in history_lines(found.history))]))
    return render_sections_page("run", one_line(run.request, 120), verdict_of(run), sections)


def _lines_of(step: AgentStep, texts: Mapping[str, str]) -> Iterator[str]:
    yield f"{step.number}. {whole(step.text, texts)}".rstrip()
    for call in step.calls:
        summary = f" ({call.summary})" if call.summary is not None else ""
        yield escaped(f"{call_line(call)}{summary}")
        if call.result.size > SHOWN:
            yield "\n".join(fence(whole(call.result, texts)))


def history_lines(history: Sequence[StoredEvent]) -> Iterator[str]:
    """Yield a line for each event: its number, its time, its kind, and what matters in it."""
    for row in history:
        data = json.loads(row.payload)
        said = said_in_steered(row.kind, data) if row.kind in STEERED_KINDS else _said(row.kind, data)
        yield f"{row.seq}. {stamp(row.at)} {row.kind.replace('_', ' ')}{f': {one_line(said, SHOWN)}' if said else ''}"


def _said(kind: str, data: Mapping[str, Any]) -> str:
    """Return what matters in an event."""
    match kind:
        case "started":
            return f"{data['request']}, asked for by {data['by']} via {data['via']}"
        case "planned":
            return ", ".join(f"{job['id']} with {job['model']}" for job in data["jobs"])
        case "asked":
            return f"{data['key']}, {data['model']}" + (f", attempt {data['attempt']}" if "attempt" in data else "")
        case "answered":
            failure = data.get("failure")
            calls = ", ".join(call["tool"] for call in data.get("calls", ()))
            text = data.get("text", {}).get("text", "")
            return f"{data['key']}: {failure['text'] if failure else calls or text}"
        case "call_ended" | "call_reserved" | "resolved":
            return _said_of_call(kind, data)
        case "commanded":
            what = f"{data['kind']} by {data['by']} via {data['via']}"
            return what if data.get("accepted", True) else f"{what}, refused: {data.get('reason', '')}"
        case "stopping":
            fired = data["stopping"]
            return f"{data['job']}: {fired['condition']} {fired['value']} of {fired.get('limit', '')}"
        case _:
            return ", ".join(f"{name} {value}" for name, value in data.items() if isinstance(value, str))


def _said_of_call(kind: str, data: Mapping[str, Any]) -> str:
    if kind == "resolved":
        how = f"{data['verdict'].replace('_', ' ')}, by {data['by']}"
        return f"{data['call']} {how}: {data.get('evidence', {}).get('text', '')}"
    if kind == "call_reserved":
        reserved = data.get("reserved", {})
        return f"{data['call']}, {reserved.get('tokens', 0)} tokens, ${reserved.get('dollars', 0)}"
    how = "refused" if data.get("refused") else "failed" if data.get("failed") else "done"
    step = f", a step of {data['thread']}" if data.get("thread") else ""
    return f"{data['call']} {how}{step}: {data.get('result', {}).get('text', '')}"
