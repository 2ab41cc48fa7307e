"""What facts on a whole code base need of one file: a small part of its outline, encoded apart from it."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from stepwarden.files.encodings import decode as decode_text
from stepwarden.source.outline import Definition, DefinitionKind, Language, Outline
from stepwarden.source.outline_codec import DamagedOutline
from stepwarden.source.type_only_imports import find_type_imports

_CODE = frozenset({DefinitionKind.FUNCTION, DefinitionKind.METHOD})
_RUN_MAIN = frozenset({Language.GO, Language.C, Language.CPP, Language.RUST, Language.JAVA})
_LEVEL = 1  # of zlib


class LoadedModule(NamedTuple):
    """An import that runs when its file is loaded: `names` from `module`, none for the module as a whole.

    `level` counts the leading dots of a relative import in Python. A star import is "*", a default export "default".
    """

    module: str
    level: int
    line: int
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class FileSummary:
    """One file of a code base, as its structure needs it.

    `names` are what it defines at its top level, `loads` its imports outside of functions, `type_lines` the lines of
    those that load nothing because they are for types alone. `decorators` are those of all definitions; `runs_main`
    says that it defines a `main` that its language or the file itself runs.
    """

    path: str
    language: Language
    lines: int
    generated: bool
    names: frozenset[str]
    loads: tuple[LoadedModule, ...]
    type_lines: frozenset[int]
    decorators: tuple[str, ...]
    runs_main: bool


def summarize(outline: Outline, data: bytes) -> FileSummary:
    """Return the summary of a file with this outline and these bytes."""
    bodies = [(item.line, item.end_line) for item in outline.definitions if item.kind in _CODE]
    loads = tuple(
        LoadedModule(item.module, item.level, item.line, tuple(name for name, _ in item.names))
        for item in outline.imports
        if not any(start < item.line <= end for start, end in bodies)
    )
    type_lines = find_type_imports(outline.language, decode_text(data) or "") if loads else frozenset[int]()
    return FileSummary(
        outline.path,
        outline.language,
        outline.lines,
        outline.generated,
        frozenset(filter(None, map(_top_name, outline.definitions))),
        loads,
        type_lines & {item.line for item in loads},
        tuple(text for item in outline.definitions for text in item.decorators),
        _runs_main(outline),
    )


def _top_name(item: Definition) -> str:
    return "" if item.kind is DefinitionKind.MODULE or "." in item.qualified else item.qualified


def _runs_main(outline: Outline) -> bool:
    if not any(item.qualified == "main" and item.line for item in outline.definitions):
        return False
    return outline.language in _RUN_MAIN or any(call.name == "main" and not call.inside for call in outline.calls)


def encode_summary(summary: FileSummary) -> bytes:
    """Return `summary` as bytes that `decode_summary` reads."""
    loads = [list(item) for item in summary.loads]
    head = [summary.language.value, summary.lines, summary.generated, summary.runs_main]
    whole = [*head, sorted(summary.names), loads, sorted(summary.type_lines), summary.decorators]
    text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False)
    return zlib.compress(text.encode("utf-8", "surrogatepass"), _LEVEL)


def decode_summary(path: str, data: bytes) -> FileSummary:
    """Return the summary that `encode_summary` encoded; raises DamagedOutline for any other bytes."""
    try:
        text = zlib.decompress(data).decode("utf-8", "surrogatepass")
        language, lines, generated, runs_main, names, loads, type_lines, decorators = json.loads(text)
        return FileSummary(
            path,
            Language(language),
            lines,
            generated,
            frozenset(names),
            tuple(map(LoadedModule._make, loads)),
            frozenset(type_lines),
            tuple(decorators),
            runs_main,
        )
    except (ValueError, TypeError, LookupError, zlib.error) as error:
        raise DamagedOutline(str(error)) from error
