"""Code that cites docs/protocol.md cites sections and rules that stand there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text("utf-8")
PLACES = ("stepwarden", "tools", "providers", "tests/steps", "tests/threads", "tests/tools")


def sources() -> dict[str, str]:
    files = [path for place in PLACES for path in sorted((ROOT / place).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in files if path.name != Path(__file__).name}


def numbers(pattern: str) -> dict[str, set[int]]:
    """Return what the sources cite, by file; a line that cites an RFC means another document."""
    cited: dict[str, set[int]] = {}
    for name, text in sources().items():
        lines = (line for line in text.splitlines() if "RFC" not in line)
        if found := {int(number) for line in lines for number in re.findall(pattern, line)}:
            cited[name] = found
    return cited


def test_sections_that_are_cited_exist() -> None:
    there = [int(number) for number in re.findall(r"^## (\d+)\. ", PAGE, re.MULTILINE)]
    assert there == list(range(1, len(there) + 1))
    cited = numbers(r"\bsection (\d+)")
    assert len(cited) > 5
    assert {name: found - set(there) for name, found in cited.items() if found - set(there)} == {}


def test_rules_that_are_cited_exist() -> None:
    rules = PAGE.partition("\n## 3. ")[2].partition("\n### ")[0]
    there = {int(number) for number in re.findall(r"^(\d+)\. \*\*", rules, re.MULTILINE)}
    assert there == set(range(1, len(there) + 1))
    cited = numbers(r"\b[Rr]ules? (\d+)")
    assert len(cited) > 5
    assert {name: found - there for name, found in cited.items() if found - there} == {}


def test_no_source_cites_a_page_that_a_reader_does_not_have() -> None:
    cited = {name for name, text in sources().items() if re.search(r"\bissue \d+, point|\bspec/\d|\brow [A-E]\d", text)}
    assert cited == set()
