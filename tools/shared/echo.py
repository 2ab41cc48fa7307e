"""Foreign words in our own lines: cut, and on one line."""

ECHOED_CHARS = 80  # of a name that a host made up


def echoed(text: str) -> str:
    """Return `text` as it may stand in a line that a model reads: without what is not printable, and not too long."""
    shown = "".join(char if char.isprintable() else "?" for char in text[: ECHOED_CHARS + 1])
    return shown if len(shown) <= ECHOED_CHARS else f"{shown[: ECHOED_CHARS - 3]}..."
