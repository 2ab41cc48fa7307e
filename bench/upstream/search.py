"""How many everyday questions find their tool among the first eight: `uv run python -m bench.upstream.search`.

`questions/tools.json` holds the tool lists of mcp-atlassian 0.23.1 with all its toolsets (98 tools) and of six others
servers, as they gave them. The first set of questions was at hand while search was written; the second was not.
"""

import json
import sys
from pathlib import Path

from stepwarden.upstream.catalogue.tool import read_tools
from stepwarden.upstream.catalogue.tool_search import SearchEntry, search_tools

QUESTIONS = Path(__file__).with_name("questions")
SETS = ("first", "second")
ATLASSIAN = "atlassian"


def entries(*upstreams: str) -> list[SearchEntry]:
    """Return the tools of these servers, of all without a name."""
    lists = json.loads((QUESTIONS / "tools.json").read_text("utf-8"))
    return [SearchEntry(name, tool) for name in upstreams or lists for tool in read_tools(lists[name])[0].values()]


def missed(name: str, among: list[SearchEntry]) -> list[str]:
    """Return the questions of a set whose tool is not among the first eight."""
    questions: dict[str, list[str]] = json.loads((QUESTIONS / f"{name}.json").read_text("utf-8"))
    return [
        question
        for question, wanted in questions.items()
        if not {entry.tool.name for entry in search_tools(question, among)} & set(wanted)
    ]


def main() -> None:
    """Print both sets, on mcp-atlassian's tools alone and beside the others'."""
    for among in (entries(ATLASSIAN), entries()):
        for name in SETS:
            lost = missed(name, among)
            words = f": {'; '.join(lost)}" if lost and "--missed" in sys.argv and name == "first" else ""
            sys.stdout.write(f"{name} set, {len(among)} tools: {20 - len(lost)} of 20{words}\n")


if __name__ == "__main__":
    main()
