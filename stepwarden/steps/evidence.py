"""What an agent says it saw, word for word, and what the server found when it looked."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a quote was found to be when the server read the file."""

    VERIFIED = "verified"  # at the line given, or found and no line given
    MOVED = "moved"  # found, at another line than the one given; counts as verified
    REMOVED = "removed"  # in no file any more, and taken out by the change: proves that it is gone, and nothing else
    REFUTED = "refuted"  # not in the file, or no such file inside the root
    TOO_SHORT = "too_short"  # not enough of a line to tell where it stands: proves nothing, and refutes nothing
    UNREACHABLE = "unreachable"  # outside the roots or secret, whether it exists or not


HOLDS = frozenset({Verdict.VERIFIED, Verdict.MOVED, Verdict.REMOVED})


@dataclass(frozen=True, slots=True)
class Quote:
    """One item of `evidence` as the agent sent it.

    `line` counts from 1. `supports` is `hypothesis`, an issue's id such as `I2`, or None. `withdrawn` takes the
    refuted items of `file` back and carries no quote. `fact` is the id of a fact that is cited instead.
    """

    file: str
    quote: str = ""
    line: int | None = None
    supports: str | None = None
    withdrawn: bool = False
    fact: str = ""


class LineKind(StrEnum):
    """What a quoted line is, the kind that says most of a program first."""

    CODE = "code"
    COMMENT = "comment"
    IMPORT = "import"
    BLANK = "blank"  # nothing, or brackets and signs alone


@dataclass(frozen=True, slots=True)
class QuoteContext:
    """Where a quote stands in its file.

    `lines` are the numbers of its lines of code. `within` names the definitions round it, the innermost first, `span`
    is the first and last line of that one. `names` are those names in the quote that are rare in its file, `around` the
    rare ones that its definition calls, and the definitions that use it, `words` the words of its definition.
    """

    kind: LineKind
    lines: tuple[int, ...] = ()
    within: tuple[str, ...] = ()
    span: tuple[int, int] | None = None
    names: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quote with the server's verdict.

    `path` is the file's canonical name: relative to the root with forward slashes where it lies inside, else as it
    was given. `line` is where the quote really starts (None where it was not found). `note` is for the reader: the
    nearest line, or why the quote could not be looked up. `sha256` is the file's when it was read, else "". `context`
    is where a quote that holds stands; None in what was recorded before there was one. `misworded` says of a refuted
    quote that another one of its file, which holds, has the same words right. `fact` is the id of the fact that was
    cited for it, "" for a quote of the agent's own.
    """

    path: str
    quote: str
    verdict: Verdict
    line: int | None = None
    supports: str | None = None
    note: str = ""
    sha256: str = ""
    context: QuoteContext | None = None
    misworded: bool = False
    fact: str = ""

    @property
    def lines(self) -> tuple[int, ...]:
        """The lines of the file that it shows, as far as they say something; of one before a change, negative."""
        if self.verdict is Verdict.REMOVED:
            return tuple(-line for line in self.context.lines) if self.context is not None else ()
        if self.context is not None:
            return self.context.lines
        return () if self.line is None else (self.line,)

    @property
    def holds(self) -> bool:
        """Whether the server saw the quote in the file."""
        return self.verdict in HOLDS
