"""What an agent answers to the flagged places: an issue there, or a line `safe: path:line reason`.

Answers are read from the live steps alone, so a withdrawn issue or a step that was replaced answers nothing any more. A
`safe` is the agent's word and is called so wherever it is shown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stepwarden.inspections.secaudit.places import FlaggedPlace
from stepwarden.inspections.shared.fact_text import clip, count, list_some, table
from stepwarden.inspections.shared.reviewed_files import files_read
from stepwarden.steps.clause import UNANSWERED, Clause
from stepwarden.steps.step import Issue
from stepwarden.steps.text import is_filler
from stepwarden.steps.thread import Thread

NEAR = 5  # lines from an answer to the place that it means, where none is flagged on its own line
LEAST_REASON = 8  # characters that say why a place is safe
SHOWN_REASON = 60  # characters of it in a table
HOW_TO_ANSWER = "Answer each place: an issue at its line, or in findings a line `safe: path:line, 9-20 reason`."

_SAFE = re.compile(r"^[\s\-*>#`]*safe\b[\s`*]*:[\s`*]*(?P<rest>\S.*)$", re.IGNORECASE | re.MULTILINE)
_NUMBERS = r"[L#]{0,2}\d+(?:\s*[-\u2013]\s*L?\d+)?"
_PATH = rf"(?P<path>[^\s,;:`]*[./\\][^\s,;:`]*)(?::(?P<lines>{_NUMBERS}))?`?"
_FIRST = re.compile(_PATH)
_NEXT = re.compile(rf"[`\s]*(?:[,;&]|and\b)[`\s]*(?:{_PATH}|(?P<more>{_NUMBERS})(?=\s*(?:[,;:`)&]|\s|$)))")
_MENTION = re.compile(r"([\w./\\-]+\.\w+):(\d+)")


@dataclass(frozen=True, slots=True)
class PlaceVerdict:
    """What is known of one place: `kind` is `open`, `issue`, `safe` or `aside`, which needs no answer."""

    place: FlaggedPlace
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class SafeAnswer:
    """One place or stretch that the agent calls safe; `first` is 0 for the whole file or folder."""

    path: str
    first: int
    last: int
    reason: str

    def covers(self, path: str) -> bool:
        """Whether it is about a file: by its name, the end of its name, or a folder above it."""
        named = self.path.rstrip("/")
        return same_file(path, named) or path.startswith(f"{named}/")


def same_file(path: str, named: str) -> bool:
    """Whether a name as an agent writes it means a canonical path."""
    named = named.replace("\\", "/").removeprefix("./")
    return path == named or path.endswith(f"/{named}") or named.endswith(f"/{path}")


def find_verdicts(thread: Thread, places: Sequence[FlaggedPlace]) -> list[PlaceVerdict]:
    """Return the verdict on each place: open ones first, then issues, then what is called safe, then the rest."""
    by_issue = _answered_by_issues(thread, places)
    by_word = _answered_by_word(thread, places)
    read = files_read(thread)
    found: list[PlaceVerdict] = []
    for place in places:
        if place in by_issue:
            found.append(PlaceVerdict(place, "issue", _issue_words(thread, by_issue[place])))
        elif place in by_word:
            unread = "" if place.path in read else " (file not read)"
            found.append(PlaceVerdict(place, "safe", f"safe{unread}: {clip(by_word[place], SHOWN_REASON)}"))
        elif place.aside:
            found.append(PlaceVerdict(place, "aside", f"no answer needed: {place.aside}"))
        else:
            found.append(PlaceVerdict(place, "open", "open"))
    return sorted(found, key=lambda verdict: ("open", "issue", "safe", "aside").index(verdict.kind))


def unanswered_clause(verdicts: Iterable[PlaceVerdict], *, named: int, field: str = "") -> Iterator[Clause]:
    """Yield one clause that counts the places that are not answered, and names so many; nothing where none is.

    `field` is the one to answer in, where the agent asks to finish.
    """
    left = [verdict.place for verdict in verdicts if verdict.kind == "open"]
    if left:
        shown = f": {list_some([f'{place.place} {place.what}' for place in left], named)}" if named else ""
        text = f"{f'{field}: ' if field else ''}{count(len(left), 'place')} unanswered{shown}"
        yield Clause("measured", UNANSWERED, clip(text, 400))


def summary_fact(verdicts: Sequence[PlaceVerdict]) -> str:
    """Return how many places are answered, and how."""
    counted = {kind: sum(verdict.kind == kind for verdict in verdicts) for kind in ("issue", "safe", "open")}
    safe = f"{counted['safe']} safe by your word, not checked" if counted["safe"] else "0 safe"
    total = sum(counted.values())
    return f"{count(total, 'place')}: {count(counted['issue'], 'issue')}, {safe}, {counted['open']} unanswered."


def verdict_table(verdicts: Sequence[PlaceVerdict]) -> str:
    """Return the table risk, place, verdict."""
    rows = [(f"{item.place.risk.value[:3]} {item.place.what}", item.place.place, item.words) for item in verdicts]
    return table(("Risk", "Place", "Verdict"), rows)


def read_safe_answers(text: str) -> Iterator[SafeAnswer]:
    """Yield the places that the `safe:` lines of a text name; a line without a reason answers nothing."""
    for line in _SAFE.finditer(text):
        rest, path, named = line["rest"], "", list[tuple[str, int, int]]()
        match = _FIRST.match(rest)
        while match:
            found = match.groupdict()
            path = found["path"] or path
            named.append((path, *_lines_of(found["lines"] or found.get("more") or "0")))
            rest = rest[match.end() :]
            match = _NEXT.match(rest)
        reason = rest.strip(" \t`:;,.-\u2013\u2014=>()")
        if len(reason) >= LEAST_REASON and not is_filler(reason):
            yield from (SafeAnswer(*place, reason) for place in named)


def _lines_of(text: str) -> tuple[int, int]:
    numbers = [int(number[:9]) for number in re.findall(r"\d+", text)]
    return numbers[0], numbers[-1]


def _answered_by_word(thread: Thread, places: Sequence[FlaggedPlace]) -> Mapping[FlaggedPlace, str]:
    found: dict[FlaggedPlace, str] = {}
    for step in thread.live:
        said = dict.fromkeys((step.submission.step, step.submission.findings or ""))
        for answer in (answer for text in said for answer in read_safe_answers(text)):
            inside = [place for place in places if answer.covers(place.path)]
            if answer.first != answer.last:
                inside = [place for place in inside if answer.first <= place.line <= answer.last]
            elif answer.first:
                inside = _nearest(inside, answer.first)
            found |= dict.fromkeys(inside, answer.reason)
    return found


def _nearest(places: Sequence[FlaggedPlace], line: int) -> list[FlaggedPlace]:
    """Return the places on a line, or those of the nearest line within NEAR of it."""
    least = min((abs(place.line - line) for place in places), default=NEAR + 1)
    return [place for place in places if abs(place.line - line) == least] if least <= NEAR else []


@dataclass(frozen=True)
class _ByFile:
    places: Sequence[FlaggedPlace]
    found: dict[FlaggedPlace, str] = field(default_factory=dict[FlaggedPlace, str])

    def answer(self, issue: str, path: str, line: int | None) -> None:
        """Record that an issue is about a line of a file; without a line, about its one place."""
        inside = [place for place in self.places if same_file(place.path, path)]
        meant = _nearest(inside, line) if line else inside if len({place.line for place in inside}) == 1 else []
        for place in meant:
            self.found.setdefault(place, issue)


def _answered_by_issues(thread: Thread, places: Sequence[FlaggedPlace]) -> Mapping[FlaggedPlace, str]:
    """Return the issue of each place: the one that stands there, whose quotes show it, or whose words name it."""
    answered = _ByFile(places)
    claims = thread.claims
    for issue in claims.issues.values():
        if issue.path:
            answered.answer(issue.id, issue.path, issue.line)
    for issue in claims.issues.values():
        for path, line in _MENTION.findall(issue.description):
            answered.answer(issue.id, path, int(line[:9]))
        for _, quote in claims.marked.get(issue.id, ()):
            for place in places:
                if quote.path == place.path and place.line in quote.lines:
                    answered.found.setdefault(place, issue.id)
    return answered.found


def _issue_words(thread: Thread, name: str) -> str:
    issue: Issue = thread.claims.issues[name]
    missing = issue.severity.needs_evidence and not thread.claims.issue_supports[name].relevant
    return f"{name} {issue.severity.value}{', not evidenced' if missing else ''}"
