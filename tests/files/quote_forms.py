"""How hosts, tools and models write lines of a file, and small changes that make them lines of no file."""

import html
import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """Lines of the file `name`, the first of them its line `first`."""

    lines: Sequence[str]
    first: int
    name: str

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def each(self, form: str) -> str:
        """Return every line by a format with `name`, `n` and `line`."""
        numbered = enumerate(self.lines, self.first)
        return "\n".join(form.format(name=self.name, n=number, line=line) for number, line in numbered)

    def around(self, form: str) -> str:
        """Return all lines in a format with `name`, `n`, `last` and `text`."""
        return form.format(name=self.name, n=self.first, last=self.first + len(self.lines) - 1, text=self.text)

    def pointed(self, mark: str, others: str) -> str:
        """Return the last line with `mark` before it, the others with `others`."""
        *before, last = self.lines
        return "\n".join([*(others + line for line in before), mark + last])

    def elided(self, dots: str) -> str:
        """Return the lines with the middle ones left out; all of them where there are few."""
        if len(self.lines) < 5:
            return self.text
        return "\n".join([*self.lines[:2], dots, *self.lines[-2:]])


def _each(form: str) -> Callable[[Shown], str]:
    return lambda shown: shown.each(form)


def _around(form: str) -> Callable[[Shown], str]:
    return lambda shown: shown.around(form)


def _elided(dots: str) -> Callable[[Shown], str]:
    return lambda shown: shown.elided(dots)


def _context_of_grep(shown: Shown) -> str:
    middle = len(shown.lines) // 2
    numbered = enumerate(shown.lines)
    return "\n".join(f"{shown.first + at}{':' if at == middle else '-'}{line}" for at, line in numbered)


def _hunk(shown: Shown) -> str:
    counts = f"@@ -{shown.first},{len(shown.lines)} +{shown.first},{len(shown.lines)} @@ def f():"
    lines = [("+" if at % 2 else " ") + line for at, line in enumerate(shown.lines)]
    return "\n".join([f"--- a/{shown.name}", f"+++ b/{shown.name}", counts, *lines])


def _smart(shown: Shown) -> str:
    opened = re.sub(r"(^|[\s(\[{=,])\"", "\\1\u201c", shown.text).replace('"', "\u201d")
    return opened.replace("'", "\u2019")


