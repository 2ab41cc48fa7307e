"""Brings a question of an upstream to the person behind the call that it belongs to, where that can be told."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import mcp_types as types
from mcp.client.session import ClientRequestContext

from stepwarden.upstream.questions import NO_ANSWER, Asker, QuestionFailure, current_asker
from stepwarden.upstream.transport.wire import read_question, write_answer, write_failure


@dataclass(eq=False)
class QuestionRouter:
    """Knows who answers for each call in flight through one connection."""

    _calls: int = 0
    _askers: list[Asker] = field(default_factory=list[Asker])

    @contextmanager
    def call(self) -> Generator[None]:
        """Note, while a call is in flight, who answers its questions."""
        asker = current_asker.get()
        self._calls += 1
        if asker is not None:
            self._askers.append(asker)
        try:
            yield
        finally:
            self._calls -= 1
            if asker is not None:
                self._askers.remove(asker)

    async def answer(
        self, context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult | types.ErrorData:
        """Answer a question that a server of 2025 asks in the middle of a call (the SDK's elicitation callback)."""
        del context
        asker = current_asker.get()
        if asker is None and self._calls == 1 and len(self._askers) == 1:
            asker = self._askers[0]  # over pipes nothing says which call a question belongs to
        answer = NO_ANSWER if asker is None else await asker(read_question(params))
        return write_failure(answer) if isinstance(answer, QuestionFailure) else write_answer(answer)
