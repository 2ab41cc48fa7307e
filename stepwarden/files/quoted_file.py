"""A file in which quotes are looked up, in every form that whoever quoted it may have seen it in."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from stepwarden.files.encodings import decode, encoding_of, is_certain, other_readings
from stepwarden.files.nearest import find_nearest_line
from stepwarden.files.quotes import QuoteMatch, is_present, look_up_quote
from stepwarden.files.secret_values import HIDDEN, hide_known, hide_secrets, list_secrets
from stepwarden.files.text import FoldedText, compose
from stepwarden.steps.evidence import HOLDS, Verdict

_BROKEN = re.compile("\ufffd+")
_PLAIN = re.compile("[^\\s\ufffd]")
_PLAIN_LETTERS = 2  # at least, of a quote of which a host could not read the others
_BINARY = "a binary file, not searched"
_UNKNOWN_LETTERS = "not UTF-8, and the file does not say its encoding: quote a line of plain letters"
_LOST_LETTERS = "quote the letters of the file instead of \ufffd; it is in {}"


class QuotedFile:
    """The file `name` with these bytes; its texts are made when the first quote asks for them."""

    def __init__(self, name: str, data: bytes) -> None:
        self._name = name
        self._base = name.rpartition("/")[2]
        self._data = data
        self._text = decode(data)
        self._main = None if self._text is None else FoldedText.of(self._text)

    def look_up(self, quote: str, line: int | None, *, hint: bool) -> QuoteMatch:
        """Return the verdict on a quote; with `hint`, a refuted one names the nearest line, never a secret in it."""
        if self._text is None or self._main is None:
            return QuoteMatch(Verdict.UNREACHABLE, note=_BINARY)
        match = look_up_quote(self._main, quote, line, self._base)
        if match.verdict in HOLDS:
            return match
        for other, form in self._other_forms(self._text, quote):
            if (found := look_up_quote(other, form, line, self._base)).verdict in HOLDS:
                return found
        if not quote.isascii() and (doubt := self._doubt(quote)):
            return QuoteMatch(Verdict.UNREACHABLE, note=doubt)
        if hint and match.target is not None:
            shown = FoldedText.of(hide_secrets(self._text, self._name))
            return replace(match, note=find_nearest_line(shown, match.target, line))
        return match

    def has(self, quote: str) -> bool:
        """Whether the words of a quote are anywhere in the file; also where nobody can tell."""
        if self._text is None or self._main is None:
            return True
        if is_present(self._main, quote, self._base):
            return True
        if any(is_present(other, form, self._base) for other, form in self._other_forms(self._text, quote)):
            return True
        # as it is recorded: what stands around the secrets of a quote is all that is known of it
        return HIDDEN in quote and all(is_present(self._main, part) for part in quote.split(HIDDEN) if part.strip())

    def without_secrets(self, quote: str) -> str:
        """Return a quote without the values that are secrets where they stand in the file, cut out of it or not."""
        return hide_known(quote, self._secrets)

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        return list_secrets(self._text or "", self._name)

    def _other_forms(self, text: str, quote: str) -> Iterator[tuple[FoldedText, str]]:
        """Yield other texts that the file may have been read as, each with the quote in that form."""
        composed = compose(text)
        if composed != text:
            yield FoldedText.of(composed), quote
        if HIDDEN in quote:
            yield FoldedText.of(hide_secrets(text, self._name)), quote
        if "\ufffd" in quote and len(_PLAIN.findall(quote)) >= _PLAIN_LETTERS:
            lossy = self._data.decode("utf-8", "replace")
            yield FoldedText.of(lossy), quote
            # some hosts write one for each byte, others one for all that they cannot read
            yield FoldedText.of(_BROKEN.sub("\ufffd", lossy)), _BROKEN.sub("\ufffd", quote)
        if not quote.isascii():
            yield from ((FoldedText.of(other), quote) for other in other_readings(self._data))

    def _doubt(self, quote: str) -> str:
        """Return why letters of a quote cannot be compared with those of the file, "" where they can."""
        if not is_certain(self._data):
            return _UNKNOWN_LETTERS
        encoding = encoding_of(self._data)
        return _LOST_LETTERS.format(encoding) if "\ufffd" in quote and encoding != "utf-8" else ""