FORMS: dict[str, Callable[[Shown], str]] = {
    "as it is": _around("{text}"),
    "cat -n": _each("{n:6}\t{line}"),
    "an arrow after the number": _each("{n:6}\u2192{line}"),
    "nl": _each("{n:6}  {line}"),
    "grep -n": _each("{n}:{line}"),
    "grep -nH": _each("{name}:{n}:{line}"),
    "grep -C": _context_of_grep,
    "grep in colours": _each("\x1b[35m{name}\x1b[m\x1b[36m:\x1b[m\x1b[32m{n}\x1b[m\x1b[36m:\x1b[m{line}"),
    "ripgrep": lambda shown: f"{shown.name}\n{shown.each('{n}:{line}')}",
    "ripgrep --column": _each("{name}:{n}:1:{line}"),
    "sed =": _each("{n}\n{line}"),
    "head": _around("==> {name} <==\n{text}"),
    "git blame": _each("a1b2c3d4 (Some One 2024-01-02 03:04:05 +0100 {n:3}) {line}"),
    "the gutter of an editor": _each("{n:4} {line}"),
    "a bar after the number": _each("{n:4} | {line}"),
    "a drawn bar": _each("{n:4} \u2502 {line}"),
    "a compiler": lambda shown: f"  |\n{shown.each('{n} | {line}')}\n  | ^^^ expected one argument",
    "L12:": _each("L{n}: {line}"),
    "[12]": _each("[{n}] {line}"),
    "12.": _each("{n}. {line}"),
    "Line 12: `...`": lambda shown: Shown([line.strip() for line in shown.lines], shown.first, "").each(
        "Line {n}: `{line}`"
    ),
    "a fence": _around("```python\n{text}\n```"),
    "a fence that names the lines": _around("```{n}:{last}:{name}\n{text}\n```"),
    "a fence with a title": _around('```python title="{name}" {{1,3}}\n{text}\n```'),
    "a fence of tildes": _around("~~~\n{text}\n~~~"),
    "a fence around numbers": lambda shown: "```\n" + shown.each("{n:6}\t{line}") + "\n```",
    "cited": _each("> {line}"),
    "cited twice": _each("> > {line}"),
    "a cited fence": lambda shown: f"> ```\n{shown.each('> {line}')}\n> ```",
    "added lines": _each("+{line}"),
    "context lines": _each(" {line}"),
    "a hunk": _hunk,
    "a fenced diff": lambda shown: f"```diff\n{shown.each('+ {line}')}\n```",
    "a traceback's arrow": lambda shown: shown.pointed("--> ", "    "),
    "pytest": lambda shown: shown.pointed(">   ", "    ") + "\nE   assert 1 == 2",
    "bullets": lambda shown: Shown([line.strip() for line in shown.lines], shown.first, "").each("- `{line}`"),
    "backticks": _around("`{text}`"),
    "backticks around each line": _each("`{line}`"),
    "quotation marks": _around('"{text}"'),
    "smart quotation marks": _smart,
    "bold": _around("**{text}**"),
    "HTML": lambda shown: f"<pre><code>{html.escape(shown.text)}</code></pre>",
    "JSON": lambda shown: json.dumps(shown.text)[1:-1],
    "JSON with its letters": lambda shown: json.dumps(shown.text, ensure_ascii=False)[1:-1],
    "on one line": lambda shown: " ".join(line.strip() for line in shown.lines),
    "with single blanks": lambda shown: "\n".join(" ".join(line.split()) for line in shown.lines),
    "with blanks around": lambda shown: "  \n\n" + "\n".join(line + "   " for line in shown.lines) + "\n \n",
    "with tabs": lambda shown: shown.text.replace("    ", "\t"),
    "with hard blanks": lambda shown: shown.text.replace(" ", "\u00a0"),
    "with CRLF": lambda shown: "\r\n".join(shown.lines),
    "with a byte order mark": _around("\ufeff{text}"),
    "with zero-width characters": lambda shown: "\u200b" + "\u200b\n".join(shown.lines) + "\u2060",
    "composed": lambda shown: unicodedata.normalize("NFC", shown.text),
    "decomposed": lambda shown: unicodedata.normalize("NFD", shown.text),
    "the path above": _around("{name}:{n}-{last}\n{text}"),
    "a link above": _around("`{name}#L{n}-L{last}`:\n{text}"),
    "a comment with the path above": _around("# {name}:{n}\n{text}"),
    "the path above in the fence": _around("```\n// {name}\n{text}\n```"),
    "File: above": _around("File: {name} (lines {n}-{last})\n{text}"),
    "dots after": _around("{text}..."),
    "a line of dots after": _around("{text}\n..."),
    "a comment of dots after": _around("{text}\n    # ..."),
    "dots in brackets after": _around("{text} [\u2026]"),
    "cut short": _around("{text}... (truncated)"),
    "dots around": _around("...\n{text}\n..."),
    "dots between": _elided("..."),
    "a comment of dots between": _elided("    // ... existing code ..."),
    "words between": _elided("[12 lines omitted]"),
    "a blank line and dots between": _elided("\n\u2026\n"),
}


def _swap(pattern: str, instead: dict[str, str]) -> Callable[[str], str]:
    return lambda line: re.sub(pattern, lambda match: instead[match[0]], line, count=1)


CHANGES: dict[str, Callable[[str], str]] = {
    "a number": lambda line: re.sub(r"(?<![\w.])\d+(?![\w.])", lambda match: str(int(match[0]) + 1), line, count=1),
    "a name": lambda line: re.sub(r"[A-Za-z_]{5,}", lambda match: match[0][:-1], line, count=1),
    "a longer name": lambda line: re.sub(r"[A-Za-z_]{4,}", lambda match: "other_" + match[0], line, count=1),
    "a comparison": _swap(
        r"(?<=\s)[=!<>]=?(?=\s)",
        {"=": "+=", "==": "!=", "!=": "==", "<": "<=", ">": ">=", "<=": "<", ">=": ">", "!": ""},
    ),
    "an operator": _swap(r"(?<=\s)[-+*/](?=\s)", {"-": "+", "+": "-", "*": "/", "/": "*"}),
    "and, or": _swap(r"\b(?:and|or)\b", {"and": "or", "or": "and"}),
    "True, False": _swap(r"\b(?:True|False|None)\b", {"True": "False", "False": "True", "None": "0"}),
    "not deleted": lambda line: re.sub(r"\bnot ", "", line, count=1),
    "not added": lambda line: re.sub(r"\b(if|return) (?=\w)", r"\1 not ", line, count=1),
    "commented out": lambda line: re.sub(r"^(\s*)(?=\w)", r"\1# ", line, count=1),
    "negated": lambda line: re.sub(r"(?<=[\w ]\()(?=\w)", "-", line, count=1),
    "a bracket deleted": lambda line: re.sub(r"[()\[\]{}]", "", line, count=1),
    "a quotation mark deleted": lambda line: re.sub(r"[\"']", "", line, count=1),
    "a line added": lambda line: f"{line}\n    evil_call(everything)",
    "a comment added": lambda line: f"{line}\n    # everything is checked here",
    "words after dots added": lambda line: f"{line}\n    ... return everything",
}
"""What makes of a line another one; one that it leaves alone has nothing of the kind."""
