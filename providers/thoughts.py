"""What a model thought, taken out of what it answers: closed or not, with or without a mark at its beginning. Pure.

This is the one place where thoughts are told from answers; `thought_marks.py` has the marks. A mark that is quoted - in
a block of code, between backticks, in quotation marks or in a string of a JSON answer - is part of the answer.
"""

import re
from dataclasses import dataclass

from providers.thought_marks import BEGINS, LAST_TOKENS, MARK_WORDS, UNFINISHED, FoundMark, Mark, mark_at

_FENCE = r"^[ \t]{0,3}(?P<fence>`{3,}|~{3,})[^\n]*$"
_INLINE_CODE = r"(?<!`)(?P<ticks>`{1,2})(?!`)[^\n]{1,2000}?(?<!`)(?P=ticks)(?!`)"
_PLACES = re.compile(rf"{_FENCE}|{_INLINE_CODE}|(?P<begin>{BEGINS.pattern})", re.MULTILINE)
_WRAPPED = re.compile(r"\s*<(?P<name>answer|response)>(?P<inside>.*?)(?:</(?P=name)>\s*)?\Z", re.DOTALL | re.IGNORECASE)
_QUOTES = {'"': '"', "'": "'", "“": "”", "\u2018": "\u2019", "«": "»", "„": "“"}
_STRING_END = re.compile(r'(?<!\\)"')
_INVISIBLE = "\ufeff\u200b\u200e\u2060"


@dataclass(frozen=True, slots=True)
class Separated:
    """An answer without thoughts, and the thoughts.

    `in_doubt` says that something was taken out of the middle of a line: the answer may have spoken of a mark there.
    """

    answer: str
    thoughts: str = ""
    in_doubt: bool = False


def separate_thoughts(text: str, model: str = "") -> Separated:
    """Return the answer in what a model wrote; "" where it wrote nothing but thoughts."""
    found = _by_words(text, model) or _by_marks(text)
    if found is None:
        return Separated(LAST_TOKENS.sub("", text).lstrip(_INVISIBLE))
    wrapped = _WRAPPED.match(found.answer)
    answer = LAST_TOKENS.sub("", wrapped["inside"] if wrapped else found.answer)
    return Separated(answer.strip().strip(_INVISIBLE), found.thoughts.strip(), found.in_doubt)


def _by_words(text: str, model: str) -> Separated | None:
    """Return what is left where words set off the thoughts, None where there are no such words."""
    for words in MARK_WORDS:
        begin = words.begin.match(text)
        if begin is None:
            continue
        answer = words.answer.search(text, begin.end())
        if answer is not None:
            return Separated(text[answer.end() :], text[begin.end() : answer.start()])
        if words.model in model.casefold():
            return Separated("", text[begin.end() :])
    return None


def _by_marks(text: str) -> Separated | None:
    scan = _Scan(text)
    if scan.nesting.depth and scan.nesting.nested:  # a mark that is only spoken of in a thought opened nothing
        scan = _Scan(text, nests=False)
    return scan.separated()


class _Nesting:
    """Whether what is read is thought; `nests` False takes a mark that opens a thought inside a thought for text."""

    def __init__(self, *, nests: bool = True) -> None:
        self._nests = nests
        self._in_channel = False
        self.depth = 0
        self.nested = False  # a thought was opened inside a thought

    @property
    def hides(self) -> bool:
        """Whether the text at this place is thought."""
        return self.depth > 0 or self._in_channel

    def note(self, mark: Mark) -> None:
        """Go past a mark."""
        match mark:
            case Mark.OPEN:
                self.nested = self.nested or self.depth > 0
                self.depth = self.depth + 1 if self._nests else 1
            case Mark.CHANNEL:
                self._in_channel = True
            case Mark.CLOSE:
                self.depth, self._in_channel = max(0, self.depth - 1), False
            case Mark.SHOW:
                self.depth, self._in_channel = 0, False
            case Mark.END if self._in_channel:
                self.depth, self._in_channel = 0, False
            case Mark.END | Mark.WHOLE:
                pass


