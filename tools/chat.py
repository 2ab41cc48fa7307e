"""`chat`: ask another model, on a thread of its own or about a workflow thread."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

import prompts
from stepwarden.errors import UnknownStream
from stepwarden.files.paths import shown
from stepwarden.threads.calls import Caller
from stepwarden.threads.chat_store import CHAT, Chat
from stepwarden.threads.chats import ChatQuestion, Chats
from tools.shared.edge import EdgeTool, Progress, edge_tool, failure
from tools.shared.progress import reporting_progress
from tools.workflow.lenient_values import Many, Word, without_empty
from tools.workflow.request import IGNORED_FIELDS, Key, NonEmptyText, Paths, Text, digest_of, said_in
from tools.workflow.validation_errors import error_lines

IMAGES = 8  # in one call
IMAGE_CHARS = 7_000_000  # of one data URL: 5 MB, which every vendor takes
ANSWER_BYTES = 22_000  # of the answer, in each of the two parts of a reply; the history has all of it
NAMED = 10  # files that were left out
PROGRESS_S = 2.0  # between two reports of how much of an answer has come

_DATA_URL = re.compile(r"data:image/(png|jpeg|gif|webp);base64,")


def _image(value: str) -> str:
    head = _DATA_URL.match(value)
    if head is None:
        raise ValueError("send a data URL of a png, jpeg, gif or webp: data:image/png;base64,...")
    if len(value) > IMAGE_CHARS:
        raise ValueError("is over the limit of 5 MB; send a smaller image")
    try:
        data = base64.b64decode(value[head.end() :], validate=True)
    except binascii.Error:
        data = b""
    if not data:
        raise ValueError("is not base64 after the comma; encode the image's bytes")
    return value


class ChatRequest(BaseModel):
    """One message to a model."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, value: Any) -> Any:
        return without_empty(cls.model_fields, value)

    prompt: NonEmptyText
    model: Text | None = Field(default=None, description="A name from listmodels; default auto")
    continuation_id: Key | None = Field(default=None, description="A chat, or a thread to talk about")
    files: Paths
    working_directory: Text | None = Field(default=None, description="Absolute; for files")
    images: Annotated[list[Annotated[str, AfterValidator(_image)]], Many] = Field(
        default_factory=list[str], max_length=IMAGES, description="Data URLs"
    )
    temperature: float | None = Field(default=None, ge=0, le=2)
    thinking_mode: Annotated[Literal["minimal", "low", "medium", "high", "max"], Word] | None = None

    def question(self, caller: Caller) -> ChatQuestion:
        """Return the message as a value of the core."""
        return ChatQuestion(
            caller=caller,
            prompt=self.prompt,
            digest=digest_of(said_in(self)),
            thread_id=self.continuation_id,
            model=self.model,
            files=tuple(self.files),
            directory=self.working_directory,
            temperature=self.temperature,
            thinking=self.thinking_mode,
            images=tuple(self.images),
        )


class _Heard:
    """How much of an answer has come; what it says is not told before it is whole."""

    def __init__(self) -> None:
        self._characters = 0

    def note(self, piece: str) -> None:
        """Count a piece."""
        self._characters += len(piece)

    def message(self) -> str:
        """Return what a host is told meanwhile."""
        if not self._characters:
            return "the model is thinking"
        return f"the model is answering, {self._characters:,} characters so far"


def chat_tool(chats: Chats, *, progress_every_s: float = PROGRESS_S) -> EdgeTool:
    """Return the tool that passes messages to `chats`."""
    prompt = prompts.load(CHAT)

    async def ask(arguments: dict[str, Any], caller: Caller, progress: Progress) -> CallToolResult:
        ignored = sorted(arguments.keys() & IGNORED_FIELDS)
        given = {name: value for name, value in arguments.items() if name not in ignored}
        try:
            request = ChatRequest.model_validate(given)
        except ValidationError as error:
            return failure(error_lines(error, ChatRequest))
        try:
            heard = _Heard()
            with reporting_progress(progress, heard.message, every_s=progress_every_s):
                answered = await chats.ask(request.question(caller), heard.note)
        except UnknownStream:
            named = shown(request.continuation_id or "", 80)
            return failure(
                [f"continuation_id: no chat or thread {named}; send the id of a reply as it was, or leave it out"]
            )
        return _result(answered, [f"Ignored: {', '.join(ignored)}."] if ignored else [])

    return edge_tool(ask, prompt, ChatRequest, ToolAnnotations(destructive_hint=False, open_world_hint=True))


def _result(chat: Chat, notes: Sequence[str]) -> CallToolResult:
    turn = chat.turns[-1]
    answer, whole = _fitting(turn.answer)
    notes = [*notes, *turn.notes]
    if not whole:
        place = f"stepwarden://threads/{chat.id}/history?after={len(chat.turns) - 1}"
        notes.append(f"The answer is cut here: {place} has all of it.")
    sent: dict[str, Any] = {
        "status": "chat_complete",
        "continuation_id": chat.id,
        "model": turn.model,
        "why": turn.why,
        "cost": turn.usage.price,
    }
    if turn.left_out:
        sent["files_left_out"] = [shown(name) for name in turn.left_out[:NAMED]]
        more = f" and {len(turn.left_out) - NAMED} more" if len(turn.left_out) > NAMED else ""
        named = f"{', '.join(sent['files_left_out'])}{more}"
        notes.append(f"Left out (secret, outside the root, not text, or over the model's budget): {named}.")
    if notes:
        sent["notes"] = notes
    sent["answer"] = answer
    line = f"[{turn.model}, {turn.why}; {turn.usage.price}; go on with continuation_id={chat.id}]"
    text = "\n".join([answer, "", *notes, line])
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=sent)


def _fitting(answer: str) -> tuple[str, bool]:
    """Return as much of an answer as a reply may hold, and whether that is all of it."""
    data = answer.encode()
    if len(data) <= ANSWER_BYTES:
        return answer, True
    return data[:ANSWER_BYTES].decode(errors="ignore"), False
