"""What one has to know before cutting a long function: who calls and tests it, its nesting, what its parts share."""

from collections.abc import Iterator, Sequence

from stepwarden.files.safe_open import Unread, read_file
from stepwarden.inspections.context import InspectionContext
from stepwarden.inspections.refactor.candidates import RefactorCandidate
from stepwarden.inspections.refactor.function_shape import FunctionShape, SharedName, measure_shape
from stepwarden.inspections.shared.fact_text import clip, count, list_some
from stepwarden.inspections.shared.function_users import test_facts
from stepwarden.inspections.shared.subject import is_function
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.syntax import parse_syntax
from stepwarden.source.testfiles import is_test_file

LINE_BYTES = 130
DEEP = 3  # nested statements from which it is said where


def surroundings(
    context: InspectionContext, graph: CodeGraph, item: RefactorCandidate, blocks: Sequence[RefactorCandidate]
) -> list[str]:
    """Return the facts about one long function, without those that its measures say already."""
    definition = next(
        (
            each
            for each in graph.outlines[item.path].definitions
            if is_function(each) and (each.line, each.end_line) == (item.line, item.end_line)
        ),
        None,
    )
    data = read_file(context.root, item.path)
    if definition is None or isinstance(data, Unread):
        return []
    callers = graph.calls.calls_to(symbol := Symbol(item.path, definition.qualified))
    head = _callers_text(item, [call for call in callers if not is_test_file(call.path)])
    root = parse_syntax(item.path, data)
    shape = measure_shape(root, definition) if root is not None else None
    tests = ". ".join(test_facts(context, graph, symbol, callers)[:1])
    return [
        clip(f"{head}. {tests.rstrip('.')}.", LINE_BYTES),
        *(clip(f"  {line}", LINE_BYTES) for line in _inside(item, shape, blocks)),
    ]


def _callers_text(item: RefactorCandidate, calls: Sequence[Resolution]) -> str:
    sure = [call for call in calls if call.certainty is Certainty.SURE]
    guessed = f"{count(len(calls) - len(sure), 'call')} may mean it" if len(calls) > len(sure) else ""
    places = dict.fromkeys(f"{call.path}:{call.call.line}" for call in sure or calls)
    shown = list_some([place.removeprefix(item.path) for place in places], 2)
    if not sure:
        return f"{guessed}: {shown}" if guessed else "Not seen called outside of tests"
    return f"{count(len(sure), 'call')}: {shown}{f'; {guessed}' if guessed else ''}"


def _inside(item: RefactorCandidate, shape: FunctionShape | None, blocks: Sequence[RefactorCandidate]) -> Iterator[str]:
    parts: list[str] = []
    if shape is not None and shape.depth >= DEEP:
        parts.append(f"Nests {shape.depth} deep at :{shape.deepest}")
    repeated = [each for each in blocks if each.path == item.path and item.line <= each.line <= item.end_line]
    if repeated:
        parts.append(f":{repeated[0].line}-{repeated[0].end_line} {repeated[0].name}")
    if parts:
        yield "; ".join(parts) + "."
    if shape is not None and shape.cut:
        shared = list_some([_shared_text(name) for name in shape.shared], 3)
        yield f"Cut before :{shape.cut}, its parts share {shared or 'no local'}."


def _shared_text(name: SharedName) -> str:
    return f"{name.name} (set :{name.set_at}, read :{name.read_at})"
