"""Trees of source as their outlines, parsed from text."""

from textwrap import dedent

from stepwarden.source.file_parser import parse_outline
from stepwarden.source.file_summary import FileSummary, summarize
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.graph.load_graph import LoadGraph
from stepwarden.source.graph.resolution import Resolution


def tree(names: dict[str, str] | None = None, /, **files: str) -> CodeGraph:
    """Return the graph of `files`, whose names have `__` for a slash and `_dot_` for the dot of their ending."""
    return graph({name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()}, names)


def graph(files: dict[str, str], names: dict[str, str] | None = None) -> CodeGraph:
    found = {path: parse_outline(path, dedent(text).encode()) for path, text in files.items()}
    return CodeGraph({path: one for path, one in found.items() if one is not None}, names)


def summaries(files: dict[str, str]) -> dict[str, FileSummary]:
    """Return the summaries of files given as text."""
    texts = {path: dedent(text).encode() for path, text in files.items()}
    found = {path: (parse_outline(path, data), data) for path, data in texts.items()}
    return {path: summarize(outline, data) for path, (outline, data) in found.items() if outline is not None}


def loads(files: dict[str, str]) -> dict[str, frozenset[str]]:
    """Return what each file loads."""
    graph = LoadGraph(summaries(files))
    return {path: graph.loaded_by(path) for path in files}


def meant(found: CodeGraph, path: str, text: str) -> Resolution:
    """Return what the only call in `path` that reads `text` means."""
    calls = [found.calls.resolve(path, call) for call in found.outlines[path].calls]
    one = [resolution for resolution in calls if resolution.text == text]
    assert len(one) == 1, [resolution.text for resolution in calls]
    return one[0]


def targets(found: CodeGraph, path: str, text: str) -> tuple[str, list[str]]:
    """Return the certainty of that call, and its targets as they are spelled."""
    resolution = meant(found, path, text)
    return resolution.certainty.value, [target.spelled for target in resolution.targets]
