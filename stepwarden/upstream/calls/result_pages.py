"""Results that are too long for one answer: cut to their bytes, the rest kept for paging."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from stepwarden.errors import UnknownUpstream
from stepwarden.upstream.calls.records import new_id
from stepwarden.upstream.calls.result_rows import table_head
from stepwarden.upstream.failures import quoted

KEPT_BYTES = 32 * 1024 * 1024
KEPT_S = 3_600.0
PAGE_URI = "stepwarden://upstream/results/{result}{?after}"


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A part of a result: `text` from character `after` on; `next` is where the next one begins, None at the end.

    `head` are the lines that head the table in which it begins.
    """

    text: str
    after: int
    chars: int
    next: int | None
    upstream: str = ""
    head: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    principal: str
    upstream: str
    text: str
    at: float


@dataclass
class ResultPages:
    """Results in memory, for an hour, each for the principal that asked."""

    clock: Callable[[], float] = time.monotonic
    kept_bytes: int = KEPT_BYTES
    _kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict[str, _Kept])
    _bytes: int = 0

    def keep(self, principal: str, upstream: str, text: str) -> str:
        """Keep a text of an upstream, and return the id to page through it."""
        result = new_id("result")
        self._kept[result] = _Kept(principal, upstream, text, self.clock())
        self._bytes += len(text)
        while len(self._kept) > 1 and (self._bytes > self.kept_bytes or self._oldest_age() > KEPT_S):
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.text)
        return result

    def page(self, principal: str, result: str, after: int, most_bytes: int) -> ResultPage:
        """Return the part after character `after`. Raises UnknownUpstream where there is none."""
        kept = self._kept.get(result)
        if kept is None or kept.principal != principal or self.clock() - kept.at > KEPT_S:
            raise UnknownUpstream(
                f"There is no result {quoted(result, 60)} any more: it is kept for an hour, not over a restart. "
                "Call the tool again if it only reads."
            )
        page = cut(kept.text, min(max(0, after), len(kept.text)), most_bytes)
        return replace(page, upstream=kept.upstream, head=table_head(kept.text, page.after))

    def _oldest_age(self) -> float:
        return self.clock() - next(iter(self._kept.values())).at


def cut(text: str, after: int, most_bytes: int) -> ResultPage:
    """Return the part of `text` from character `after` that fits in `most_bytes`: whole lines where there are some."""
    part = text[after : after + most_bytes].encode(errors="replace")[:most_bytes].decode(errors="ignore")
    end = after + len(part)
    if end >= len(text):
        return ResultPage(part, after, len(text), None)
    line = part.rfind("\n")
    if line > 0:
        part = part[: line + 1]
    return ResultPage(part, after, len(text), after + max(1, len(part)))
