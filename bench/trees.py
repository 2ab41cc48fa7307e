"""Source trees as the benches of quotes draw from them: files with their lines, and the functions in them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random

from stepwarden.files.text import decode, split_lines
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Definition, DefinitionKind

BYTES = (1_500, 300_000)  # of a file that people write and read
LEAST_LINES = 5  # of a function that a claim is about
FILES = 150  # of one tree

# What is said of programs in general: a claim that could have been made without a look at this one.
CLAIMS = (
    "The cache is not invalidated when the session expires",
    "A race condition between two threads loses an update",
    "The loop ends one element too early",
    "An exception is swallowed and the caller sees success",
    "The timeout is never applied to the connection",
    "The parser accepts a malformed header",
    "Memory grows because handles are never released",
    "A default argument is shared between calls",
    "The lock is taken twice and deadlocks",
    "The encoding is wrong for names that are not ASCII",
    "Validation happens after the value has been stored",
    "The retry counter is reset too late",
    "User input reaches the query without escaping",
    "The file handle stays open after an error",
    "Permissions are not checked before the record is deleted",
    "Rounding loses cents in the total",
    "The date is parsed in the wrong time zone",
)


@dataclass(frozen=True)
class SourceFile:
    """One file of a tree; `path` is relative to it."""

    path: str
    text: str
    functions: tuple[Definition, ...]

    @cached_property
    def lines(self) -> list[str]:
        """Its lines."""
        return split_lines(self.text)

    def line_outside(self, random: Random, function: Definition | None = None) -> int:
        """Draw the number of a line that is not blank and stands outside of `function`; 0 where there is none."""
        full = [number for number, line in enumerate(self.lines, 1) if line.strip()]
        outside = [number for number in full if function is None or not function.line <= number <= function.end_line]
        return random.choice(outside) if outside else 0

    def line_inside(self, random: Random, function: Definition) -> int:
        """Draw the number of a line of `function` that is not blank."""
        return random.choice([n for n in range(function.line, function.end_line + 1) if self.lines[n - 1].strip()])


def read_tree(root: Path, random: Random) -> list[SourceFile]:
    """Read some of the files of a tree in languages that have outlines, those without functions too."""
    paths = sorted(path for path in root.rglob("*") if path.is_file() and BYTES[0] < path.stat().st_size < BYTES[1])
    random.shuffle(paths)
    found: list[SourceFile] = []
    for path in paths:
        data = path.read_bytes()
        outline = parse_outline(path.name, data)
        text = decode(data)
        if outline is None or outline.generated or outline.broken or text is None or path.name.endswith(".d.ts"):
            continue
        functions = tuple(each for each in outline.definitions if _is_function(each))
        found.append(SourceFile(path.relative_to(root).as_posix(), text, functions))
        if len(found) == FILES:
            break
    return found


def _is_function(each: Definition) -> bool:
    kinds = {DefinitionKind.FUNCTION, DefinitionKind.METHOD}
    long = each.end_line - each.line >= LEAST_LINES - 1
    return each.kind in kinds and long and not each.name.startswith("__") and each.name != "default"
