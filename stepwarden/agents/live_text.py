"""What a run's model writes, told as it comes to whoever in this process listens; none of it is recorded in pieces."""

import re
import time
from collections.abc import Callable, Generator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace

from stepwarden.files.secret_values import HIDDEN, locate_in_prose
from stepwarden.models import ErrorKind, ModelError, ModelReply, ModelRequest, Models

EVERY_S = 0.3
"""So often at most is told what came since."""

HELD_BACK = 200
"""The last characters are told later: what stands there may become a secret."""

MOST_SOUGHT = 4_000  # characters of one word; a longer one is told with the rest
_SPACE = re.compile(r"\s")
_BROKEN = frozenset({ErrorKind.NETWORK, ErrorKind.SERVER})

TextListener = Callable[[str, str], None]
"""Is told the id of a job, and the text that its model wrote since, without secrets."""


class LiveTexts:
    """Who listens to which run. Nobody who listens is waited for."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[TextListener, None]] = {}

    @contextmanager
    def listening(self, run_id: str, listener: TextListener) -> Generator[None]:
        """Tell `listener` what the models of a run write, as long as the block lasts, from their next answers on."""
        self._listeners.setdefault(run_id, {})[listener] = None
        try:
            yield
        finally:
            del self._listeners[run_id][listener]
            if not self._listeners[run_id]:
                del self._listeners[run_id]

    def teller(self, run_id: str, job: str) -> Callable[[str], None] | None:
        """Return what tells of a job's text, None where nobody listens to its run."""
        if run_id not in self._listeners:
            return None

        def tell(text: str) -> None:
            for listener in list(self._listeners.get(run_id, ())):
                listener(job, text)

        return tell


async def complete_aloud(models: Models, request: ModelRequest, tell: Callable[[str], None] | None) -> ModelReply:
    """Return an answer and tell its text on the way; without a listener it is asked for whole. Raises ModelError.

    One that broke off on the way is asked for once more, as a whole.
    """
    if tell is None:
        return await models.complete(request)
    until, pieces = time.monotonic() + request.deadline_s, ShownText()
    try:
        async with aclosing(models.stream(request)) as stream:
            async for piece in stream:
                if isinstance(piece, ModelReply):
                    _tell(tell, pieces.rest())
                    return piece
                _tell(tell, pieces.add(piece, time.monotonic()))
    except ModelError as error:
        if not pieces.has_begun or error.kind not in _BROKEN:
            raise
    return await models.complete(replace(request, deadline_s=max(0.0, until - time.monotonic())))


def _tell(tell: Callable[[str], None], text: str) -> None:
    if text:
        tell(text)


@dataclass
class ShownText:
    """A text that comes in pieces, as it may be shown: a secret is hidden wherever the pieces are cut."""

    _text: str = ""
    _shown: int = 0  # characters of it that were shown, or stand in what was hidden
    _at: float = field(default=float("-inf"))

    @property
    def has_begun(self) -> bool:
        """Whether anything came."""
        return bool(self._text)

    def add(self, piece: str, now: float) -> str:
        """Take a piece, and return what can be shown now; `now` are seconds of any clock."""
        self._text += piece
        if now - self._at < EVERY_S:
            return ""
        end = _end_of_words(self._text, len(self._text) - HELD_BACK)
        if end <= self._shown:
            return ""
        self._at = now
        return self._until(end)

    def rest(self) -> str:
        """Return what was not shown yet; there is no more."""
        return self._until(len(self._text))

    def _until(self, end: int) -> str:
        parts, at = list[str](), self._shown
        for secret in locate_in_prose(self._text):
            if secret.end <= at or secret.start >= end:
                continue
            if secret.start >= at:  # else its beginning was hidden before
                parts += [self._text[at : secret.start], HIDDEN]
            at = secret.end
        parts.append(self._text[at:end])
        self._shown = max(at, end)
        return "".join(parts)


def _end_of_words(text: str, end: int) -> int:
    """Return where the last whole word up to `end` ends: a word may turn out to be a secret at its last letter."""
    spaces = list(_SPACE.finditer(text, max(0, end - MOST_SOUGHT), max(0, end)))
    return spaces[-1].end() if spaces else 0
