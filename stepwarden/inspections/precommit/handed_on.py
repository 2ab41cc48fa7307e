"""Names that a file imported and gave to others, and gives no more, although files beside it still take them there."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from stepwarden.files.safe_open import Unread, read_file
from stepwarden.files.secrets import is_secret
from stepwarden.inspections.precommit.risks import ChangeRisk
from stepwarden.inspections.precommit.staged.script_names import read_exports
from stepwarden.inspections.shared.fact_text import list_some
from stepwarden.inspections.shared.faults.module_names import bound_names, reexported_names
from stepwarden.source.languages import language_of
from stepwarden.source.outline import SCRIPTS, Language
from stepwarden.source.syntax import parse_syntax, text_of, walk

MOST_DROPPED = 12  # names of one file
MOST_READ = 40  # files that mention one of them


def find_dropped(path: str, before: bytes, after: bytes) -> tuple[str, ...]:
    """Return the names that a file got from others and could be taken from it, and that it no longer has."""
    language = language_of(path)
    old, new = parse_syntax(path, before), parse_syntax(path, after)
    if old is None or new is None or new.has_error or path.endswith("__init__.py"):
        return ()  # what a package hands on is told by itself
    if language is Language.PYTHON:
        bound = bound_names(new)
        return tuple(sorted(reexported_names(old) - bound))[:MOST_DROPPED] if bound is not None else ()
    if language is None or language not in SCRIPTS:
        return ()
    now = read_exports(new)
    passed = {
        text_of(item.child_by_field_name("alias") or item.child_by_field_name("name"))
        for item in walk(old)
        if item.type == "export_specifier"
    }
    return () if now.open else tuple(sorted(passed - now.names.keys() - {"default"}))[:MOST_DROPPED]


def find_takers(
    root: str, dropped: Mapping[str, Sequence[str]], mentioned: Mapping[str, Sequence[str]]
) -> list[ChangeRisk]:
    """Return a risk for each name of `dropped`, by file, that files of those which have it `mentioned` take there."""
    texts: dict[str, str] = {}
    risks: list[ChangeRisk] = []
    for path, names in dropped.items():
        for name in names:
            takers: list[tuple[str, int]] = []
            for place in mentioned.get(name, ())[:MOST_READ]:
                if place == path or is_secret(place.split("/")):
                    continue
                if place not in texts:
                    data = read_file(root, place)
                    texts[place] = "" if isinstance(data, Unread) else data.decode("utf-8", "replace")
                if found := _taken(path, name).search(texts[place]):
                    takers.append((place, texts[place].count("\n", 0, found.start()) + 1))
            if takers:
                shown = list_some([f"{place}:{line}" for place, line in takers], 2)
                what = f"no longer hands on {name}, imported at {shown}"
                risks.append(ChangeRisk("interface", path, 1, what, tuple(place for place, _ in takers)))
    return risks


def _taken(path: str, name: str) -> re.Pattern[str]:
    """Return what an import of a name from a file looks like, by the last part of its module."""
    plain = PurePosixPath(path)
    stem = re.escape(plain.parent.name if plain.stem == "index" else plain.stem)
    word = rf"(?<![\w.]){re.escape(name)}(?!\w)"
    if path.endswith((".py", ".pyi")):
        taken = rf"^[ \t]*from[ \t]+[\w.]*(?<!\w){stem}[ \t]+import[ \t]*(?:\([^)]*?{word}|[^(\n]*?{word})"
        return re.compile(taken, re.MULTILINE)
    source = rf"['\"][^'\"\n]*(?<!\w){stem}(?:\.\w+)?['\"]"
    return re.compile(
        rf"(?:import|export)\s[^;'\"]*\{{[^}}]*{word}[^}}]*\}}\s*from\s*{source}"
        rf"|\{{[^}}]*{word}[^}}]*\}}\s*=\s*require\(\s*{source}"
    )
