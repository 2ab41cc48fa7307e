"""A provider that returns typed answers and readable calls: it checks them, and asks once more where one is wrong."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from providers.deadline import Deadline
from providers.model_names import shown_name
from providers.schemas import schema_prompt
from providers.wrapper import Wrapper
from stepwarden.consultation.structured_answers import complete_typed
from stepwarden.models import Message, ModelReply, ModelRequest

_REPEATED_CHARS = 4_000  # of what could not be read


class StructuredOutput(Wrapper):
    """Reads a typed answer wherever it stands in the text, and asks again once with the error.

    So it does where calls of tools cannot even be told apart from text; of a call whose tool is known, the error is the
    call's, and whoever makes the calls tells it.
    """

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return a reply with `parsed` set where a type was asked for. Raises ModelError (INVALID_ANSWER)."""
        if request.answer is None:
            return await self._readable(request)
        form_words = partial(schema_prompt, request.answer)
        return await complete_typed(self._readable, request, form_words, shown_name(request.model))

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the pieces, of two streams where the calls of the first could not be read, and last the whole."""
        deadline, first = Deadline(request.deadline_s), None
        async with aclosing(self._inner.stream(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, ModelReply) and _is_unread(piece):
                    first = piece
                else:
                    yield piece
        if first is None:
            return
        async with aclosing(self._inner.stream(_asked_again(request, first, deadline))) as pieces:
            async for piece in pieces:
                yield _both(first, piece) if isinstance(piece, ModelReply) else piece

    async def _readable(self, request: ModelRequest) -> ModelReply:
        deadline = Deadline(request.deadline_s)
        first = await self._inner.complete(request)
        if not _is_unread(first):
            return first
        return _both(first, await self._inner.complete(_asked_again(request, first, deadline)))


def _is_unread(reply: ModelReply) -> bool:
    return any(call.error and not call.name for call in reply.calls)


def _asked_again(request: ModelRequest, reply: ModelReply, deadline: Deadline) -> ModelRequest:
    call = next(call for call in reply.calls if call.error and not call.name)
    said = Message("assistant", call.arguments[:_REPEATED_CHARS])
    told = Message("user", f"That is no call that can be made: {call.error}")
    return replace(request, messages=(*request.messages, said, told), deadline_s=deadline.left_s)


def _both(first: ModelReply, second: ModelReply) -> ModelReply:
    notes = dict.fromkeys((*first.notes, *second.notes))
    return replace(second, usage=first.usage + second.usage, notes=tuple(notes))
