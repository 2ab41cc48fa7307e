"""Traces as text."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from stepwarden.inspections.shared.fact_text import count, list_some
from stepwarden.inspections.tracer.call_trace import Hop, Uses
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.outline import Definition

MOST_NAMES = 12  # of calls that leave the tree, in one line
LINE_CHARACTERS = 160


def place_of(symbol: Symbol, definition: Definition | None) -> str:
    """Return where a definition is: `path:line`."""
    return f"{symbol.path}:{definition.line}" if definition else symbol.path


def flow_text(root: Hop) -> list[str]:
    """Return a flow as a tree in lines of text: each call with its line, what it runs and where that is."""
    assert root.symbol is not None
    name = root.symbol.qualified or root.symbol.path
    first = f"{name}  {place_of(root.symbol, root.definition)}{_branches(root)}"
    return [first, *_lines_below(root, "")]


def _lines_below(hop: Hop, indent: str) -> Iterator[str]:
    rows: list[Hop | str] = [*hop.hops]
    if hop.cut:
        rows.append(f"{count(hop.cut, 'more call')}, beyond the limit of this trace")
    if hop.built_in:
        rows.append(f"on unknown objects, most likely of built-in types: {list_some(hop.built_in, MOST_NAMES)}")
    if hop.outside:
        rows.append(f"outside: {list_some(hop.outside, MOST_NAMES)}")
    for number, row in enumerate(rows, 1):
        last = number == len(rows)
        text = row if isinstance(row, str) else _hop_text(row)
        yield f"{indent}{'└─' if last else '├─'} {_cut(text)}"
        if not isinstance(row, str):
            yield from _lines_below(row, f"{indent}{'   ' if last else '│  '}")


def _hop_text(hop: Hop) -> str:
    assert hop.call is not None
    lines = f":{','.join(map(str, hop.lines[:4]))}{'...' if len(hop.lines) > 4 else ''}"
    if hop.symbol is None:
        return f"{lines} {hop.call.text}  ? {unresolved_text(hop.call)}"
    text = f"{lines} {hop.symbol.qualified or hop.symbol.path}  {place_of(hop.symbol, hop.definition)}"
    if hop.call.certainty is Certainty.LIKELY:
        text += f"  likely: {hop.call.reason}"
    elif hop.call.reason:
        text += f"  {hop.call.reason}"
    return f"{text}  (above)" if hop.repeated else f"{text}{_branches(hop)}"


def _branches(hop: Hop) -> str:
    lines = sorted(set(hop.definition.branches)) if hop.definition else []
    return f"  [branches at {list_some([str(line) for line in lines], 5)}]" if lines else ""


def unresolved_text(call: Resolution) -> str:
    """Return why a call is not resolved, with its candidates."""
    text = "dynamic" if call.certainty is Certainty.DYNAMIC else f"one of {len(call.targets)}"
    candidates = f": {list_some([target.spelled for target in call.targets], 3)}" if call.targets else ""
    return f"{text}{candidates}{f' ({call.reason})' if call.reason else ''}"


def users_text(found: Uses, mentions: Sequence[str]) -> list[str]:
    """Return who uses a definition, by file; `mentions` are places that name it without a call."""
    by_file: dict[str, list[Resolution]] = defaultdict(list)
    for caller in found.callers:
        by_file[caller.path].append(caller)
    imported = dict(found.importers)
    lines: list[str] = []
    for path in sorted({*by_file, *imported}):
        lines.append(f"{path}{f'  imports it at :{imported[path]}' if path in imported else ''}")
        lines += [f"  {line}" for line in _caller_lines(by_file.get(path, ()))]
    if found.derived:
        lines.append(f"derived classes: {list_some([symbol.spelled for symbol in found.derived], MOST_NAMES)}")
    if mentions:
        lines.append(f"named without a call (as a value or in text): {list_some(mentions, MOST_NAMES)}")
    lines += [
        f"callers may be missing: {call.path}:{call.call.line} {call.text}() is not resolved"
        for call in found.maybe[:MOST_NAMES]
    ]
    return lines or ["nothing in this tree, as far as its text shows"]


def _caller_lines(callers: Iterable[Resolution]) -> Iterator[str]:
    for call in callers:
        note = "" if call.certainty is Certainty.SURE else f"  {call.certainty.value}: {call.reason}"
        yield _cut(f":{call.call.line} {call.text}() in {call.call.inside or 'the file itself'}{note}")


def used_text(found: Uses) -> list[str]:
    """Return what a definition uses, by file; then unresolved calls and calls that leave the tree."""
    by_file: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    unresolved: list[str] = []
    outside: dict[str, None] = {}
    for call in found.calls:
        if call.certainty is Certainty.OUTSIDE or call.built_in:
            outside[call.text] = None
        elif call.is_known:
            by_file[call.targets[0].path][call.targets[0].qualified].append(call.call.line)
        else:
            unresolved.append(f":{call.call.line} {call.text}  ? {unresolved_text(call)}")
    lines: list[str] = []
    for path, names in sorted(by_file.items()):
        lines.append(path)
        lines += [
            f"  {name or 'the file'} at :{list_some([str(line) for line in at], 6)}" for name, at in names.items()
        ]
    if found.bases:
        lines.append(f"bases: {list_some([symbol.spelled for symbol in found.bases], MOST_NAMES)}")
    lines += [_cut(line) for line in unresolved[:40]]
    if outside:
        lines.append(_cut(f"outside or built in: {list_some(list(outside), MOST_NAMES)}"))
    return lines or ["nothing, as far as its text shows"]


def _cut(text: str) -> str:
    return text if len(text) <= LINE_CHARACTERS else f"{text[: LINE_CHARACTERS - 3]}..."