class _Scan:
    """One pass over a text."""

    def __init__(self, text: str, *, nests: bool = True) -> None:
        self._text = text
        self._answer: list[str] = []
        self._thoughts: list[str] = []
        self._first = ""  # character of the answer
        self._after_mark = 0
        self._found = self._shown = self._in_doubt = False
        self.nesting = _Nesting(nests=nests)
        at = 0
        while at < len(text):
            at = self._hidden_until(at) if self.nesting.hides else self._shown_until(at)

    def separated(self) -> Separated | None:
        """Return what was found, None where there was no mark."""
        if not self._found:
            return None
        return Separated("".join(self._answer), "".join(self._thoughts), self._in_doubt)

    def _hidden_until(self, at: int) -> int:
        """Read a thought up to its next mark, and return the end of that."""
        for begin in BEGINS.finditer(self._text, at):
            mark = mark_at(self._text, begin.start())
            if mark is not None:
                self._thoughts.append(self._text[at : mark.start])
                return self._past(mark)
        self._thoughts.append(self._text[at:])
        return len(self._text)

    def _shown_until(self, at: int) -> int:
        """Read the answer up to its next mark or piece of code, and return the end of that."""
        place = _PLACES.search(self._text, at)
        if place is None:
            self._take(at, len(self._text))
            return len(self._text)
        self._take(at, place.start())
        if place["begin"] is None:
            mark, end = _block(self._text, place) if place["fence"] else (None, place.end())
        else:
            mark, end = mark_at(self._text, place.start()), place.end()
            if mark is not None and (quoted_end := self._end_of_quoted(mark)):
                mark, end = None, quoted_end
        if mark is None:
            self._take(place.start(), end)
            return end
        self._take(place.start(), mark.start)
        self._doubt(mark)
        return self._past(mark)

    def _past(self, mark: FoundMark) -> int:
        """Go past a mark, and return its end."""
        if mark.mark is Mark.WHOLE:
            self._thoughts.append(self._text[mark.start : mark.end])
        unopened = mark.mark is Mark.CLOSE and not self.nesting.hides
        if unopened or (mark.mark is Mark.SHOW and not self._shown):
            self._thoughts += self._answer  # all of it so far was thought
            self._answer.clear()
            self._first, self._in_doubt = "", False
        self._found, self._after_mark = True, mark.end
        self._shown = self._shown or mark.mark is Mark.SHOW
        self.nesting.note(mark.mark)
        return mark.end

    def _take(self, start: int, end: int) -> None:
        piece = self._text[start:end]
        self._first = self._first or piece.lstrip()[:1]
        self._answer.append(piece)

    def _doubt(self, mark: FoundMark) -> None:
        """Note where a thought begins in the middle of a line."""
        if mark.mark in {Mark.OPEN, Mark.WHOLE, Mark.CHANNEL}:
            line = max(self._text.rfind("\n", 0, mark.start) + 1, self._after_mark)
            self._in_doubt = self._in_doubt or bool(self._text[line : mark.start].strip(f" \t*>{_INVISIBLE}"))

    def _end_of_quoted(self, mark: FoundMark) -> int:
        """Return where a quoted passage ends that begins with a mark, 0 where the mark is not quoted."""
        text, start, end = self._text, mark.start, mark.end
        if self._first in {"{", "["}:  # JSON: a string has no end of line
            return _end_of_string(text, start)
        closing = _QUOTES.get(text[start - 1 : start])
        if closing is None:
            return 0
        if text.startswith(closing, end):
            return end
        for begin in BEGINS.finditer(text, end, _end_of_line(text, end)):
            other = mark_at(text, begin.start())
            if other is not None and other.mark is Mark.CLOSE:
                return other.end if text.startswith(closing, other.end) else 0
        return 0


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)


def _end_of_string(text: str, at: int) -> int:
    """Return where the JSON string ends that a place is in, 0 where it is in none."""
    line = text.rfind("\n", 0, at) + 1
    before = text[line:at]
    if (before.count('"') - before.count('\\"')) % 2 == 0:
        return 0
    end = _STRING_END.search(text, at, _end_of_line(text, at))
    return end.start() + 1 if end else 0


def _block(text: str, fence: re.Match[str]) -> tuple[FoundMark | None, int]:
    """Return a mark that counts in spite of the block of code that begins here, and the block's end.

    That is one alone on its line whose other half is not in the block: a thought may leave a block open.
    """
    ticks = fence["fence"]
    ends = re.compile(rf"^[ \t]{{0,3}}{ticks[0]}{{{len(ticks)},}}[ \t]*$", re.MULTILINE).search(text, fence.end())
    end = ends.end() if ends else len(text)
    opened: list[FoundMark] = []
    for begin in BEGINS.finditer(text, fence.end(), end):
        mark = mark_at(text, begin.start())
        if mark is not None and mark.mark is Mark.OPEN:
            opened.append(mark)
        elif mark is not None and mark.mark is Mark.CLOSE:
            if opened:
                opened.pop()
            elif _is_alone(text, mark):
                return mark, mark.end
    if opened and not ends and _is_alone(text, opened[0]):
        return opened[0], opened[0].end
    return None, end


def _is_alone(text: str, mark: FoundMark) -> bool:
    """Return whether a mark has a line to itself."""
    before = text[text.rfind("\n", 0, mark.start) + 1 : mark.start]
    return not before.strip() and not text[mark.end : _end_of_line(text, mark.end)].strip()


class ShownPieces:
    """The pieces of a stream without the thoughts that have a mark at their beginning.

    A mark at the end alone comes too late for what was handed on: the answer is what `separate_thoughts` makes of all.
    """

    def __init__(self) -> None:
        self._held = ""
        self._nesting = _Nesting()

    def add(self, piece: str) -> str:
        """Return what can be shown now; what may become a mark is held back."""
        text, self._held = self._held + piece, ""
        shown: list[str] = []
        at = 0
        while begin := BEGINS.search(text, at):
            mark = mark_at(text, begin.start())
            after = begin.start() + 1 if mark is None else mark.end
            unfinished = after == len(text) if mark else UNFINISHED.match(text, begin.start()) is not None
            shown.append("" if self._nesting.hides else text[at : begin.start() + (mark is None and not unfinished)])
            at = begin.start()
            if unfinished:
                self._held = text[at:]
                return "".join(shown)
            at = after
            if mark is not None:
                self._nesting.note(mark.mark)
        shown.append("" if self._nesting.hides else text[at:])
        return "".join(shown)

    def rest(self) -> str:
        """Return what was held back to the end."""
        held, self._held = self._held, ""
        return "" if self._nesting.hides or mark_at(held, 0) else held
