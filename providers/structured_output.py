"""A provider that returns typed answers: it reads and checks them, and asks once more where one is wrong."""

from functools import partial

from providers.model_names import shown_name
from providers.schemas import schema_prompt
from providers.wrapper import Wrapper
from stepwarden.consultation.structured_answers import complete_typed
from stepwarden.models import ModelReply, ModelRequest


class StructuredOutput(Wrapper):
    """Reads a typed answer wherever it stands in the text, and asks again once with the error."""

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return a reply with `parsed` set where a type was asked for. Raises ModelError (INVALID_ANSWER)."""
        if request.answer is None:
            return await self._inner.complete(request)
        form_words = partial(schema_prompt, request.answer)
        return await complete_typed(self._inner.complete, request, form_words, shown_name(request.model))
