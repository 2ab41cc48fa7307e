"""What is looked up for one step before it is decided: its paths by their names, its quotes, the files it names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from stepwarden.files import Workspace
from stepwarden.manager.facts import TaskFacts
from stepwarden.steps.admission import Accept, Open
from stepwarden.steps.evidence import Evidence
from stepwarden.steps.inspection import NO_INSPECTION
from stepwarden.steps.machine import StepFacts
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Thread


@dataclass(frozen=True)
class StepLookup:
    """What was looked up for a step: the machine's facts, and the size of what was named, for the manager."""

    facts: StepFacts
    files: int = 0
    bytes: int = 0
    languages: frozenset[str] = frozenset()

    def task_facts(self, submission: Submission, *, counted: int | None, finished: Sequence[int]) -> TaskFacts:
        """Return what the manager sizes the work by.

        `counted` is the number of steps that asking models takes, where that counts them; `finished` are the lengths
        of finished threads of the tool.
        """
        measured = self.facts.measured or NO_INSPECTION
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


def locate(submission: Submission, workspace: Workspace) -> Submission:
    """Return the submission with every path by its canonical name."""
    name = workspace.canonical
    return replace(
        submission,
        checked=tuple(dict.fromkeys(name(path) for path in submission.checked)),
        relevant=tuple(dict.fromkeys(name(path) for path in submission.relevant)),
        issues=tuple(replace(claim, path=name(claim.path) if claim.path else None) for claim in submission.issues),
        quotes=tuple(replace(quote, file=name(quote.file)) for quote in submission.quotes),
        directory=workspace.directory,
    )


def look_up(
    workspace: Workspace, submission: Submission, thread: Thread | None, admission: Open | Accept
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
    quotes = [quote for quote in submission.quotes if not quote.withdrawn]
    held = _held_before(workspace, submission, thread) if isinstance(admission, Accept) else []
    facts = StepFacts(
        evidence=tuple(workspace.check(quotes)) if quotes else (),
        existing=tuple(path for path in there if path in submission.files),
        readable=workspace.readable,
        stale=len(workspace.recheck(held)) if held else 0,
    )
    languages = frozenset(PurePath(path).suffix for path in there) - {""}
    return StepLookup(facts, len(there), sum(fact.bytes for fact in there.values()), languages)


def _held_before(workspace: Workspace, submission: Submission, thread: Thread | None) -> list[Evidence]:
    """Return the quotes to read again: those that held, where the step asks to end in the directory they are of."""
    ending = not submission.more or (submission.confidence is not None and submission.confidence.asks_to_end)
    if thread is None or not ending or workspace.directory != thread.directory:
        return []
    return [item for _, item in thread.claims.evidence if item.holds]
