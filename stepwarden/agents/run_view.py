"""A run as one value of JSON: how it stands, what waits and what each decision takes, what it used and may use."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from stepwarden.agents.conversation import whole
from stepwarden.agents.run_text import WaitingCall, verdict_of, waiting_calls
from stepwarden.agents.runs import Runs
from stepwarden.runs.limits import RunLimits
from stepwarden.runs.run import Job, Run
from stepwarden.runs.run_commands import RunCommandKind, admitted_commands
from stepwarden.storage import Head
from stepwarden.threads.calls import Caller
from stepwarden.threads.event_text import stamp

UNDRIVEN = "Nobody drives this run at the moment: `stepwarden worker` does, and a server over HTTP."
SEEN_S = 5.0
"""A run that was woken so lately is about to be driven."""


@dataclass(frozen=True, slots=True)
class SeenRun:
    """A run with its head, the long texts of its answer, and who drives it."""

    run: Run
    head: Head
    texts: Mapping[str, str]
    driver: str | None

    def as_value(self, now: float) -> dict[str, Any]:
        """Return it as JSON values; `cursor` is the number of the last event that they stand on."""
        run = self.run
        waiting = [] if run.status.is_end else waiting_calls(run)
        told: dict[str, Any] = {"run_id": run.id, "status": run.status.value, "verdict": verdict_of(run)}
        told |= {"cursor": run.version, "request": run.request, "needs_you": bool(waiting)}
        told |= {"waiting": [_waiting(call) for call in waiting], "commands": _commands(run, waiting)}
        told |= {"answer": whole(run.answer, self.texts), "why": run.why, "notes": list(run.notes)}
        told |= {"state": asdict(run.state), "spent": _spent(run, now), "limits": _limits(run.limits)}
        told |= {"jobs": [_job(job) for job in run.jobs.values()], "approve": run.approval.value}
        told |= {"by": run.by, "via": run.via, "thread": run.thread or None, "directory": run.directory}
        told |= {"metadata": dict(run.metadata), "driver": self.driver}
        told |= {"created": stamp(self.head.created), "changed": stamp(run.seen_at)}
        if run.is_at_work and self.driver is None and now - run.seen_at > SEEN_S:
            told["undriven"] = UNDRIVEN
        return told


async def see_run(runs: Runs, run_id: str, caller: Caller) -> SeenRun:
    """Return a run as it stands now. Raises UnknownStream, OtherKind and StoreError."""
    run = await runs.look(run_id, caller)
    head = await runs.journal.head(run_id, caller.principal)
    driver = None if run.status.is_end else await runs.engine.owner(run_id)
    return SeenRun(run, head, await runs.texts(run), driver)


def run_as_value(seen: SeenRun) -> dict[str, Any]:
    """Return a run as JSON values, as it stands now."""
    return seen.as_value(time.time())


def _waiting(call: WaitingCall) -> dict[str, Any]:
    """Return a call that waits, with the words that decide it, as `commands` takes them."""
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        arguments = call.arguments
    told = {"call": call.key, "tool": call.tool, "kind": call.kind, "arguments": arguments, "in_doubt": call.in_doubt}
    if call.in_doubt:
        resolve = {"action": "resolve", "call": call.key}
        return told | {"takes": [resolve | {"verdict": "done"}, resolve | {"verdict": "not_done"}]}
    approve = {"action": "approve", "call": call.key, "confirm": call.about}
    return told | {"takes": [approve, {"action": "refuse", "call": call.key, "reason": ""}]}


def _commands(run: Run, waiting: list[WaitingCall]) -> list[str]:
    calls = [RunCommandKind.APPROVE, RunCommandKind.REFUSE] if any(not call.in_doubt for call in waiting) else []
    doubts = [RunCommandKind.RESOLVE] if any(call.in_doubt for call in waiting) else []
    return [kind.value for kind in (*calls, *doubts, *admitted_commands(run))]


def _spent(run: Run, now: float) -> dict[str, Any]:
    told: dict[str, Any] = {"steps": run.steps, "seconds": round(run.working_seconds(now), 3)}
    told |= {"tokens": run.spent.tokens, "dollars": float(run.spent.dollars)}
    told |= {"reserved_tokens": run.reserved.tokens, "reserved_dollars": float(run.reserved.dollars)}
    return told | {"unpriced_answers": run.unpriced, "overspent_dollars": float(run.overspent.dollars)}


def _limits(limits: RunLimits) -> dict[str, Any]:
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in asdict(limits).items()}


def _job(job: Job) -> dict[str, Any]:
    plan = job.plan
    told: dict[str, Any] = {"id": job.id, "status": job.status.value, "model": plan.model, "steps": len(job.steps)}
    told |= {"calls": job.calls, "call_errors": job.call_errors, "why": job.why, "stop": plan.stop}
    told |= {"tools": [{"name": grant.name, "kind": grant.kind.value} for grant in plan.tools]}
    return told | {"stopping": str(job.stopping) if job.stopping is not None else None}
