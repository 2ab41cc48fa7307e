"""The messages between a scan and its workers: JSON and bytes, each with its length before it."""

import json
import struct
from dataclasses import replace
from typing import Any, BinaryIO

from stepwarden.source.scan.entry import FileEntry, Stamp

FRAME_BYTES = 256 * 1024 * 1024  # of one frame
_LENGTHS = struct.Struct(">II")


class StreamEnded(EOFError):
    """The other side is gone, or sent a malformed frame."""


def write_frame(stream: BinaryIO, head: Any, blob: bytes = b"") -> None:
    """Write one frame and flush it."""
    text = json.dumps(head, separators=(",", ":")).encode("ascii")
    stream.write(_LENGTHS.pack(len(text), len(blob)) + text + blob)
    stream.flush()


def read_frame(stream: BinaryIO) -> tuple[Any, bytes]:
    """Read one frame; raises StreamEnded where there is none, or a malformed one."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        raise StreamEnded
    text_bytes, blob_bytes = _LENGTHS.unpack(lengths)
    if text_bytes + blob_bytes > FRAME_BYTES:
        raise StreamEnded
    text, blob = stream.read(text_bytes), stream.read(blob_bytes)
    if len(text) < text_bytes or len(blob) < blob_bytes:
        raise StreamEnded
    try:
        return json.loads(text), blob
    except ValueError as error:
        raise StreamEnded from error


def write_result(stream: BinaryIO, result: FileEntry | str, *, same: bool) -> None:
    """Write the result of one file; `same` leaves out an outline that the other side has."""
    if isinstance(result, str):
        write_frame(stream, {"why": result})
        return
    head = {"stamp": result.stamp, "sha256": result.sha256, "same": same, "outline_bytes": len(result.blob)}
    write_frame(stream, head, b"" if same else result.blob + result.summary)


def read_result(stream: BinaryIO, known: FileEntry | None) -> FileEntry | str:
    """Read the result of one file; raises StreamEnded."""
    head, data = read_frame(stream)
    if "why" in head:
        return str(head["why"])
    stamp = None if head["stamp"] is None else Stamp(*map(int, head["stamp"]))
    if head["same"] and known is not None:
        return replace(known, stamp=stamp)
    outline_bytes = int(head["outline_bytes"])
    return FileEntry(stamp, str(head["sha256"]), data[:outline_bytes], data[outline_bytes:])
