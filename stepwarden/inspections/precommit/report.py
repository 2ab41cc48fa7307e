"""Facts, clauses and report sections on a change."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from stepwarden.files.paths import shown
from stepwarden.inspections.context import MOST_CLAUSES
from stepwarden.inspections.precommit.changeset import ChangeSet
from stepwarden.inspections.precommit.hunks import ReviewedHunk, ReviewedLines, coverage_line
from stepwarden.inspections.precommit.risks import ChangeRisk, is_generated
from stepwarden.inspections.shared.documents import is_document, look_through
from stepwarden.inspections.shared.fact_text import clip, count, list_some
from stepwarden.source.git.change import TOO_LARGE, WITHHELD, FileChange
from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.clause import Clause

MOST_FILES = 60  # of a change that have to be reviewed, those that changed most
CLAUSE_BYTES = 110
RISK_BYTES = 120
MOST_SHOWN = 3  # risks of one kind in the facts of the first reply
DESCRIBED_SECRETS = 3  # open ones of which a clause says what they are


def nothing_sentence(changes: Sequence[ChangeSet]) -> str:
    """Return that there is nothing to check, and what was compared."""
    places = list_some([place_of(part) for part in changes], 2)
    return f"Nothing to check: no change in {places}, compared with {compared_with(changes)}."


def place_of(part: ChangeSet) -> str:
    """Return the name of the repository of a change, with its branch."""
    branch = f" (branch {shown(part.status.branch, 40)})" if part.status.branch else ""
    return f"{'the repository' if part.place == '.' else part.place}{branch}"


def compared_with(changes: Sequence[ChangeSet]) -> str:
    """Return the names of what the changes were compared with."""
    return list_some(list(dict.fromkeys(part.against for part in changes)), 2)


def opening_facts(
    changes: Sequence[ChangeSet], files: Sequence[FileChange], risks: Sequence[ChangeRisk], notes: Sequence[str]
) -> list[str]:
    """Return what changed and its risks, the most pressing first: a reply has room for a few lines."""
    plus = sum(change.lines_added or 0 for change in files)
    minus = sum(change.lines_removed or 0 for change in files)
    groups = _group_by_kind(risks)
    summary = ", ".join(_HEADS[kind].lower() + (f" {len(group)}" if len(group) > 1 else "") for kind, group in groups)
    facts = [
        clip(f"{count(len(files), 'file')} +{plus} -{minus} since {compared_with(changes)}: {summary or 'no risk'}.")
    ]
    facts += [clip(line, RISK_BYTES) for kind, group in groups for line in _risk_lines(kind, group)]
    facts += [clip(f"In {list_some([place_of(part) for part in changes])}.")] if len(changes) > 1 else []
    again = sorted({path for part in changes for path in {*part.status.staged} & {*part.status.unstaged}})
    facts += [clip(f"Staged, then changed again, so not what you test: {list_some(again)}.")] if again else []
    kinds = [f"{number} {word}" for word, number in _kinds(changes) if number]
    facts += [clip(f"Files: {', '.join(kinds)}.")] if kinds else []
    largest = sorted(files, key=lambda change: (-change.lines, change.path))[:3]
    sized = list_some([f"{change.path} {_size(change)}" for change in largest])
    facts += [clip(f"Largest: {sized}.")] if len(files) > 1 else []
    tests = sum(is_test_file(change.path) for change in files)
    facts += [f"Tests: {count(tests, 'test file')} in the change."] if tests else []
    if len(files) > MOST_FILES:
        facts.append(f"Only the {MOST_FILES} most changed files have to be reviewed; the report lists all.")
    return facts + [clip(note) for note in notes]


def _kinds(changes: Iterable[ChangeSet]) -> list[tuple[str, int]]:
    parts = list(changes)
    return [
        (word, sum(len(getattr(part.status, word)) for part in parts))
        for word in ("unmerged", "staged", "unstaged", "untracked")
    ]


def _group_by_kind(risks: Sequence[ChangeRisk]) -> list[tuple[str, list[ChangeRisk]]]:
    groups: dict[str, list[ChangeRisk]] = {}
    for risk in risks:
        groups.setdefault(risk.kind, []).append(risk)
    for group in groups.values():
        group.sort(key=lambda risk: -len(risk.places))  # the first is shown: what other files rest on before the rest
    return list(groups.items())


_HEADS = {
    "conflict": "Conflict",
    "secret": "Secret",
    "partial": "Partly staged",
    "interface": "Interface",
    "behaviour": "Behaviour",
    "migration": "Migration",
    "leftover": "Leftover",
    "test": "Fewer tests",
    "untested": "No test",
    "lock": "Lock file",
    "large": "Large",
    "note": "Note",
}


def _risk_lines(kind: str, group: Sequence[ChangeRisk]) -> list[str]:
    """Return the first risks of a kind, a line each, and on the last how many more there are."""
    left = len(group) - MOST_SHOWN
    lines = [f"{_HEADS[kind]}: {_said(risk)}." for risk in group[:MOST_SHOWN]]
    return [*lines[:-1], f"{lines[-1].rstrip('.')} (+{left})."] if left > 0 else lines


def _said(risk: ChangeRisk) -> str:
    used = f", in {count(len(risk.places), 'file')} more" if risk.name else ""
    return f"{replace(risk, path=_brief(risk.path)).place} {risk.what}{used}"


def _brief(path: str) -> str:
    """Return the end of a long path, for a line without room for more."""
    parts = path.split("/")
    return path if len(parts) < 4 else f"…/{'/'.join(parts[-2:])}"


_UNREAD = {TOO_LARGE: "too large to read", WITHHELD: "a secret"}


def _size(change: FileChange) -> str:
    if change.binary:
        return _UNREAD.get(change.why, "binary")
    return f"+{change.lines_added} -{change.lines_removed}"


def later_facts(hunks: Sequence[ReviewedHunk], coverage: Sequence[str]) -> list[str]:
    """Return how much of the change has been reviewed, and which hunks have not; risks left open are clauses."""
    left_out = [hunk.place for hunk, word in zip(hunks, coverage, strict=True) if not word]
    facts = [clip(coverage_line(coverage))]
    return facts + ([clip(f"Not reviewed: {list_some(left_out)}.")] if left_out else [])


def is_reviewed(risk: ChangeRisk, reviewed: ReviewedLines) -> bool:
    """Whether a risk was reviewed: by a quote there or where it has effects, or by an issue.

    An unmerged file has to be merged; for missing tests a test file has to be read.
    """
    if risk.kind == "conflict" and risk.line == 0:
        return False
    if reviewed.issue_at(risk.path, risk.line, risk.line, near=10):
        return True
    if risk.kind == "untested":
        return any(is_test_file(path) for path in (*reviewed.read, *reviewed.quoted))
    if risk.kind == "interface":
        return reviewed.includes(risk.path) if not risk.places else any(reviewed.includes(path) for path in risk.places)
    if risk.kind == "lock":
        return any(reviewed.includes(path) for path in risk.places)
    if risk.kind in {"large", "test"}:
        return reviewed.includes(risk.path)
    return risk.kind not in {"secret", "partial"} and reviewed.quotes(risk.path, risk.line, risk.line)


_REQUESTS = {
    "conflict": "resolve {what}: {at}",
    "secret": "take out or report as an issue: {at}",
    "partial": "stage it too, or take out {at}: {what}",
    "interface": "{what} ({at}); read {places}",
    "behaviour": "quote {at}: {what}; is it meant?",
    "migration": "quote {at}: {what}, can it be undone?",
    "leftover": "remove or quote {at}: {what}",
    "test": "read {at}: {what}",
    "untested": "{what}: read the tests of {at}, or report it",
    "lock": "{at}: {what}; name {places} or report it",
    "large": "{at}: {what}; does it belong here?",
    "note": "remove or quote {at}: {what}",
}


def risk_clauses(risks: Sequence[ChangeRisk], reviewed: ReviewedLines) -> list[Clause]:
    """Return a clause for each risk that was not reviewed."""
    open_risks = [risk for risk in risks if not is_reviewed(risk, reviewed)]
    secrets = sum(risk.kind == "secret" for risk in open_risks)
    return [Clause("measured", risk.path, clip(_request(risk, secrets), CLAUSE_BYTES)) for risk in open_risks]


def _request(risk: ChangeRisk, secrets: int) -> str:
    """Return what a risk asks for; where many `secrets` are open, places say more than kinds."""
    text = _REQUESTS[risk.kind].format(what=risk.what, at=risk.place, places=list_some(risk.places, 1) or "it")
    return f"{text} ({risk.what})" if risk.kind == "secret" and secrets <= DESCRIBED_SECRETS else text


def file_clauses(files: Sequence[FileChange], risks: Sequence[ChangeRisk], reviewed: ReviewedLines) -> list[Clause]:
    """Return a clause for each changed file that was not reviewed, the most changed first, without generated ones.

    Documents are one clause together, the last.
    """
    asked_for = {
        risk.path for risk in risks if not is_reviewed(risk, reviewed) and risk.kind not in {"untested", "interface"}
    }
    largest = sorted(
        (change for change in files if not is_generated(change) and not change.withheld),
        key=lambda change: (-change.lines, change.path),
    )[:MOST_FILES]
    left = [change for change in largest if not reviewed.includes(change.path) and change.path not in asked_for]
    documents = [change for change in left if is_document(change.path)]
    return [
        *(Clause("measured", item.path, _read_request(item)) for item in left if not is_document(item.path)),
        *look_through([item.path for item in documents], _read_request(documents[0]) if documents else ""),
    ]


def _read_request(change: FileChange) -> str:
    return clip(f"read {change.path} ({_describe(change)})", CLAUSE_BYTES)


def _describe(change: FileChange) -> str:
    if change.is_submodule:
        return "a submodule's commit"
    if change.is_link:
        return "a new link" if change.status == "A" else "a link"
    words = {"D": "deleted", "R": f"renamed from {change.before}", "?": "new", "A": "new", "U": "unmerged"}
    word = words.get(change.status, "")
    hunks = count(len(change.hunks), "hunk") if change.status in {"M", "R"} and change.hunks else ""
    return ", ".join(part for part in (word, hunks, _size(change)) if part)


def limit_clauses(clauses: Sequence[Clause]) -> tuple[Clause, ...]:
    """Return at most MOST_CLAUSES clauses, and one that counts the rest."""
    if len(clauses) <= MOST_CLAUSES:
        return tuple(clauses)
    rest = clauses[MOST_CLAUSES:]
    text = f"and {len(rest)} more: {list_some(list(dict.fromkeys(clause.subject for clause in rest)), 2)}"
    return (*clauses[:MOST_CLAUSES], Clause("measured", "", clip(text, CLAUSE_BYTES)))


def risk_section(risks: Sequence[ChangeRisk], reviewed: ReviewedLines) -> str:
    """Return the section of the report that lists the risks, and which are open."""
    if not risks:
        return "None found by the server's own rules."
    return "\n".join(
        f"- {_HEADS[risk.kind]}: `{risk.place}` {risk.what}{_places(risk)}"
        + ("" if is_reviewed(risk, reviewed) else " (**open**)")
        for risk in risks[:100]
    )


def _places(risk: ChangeRisk) -> str:
    return f" (in {list_some([f'`{path}`' for path in risk.places])})" if risk.places else ""
