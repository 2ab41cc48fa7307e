"""secaudit's look: where the outside comes in, dangerous calls, secrets in the source, the dependencies declared."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import PurePosixPath

from stepwarden.inspections.context import InspectionContext, InspectionResult
from stepwarden.inspections.scope import MOST_CLAUSES, clip, count, left_out, looked_at, some, survey, table, text_of
from stepwarden.inspections.secaudit.security_rules import SecurityFinding, SecurityRisk, sightings
from stepwarden.inspections.secret_patterns import leaks_in
from stepwarden.source.outline import Language, Outline
from stepwarden.source.testfiles import is_test_file
from stepwarden.steps.clause import Clause
from stepwarden.steps.inspection import Inspection
from stepwarden.steps.thread import Thread

PLACES = 4  # of one risk, that are asked for
OTHER_FILES, OTHER_BYTES = 400, 200_000  # configuration and the like that is searched for secrets
_CONFIGURATION = re.compile(
    r"\.(?:ya?ml|toml|ini|cfg|conf|json|properties|xml|sh|tf|txt)$|(?:^|/)(?:Dockerfile|Makefile)$"
)
_ROUTES = re.compile(
    r"\b(?:route|get|post|put|patch|delete|websocket|api_view|command|tool|task|GetMapping|PostMapping|PutMapping"
    r"|DeleteMapping|RequestMapping|Path|Http(?:Get|Post|Put|Delete))\b"
)
_CALLED_ROUTES = frozenset({"HandleFunc", "Handle", "add_url_rule", "add_route", "add_parser"})
_ROUTER = re.compile(r"^(?:app|router|server|api|mux)$")
_SHORT_ROUTER = re.compile(r"^(?:r|e|g)$")  # as Go's frameworks are written; elsewhere it is anything
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "all", "use", "GET", "POST", "PUT", "DELETE"})
_GRAVEST_FIRST = tuple(
    sorted(
        SecurityRisk,
        key=lambda risk: (
            risk is not SecurityRisk.INJECTION,
            risk is not SecurityRisk.INTEGRITY,
            risk is SecurityRisk.CRYPTOGRAPHY,
        ),
    )
)
_ASIDE = re.compile(
    r"(?:^|/)(?:examples?|docs?|samples?|demos?|scripts?|tools|bench(?:marks)?|static|assets|playground)/"
    r"|(?:^|/)(?:Gruntfile|gulpfile|setup\.py|noxfile|webpack\.config)"
)
_GRAVE = re.compile(r"SQL|shell|os\.system|eval|exec|child_process|command|unsafe deserial|pickle")
_MAINS = re.compile(r"(?:^|/)(?:__main__\.py|manage\.py|main\.go|Main\.java|Program\.cs)$")
_MANIFESTS = {
    "requirements.txt": "Python",
    "pyproject.toml": "Python",
    "Pipfile": "Python",
    "package.json": "Node",
    "go.mod": "Go",
    "Cargo.toml": "Rust",
    "pom.xml": "Java",
    "build.gradle": "Java",
    "Gemfile": "Ruby",
}
_LOCKS = frozenset(
    {
        "uv.lock",
        "poetry.lock",
        "Pipfile.lock",
        "package-lock.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "go.sum",
        "Cargo.lock",
    }
)


def inspect(scene: InspectionContext) -> InspectionResult | None:
    """Measure at step 1 and when other files are named; later see which of the places were looked at."""
    kept = scene.before.data.get("secaudit")
    named = sorted({path for step in scene.thread.live for path in step.submission.relevant})
    if kept is not None and not scene.is_first and set(named) <= set(kept["named"]):
        found = [SecurityFinding(path, line, what, SecurityRisk(risk)) for path, line, what, risk in kept["found"]]
        return InspectionResult(Inspection(clauses=tuple(clauses(scene.thread, found)))) if found else None
    surveyed = survey(scene)
    if not surveyed.subject:
        return None
    entries = entry_points(surveyed.subject)
    entries.sort(key=lambda entry: bool(_ASIDE.search(entry.path)))
    open_files = {entry.path for entry in entries}
    found = sorted(
        _dangerous(scene, surveyed.subject),
        key=lambda item: (_rank(item.path, open_files), not _GRAVE.match(item.what)),
    )
    secrets = list(_secrets(scene, surveyed.subject, surveyed.scan.others if not surveyed.named else ()))
    secrets.sort(key=lambda item: _rank(item.path, open_files))
    manifests = _manifests(surveyed.scan.others)
    declared = _dependencies(scene, manifests, surveyed.scan.others)
    late = ["Not all files were searched for danger: the time was up."] if time.monotonic() > scene.until else []
    asked = [*secrets, *found, *(replace(entry, what=f"{entry.what}, who may call it?") for entry in entries)]
    asked += [
        SecurityFinding(path, 1, "what is depended on?", SecurityRisk.SUPPLY)
        for path in ([] if surveyed.named else manifests)
    ]
    return InspectionResult(
        Inspection(
            facts=(*_facts(found, secrets, entries), *declared, *late, *left_out(surveyed.scan)),
            clauses=tuple(clauses(scene.thread, asked)),
            files=len(surveyed.named) or None,
            data={
                "secaudit": {
                    "named": named,
                    "found": [[s.path, s.line, s.what, s.risk.value] for s in _spread_over_risks(asked)],
                }
            },
            sections={"Attack surface": _section(found, secrets, entries)},
        )
    )


def _rank(path: str, open_files: AbstractSet[str]) -> int:
    """Return the order to look in: entry points from outside, then the rest, then samples and build files."""
    if _ASIDE.search(path):
        return 2
    return 0 if path in open_files else 1


def _dangerous(scene: InspectionContext, outlines: Mapping[str, Outline]) -> Iterator[SecurityFinding]:
    for path, outline in outlines.items():
        if time.monotonic() > scene.until:
            return
        text = text_of(scene, path)
        if text is not None:
            yield from sightings(path, text, outline.language)


def _secrets(scene: InspectionContext, outlines: Iterable[str], others: Sequence[str]) -> Iterator[SecurityFinding]:
    """Find secrets in the source and in configuration; what they are is told, never their value."""
    configuration = [path for path in others if _CONFIGURATION.search(path) and not is_test_file(path)][:OTHER_FILES]
    for path in (*outlines, *configuration):
        if time.monotonic() > scene.until:
            return
        for number, what in leaks_in((text_of(scene, path) or "")[:OTHER_BYTES]):
            yield SecurityFinding(path, number, f"{what} in the source", SecurityRisk.AUTHENTICATION)


def entry_points(outlines: Mapping[str, Outline]) -> list[SecurityFinding]:
    """Return the places where requests, commands or messages come in, each with its name."""
    found: list[SecurityFinding] = []
    for path, outline in outlines.items():
        found += [
            SecurityFinding(path, item.line, item.qualified, SecurityRisk.ACCESS)
            for item in outline.definitions
            if any(_ROUTES.search(text.partition("(")[0].replace(".", " ")) for text in item.decorators)
        ]
        found += [
            SecurityFinding(path, call.line, f"{call.receiver}.{call.name}", SecurityRisk.ACCESS)
            for call in outline.calls
            if call.name in _CALLED_ROUTES or (call.name in _VERBS and _is_router(call.receiver, outline.language))
        ]
        if _MAINS.search(path):
            found.append(SecurityFinding(path, 1, "main", SecurityRisk.ACCESS))
    return found


def _is_router(receiver: str, language: Language) -> bool:
    return bool(_ROUTER.match(receiver) or (language is Language.GO and _SHORT_ROUTER.match(receiver)))


def _manifests(paths: Iterable[str]) -> list[str]:
    names = [path for path in paths if PurePosixPath(path).name in _MANIFESTS and "node_modules" not in path]
    return sorted(names, key=lambda path: (path.count("/"), path))


def _dependencies(scene: InspectionContext, manifests: Sequence[str], paths: Iterable[str]) -> list[str]:
    if not manifests:
        return []
    locks = sorted({PurePosixPath(path).name for path in paths if PurePosixPath(path).name in _LOCKS})
    loose, all_of_them = _unpinned(scene, manifests)
    pinned = f"{loose} of {all_of_them} requirements not pinned, " if loose else ""
    locked = f"locked by {some(locks, 2)}" if locks else "no lock file"
    return [clip(f"Dependencies: {pinned}{locked}; {some(manifests, 2)}")]


def _unpinned(scene: InspectionContext, manifests: Sequence[str]) -> tuple[int, int]:
    """Count the lines of `requirements.txt` files without an exact version, and all that name a package."""
    texts = (text_of(scene, path) or "" for path in manifests if PurePosixPath(path).name == "requirements.txt")
    lines = [line for text in texts for line in map(str.strip, text.splitlines()) if line[:1].isalnum()]
    return sum(1 for line in lines if "==" not in line and " @ " not in line), len(lines)


def _spread_over_risks(found: Sequence[SecurityFinding]) -> list[SecurityFinding]:
    """Return what later looks ask for: of each risk its first places."""
    return [item for risk in SecurityRisk for item in _spread([one for one in found if one.risk is risk])[:PLACES]]


def clauses(thread: Thread, found: Sequence[SecurityFinding]) -> Iterable[Clause]:
    """Ask, for each risk that was seen, for its first places until their files were read or quoted."""
    seen = looked_at(thread)
    asked = 0
    for risk in _GRAVEST_FIRST:
        places = _spread([item for item in found if item.risk is risk])[:PLACES]
        left = [item for item in places if item.path not in seen]
        if left and asked < MOST_CLAUSES:
            asked += 1
            where = ", ".join(f"{item.path}:{item.line} {item.what}" for item in left[:2])
            more = f" +{len(left) - 2}" if len(left) > 2 else ""
            yield Clause("measured", risk.value, clip(f"{risk.value}: read {where}{more}", 140))


def _spread(found: Sequence[SecurityFinding]) -> list[SecurityFinding]:
    """Return the sightings with the first of each file before the second of any."""
    turns: dict[str, int] = {}
    ranked: list[tuple[int, int, SecurityFinding]] = []
    for at, item in enumerate(found):
        turns[item.path] = turns.get(item.path, 0) + 1
        ranked.append((turns[item.path], at, item))
    return [item for _, _, item in sorted(ranked, key=lambda entry: entry[:2])]


def _facts(
    found: Sequence[SecurityFinding], secrets: Sequence[SecurityFinding], entries: Sequence[SecurityFinding]
) -> Iterable[str]:
    if secrets:
        more = f" +{len(secrets) - 1}" if len(secrets) > 1 else ""
        yield clip(f"{secrets[0].path}:{secrets[0].line}: {secrets[0].what}{more}")
    for risk in _GRAVEST_FIRST:
        places = _spread([item for item in found if item.risk is risk])
        if places:
            shown = some([f"{item.path}:{item.line} {item.what}" for item in places], 2)
            yield clip(f"{risk.value}: {shown}", 120)
    if entries:
        shown = some([f"{entry.path}:{entry.line} {entry.what}" for entry in entries], 2)
        yield clip(f"{count(len(entries), 'entry point')}: {shown}")
    if not found and not secrets:
        yield "No dangerous call and no secret in the form of one was found; look at the logic."


def _section(
    found: Sequence[SecurityFinding], secrets: Sequence[SecurityFinding], entries: Sequence[SecurityFinding]
) -> str:
    rows = [(item.risk.value, f"`{item.path}:{item.line}`", item.what) for item in [*secrets, *found][:200]]
    listed = "\n".join(f"- `{entry.path}:{entry.line}` {entry.what}" for entry in entries[:100])
    return f"{table(('SecurityRisk', 'Place', 'What'), rows)}\n\nEntry points ({len(entries)}):\n\n{listed}"
