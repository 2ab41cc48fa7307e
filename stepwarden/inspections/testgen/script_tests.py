"""The blocks of a JavaScript or TypeScript test file: tests, suites and hooks, and which of them never run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from stepwarden.inspections.testgen.assertions import ASSERTION

_CALL = re.compile(
    r"(?<![\w.$])(?:QUnit\.)?(?P<x>x)?(?P<word>describe|context|suite|it|test|specify|before|beforeEach|beforeAll)"
    r"(?P<more>(?:\.\w+)*)(?:\s*`[^`]*`)?\s*(?=\()"
)
_SECOND_CALL = re.compile(r"\)\s*(?=\()")
_TITLE = re.compile(r"\(\s*(?:async\s*)?([\"'`])(?P<title>.*?)\1", re.DOTALL)
_CALLBACK = re.compile(r"=>\s*(?P<arrow>\{)?|\bfunction\b")
_OPTION = re.compile(r"\b(?:skip|todo)\s*:\s*(?:true\b|([\"'`]) +\1)")  # the letters of strings are blanked
_SKIP_CALL = re.compile(
    r"(?:return\s+|await\s+)?(?:(?:this|t|ctx|context|test|it|testInfo)\.(?:skip|todo|fixme)|pending)"
    r"\(\s*(?:true\b\s*(?:,[^()]*)?|([\"'`]) *\1\s*)?\)"
)
_CONDITION = re.compile(r"(?:\bif\s*\(.*\)|\belse|&&|\|\||\?|:)\s*$")
_SUITES = frozenset({"describe", "context", "suite"})
_HOOKS = frozenset({"before", "beforeEach", "beforeAll"})
_SKIPPING = frozenset({"skip", "todo", "fails", "failing", "fixme"})
_NO_BLOCKS = frozenset(
    {"after", "afterEach", "afterAll", "step", "use", "extend", "setTimeout", "timeout", "configure", "info", "slow"}
)


@dataclass(frozen=True, slots=True)
class Block:
    """One call of a runner: `kind` is "test", "suite" or "hook"; `start` and `end` are the offsets of its arguments.

    `body` is the masked text of its function, None where it has none. `skipped` says that it never runs, or is expected
    to fail, by itself.
    """

    kind: str
    offset: int
    start: int
    end: int
    body: str | None
    skipped: bool

    @property
    def empty(self) -> bool:
        """Whether nothing stands in its function, or there is no function."""
        return self.body is None or not self.body.strip(" \t\r\n;")


def find_blocks(code: str) -> list[Block]:
    """Return the blocks of a masked source text in their order; those inside of skipped ones are skipped too."""
    blocks = list(_find_calls(code))
    skipped = [(block.start, block.end) for block in blocks if block.skipped and block.kind == "suite"]
    for hook in blocks:
        if hook.kind == "hook" and hook.skipped:
            around = [block for block in blocks if block.kind == "suite" and block.start < hook.offset < block.end]
            skipped.append((around[-1].start, around[-1].end) if around else (-1, len(code)))
    return [
        replace(block, skipped=True) if any(first < block.offset < last for first, last in skipped) else block
        for block in blocks
    ]


def title_of(block: Block, text: str) -> str:
    """Return the title that a block has in the unmasked text."""
    found = _TITLE.match(text, block.start)
    return " ".join(found["title"].split())[:60] if found else "test"


def _find_calls(code: str) -> Iterator[Block]:
    for match in _CALL.finditer(code):
        words = [match["word"], *match["more"].split(".")[1:]]
        if _NO_BLOCKS & set(words):
            continue
        start, end = match.end(), closing_bracket(code, match.end())
        if (second := _SECOND_CALL.match(code, end)) is not None:  # `it.each(table)("...", ...)`
            start, end = second.end(), closing_bracket(code, second.end())
        kind = "suite" if _SUITES & set(words) else "hook" if _HOOKS & set(words) else "test"
        arguments = code[start + 1 : end]
        marked = bool(match["x"]) or bool(_SKIPPING & set(words))
        if marked and kind == "test" and not arguments.lstrip().startswith(('"', "'", "`")):
            continue  # `test.skip()` inside a test
        body, options = _split_callback(arguments)
        if body is None and kind == "test" and "," in arguments and not marked:
            body = arguments.partition(",")[2]  # a function by its name
        by_option = _OPTION.search(options) is not None
        skipped = marked or by_option or (kind != "suite" and skips_always(body or "", _SKIP_CALL))
        yield Block(kind, match.start(), start, end, body, skipped)


def _split_callback(arguments: str) -> tuple[str | None, str]:
    """Return the body of the last function among arguments, None without one, and the arguments without it."""
    found = _CALLBACK.search(arguments)
    if found is None:
        return None, arguments
    if found["arrow"] is None and found[0].startswith("=>"):
        return arguments[found.end() :], arguments[: found.start()]
    start = found.start("arrow") if found["arrow"] else arguments.find("{", closing_bracket(arguments, found.end()))
    if start < 0:
        return arguments[found.end() :], arguments[: found.start()]
    end = closing_bracket(arguments, start, "{}")
    return arguments[start + 1 : end], f"{arguments[: found.start()]} {arguments[end + 1 :]}"


def skips_always(body: str, call: re.Pattern[str]) -> bool:
    """Whether a statement of `body` that is in no block of its own matches `call`, before anything is asserted."""
    own = outermost(body)
    for match in call.finditer(own):
        before = own[: match.start()]
        line = before.rpartition("\n")[2]
        above = before.rstrip(" \t\r\n")
        starts = not line.strip() or line.rstrip().endswith((";", "{", "}"))
        if starts and not _CONDITION.search(above) and not ASSERTION.search(before):
            return True
    return False


def outermost(body: str) -> str:
    """Return a masked text without what stands in its braces; its lines stay."""
    kept: list[str] = []
    depth = 0
    for part in re.split(r"([{}])", body):
        if part == "}":
            depth -= 1
        kept.append(part if depth == 0 else "\n" * part.count("\n"))
        if part == "{":
            depth += 1
    return "".join(kept)


def closing_bracket(code: str, start: int, pair: str = "()") -> int:
    """Return the offset of the bracket that closes the first one from `start` on; the end of the text without one."""
    depth = 0
    for match in re.compile(f"[{re.escape(pair)}]").finditer(code, start):
        depth += 1 if match[0] == pair[0] else -1
        if not depth:
            return match.start()
    return len(code)
