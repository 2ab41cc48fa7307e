"""Comments that the tools of JavaScript and TypeScript obey, and where a line ending has a meaning."""

import re
from collections.abc import Iterable

from stepwarden.source.grammar import Comment, ParsedFile

_DIRECTIVE = re.compile(
    rb"^[\s*/!]*(?:"
    rb"@ts-(?:ignore|expect-error|nocheck|check)\b|eslint-(?:disable|enable)|eslint-env\b"
    rb"|(?:biome|prettier|dprint|rome)-ignore"
    rb"|(?:oxlint|tslint|stylelint|jscs|standard|deno-lint|deno-fmt|deno-coverage|denolint)[-:]|(?:jshint|jslint)\b"
    rb"|(?:istanbul|c8|v8|node:coverage)[ -](?:ignore|disable|enable)"
    rb"|\$Flow(?:FixMe|Issue|ExpectedError|Ignore)|flowlint"
    rb"|@(?:no)?flow\b|@jsx\w*\s|@jest-environment|@vite|@vitest-environment|webpack\w+:|turbopack\w+:|@refresh\b"
    rb"|[#@]\s?source(?:Mapping)?URL=|[#@]__(?:PURE|NO_SIDE_EFFECTS|INLINE|NOINLINE|KEY)__|<(?:reference|amd-)"
    rb")[^\n]*",
    re.MULTILINE,
)
_BLOCK_DIRECTIVE = re.compile(rb"/\*\s*(?:globals?|exported|eslint)\s[^*]*")  # at the start of a plain block comment
_ABOUT_DOCS = re.compile(rb"eslint-disable\S*\s+(?:jsdoc/[\w-]+[,\s]*)+(?:--.*)?")
_NEXT_LINE = re.compile(rb"next-line|@ts-(?:ignore|expect-error)|\$Flow")
# Words after or before which a line feed changes the meaning (ECMA-262, 12.10, and words that may be names).
_AFTER = frozenset(
    {b"return", b"throw", b"break", b"continue", b"yield", b"async", b"get", b"set", b"static", b"accessor", b"type"}
    | {b"interface", b"declare", b"abstract", b"namespace", b"module", b"readonly", b"let", b"enum", b"using", b"await"}
)
_BEFORE = frozenset({b"++", b"--", b"=>", b"!"})


def directives(file: ParsedFile, comment: Comment) -> Iterable[bytes]:
    """Return the lines of a comment that a program obeys, with whether the code they apply to follows at once."""
    text = file.text_of(comment)
    found = list(_DIRECTIVE.finditer(text)) or list(filter(None, [_BLOCK_DIRECTIVE.match(text)]))
    for match in found:
        words = b" ".join(match[0].strip(b" \t*/!").split())
        if _ABOUT_DOCS.fullmatch(words):  # documentation may make them unnecessary
            continue
        if _NEXT_LINE.search(words):
            line = file.text[comment.end :].split(b"\n", 2)[1:2]
            follows = bool(line) and bool(line[0].strip()) and not line[0].lstrip().startswith((b"/*", b"//", b"*"))
            words += b"" if follows else b" (not right above code)"
        yield words


def line_end_matters(before: bytes, after: bytes) -> bool:
    """Whether a line ending between two words has a meaning."""
    return before in _AFTER or after in _BEFORE
