"""How a line of a file is read without a parser: as an import, a comment, the head of a definition. By its name alone.

Three kinds of files are told apart by their endings: programs, configuration and prose. The patterns are those of the
languages of this field taken together, so that one that nobody thought of is mostly read as well.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

LINE_CHARS = 240  # of a line, that are looked at
HEAD_LINES = 12  # of the head of a definition, up to its block

_NAME = re.compile(r"[^\W\d]\w*")
_KEBAB_NAME = re.compile(r"[^\W\d]\w*(?:-\w+)*")
_TRIPLE_MARK = re.compile(r"\"\"\"|'''")
_COMMENT_MARK = re.compile(r"/\*|\*/")


class FileKind(StrEnum):
    """What a file holds."""

    PROGRAM = "program"
    CONFIG = "config"
    PROSE = "prose"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ENDINGS = {
    FileKind.CONFIG: "toml ini cfg conf yaml yml json json5 jsonc properties env editorconfig lock",
    FileKind.PROSE: "md markdown rst txt adoc asciidoc org tex mdx",
}
_KIND_OF = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings.split()}
_TRIPLE_QUOTED = _set("py pyi pyx pxd jl ex exs kt kts scala swift groovy java dart")
_HASH_DIRECTIVES = _set("c h cc cpp cxx hpp hh hxx m mm cs swift glsl cu ino")
_SLASH_COMMENTS = _set(
    "c h cc cpp cxx hpp hh hxx m mm cs swift glsl cu ino js jsx mjs cjs ts tsx mts cts vue svelte java kt kts scala "
    "go rs dart php css scss less proto zig sol groovy gradle d v sv json5 jsonc"
)
_TYPED = _set(
    "c h cc cpp cxx hpp hh hxx m mm cs glsl cu ino js jsx mjs cjs ts tsx mts cts vue svelte java dart groovy gradle d "
    "sh bash zsh ksh v sv"
)
_KEBAB = _set("css scss less html htm xml clj cljs cljc lisp el scm rkt svg")

_IMPORT = re.compile(
    r"import\b|from\s+\S+\s+import\b|#\s*(?:include|import)\b|@import\b|using\s+(?:static\s+)?[\w.:]+\s*(?:=\s*[\w.:<>]+)?;|"
    r"(?:pub(?:\([^)]*\))?\s+)?use\s+[\w:\\]+|extern\s+crate\b|package\s+[\w.]+;?$|require(?:_relative|_once)?\b|"
    r"(?:include|include_once)\s*\(?['\"]|export\s+(?:type\s+)?(?:\*|\{[^}]*\}\s*from\b)|"
    r"(?:const|let|var|local)\s+[\w{},\s:$]+=\s*(?:await\s+)?(?:require\s*\(?|import\s*\()|(?:alias|open)\s+[A-Z][\w.]*\s*$|"
    r"__all__\b|load\(['\"]|source\s+[\w./\"'$]+$"
)
_HASH_COMMENT = re.compile(r"#(?!\s*(?:include|define|if|ifdef|ifndef|elif|else|endif|pragma|error|import)\b|\[|!\[)")
_COMMENT = re.compile(r"//|/\*|\*(?:\s|/|$)|--(?:\s|\[|$)|<!--|;;|%%|\{-|\(\*|REM\s|rem\s")
_CONFIG_COMMENT = re.compile(r"#|;|//")
_DIRECTIVE = re.compile(r"#\s*\w+")
_LABEL = re.compile(r"(?:case\b.*|default|public|private|protected|signals|(?:public |private )?slots|\w+)\s*:\s*$")
_BARE = _set("else try finally do begin end then fi done esac endif endfor endwhile loop ensure rescue repeat")

_MODIFIERS = (
    r"(?:(?:export|default|declare|public|private|protected|internal|static|final|abstract|sealed|override|open|async|"
    r"inline|virtual|partial|unsafe|extern|const|constexpr|pub(?:\([^)]*\))?|local|data|suspend|case|new|readonly|"
    r"(?:un)?signed|typedef|template\s*<[^>]*>|\"C\"|@\w+(?:\([^)]*\))?)\s+)*"
)
_KEYWORD_HEADS = tuple(
    re.compile(pattern)
    for pattern in (
        # Go: a method has its type before its name
        r"func\s*\(\s*\w*\s*\*?\s*(?P<outer>\w+)[^)]*\)\s*(?P<name>\w+)",
        # Rust
        _MODIFIERS + r"impl\b\s*(?:<[^>]*>)?\s*(?:[\w:<>,&'\s]+?\s+for\s+)?&?(?:[\w]+::)*(?P<name>\w+)",
        _MODIFIERS
        + r"(?:def|class|module|defmodule|defp|defmacrop?|defn-?|func|fun|fn|function\b\s*\*?|sub|proc|procedure|macro|"
        r"interface|trait|(?:struct|enum|union)\b(?!\s+\w+\b\s*(?:[*&]|(?!implements|where|extends|is|final)\w))|record|mod|namespace|protocol|extension|actor|object|type|contract|"
        r"message|service|rpc|method|macro_rules!|enum\s+class|data\s+class)\s+(?:<[^>]*>\s*)?"
        r"(?:(?P<outer>[\w$]+)(?:\.|::|:|#))*(?P<name>[\w$?!']+(?:-\w+)*)",
        r"\((?:defn-?|defun|defmacro|define|def|defmethod|deftest)\s+\(?(?P<name>[\w*+!?<>=/-]+)",
        # SQL
        (
            r"(?i:create\s+(?:or\s+replace\s+)?(?:unique\s+|temp(?:orary)?\s+|materialized\s+)?"
            r"(?:table|view|function|procedure|index|trigger|type)\s+(?:if\s+not\s+exists\s+)?)[\"`\[]?(?:\w+\.)?(?P<name>\w+)"
        ),
        # Terraform
        r"(?:resource|data|variable|module|output|provider)\s+\"(?:[\w-]+\"\s+\")?(?P<name>[\w-]+)\"",
    )
)
_VALUE_HEADS = tuple(
    re.compile(pattern)
    for pattern in (
        # functions as values
        _MODIFIERS + r"(?:let\s+|var\s+|val\s+|my\s+)?(?:[\w$]+\.)*(?P<name>[\w$#]+)\s*(?::[^=]+)?(?:=|:|<-)\s*"
        r"(?:async\s*)?(?:function\b|lambda\b|fn\b|(?:<.+>)?\([^)]*\)\s*(?::[^=]+)?=>|[\w$]+\s*=>|React\.\w+\(|\w+\(\s*(?:async\s*)?\()",
        # tables, lists and objects of several lines
        _MODIFIERS + r"(?:let\s+(?:mut\s+)?|var\s+|val\s+|my\s+)?(?:[\w$]+\.)*[\"']?(?P<name>[\w$#-]+)[\"']?"
        r"\s*(?::[^=]+)?(?:=|:|:=|<-)\s*[\w.&:$]*\s*[\[({]+\s*$",
    )
)
_CONFIG_HEADS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\[+\s*[\"']?(?P<name>[^\]\"']+?)[\"']?\s*\]+",
        r"(?:-\s+)?[\"']?(?P<name>[\w.$/-]+)[\"']?\s*[:=]\s*(?:[\[{|>&!].*)?$",
    )
)
_PROSE_HEADS = (re.compile(r"#{1,6}\s+(?P<name>.+)"), re.compile(r"=+\s+(?P<name>.+)"))

_BLOCK_WORDS = _set(
    "if for while switch catch with foreach using lock fixed synchronized function elseif unless until return"
)
KEYWORDS = _set(
    "if for while switch catch return else with elif except match when unless until do try new throw await yield case "
    "assert raise print not and or in is lambda sizeof defer go select super foreach using lock fixed delete typeof "
    "synchronized guard repeat loop def class function func fn const let var import from public private protected "
    "static final void int str bool float double long short char string true false none null self this async type "
    "struct enum interface package pub mut impl use end begin pass break continue nil undefined True False None cls "
    "elsif then module export default extends implements override boolean number any object throws abstract readonly "
    "unsigned signed size_t usize where auto namespace template typename virtual finally"
)


@dataclass(frozen=True, slots=True)
class DefinitionHead:
    """What a line begins to define: its name and that of what it belongs to; nothing where it defines nothing.

    `is_value` says that it is a table or a function without a name of its own, given to a variable.
    """

    names: tuple[str, ...] = ()
    is_value: bool = False

    def __bool__(self) -> bool:
        """Return whether anything is defined."""
        return bool(self.names)


NO_HEAD = DefinitionHead()


@dataclass(frozen=True, slots=True)
class Syntax:
    """How the lines of one file are read; `ending` is that of its name, in small letters."""

    kind: FileKind
    ending: str = ""

    def names_in(self, text: str) -> list[str]:
        """Return the names in a text, in their order; words of the languages themselves are none."""
        pattern = _NAME if self.kind is FileKind.PROGRAM and self.ending not in _KEBAB else _KEBAB_NAME
        return [name for name in pattern.findall(text) if name not in KEYWORDS]

    def is_import(self, line: str) -> bool:
        """Whether a line brings in names of other files."""
        return self.kind is FileKind.PROGRAM and _IMPORT.match(line.lstrip()) is not None

    def is_comment(self, line: str) -> bool:
        """Whether a line is a comment from its first character on."""
        text = line.lstrip()
        if self.kind is FileKind.PROSE:
            return text.startswith(("<!--", ".. "))
        if self.kind is FileKind.CONFIG:
            return _CONFIG_COMMENT.match(text) is not None
        if text.startswith("#"):
            return self.ending not in _HASH_DIRECTIVES and _HASH_COMMENT.match(text) is not None
        if text.startswith("--") and self.ending in _SLASH_COMMENTS:
            return False  # it counts down
        return _COMMENT.match(text) is not None and not (text.startswith("*") and self.ending in {"py", "rb", "md"})

    def is_line_comment(self, line: str) -> bool:
        """Whether a line is a comment that ends with it."""
        return self.is_comment(line) and not line.lstrip().startswith("/*")

    def is_bare(self, line: str) -> bool:
        """Whether a line has no word, or only one that closes or opens a block."""
        words = re.findall(r"[^\W\d_]+", line)
        return not words or (len(words) == 1 and words[0] in _BARE)

    def is_passed_over(self, line: str) -> bool:
        """Whether a line says nothing of the block it stands in: a directive, a label."""
        text = line.lstrip()
        if text.startswith("#"):
            return self.ending in _HASH_DIRECTIVES and _DIRECTIVE.match(text) is not None
        return self.ending in _SLASH_COMMENTS and _LABEL.match(text) is not None

    def opens_text(self, line: str) -> bool:
        """Whether a line has what opens a text or a comment of several lines."""
        if self.ending in _TRIPLE_QUOTED:
            return '"""' in line or "'''" in line
        return self.ending in _SLASH_COMMENTS and "/*" in line

    def text_marks(self, line: str) -> Iterator[re.Match[str]]:
        """Return what opens or closes such a text in a line, in its order."""
        return (_TRIPLE_MARK if self.ending in _TRIPLE_QUOTED else _COMMENT_MARK).finditer(line)

    def closing_of(self, mark: str) -> str:
        """Return what closes a text that `mark` opens; "" for a mark that opens none."""
        return {"/*": "*/", "*/": ""}.get(mark, mark)

    def head_at(self, lines: Sequence[str], at: int) -> DefinitionHead:
        """Return what line index `at` begins to define."""
        text = lines[at].strip()[:LINE_CHARS]
        if self.kind is not FileKind.PROGRAM:
            return _matched(_CONFIG_HEADS if self.kind is FileKind.CONFIG else _PROSE_HEADS, text)
        if head := _matched(_KEYWORD_HEADS, text):
            return head
        if head := _matched(_VALUE_HEADS, text):
            return DefinitionHead(head.names, is_value=True)
        return _typed_head(text, lines, at) if self.ending in _TYPED else NO_HEAD


