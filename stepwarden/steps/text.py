"""Folding of text, so that two ways of writing the same words compare equal."""

import hashlib


def fold(text: str) -> str:
    """Return `text` with case and white space folded: what rule 4 of the protocol compares findings by."""
    return " ".join(text.casefold().split())


def key_of(*parts: str) -> str:
    """Return 16 hex characters that stand for the folded parts; short enough to keep one for every step of a thread."""
    joined = "\x00".join(map(fold, parts))
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def is_filler(text: str) -> bool:
    """Whether a text is one or two characters, or one word, over and over: words that claim nothing."""
    words = fold(text).split()
    letters = "".join(character for word in words for character in word if character.isalnum())
    return (len(letters) >= 4 and len(set(letters)) <= 2) or (len(words) >= 3 and len(set(words)) == 1)
