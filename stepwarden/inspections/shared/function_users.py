"""Who calls a function, and which tests reach it, as far as calls resolve."""

from collections.abc import Iterator, Sequence

from stepwarden.inspections.context import InspectedPlace
from stepwarden.inspections.shared.fact_text import count, pack
from stepwarden.inspections.shared.program_lines import main_lines
from stepwarden.inspections.shared.subject import read_text
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.testfiles import is_test_file

TEST_DEPTH = 6  # calls from a test to the function
MOST_FOLLOWED = 60  # definitions whose callers are asked for on the way up to tests


def caller_text(call: Resolution) -> str:
    """Return where a call stands, with the definition around it."""
    inside = f" {call.call.inside}" if call.call.inside else ""
    return f"{call.path}:{call.call.line}{inside}{' (may be)' if call.certainty is Certainty.OPEN else ''}"


def test_facts(context: InspectedPlace, graph: CodeGraph, symbol: Symbol, callers: Sequence[Resolution]) -> list[str]:
    """Return the tests that reach a function, itself or through others, as far as calls resolve."""
    tests = list(dict.fromkeys(tests_above(context, graph, symbol, callers)))
    if not tests:
        return [f"No test is seen to reach it in up to {TEST_DEPTH} calls."]
    return pack(f"Reached from {count(len(tests), 'place')} in tests: ", tests, 1)


def tests_above(
    context: InspectedPlace, graph: CodeGraph, symbol: Symbol, callers: Sequence[Resolution]
) -> Iterator[str]:
    """Yield the places in tests from which a function is reached, itself or through others, as far as calls resolve."""
    above: Sequence[Resolution] = callers
    followed = {symbol}
    for depth in range(TEST_DEPTH):
        following: list[Symbol] = []
        for call in above:
            if call.certainty is Certainty.OPEN:
                continue
            if is_test_file(call.path):
                yield f"{call.path}:{call.call.line}" if depth == 0 else f"{call.path} {call.call.inside}".rstrip()
            elif not call.call.inside:
                yield from _loads_in_tests(context, graph, call)
            elif (caller := Symbol(call.path, call.call.inside)) not in followed:
                followed.add(caller)
                following.append(caller)
        room = MOST_FOLLOWED - len(followed)
        above = [call for each in following[: max(room, 0)] for call in graph.calls.calls_to(each)]


def _loads_in_tests(context: InspectedPlace, graph: CodeGraph, call: Resolution) -> Iterator[str]:
    """Yield the imports in tests that run a call at the level of its file; one that only a program runs has none."""
    loads = [item for item in graph.imports.importers_of(call.path) if is_test_file(item.path)]
    if loads and call.call.line not in main_lines(read_text(context, call.path) or ""):
        yield from (f"{item.path}:{item.line}" for item in loads)
