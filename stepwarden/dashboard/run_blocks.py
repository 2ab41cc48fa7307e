"""The blocks of the page of one run: each is rendered by itself, from one state of the run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from minijinja import safe

from stepwarden.agents.conversation import whole
from stepwarden.agents.run_report import history_lines
from stepwarden.agents.run_text import verdict_of
from stepwarden.agents.run_view import SEEN_S, UNDRIVEN, SeenRun
from stepwarden.dashboard.page_sessions import PageSession
from stepwarden.dashboard.page_templates import PageBlock, PageTemplates
from stepwarden.dashboard.run_views import STEPS_SHOWN, controls, decisions, facts_of, meters, status_word, step_views
from stepwarden.dashboard.timeline import draw_timeline
from stepwarden.runs.run import Run
from stepwarden.storage import StoredEvent
from stepwarden.threads.event_text import stamp

EVENTS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class RunState:
    """One state of a run; `rows` are events, where those are looked at."""

    seen: SeenRun
    rows: Sequence[StoredEvent] | None = None


def run_blocks(
    rendering: PageTemplates, state: RunState, session: PageSession, *, story_is_whole: bool
) -> dict[str, PageBlock]:
    """Return the blocks by name, in their order."""
    run, form_token = state.seen.run, session.form_token

    def id_of(about: str) -> str:
        return f"page-{run.version}-{about}"

    forms = {"run": run, "form_token": form_token, "id_of": id_of}
    head = rendering.block(
        "run_head.html",
        **forms,
        word=status_word(run),
        verdict=verdict_of(run).partition(": ")[2],
        meters=meters(run, time.time()),
        controls=controls(run),
        created=state.seen.head.created,
        driver=_driver(state.seen),
    )
    return {
        "head": head,
        "decisions": rendering.block("run_decisions.html", **forms, decisions=decisions(run)),
        "understanding": _understanding(rendering, state),
        "work": _raw(rendering, state) if state.rows is not None else _story(rendering, run, story_is_whole),
    }


def _driver(seen: SeenRun) -> str:
    """Return who drives a run that has something to do, or how it gets somebody."""
    if not seen.run.is_at_work:
        return ""
    if seen.driver is not None:
        return f"driven by {seen.driver}"
    return UNDRIVEN if time.time() - seen.run.seen_at > SEEN_S else ""


def _understanding(rendering: PageTemplates, state: RunState) -> PageBlock:
    run = state.seen.run
    return rendering.block(
        "run_understanding.html",
        answer=whole(run.answer, state.seen.texts) if run.status.is_end else "",
        phase=run.state.phase,
        progress=run.state.progress,
        facts=facts_of(run),
        errors=run.state.errors,
        notes=run.notes,
        works=[job.work for job in run.jobs.values() if job.work is not None],
    )


def _story(rendering: PageTemplates, run: Run, story_is_whole: bool) -> PageBlock:
    steps = step_views(run)
    shown = steps if story_is_whole else steps[-STEPS_SHOWN:]
    return rendering.block(
        "run_work.html",
        run=run,
        steps=shown,
        total=len(steps),
        hidden=len(steps) - len(shown),
        jobs=len(run.jobs),
        timeline=safe(draw_timeline(steps[-STEPS_SHOWN:])),
    )


def _raw(rendering: PageTemplates, state: RunState) -> PageBlock:
    rows = state.rows or ()
    lines = zip(rows, history_lines(rows), strict=True)
    shown = [
        {"seq": row.seq, "at": stamp(row.at), "kind": row.kind.replace("_", " "), "said": line.partition(": ")[2]}
        for row, line in lines
    ]
    earlier = rows[0].seq if rows and rows[0].seq > 1 else 0
    return rendering.block("run_raw.html", rows=shown[::-1], earlier=earlier, total=state.seen.run.version)
