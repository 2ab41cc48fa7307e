"""Makes server-sent events whole before the SDK parses the message in their data."""

import re

from stepwarden.upstream.transport.json_nesting import MOST_LEVELS, readable

_EVENT_END = re.compile(rb"(?:\n|\r\n?+){2,}+")  # empty lines (HTML, 9.2.6); \r\n is one end of a line


class EventBuffer:
    """Holds a stream back until the event at its end is whole; it could not be parsed any sooner.

    An event over `most_bytes` is handed on in pieces, and so is all that comes after it: the SDK ends such a stream.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held = bytearray()
        self._passing = False

    def feed(self, chunk: bytes) -> bytes:
        """Take in a piece of the stream and return what is whole by now; b"" where nothing is."""
        if self._passing:
            return chunk
        searched = max(0, len(self._held) - 2)  # the end of a line, of which an empty one may become
        self._held += chunk
        if len(self._held) <= self._most_bytes and b"\n" not in chunk and b"\r" not in chunk:
            return b""
        whole: list[bytes] = []
        begun = 0
        for end in _EVENT_END.finditer(self._held, searched):
            whole.append(_with_readable_data(bytes(self._held[begun : end.end()])))
            begun = end.end()
        del self._held[:begun]
        if len(self._held) > self._most_bytes:
            self._passing = True
            whole.append(self.rest())
        return b"".join(whole)

    def rest(self) -> bytes:
        """Return what is held back, at the end of the stream."""
        rest = bytes(self._held)
        self._held.clear()
        return rest


def _with_readable_data(event: bytes) -> bytes:
    """Return a whole event with its message as the parser can read it; as it came where nothing is wrong with it."""
    if event.count(b"{") + event.count(b"[") > MOST_LEVELS:
        lines = [line for line in event.replace(b"\r", b"\n").split(b"\n") if line]
        data = b"\n".join(_value(line) for line in lines if _is_data(line))
        message = readable(data)
        if message is not data:
            others = [line for line in lines if not _is_data(line)]
            given = [b"data: " + line for line in message.split(b"\n")]
            return b"\n".join([*others, *given, b"", b""])
    # After \r alone the SDK waits for the next byte, which may be held back here; one more empty line is nothing.
    return event + b"\n" if event.endswith(b"\r") else event


def _is_data(line: bytes) -> bool:
    return line.partition(b":")[0] == b"data"


def _value(line: bytes) -> bytes:
    return line.partition(b":")[2].removeprefix(b" ")
