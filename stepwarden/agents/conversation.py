"""What a job's model is sent: the request, its own answers, and the results of its calls, within what it may take."""

from collections.abc import Mapping

from stepwarden.models import Message, estimated_tokens, tool_result
from stepwarden.runs.run import AgentStep, Job, OpenQuestion, Run
from stepwarden.runs.run_calls import Body, CallState, RunCall
from stepwarden.tool_calls import ToolCall

RESULT_BYTES = 20_000
"""More of one result is not shown to the model: it asks for less, or for the next part."""

LAST_TURN = "Write your answer now, from what you have. No more tools can be called."


def conversation_of(
    run: Run, job: Job, question: OpenQuestion, texts: Mapping[str, str], notice: str
) -> tuple[Message, ...]:
    """Return the messages of a job's open question; `texts` are the long ones by digest.

    Where they are more than the question may take, the oldest results are left out first, then the oldest steps.
    """
    last = [LAST_TURN] if question.is_last_turn else []
    system = Message("system", "\n\n".join(filter(None, [job.plan.instructions, notice])))
    fixed = [system, Message("user", run.request)]
    end = [Message("user", text) for text in last]
    groups = [_messages_of(step, texts) for step in job.steps]
    room = question.prompt_tokens - sum(_tokens(message) for message in (*fixed, *end))
    return (*fixed, *(message for group in _fitting(groups, room) for message in group), *end)


def _fitting(groups: list[list[Message]], room: int) -> list[list[Message]]:
    shortened = list(groups)
    for index, group in enumerate(groups):
        if sum(map(_tokens, (message for one in shortened for message in one))) <= room:
            return shortened
        shortened[index] = [_without_result(message) for message in group]
    while len(shortened) > 1 and sum(map(_tokens, (message for one in shortened for message in one))) > room:
        shortened = shortened[1:]
    return shortened


def _tokens(message: Message) -> int:
    return estimated_tokens(
        message.text + message.kept + "".join(f"{call.name}{call.arguments}" for call in message.calls)
    )


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
