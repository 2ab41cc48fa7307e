"""What an expert is sent: its task, the work so far as data, and in a second round what came of its objections."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from stepwarden.consultation.consultant import WaitingThread
from stepwarden.consultation.context_budget import FileSection, file_section, request_bytes
from stepwarden.files.secret_values import hide_known, hide_secrets
from stepwarden.models import Message, ModelInfo, ModelRequest
from stepwarden.steps.digest import Digest, digest
from stepwarden.steps.dispute import Closing, NumberedObjection, numbered_objections
from stepwarden.steps.gate import assurance_of
from stepwarden.steps.reported_run import ReportedRun
from stepwarden.steps.thread import Thread

FINDINGS_CHARS = 2_000  # of each step
COMMAND_CHARS, OUTPUT_CHARS = 200, 800  # of a run, the end of what it printed
OBJECTION_CHARS = 600  # of each, when it is told again

_CAME: Mapping[Closing | None, str] = {
    None: "open, unless the steps since answer it",
    Closing.QUOTED: "the agent quoted code at its place",
    Closing.WITHDRAWN: "the agent withdrew the issue",
}


@dataclass(frozen=True, slots=True)
class ExpertPrompts:
    """The requests to an expert. `wording` has the texts `system`, `again`, and one for each tool."""

    wording: Mapping[str, str]

    def request(
        self, waiting: WaitingThread, info: ModelInfo, answer: type[BaseModel]
    ) -> tuple[ModelRequest, FileSection]:
        """Return the request for the review of a thread, and the files in it. Reads files."""
        thread = waiting.thread
        told = self._told(thread)
        work = hide_secrets("\n".join([*_work(thread, digest(thread)), *_dispute(thread)]))
        files = file_section(waiting.workspace, _files(thread), request_bytes([info]), (work, told))
        work = hide_known(work, files.secrets)
        text = f"{work}\n\n# Files\n{files.text or 'None could be read.'}{files.note}"
        request = ModelRequest(
            model=info.name,
            messages=(Message("system", told), Message("user", text)),
            answer=answer,
            temperature=thread.model_option("temperature"),
            thinking=thread.model_option("thinking_mode"),
            purpose="expert",
            thread=thread.id,
            secrets=files.secrets,
        )
        return request, files

    def _told(self, thread: Thread) -> str:
        names = ["system", thread.tool, *(["again"] if thread.dispute is not None else [])]
        return "\n\n".join(self.wording[name] for name in names if name in self.wording)


def _files(thread: Thread) -> list[str]:
    """Name the files that matter, those of verified quotes first."""
    quoted = [item.path for _, item in thread.claims.evidence if item.holds]
    found = [path for path, there in thread.claims.files.items() if there]
    return list(dict.fromkeys([*quoted, *found]))


def _work(thread: Thread, found: Digest) -> list[str]:
    """Return the consolidated work as lines; all of it is the agent's and counts as data."""
    lines = [f"# Task ({thread.tool})", found.task, "", "# Steps"]
    for step in found.steps:
        lines += [f"## {step.number} ({step.confidence or 'no confidence given'})", step.findings[:FINDINGS_CHARS]]
    if found.hypothesis:
        mark = "backed by verified quotes" if found.hypothesis_evidenced else "NOT backed by a verified quote"
        lines += ["", f"# Hypothesis ({mark})", found.hypothesis]
    if found.issues:
        lines += ["", "# Issues"]
        lines += [
            f"- {issue.id} {issue.severity}, {'evidenced' if issue.evidenced else 'NOT evidenced'}: "
            f"{issue.description} {issue.place}"
            for issue in found.issues
        ]
    quotes = [
        f"- {item.path}:{item.line} {item.verdict.value}: {hide_secrets(item.quote, item.path)}"
        for item in found.evidence
    ]
    lines += ["", "# Quotes that the server found in the files", *(quotes or ["none"])]
    if found.runs:
        lines += ["", "# Runs that the agent reports; nobody checked them", *map(_run, found.runs)]
    return [*lines, "", f"# Assurance by quotes alone: {assurance_of(thread).value}"]


def _run(run: ReportedRun) -> str:
    ended = "no exit code given" if run.exit is None else f"exit {run.exit}"
    return f"- {run.command[:COMMAND_CHARS]} ({ended}): {run.output[-OUTPUT_CHARS:].strip() or 'no output given'}"


def _dispute(thread: Thread) -> list[str]:
    """Return what the expert objected to, and what came of it; none in the first round."""
    if thread.dispute is None:
        return []
    since = f"the agent's answers stand in the steps after {thread.dispute.step}"
    told = [_objection(item) for item in numbered_objections(thread)]
    wanted = [f"- You asked for {path}" for path in thread.dispute.review.missing]
    return ["", f"# Your objections at step {thread.dispute.step}; {since}", *told, *wanted]


def _objection(item: NumberedObjection) -> str:
    place = f" {item.place}" if item.place else ""
    return f"- {item.id}{place}: {item.objection.text[:OBJECTION_CHARS]} ({_CAME[item.closed]})"
