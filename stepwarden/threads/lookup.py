"""What is found out about one call before it is decided: what kind of call it is, and what the files it names say.

All of it blocks: it runs in a worker thread, in one go, wherever a file may be read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from stepwarden.files import RootPolicy, Workspace, open_workspace
from stepwarden.manager.facts import TaskFacts
from stepwarden.steps.admission import Accept, Admission, Open, admit
from stepwarden.steps.evidence import Evidence, Quote, Verdict
from stepwarden.steps.gate import Policy
from stepwarden.steps.inspection import NO_INSPECTION
from stepwarden.steps.machine import StepFacts
from stepwarden.steps.submission import FileRange, IssueClaim, Submission
from stepwarden.steps.thread import Step, Thread
from stepwarden.threads.calls import StepCall
from stepwarden.threads.citations import NO_FACTS, resolve_citations
from stepwarden.threads.removed_lines import find_removed
from stepwarden.threads.withheld import withhold, withhold_evidence


@dataclass(frozen=True)
class StepLookup:
    """What was looked up for a step: the machine's facts, and the size of what was named, for the manager."""

    facts: StepFacts
    files: int = 0
    bytes: int = 0
    languages: frozenset[str] = frozenset()

    def task_facts(self, step: Step, *, counted: int | None, finished: Sequence[int]) -> TaskFacts:
        """Return what the manager sizes the work by, from its first step.

        `counted` is the number of steps that asking models takes, where that counts them; `finished` are the lengths
        of finished threads of the tool.
        """
        submission, measured = step.submission, step.measured or NO_INSPECTION
        return TaskFacts(
            task=submission.step,
            files=self.files if measured.files is None else measured.files,
            file_bytes=self.bytes,
            languages=self.languages,
            hint=submission.total,
            finished=tuple(finished),
            computed=measured.total if counted is None else counted,
            changed_lines=measured.changed_lines,
        )


@dataclass(frozen=True, slots=True)
class AdmittedCall:
    """A call with all that was found out about it.

    `thread` is the one whose id was sent. `submission` is what was sent, its paths made canonical. `found` is what was
    looked up for an admitted step, None for any other call. `until` is the deadline of the call.
    """

    call: StepCall
    thread: Thread | None
    workspace: Workspace
    submission: Submission
    admission: Admission
    until: float
    found: StepLookup | None = None

    @property
    def policy(self) -> Policy:
        """The policy of the tool that was called."""
        return self.call.policy

    @property
    def joined(self) -> Thread | None:
        """The thread that the call adds to; None where it opens one."""
        return None if isinstance(self.admission, Open) else self.thread


def directory_of(call: StepCall, thread: Thread | None) -> str | None:
    """Return the working directory that a call names, else that of its thread."""
    return call.submission.directory or (thread.directory if thread else None)


def admit_call(
    call: StepCall, thread: Thread | None, roots: RootPolicy, working_on: Iterable[int], until: float
) -> AdmittedCall:
    """Tell what a call on `thread` is, and look up what it names where it is a step. May read files.

    `working_on` are the thread's steps that this process has not answered yet. Raises RootRefused.
    """
    workspace = open_workspace(directory_of(call, thread), roots)
    whole = locate(call.submission, workspace)
    submission = withhold(whole)
    admission = admit(thread, submission, call.policy, working_on=working_on)
    found = look_up(workspace, whole, thread, admission, call.policy) if isinstance(admission, Open | Accept) else None
    return AdmittedCall(call, thread, workspace, submission, admission, until, found)


def locate(submission: Submission, workspace: Workspace) -> Submission:
    """Return the submission with every path by its canonical name, and the lines that paths were written with."""
    ranges: dict[str, list[FileRange]] = {}

    def names(paths: Sequence[str]) -> tuple[str, ...]:
        located = [workspace.locate(path) for path in paths]
        for place in located:
            lines = [FileRange(place.path, place.line, place.last or place.line)] if place.line else []
            ranges.setdefault(place.path, []).extend(lines)
        whole = {place.path for place in located if not place.line}
        ranges.update({path: [] for path in whole})
        return tuple(dict.fromkeys(place.path for place in located))

    located: dict[str, Any] = {
        "checked": names(submission.checked),
        "relevant": names(submission.relevant),
        "issues": tuple(_located_issue(claim, workspace) for claim in submission.issues),
        "quotes": tuple(_located_quote(quote, workspace) for quote in submission.quotes),
        "directory": workspace.directory,
    }
    located["ranges"] = tuple(line for lines in ranges.values() for line in lines)
    changed = {field: value for field, value in located.items() if value != getattr(submission, field)}
    return replace(submission, **changed) if changed else submission


def _located_issue(claim: IssueClaim, workspace: Workspace) -> IssueClaim:
    if not claim.path:
        return replace(claim, path=None)
    place = workspace.locate(claim.path)
    return replace(claim, path=place.path, line=claim.line or place.line)


def _located_quote(quote: Quote, workspace: Workspace) -> Quote:
    if quote.fact and not quote.file:
        return quote
    place = workspace.locate(quote.file)
    return replace(quote, file=place.path, line=quote.line or place.line)


def look_up(
    workspace: Workspace, submission: Submission, thread: Thread | None, admission: Open | Accept, policy: Policy
) -> StepLookup:
    """Read what an admitted step names: files, quotes and, where it asks to end, the quotes that held before.

    `thread` is the one it is added to or, for one that opens another, follows up: a first step that names no files is
    sized by those of the thread that it follows up. Reads files.
    """
    paths = submission.files
    if not paths and isinstance(admission, Open) and thread is not None:
        paths = tuple(thread.claims.files)
    survey = workspace.survey(paths) if paths else {}
    there = {path: fact for path, fact in survey.items() if fact.exists}
    sent = [quote for quote in submission.quotes if not quote.withdrawn]
    told = thread if isinstance(admission, Accept) else None  # a thread that is followed up has ids of its own
    cited = resolve_citations(sent, told.fact_places if told is not None else NO_FACTS, workspace)
    quotes = cited.quotes
    held = _held_before(workspace, submission, thread) if isinstance(admission, Accept) else []
    facts = StepFacts(
        evidence=withhold_evidence(
            cited.noted(_checked(workspace, quotes, submission, thread, policy) if quotes else ())
        ),
        existing=tuple(path for path in there if path in submission.files),
        readable=workspace.readable,
        stale=len(workspace.recheck(held)) if held else 0,
        uncited=cited.unknown,
    )
    languages = frozenset(PurePath(path).suffix for path in there) - {""}
    return StepLookup(facts, len(there), sum(fact.bytes for fact in there.values()), languages)


def _checked(
    workspace: Workspace, quotes: Sequence[Quote], submission: Submission, thread: Thread | None, policy: Policy
) -> list[Evidence]:
    found = workspace.check(quotes)
    if not policy.knows_removals:
        return found
    fields = {**(thread.claims.fields if thread is not None else {}), **submission.fields}
    return find_removed(found, quotes, workspace, str(fields.get("compare_to") or "").strip())


def _held_before(workspace: Workspace, submission: Submission, thread: Thread | None) -> list[Evidence]:
    """Return the quotes to read again: those that held, where the step asks to end in the directory they are of."""
    ending = not submission.more or (submission.confidence is not None and submission.confidence.asks_to_end)
    if thread is None or not ending or workspace.directory != thread.directory:
        return []
    held = (item for _, item in thread.claims.evidence if item.holds)
    return [item for item in held if item.verdict is not Verdict.REMOVED]
