"""What stands round the place that a bug report names: its function, who calls and tests it, what changed it last."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from stepwarden.files.secret_values import hide_secrets
from stepwarden.files.text import split_lines
from stepwarden.files.written_paths import find_places, inside_project
from stepwarden.inspections.context import InspectionContext
from stepwarden.inspections.shared.fact_text import clip, list_some, pack
from stepwarden.inspections.shared.function_users import caller_text, test_facts
from stepwarden.inspections.shared.git_history import last_commits
from stepwarden.inspections.shared.oddities import find_oddities
from stepwarden.inspections.shared.subject import is_function, read_text
from stepwarden.inspections.shared.targets import find_targets
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.outline import Definition
from stepwarden.source.testfiles import is_test_file

HEAD_BYTES = 140  # of the line that names the function
SUBJECT_CHARS = 48  # of a commit's message


def find_place(context: InspectionContext, graph: CodeGraph, innermost: Sequence[object]) -> Symbol | None:
    """Return the one function that the step is about: of a trace's frame, of a place with its line, of a name."""
    submission = context.submission
    places = [(str(innermost[0]), int(str(innermost[1])))] if innermost else []
    places += [(each.path, each.first) for each in submission.ranges]
    for path, line in (*places, *_written_places(context)):
        if path in graph.outlines and (found := find_targets(graph.symbols, f"{path}:{line}")):
            return found[0]
    named = find_targets(graph.symbols, context.words, lambda symbol: _function(graph, symbol) is not None)
    return named[0] if len(named) == 1 else None


def _written_places(context: InspectionContext) -> Iterator[tuple[str, int]]:
    """Yield the files with lines that the words of the step name, by each way that the path can be meant."""
    project = PurePosixPath(context.root.replace("\\", "/")).name
    for written in find_places(context.words):
        for reading in (written, *inside_project(written, project)):
            if reading.line is not None:
                inside = PurePosixPath(context.directory, reading.path).as_posix()
                yield from ((path, reading.line) for path in dict.fromkeys((reading.path, inside)))


def place_facts(context: InspectionContext, graph: CodeGraph, symbol: Symbol) -> list[str]:
    """Return the facts about a function, what an agent could not see in its text first."""
    definition = _function(graph, symbol)
    if definition is None:
        return []
    callers = graph.calls.calls_to(symbol)
    used = [call for call in callers if not is_test_file(call.path)]
    return [
        _head(symbol, definition),
        *(pack("Called at ", [caller_text(call) for call in used], 2) or ["Not seen called outside of tests."]),
        *test_facts(context, graph, symbol, callers),
        *_odd_facts(context, graph, symbol, definition),
        *_commit_facts(context, symbol, definition),
    ]


def _function(graph: CodeGraph, symbol: Symbol) -> Definition | None:
    definition = graph.symbols.definition(symbol)
    return definition if definition is not None and is_function(definition) else None


def _head(symbol: Symbol, definition: Definition) -> str:
    place = f"{symbol.qualified} {symbol.path}:{definition.line}-{definition.end_line}"
    branches = list_some([f":{line}" for line in dict.fromkeys(definition.branches)], 8)
    return clip(f"{place}, branches at {branches}" if branches else place, HEAD_BYTES)


def _odd_facts(context: InspectionContext, graph: CodeGraph, symbol: Symbol, definition: Definition) -> list[str]:
    lines = split_lines(read_text(context, symbol.path) or "")[definition.line - 1 : definition.end_line]
    odd = find_oddities("\n".join(lines), graph.symbols.language(symbol.path))
    return pack("Unusual in it: ", [f":{definition.line + line} {words}" for line, words in odd], 2)


def _commit_facts(context: InspectionContext, symbol: Symbol, definition: Definition) -> list[str]:
    """Return what changed the function last, in its authors' words, which prove nothing."""
    commits = last_commits(context, symbol.path, (definition.line, definition.end_line))
    said = [f'{each.id} {each.day} "{_subject(each.subject)}"' for each in commits]
    return pack("Changed last by ", said, 2)


def _subject(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in hide_secrets(text)).replace('"', "'")
    return plain if len(plain) <= SUBJECT_CHARS else f"{plain[: SUBJECT_CHARS - 3]}..."
