"""The attack surface of a code base: entry points, dangerous lines, secrets, each in the order of review."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from stepwarden.files.encodings import decode
from stepwarden.files.safe_open import BARRED, Unread, read_file
from stepwarden.files.secret_values import find_secrets
from stepwarden.inspections.context import InspectionContext
from stepwarden.inspections.secaudit.entry_points import find_entry_points
from stepwarden.inspections.secaudit.places import LITERALS_ONLY, FlaggedPlace, merge_lines
from stepwarden.inspections.secaudit.request_flow.flows import FlowFinder, TracedPlace
from stepwarden.inspections.secaudit.security_rules import SecurityFinding, SecurityRisk, find_dangerous_lines
from stepwarden.inspections.shared.subject import Survey, is_copied, read_text
from stepwarden.source.outline import Outline
from stepwarden.source.testfiles import is_test_file

CONFIGURATION_FILES, CONFIGURATION_BYTES = 400, 200_000  # that are searched for secrets
ASIDE_FILES = 300  # tests and copies of libraries that are searched for dangerous lines
IN_TESTS, IN_COPIES = "only in tests", "only in vendored files"

_CONFIGURATION = re.compile(
    r"\.(?:ya?ml|toml|ini|cfg|conf|config|json|properties|xml|plist|(?:ba|z)?sh|ps1|bat|cmd|tf|gradle|ipynb|sql|env|txt)$"
    r"|(?:^|/)(?:Dockerfile[\w.-]*|Makefile|Jenkinsfile|Procfile)$"
)
_GRAVE = re.compile(r"SQL|shell|os\.system|eval|exec|child_process|command|unsafe deserial|pickle")
_SIDE_FILES = re.compile(
    r"(?:^|/)(?:examples?|docs?|samples?|demos?|scripts?|tools|bench(?:marks)?|static|assets|playground)/"
    r"|(?:^|/)(?:Gruntfile|gulpfile|setup\.py|noxfile|webpack\.config)"
)


@dataclass(frozen=True, slots=True)
class AttackSurface:
    """What was found, the places to review first in front."""

    places: Sequence[FlaggedPlace]
    entries: Sequence[SecurityFinding]


def find_surface(context: InspectionContext, surveyed: Survey) -> AttackSurface:
    """Search the subject of a thread; tests and copies of libraries come last and need no answer."""
    subject = surveyed.subject
    entries = find_entry_points(subject)
    entries.sort(key=lambda entry: bool(_SIDE_FILES.search(entry.path)))
    entry_files = {entry.path for entry in entries}
    traced = FlowFinder(subject, partial(read_text, context), context.until)
    flows = traced.find()
    lines = _without_told(list(_find_dangerous(context, subject)), flows)
    dangerous = sorted(
        [*(flow.finding for flow in flows), *traced.find_missing_checks(), *lines],
        key=lambda item: (item.constant, not item.traced, _rank(item.path, entry_files), not _GRAVE.match(item.what)),
    )
    others = surveyed.scan.others if not surveyed.named else ()
    secrets = sorted(_find_secrets(context, subject, others), key=lambda item: _rank(item.path, entry_files))
    found = [*_by_turns(secrets), *_by_turns(dangerous), *_find_dangerous(context, _outside(surveyed))]
    places = merge_lines(map(_flagged, found))
    return AttackSurface(sorted(places, key=lambda place: bool(place.aside)), entries)


def _without_told(lines: Sequence[SecurityFinding], flows: Sequence[TracedPlace]) -> list[SecurityFinding]:
    """Return the dangerous lines without those where a statement is put together that input was followed through."""
    told: set[tuple[str, int]] = set()
    for flow in flows:
        at = flow.finding
        if at.what.startswith("SQL"):
            built = [
                item.line
                for item in lines
                if item.path == at.path and item.what.startswith("SQL") and flow.first <= item.line <= at.line
            ]
            told |= {(at.path, max(built))} if built else set()
    return [item for item in lines if (item.path, item.line) not in told or not item.what.startswith("SQL")]


def _flagged(item: SecurityFinding) -> FlaggedPlace:
    aside = IN_TESTS if is_test_file(item.path) else IN_COPIES if is_copied(item.path) else ""
    what = item.what.removesuffix(" of a constant")
    return FlaggedPlace(item.path, item.line, what, item.risk, aside or (LITERALS_ONLY if item.constant else ""))


def _outside(surveyed: Survey) -> Mapping[str, Outline]:
    """Return the first tests and copies of libraries of a whole code base; none where a thread names files."""
    subject = surveyed.scan.outlines if surveyed.named else surveyed.subject
    beside = ((path, outline) for path, outline in surveyed.scan.outlines.items() if path not in subject)
    kept = [(path, outline) for path, outline in beside if is_test_file(path) or is_copied(path)]
    return dict(kept[:ASIDE_FILES])


def _rank(path: str, entry_files: AbstractSet[str]) -> int:
    """Return the order of review: files with entry points, then others, then samples and build files."""
    if _SIDE_FILES.search(path):
        return 2
    return 0 if path in entry_files else 1


def _find_dangerous(context: InspectionContext, outlines: Mapping[str, Outline]) -> Iterator[SecurityFinding]:
    for path, outline in outlines.items():
        if time.monotonic() > context.until:
            return
        text = read_text(context, path)
        if text is not None:
            yield from find_dangerous_lines(path, text, outline.language)


def _find_secrets(
    context: InspectionContext, outlines: Iterable[str], others: Sequence[str]
) -> Iterator[SecurityFinding]:
    """Find secrets in source and configuration; findings say what they are, never their values."""
    configuration = [path for path in others if _CONFIGURATION.search(path) and not is_test_file(path)]
    for path in (*outlines, *configuration[:CONFIGURATION_FILES]):
        if time.monotonic() > context.until:
            return
        data = read_file(context.root, path)
        if data is BARRED:
            yield SecurityFinding(path, 1, "credentials, by what the file holds", SecurityRisk.AUTHENTICATION)
        text = None if isinstance(data, Unread) else decode(data)
        for number, what in find_secrets((text or "")[:CONFIGURATION_BYTES], path):
            yield SecurityFinding(path, number, f"{what} in the source", SecurityRisk.AUTHENTICATION)


def _by_turns(found: Sequence[SecurityFinding]) -> list[SecurityFinding]:
    """Return the findings with the first of each file before the second of any, and those of constants last."""
    turns: dict[str, int] = {}
    ranked: list[tuple[bool, bool, int, int, SecurityFinding]] = []
    for index, item in enumerate(found):
        turns[item.path] = turns.get(item.path, 0) + 1
        ranked.append((item.constant, not item.traced, turns[item.path], index, item))
    return [item for *_, item in sorted(ranked, key=lambda entry: entry[:4])]
