"""The lines of a test file that never run: skipped tests, classes, blocks and whole files."""

import re
from collections.abc import Iterable, Iterator, Sequence

from stepwarden.inspections.shared.subject import is_function
from stepwarden.inspections.testgen.assertions import ASSERTION
from stepwarden.inspections.testgen.script_tests import closing_bracket, find_blocks, skips_always
from stepwarden.source.outline import SCRIPTS, Definition, DefinitionKind, Language, Outline

Span = tuple[int, int]
"""The first and the last line."""

MAY_SKIP = re.compile(
    r"skip|todo|xfail|fixme|failing|fails|pending|\bx(?:it|test|specify|describe|context)\b|expectedFailure|__test__"
    r"|Disabled|[Ii]gnore|enabled\s*=\s*false",
    re.IGNORECASE,
)
"""Matches every text in which something may be skipped."""

_MARKS = frozenset({"skip", "xfail", "expectedfailure", "disabled", "ignore"})
_FALSE_CONDITION = re.compile(r"\b(?:skipif|skipIf)\(\s*(?:True|1)\b|\bskipUnless\(\s*(?:False|0)\b")
_SKIP_ARGUMENT = re.compile(r"\((?:[^{}]*,)?\s*(?:Skip\s*=\s*[$@\"]|enabled\s*=\s*false\b)")
_CONDITION = re.compile(r"\bxfail\(\s*(?!\)|True\b|(?!condition\b)\w+\s*=(?!=))")
_MARK_VALUE = r"(?:\[[^\]]*?)?pytest\.mark\.(?:skip|xfail)\b(?!\(\s*(?!\)|\w+\s*=(?!=)|[\"']))"
_FILE_SKIP = re.compile(
    rf"^(?:pytestmark\s*(?::[^=\n]*)?=\s*{_MARK_VALUE}|(?:pytest\.)?skip\(|raise\s+(?:unittest\.)?SkipTest\b"
    r"|__test__\s*=\s*False\b)",
    re.MULTILINE,
)
_CLASS_SKIP = re.compile(
    rf"^[ \t]+(?:pytestmark\s*(?::[^=\n]*)?=\s*{_MARK_VALUE}|__test__\s*=\s*False\b)", re.MULTILINE
)
_MARK_NAME = re.compile(r"^(\w+)\s*=\s*(?:pytest\.mark\.skip|unittest\.skip)\b(?!\.)", re.MULTILINE)
_SKIP_STATEMENT = re.compile(
    r"(?:pytest\.|unittest\.)?(?:skip|xfail)\(|(?:self|cls)\.skipTest\(|raise\s+(?:unittest\.|pytest\.)?[Ss]kip"
)
_GO_SKIP = re.compile(r"[A-Za-z_][\w.()]*\.Skip(?:Now|f)?\(")
_GO_SUBTEST = re.compile(r"\.Run\(")
_GO_IGNORED = re.compile(r"^//go:build ignore[ \t\r]*$", re.MULTILINE)
_SETUPS = frozenset(
    {"setUp", "setUpClass", "asyncSetUp", "setup_method", "setup_class", "setup", "setUpModule", "setup_module"}
)
_RUST_IGNORE = re.compile(r"#\[ignore\b")
_HEAD = re.compile(r"\b(?:def|func)\b")


def is_skipped(item: Definition, names: Iterable[str] = ()) -> bool:
    """Whether a mark on a test or class skips it always or expects it to fail; one with a condition does not count.

    `names` are those that the file gives to such marks.
    """
    for text in item.decorators:
        name = text.partition("(")[0].rpartition(".")[2].strip()
        if name in names or _FALSE_CONDITION.search(text) or _SKIP_ARGUMENT.search(text):
            return True
        if name.lower() in _MARKS and not _CONDITION.search(text):
            return True
    return False


