"""What a job's model is sent: the request, its own answers, and the results of its calls, within what it may take."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping

from stepwarden.models import Message, tool_result
from stepwarden.runs.run import AgentStep, Job, OpenQuestion, Run
from stepwarden.runs.run_calls import Body, CallState, RunCall
from stepwarden.tool_calls import ToolCall

RESULT_BYTES = 20_000
"""More of one result is not shown to the model: it asks for less, or for the next part."""

LAST_TURN = "Write your answer now, from what you have. No more tools can be called."


class Conversation:
    """The messages of one job, kept while it is driven: each step is put in words and measured once."""

    def __init__(self) -> None:
        self._whole = list[list[Message]]()
        self._shortened = list[list[Message]]()
        self._tokens = [0]  # of the first steps, as many as the index says
        self._shortened_tokens = [0]

    def unread(self, job: Job) -> set[str]:
        """Return the digests of the long texts of the steps that are not in it yet."""
        steps = job.steps[len(self._whole) :]
        bodies = [body for step in steps for body in (step.text, *(call.result for call in step.calls))]
        return {body.digest for body in bodies if body.digest}

    def messages(
        self, run: Run, job: Job, question: OpenQuestion, texts: Mapping[str, str], notice: str
    ) -> tuple[Message, ...]:
        """Return the messages of a job's open question; `texts` are the long ones of `unread` by digest.

        Where they are more than the question may take, the oldest results are left out first, then the oldest steps.
        """
        for step in job.steps[len(self._whole) :]:
            self._add(_messages_of(step, texts))
        last = [LAST_TURN] if question.is_last_turn else []
        system = Message("system", "\n\n".join(filter(None, [job.plan.instructions, notice])))
        fixed = [system, Message("user", run.request)]
        end = [Message("user", text) for text in last]
        room = question.prompt_tokens - sum(message.tokens for message in (*fixed, *end))
        return (*fixed, *self._fitting(room), *end)

    def _add(self, messages: list[Message]) -> None:
        shortened = [_without_result(message) for message in messages]
        self._whole.append(messages)
        self._shortened.append(shortened)
        self._tokens.append(self._tokens[-1] + sum(message.tokens for message in messages))
        self._shortened_tokens.append(self._shortened_tokens[-1] + sum(message.tokens for message in shortened))

    def _fitting(self, room: int) -> Iterator[Message]:
        """Yield the messages of all steps, or what there is room for; one step is always told."""
        whole, shortened, steps = self._tokens, self._shortened_tokens, len(self._whole)

        def saved(count: int) -> int:  # where the results of so many steps are left out
            return whole[count] - shortened[count]

        first = 0
        first_whole = bisect_left(range(steps + 1), whole[steps] - room, key=saved)
        if first_whole > steps:
            first = bisect_left(range(steps - 1), shortened[steps] - room, key=shortened.__getitem__)
        for index in range(first, steps):
            yield from self._shortened[index] if index < first_whole else self._whole[index]


def _without_result(message: Message) -> Message:
    if message.role != "tool" or len(message.text) < 200:
        return message
    text = f"[left out for room: {len(message.text)} characters, beginning: {message.text[:100]}]"
    return Message("tool", text, call_id=message.call_id, failed=message.failed)


def _messages_of(step: AgentStep, texts: Mapping[str, str]) -> list[Message]:
    calls = {call.key: _call_of(call) for call in step.calls}
    answer = Message("assistant", whole(step.text, texts), calls=tuple(calls.values()), kept=step.kept)
    results = [
        tool_result(calls[call.key], shown(call.result, texts), failed=call.state is not CallState.DONE)
        for call in step.calls
    ]
    return [answer, *results]


def _call_of(call: RunCall) -> ToolCall:
    asked = call.proposed
    return ToolCall(asked.id, asked.tool, asked.arguments, asked.error, asked.kept)


def whole(body: Body, texts: Mapping[str, str]) -> str:
    """Return all of a text; its beginning, and that the rest is gone, where retention removed it."""
    if not body.digest:
        return body.text
    return texts.get(body.digest, f"{body.text}\n[{body.size} bytes in all; the rest is not kept any more]")


def shown(body: Body, texts: Mapping[str, str]) -> str:
    """Return a result as a model is shown it."""
    text = whole(body, texts)
    if len(text) <= RESULT_BYTES:
        return text
    return f"{text[:RESULT_BYTES]}\n[cut: {RESULT_BYTES} of {len(text)} characters; ask for less, or for another part]"
