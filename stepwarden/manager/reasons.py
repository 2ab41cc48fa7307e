"""The short reason that comes with every piece of advice."""

REASON_BYTES = 60  # a reason stands in every reply; its budget is 1,400 bytes for everything (docs/protocol.md)


def clipped(text: str, limit_bytes: int = REASON_BYTES) -> str:
    """Return `text` on one line of at most `limit_bytes` bytes of UTF-8; what was cut off is marked by "..."."""
    line = " ".join(text[: 4 * limit_bytes].split())
    coded = line.encode("utf-8", "ignore")
    if len(coded) <= limit_bytes:
        return coded.decode()
    return coded[: limit_bytes - 3].decode("utf-8", "ignore").rstrip() + "..."


def counted(number: int, noun: str) -> str:
    """Return "1 file", "3 files"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