def _matched(patterns: Sequence[re.Pattern[str]], text: str) -> DefinitionHead:
    for pattern in patterns:
        if found := pattern.match(text):
            outer = found.groupdict().get("outer")
            return DefinitionHead((found["name"].strip(), *([outer] if outer else [])))
    return NO_HEAD


def syntax_of(path: str) -> Syntax:
    """Return how a file of this name is read."""
    name = PurePosixPath(path.replace("\\", "/")).name.lower()
    ending = name.rpartition(".")[2] if "." in name else name
    return Syntax(_KIND_OF.get(ending, FileKind.PROGRAM), ending)


def _typed_head(text: str, lines: Sequence[str], at: int) -> DefinitionHead:
    """Return the name of a function whose head has no word for it: what comes first after it is a block."""
    before, bracket, _ = text.partition("(")
    words = before.split()
    if (
        not bracket
        or not words
        or words[0] in _BLOCK_WORDS
        or words[0].startswith(":")
        or any(sign in before for sign in "=\"';{}!+|?")
    ):
        return NO_HEAD
    last = re.sub(r"<[^<>]*>$", "", words[-1]).lstrip("*&")
    parts = [part for part in re.split(r"::|\.", last) if part]
    if not parts or not _NAME.match(parts[-1].lstrip("~#")) or parts[-1] in _BLOCK_WORDS:
        return NO_HEAD
    if "." in last or not _opens_block(lines, at):
        return NO_HEAD
    return DefinitionHead(tuple(reversed(parts[-2:])))


def _opens_block(lines: Sequence[str], at: int) -> bool:
    """Whether the first sign outside of brackets, from line index `at` on, that ends a statement opens a block."""
    depth = 0
    for line in lines[at : at + HEAD_LINES]:
        for sign in line[:LINE_CHARS]:
            if sign in "([":
                depth += 1
            elif sign in ")]":
                depth -= 1
            elif depth == 0 and sign in "{;}":
                return sign == "{"
    return False
