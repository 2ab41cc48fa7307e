"""Finds the attack surface: entry points, dangerous lines, secrets in the source, declared dependencies."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from stepwarden.files.encodings import decode
from stepwarden.files.safe_open import BARRED, Unread, read_file
from stepwarden.files.secret_values import find_secrets
from stepwarden.inspections.context import MOST_CLAUSES, InspectionContext, InspectionResult
from stepwarden.inspections.secaudit.dependencies import dependency_facts, find_manifests
from stepwarden.inspections.secaudit.entry_points import find_entry_points
from stepwarden.inspections.secaudit.security_rules import SecurityFinding, SecurityRisk, find_dangerous_lines
from stepwarden.inspections.shared.fact_text import clip, count, list_some, table
from stepwarden.inspections.shared.reviewed_files import files_read
from stepwarden.inspections.shared.subject import Survey, incompleteness, read_text, survey
from stepwarden.source.outline import Outline
from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Thread

PLACES = 4  # of one risk, that have to be read
CONFIGURATION_FILES, CONFIGURATION_BYTES = 400, 200_000  # that are searched for secrets
_CONFIGURATION = re.compile(
    r"\.(?:ya?ml|toml|ini|cfg|conf|config|json|properties|xml|plist|(?:ba|z)?sh|ps1|bat|cmd|tf|gradle|ipynb|sql|env|txt)$"
    r"|(?:^|/)(?:Dockerfile[\w.-]*|Makefile|Jenkinsfile|Procfile)$"
)
_GRAVEST_FIRST = (
    SecurityRisk.INJECTION,
    SecurityRisk.INTEGRITY,
    SecurityRisk.ACCESS,
    SecurityRisk.CONFIGURATION,
    SecurityRisk.SUPPLY,
    SecurityRisk.AUTHENTICATION,
    SecurityRisk.CRYPTOGRAPHY,
)
_GRAVE = re.compile(r"SQL|shell|os\.system|eval|exec|child_process|command|unsafe deserial|pickle")
_SIDE_FILES = re.compile(
    r"(?:^|/)(?:examples?|docs?|samples?|demos?|scripts?|tools|bench(?:marks)?|static|assets|playground)/"
    r"|(?:^|/)(?:Gruntfile|gulpfile|setup\.py|noxfile|webpack\.config)"
)


@dataclass(frozen=True, slots=True)
class AttackSurface:
    """What was found, the places to review first in front."""

    dangerous: Sequence[SecurityFinding]
    secrets: Sequence[SecurityFinding]
    entries: Sequence[SecurityFinding]


def inspect(context: InspectionContext) -> InspectionResult | None:
    """Search at step 1 and when other files are named; later check which of the places were read."""
    kept = context.earlier.data.get("secaudit")
    named = sorted({path for step in context.thread.live for path in step.submission.relevant})
    if kept is not None and not context.is_first and set(named) <= set(kept["named"]):
        found = [SecurityFinding(path, line, what, SecurityRisk(risk)) for path, line, what, risk in kept["found"]]
        return InspectionResult(Inspection(clauses=tuple(clauses(context.thread, found)))) if found else None
    surveyed = survey(context)
    if not surveyed.subject:
        return None
    return _search(context, surveyed, named)


def _search(context: InspectionContext, surveyed: Survey, named: list[str]) -> InspectionResult:
    surface = _find_surface(context, surveyed)
    manifests = find_manifests(surveyed.scan.others)
    declared = dependency_facts(context, manifests, surveyed.scan.others)
    late = ["Not every file was searched: time ran out."] if time.monotonic() > context.until else []
    asked = [
        *surface.secrets,
        *surface.dangerous,
        *(replace(entry, what=f"{entry.what}, who may call it?") for entry in surface.entries),
    ]
    if not surveyed.named:
        asked += [SecurityFinding(path, 1, "which dependencies?", SecurityRisk.SUPPLY) for path in manifests]
    found = [[item.path, item.line, item.what, item.risk.value] for item in _first_of_each_risk(asked)]
    return InspectionResult(
        Inspection(
            facts=(*incompleteness(surveyed.scan), *_facts(surface), *declared, *late),
            clauses=tuple(clauses(context.thread, asked)),
            files=surveyed.size,
            data={"secaudit": {"named": named, "found": found}},
            sections={"Attack surface": _section(surface)},
        )
    )


def _find_surface(context: InspectionContext, surveyed: Survey) -> AttackSurface:
    entries = find_entry_points(surveyed.subject)
    entries.sort(key=lambda entry: bool(_SIDE_FILES.search(entry.path)))
    entry_files = {entry.path for entry in entries}
    dangerous = sorted(
        _find_dangerous(context, surveyed.subject),
        key=lambda item: (item.constant, _rank(item.path, entry_files), not _GRAVE.match(item.what)),
    )
    others = surveyed.scan.others if not surveyed.named else ()
    secrets = sorted(_find_secrets(context, surveyed.subject, others), key=lambda item: _rank(item.path, entry_files))
    return AttackSurface(dangerous, secrets, entries)


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


def _first_of_each_risk(found: Sequence[SecurityFinding]) -> list[SecurityFinding]:
    """Return the first places of each risk, which later steps are asked for."""
    return [item for risk in SecurityRisk for item in _by_turns([one for one in found if one.risk is risk])[:PLACES]]


def clauses(thread: Thread, found: Sequence[SecurityFinding]) -> Iterable[Clause]:
    """Return for each risk one clause with its first places whose files were neither read nor quoted."""
    read = files_read(thread)
    asked = 0
    for risk in _GRAVEST_FIRST:
        places = _by_turns([item for item in found if item.risk is risk])[:PLACES]
        left = [item for item in places if item.path not in read]
        if left and asked < MOST_CLAUSES:
            asked += 1
            where = ", ".join(f"{item.path}:{item.line} ({item.what})" for item in left[:2])
            more = f" +{len(left) - 2}" if len(left) > 2 else ""
            yield Clause("measured", risk.value, clip(f"{risk.value}: read {where}{more}", 140))


def _by_turns(found: Sequence[SecurityFinding]) -> list[SecurityFinding]:
    """Return the findings with the first of each file before the second of any, and those of constants last."""
    turns: dict[str, int] = {}
    ranked: list[tuple[bool, int, int, SecurityFinding]] = []
    for index, item in enumerate(found):
        turns[item.path] = turns.get(item.path, 0) + 1
        ranked.append((item.constant, turns[item.path], index, item))
    return [item for *_, item in sorted(ranked, key=lambda entry: entry[:3])]


def _facts(surface: AttackSurface) -> Iterable[str]:
    secrets, entries = surface.secrets, surface.entries
    if secrets:
        more = f" +{len(secrets) - 1}" if len(secrets) > 1 else ""
        yield clip(f"{secrets[0].path}:{secrets[0].line}: {secrets[0].what}{more}")
    for risk in _GRAVEST_FIRST:
        places = _by_turns([item for item in surface.dangerous if item.risk is risk])
        if places:
            shown = list_some([f"{item.path}:{item.line} {item.what}" for item in places], 2)
            yield clip(f"{risk.value}: {shown}", 120)
    if entries:
        shown = list_some([f"{entry.path}:{entry.line} {entry.what}" for entry in entries], 2)
        yield clip(f"{count(len(entries), 'entry point')}: {shown}")
    if not surface.dangerous and not secrets:
        yield "No dangerous line and no secret was found; review the logic."


def _section(surface: AttackSurface) -> str:
    findings = [*surface.secrets, *surface.dangerous][:200]
    rows = [(item.risk.value, f"`{item.path}:{item.line}`", item.what) for item in findings]
    entries = "\n".join(f"- `{entry.path}:{entry.line}` {entry.what}" for entry in surface.entries[:100])
    heads = ("Risk", "Place", "What")
    if not surface.entries:
        return f"{table(heads, rows)}\n\nNo entry point was found."
    return f"{table(heads, rows)}\n\nEntry points ({len(surface.entries)}):\n\n{entries}"
