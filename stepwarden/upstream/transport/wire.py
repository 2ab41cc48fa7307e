"""Between the protocol's types of the SDK and values of ours: the one place of each direction."""

from collections.abc import Mapping
from typing import Any, cast

import mcp_types as types
from pydantic import TypeAdapter

from stepwarden.upstream.call_request import IDEMPOTENCY_KEY, CallReply, CallRequest
from stepwarden.upstream.questions import (
    AddressQuestion,
    FormQuestion,
    OtherRequest,
    QuestionAnswer,
    QuestionFailure,
    QuestionRound,
    UpstreamQuestion,
)
from stepwarden.upstream.tool_result import ContentBlock, LinkBlock, MediaBlock, ResourceBlock, TextBlock, ToolResult

_BLOCKS: TypeAdapter[types.ContentBlock] = TypeAdapter(types.ContentBlock)


def read_tool(tool: types.Tool) -> dict[str, Any]:
    """Return a listed tool as the protocol has it: JSON by the protocol's names."""
    return _plain(tool)


def read_reply(reply: types.CallToolResult | types.InputRequiredResult) -> CallReply:
    """Return what came back of a call."""
    if isinstance(reply, types.InputRequiredResult):
        requests = (reply.input_requests or {}).items()
        return QuestionRound({key: _read_request(request) for key, request in requests}, reply.request_state)
    content = tuple(read_block(block) for block in reply.content)
    return ToolResult(content, reply.structured_content, bool(reply.is_error), reply.meta)


def write_result(result: ToolResult) -> types.CallToolResult:
    """Return a result as it is sent on to a host, without what says which server it came from."""
    return types.CallToolResult(
        content=[write_block(block) for block in result.content],
        structured_content=result.structured_content,
        is_error=result.is_error,
        _meta=None if result.own_meta is None else dict(result.own_meta),
    )


def write_call(request: CallRequest) -> types.CallToolRequestParams:
    """Return a call as it is sent to an upstream."""
    answers = request.round.answers
    meta = {IDEMPOTENCY_KEY: request.key} if request.key else None
    return types.CallToolRequestParams(
        name=request.tool,
        arguments=dict(request.arguments),
        input_responses=None if answers is None else {key: write_answer(answer) for key, answer in answers.items()},
        request_state=request.round.state,
        _meta=cast("Any", meta),
    )


def read_question(params: types.ElicitRequestParams) -> UpstreamQuestion:
    """Return what is asked."""
    meta = cast("Mapping[str, Any] | None", params.meta)
    if isinstance(params, types.ElicitRequestURLParams):
        return AddressQuestion(params.message, params.url, params.elicitation_id, meta)
    return FormQuestion(params.message, params.requested_schema, meta)


def write_question(question: UpstreamQuestion) -> types.ElicitRequestParams:
    """Return a question as a host is asked it."""
    meta = cast("Any", None if question.meta is None else dict(question.meta))
    if isinstance(question, AddressQuestion):
        return types.ElicitRequestURLParams(
            message=question.message, url=question.url, elicitation_id=question.id, _meta=meta
        )
    return types.ElicitRequestFormParams(message=question.message, requested_schema=dict(question.schema), _meta=meta)


def read_answer(answer: types.ElicitResult) -> QuestionAnswer:
    """Return what a host's user answered."""
    return QuestionAnswer(answer.action, answer.content, answer.meta)


def write_answer(answer: QuestionAnswer) -> types.ElicitResult:
    """Return an answer as the upstream that asked gets it."""
    content = None if answer.content is None else dict(answer.content)
    return types.ElicitResult(action=answer.action, content=content, _meta=cast("Any", answer.meta))


def read_failure(error: types.ErrorData) -> QuestionFailure:
    """Return the error of a host that could not ask."""
    return QuestionFailure(error.code, error.message, error.data)


def write_failure(failure: QuestionFailure) -> types.ErrorData:
    """Return the error as the upstream that asked gets it."""
    return types.ErrorData(code=failure.code, message=failure.message, data=failure.data)


def write_block(block: ContentBlock) -> types.ContentBlock:
    """Return a block of a result as it is sent on to a host."""
    wire: dict[str, Any] = {**block.extra, "type": block.type}
    if isinstance(block, TextBlock):
        wire |= {"text": block.text}
    elif isinstance(block, MediaBlock):
        wire |= {"data": block.data, "mimeType": block.mime_type}
    elif isinstance(block, LinkBlock):
        wire |= {"name": block.name, "uri": block.uri}
    else:
        contents = {"uri": block.uri, "text": block.text, "blob": block.blob}
        wire["resource"] = {
            **block.extra.get("resource", {}),
            **{key: value for key, value in contents.items() if value is not None},
        }
    return _BLOCKS.validate_python(wire)


def _read_request(request: types.InputRequest) -> UpstreamQuestion | OtherRequest:
    if isinstance(request, types.ElicitRequest):
        return read_question(request.params)
    return OtherRequest(request.method)


def read_block(block: types.ContentBlock) -> ContentBlock:
    """Return a block of a result, or of a prompt's message."""
    extra = _plain(block)
    kind = extra.pop("type")
    if isinstance(block, types.TextContent):
        return TextBlock(extra.pop("text"), extra)
    if isinstance(block, types.ImageContent | types.AudioContent):
        return MediaBlock(extra.pop("data"), extra.pop("mimeType"), kind, extra)
    if isinstance(block, types.ResourceLink):
        return LinkBlock(extra.pop("name"), extra.pop("uri"), extra)
    resource = extra.pop("resource")
    uri, text, blob = resource.pop("uri"), resource.pop("text", None), resource.pop("blob", None)
    return ResourceBlock(uri, text, blob, {**extra, "resource": resource} if resource else extra)


def _plain(model: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", model.model_dump(mode="json", by_alias=True, exclude_none=True))