def find_skipped_spans(outline: Outline, text: str, code: str) -> list[Span]:
    """Return which lines of a test file never run, whatever the machine; `code` is its masked text."""
    whole = [(1, outline.lines + 1)]
    if outline.language in SCRIPTS:
        return [
            (code.count("\n", 0, block.offset) + 1, code.count("\n", 0, block.end) + 1)
            for block in find_blocks(code)
            if block.skipped and block.kind != "hook"
        ]
    if outline.language is Language.PYTHON:
        return whole if _FILE_SKIP.search(code) else list(_python_spans(outline, code))
    if outline.language is Language.GO:
        return whole if _GO_IGNORED.search(text) else list(_go_spans(outline, code))
    lines = code.split("\n")
    return [
        (item.line, item.end_line)
        for item in outline.definitions
        if is_skipped(item)
        or (outline.language is Language.RUST and has_attribute(lines, item, _RUST_IGNORE))
        or (outline.language is Language.JAVA and _SKIP_ARGUMENT.match(_annotations(item, lines)))
    ]


def _annotations(item: Definition, lines: Sequence[str]) -> str:
    """Return what stands in the brackets of the first annotation of a definition of Java, and what follows it."""
    head = "\n".join(lines[item.line - 1 : item.end_line]).partition("{")[0]
    return head[head.find("(") :] if head.lstrip().startswith("@") else ""


def has_attribute(lines: Sequence[str], item: Definition, attribute: re.Pattern[str]) -> bool:
    """Whether an attribute of Rust stands above a definition; `lines` are those of the masked text."""
    at = item.line - 1
    while at > 0 and (not lines[at - 1].strip() or lines[at - 1].lstrip().startswith("#[")):
        at -= 1
        if attribute.search(lines[at]):
            return True
    return False


def body_of(item: Definition, lines: Sequence[str]) -> str:
    """Return the masked body of a function: what follows the colon of Python, or stands in the braces."""
    text = "\n".join(lines[item.line - 1 : item.end_line])
    head = _HEAD.search(text)
    opening = text.find("(", head.end() if head else 0)
    if head is not None and head[0] == "func" and re.match(r"\s*\(", text[head.end() :]):
        opening = text.find("(", closing_bracket(text, opening))  # after the receiver of a method of Go
    end = closing_bracket(text, opening) if opening >= 0 else 0
    if head is not None and head[0] == "def":
        return text[text.find(":", end) + 1 :]
    start = text.find("{", end)
    return text[start + 1 : text.rfind("}")] if start >= 0 else ""


def _python_spans(outline: Outline, code: str) -> Iterator[Span]:
    names = frozenset(_MARK_NAME.findall(code))
    lines = code.split("\n")
    classes = [item for item in outline.definitions if item.kind is DefinitionKind.CLASS]
    by_name = {item.qualified: item for item in classes}
    for match in _CLASS_SKIP.finditer(code):
        line = code.count("\n", 0, match.start()) + 1
        around = [item for item in classes if item.line <= line <= item.end_line]
        yield from ((item.line, item.end_line) for item in around[-1:])
    for item in outline.definitions:
        if is_skipped(item, names):
            yield item.line, item.end_line
        elif is_function(item) and _skips_in_body(body_of(item, lines)):
            owner = by_name.get(item.parent)
            if item.name in _SETUPS or any("autouse=True" in text for text in item.decorators):
                yield (owner.line, owner.end_line) if owner is not None else (1, outline.lines + 1)
            elif item.name.startswith("test"):
                yield item.line, item.end_line


def _skips_in_body(body: str) -> bool:
    """Whether a statement of a body of Python that stands in no block skips, before anything is asserted."""
    first = re.match(r"\s*\n([ \t]+)(?=\S)", body)
    indent = first[1] if first else ""
    pattern = rf"^{indent}(?={_SKIP_STATEMENT.pattern})" if first else rf"^\s*(?={_SKIP_STATEMENT.pattern})"
    found = re.search(pattern, body, re.MULTILINE)
    return found is not None and not ASSERTION.search(body[: found.start()])


def _go_spans(outline: Outline, code: str) -> Iterator[Span]:
    lines = code.split("\n")
    for item in outline.definitions:
        test = is_function(item) and item.name.startswith(("Test", "Benchmark", "Fuzz"))
        if test and skips_always(body_of(item, lines), _GO_SKIP):
            yield item.line, item.end_line
    for match in _GO_SUBTEST.finditer(code):
        start = code.find("{", match.end())
        end = closing_bracket(code, match.end() - 1)
        if 0 <= start < end and skips_always(code[start + 1 : closing_bracket(code, start, "{}")], _GO_SKIP):
            yield code.count("\n", 0, match.start()) + 1, code.count("\n", 0, end) + 1
