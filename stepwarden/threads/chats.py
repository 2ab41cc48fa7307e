"""One message of a chat: find the chat, read the files, ask the model, record the answer, hand it back.

Nothing goes on in the background: a call that is cancelled aborts its request, and leaves the chat as it was.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread

from stepwarden.consultation.background_requests import CALL_SECONDS, deadline
from stepwarden.consultation.context_budget import request_bytes
from stepwarden.errors import RootRefused, StoreBusy, UnknownStream, VersionConflict
from stepwarden.files import RootPolicy, Workspace, open_workspace
from stepwarden.files.secret_values import hide_in_prose, hide_in_values, hide_known
from stepwarden.models import (
    Choice,
    ErrorKind,
    Message,
    ModelError,
    ModelReply,
    ModelRequest,
    Models,
    ModelTier,
    find_some,
    shown_seconds,
)
from stepwarden.storage import kinds
from stepwarden.threads.calls import Caller
from stepwarden.threads.chat_prompt import briefing_of, conversation, question_text
from stepwarden.threads.chat_store import CHAT, Chat, Turn, append_turn, load_chat
from stepwarden.threads.journal import Journal
from stepwarden.threads.submissions import ATTEMPTS, new_thread_id

_NAMED_MODELS = 3  # that see images, in a refusal

Hear = Callable[[str], None]
"""Told each piece of an answer as it comes. Only the whole is the answer: a piece may turn out to have been thought."""


def _hear_nothing(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class ChatQuestion:
    """One message as a tool hands it in; its fields are those of the request.

    `thread_id` is a chat to go on with, or a workflow thread to talk about. `digest` identifies the request without it.
    """

    caller: Caller
    prompt: str
    digest: str
    thread_id: str | None = None
    model: str | None = None
    files: tuple[str, ...] = ()
    directory: str | None = None
    temperature: float | None = None
    thinking: str | None = None
    images: tuple[str, ...] = ()

    @property
    def names_a_model(self) -> bool:
        """Whether the caller chose the model itself."""
        return self.model is not None and self.model.strip().lower() not in {"", "auto"}


@dataclass(frozen=True, slots=True)
class _Context:
    """The context of a question: the chat so far, the thread it is about, and what may be read."""

    chat: Chat
    origin: str | None
    directory: str | None
    briefing: str
    workspace: Workspace

    def secrets(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the values of secrets in files that the chat was ever asked about. Reads files."""
        paths = dict.fromkeys([*names, *(name for turn in self.chat.turns for name in turn.files)])
        return self.workspace.secrets_in(list(paths)) if paths and self.workspace.readable else ()


class _Call:
    """One call: until when it may take, and how much of its answer has come."""

    def __init__(self, until: float, hear: Hear) -> None:
        self.until = until
        self.characters = 0
        self._hear = hear

    def note(self, piece: str) -> None:
        """Hand on a piece of the answer."""
        self.characters += len(piece)
        self._hear(piece)


class Chats:
    """Answers the messages of all chats of this process, those of one chat one after another.

    `wording` is the system prompt. `call_s` is the deadline of one call.
    """

    def __init__(
        self, journal: Journal, models: Models, roots: tuple[str, ...], wording: str, *, call_s: float = CALL_SECONDS
    ) -> None:
        self._journal = journal
        self._models = models
        self._roots = roots
        self._wording = wording
        self._call_s = call_s
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ask(self, question: ChatQuestion, hear: Hear = _hear_nothing) -> Chat:
        """Return the chat with the answer as its last turn; it is on disk by then. `hear` is told the pieces before.

        A question that repeats the last turn, its files included, gets that turn's answer again and asks nobody.
        Raises ModelError where there is no answer, UnknownStream for an id the caller has nothing of, RootRefused,
        StoreError; then nothing was recorded.
        """
        until = deadline(self._call_s)
        question = replace(question, prompt=hide_in_prose(question.prompt))
        head = await self._journal.head(question.thread_id, question.caller) if question.thread_id else None
        if head is None or head.kind != kinds.CHAT.name:
            origin = head.stream if head else None
            return await self._answer(question, Chat(new_thread_id(CHAT)), origin, _Call(until, hear))
        async with self._turn_of(head.stream, until):
            chat = await load_chat(self._journal, head.stream, question.caller)
            return await self._answer(question, chat, chat.turns[0].origin, _Call(until, hear))

    @asynccontextmanager
    async def _turn_of(self, chat_id: str, until: float) -> AsyncGenerator[None]:
        """Wait until no other message of this chat is being answered."""
        lock = self._locks.setdefault(chat_id, asyncio.Lock())
        try:
            with anyio.fail_after(max(0.0, until - deadline(0))):
                await lock.acquire()
        except TimeoutError:
            text = "The message before this one is still being answered; send this one again after its reply."
            raise StoreBusy(text) from None
        try:
            yield
        finally:
            lock.release()

    async def _answer(self, question: ChatQuestion, chat: Chat, origin: str | None, call: _Call) -> Chat:
        context = await self._context(question, chat, origin)
        if await anyio.to_thread.run_sync(_repeats_last, question, context):
            return chat
        if not question.names_a_model:
            await find_some(self._models)
        choice = self._choose(question, chat)
        request, turn = await anyio.to_thread.run_sync(_composed, question, context, choice, self._wording)
        reply = await self._complete(replace(request, principal=question.caller.principal), call)
        return await self._record(chat, _answered(turn, reply, request.secrets), question.caller)

    async def _context(self, question: ChatQuestion, chat: Chat, origin: str | None) -> _Context:
        briefing, directory = "", question.directory or (chat.last.directory if chat.last else None)
        if origin is not None:
            try:
                thread = await self._journal.load(origin, question.caller)
            except UnknownStream:
                briefing = ""  # retention took it since: the chat goes on without
            else:
                briefing, directory = briefing_of(thread), directory or thread.directory
        workspace = Workspace(None, None)
        if question.files or question.directory:
            policy = RootPolicy(self._roots, question.caller.local)
            workspace = await anyio.to_thread.run_sync(open_workspace, directory, policy)
        elif any(turn.files for turn in chat.turns):
            with suppress(RootRefused):  # it is needed for the secrets of files that were asked about alone
                policy = RootPolicy(self._roots, question.caller.local)
                workspace = await anyio.to_thread.run_sync(open_workspace, directory, policy)
        return _Context(chat, origin, directory, briefing, workspace)

    def _choose(self, question: ChatQuestion, chat: Chat) -> Choice:
        """Return the model that was named, else that of the last turn, else by need; for images one that may see."""
        if question.model is not None or chat.last is None:
            choice = self._models.choose(question.model, ModelTier.BALANCED)
        else:
            choice = replace(self._models.choose(chat.last.asked, ModelTier.BALANCED), why="as in the turn before")
        if not question.images or choice.info.sees_images is not False:
            return choice
        usable = [info for info in self._models.usable() if info.sees_images is not False]
        seeing = [info.name for info in sorted(usable, key=lambda info: info.sees_images is None)]
        if seeing and not question.names_a_model:
            return replace(self._models.choose(seeing[0], ModelTier.BALANCED), why="the first that sees images")
        named = f", or name one that does ({', '.join(seeing[:_NAMED_MODELS])})" if seeing else "; no usable model does"
        text = f"{choice.info.name} sees no images, as far as is known: leave them out{named}."
        raise ModelError(ErrorKind.UNSUPPORTED, text, model=choice.info.name)

    async def _complete(self, request: ModelRequest, call: _Call) -> ModelReply:
        left_s = max(0.0, call.until - deadline(0))
        try:
            with anyio.fail_after(left_s):
                return await self._streamed(replace(request, deadline_s=left_s), call)
        except TimeoutError:
            raise self._too_slow(request.model, self._call_s, call) from None
        except ModelError as error:
            if error.kind is ErrorKind.TIMEOUT:
                raise self._too_slow(request.model, error.waited_s or self._call_s, call) from error
            raise

    async def _streamed(self, request: ModelRequest, call: _Call) -> ModelReply:
        """Return the answer, its pieces told; one that broke off is asked for once more, as a whole."""
        try:
            async with aclosing(self._models.stream(request)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, ModelReply):
                        return piece
                    call.note(piece)
        except ModelError as error:
            if not call.characters or error.kind not in {ErrorKind.NETWORK, ErrorKind.SERVER}:
                raise
        return await self._models.complete(replace(request, deadline_s=max(0.0, call.until - deadline(0))))

    def _too_slow(self, model: str, waited_s: float, call: _Call) -> ModelError:
        fast = "a faster model"
        with suppress(ModelError):
            known = self._models.choose(None, ModelTier.FAST).info.name
            fast += f" ({known})" if known != model else ""
        waited = shown_seconds(waited_s)
        if call.characters:
            what = f"{model} was still answering after {waited} ({call.characters:,} characters)"
        else:
            what = f"{model} gave no answer in {waited}"
        text = f"{what}, so the request was ended. Ask {fast}, send less at once, or set thinking_mode to minimal."
        return ModelError(ErrorKind.TIMEOUT, text, model=model, waited_s=waited_s)

    async def _record(self, chat: Chat, turn: Turn, caller: Caller) -> Chat:
        for _ in range(ATTEMPTS):
            try:
                return await append_turn(self._journal.store, chat, turn, caller)
            except VersionConflict:  # another process was first; both answers are paid for, so both stay
                chat = await load_chat(self._journal, chat.id, caller)
        raise StoreBusy("Other calls kept changing this chat; nothing was recorded. Send the same call again.")


def _repeats_last(question: ChatQuestion, context: _Context) -> bool:
    """Whether the question was the last one too, and its files say what they said then. Reads files."""
    last = context.chat.last
    if last is None or last.digest != question.digest:
        return False
    if not question.files:
        return True
    text, _ = context.workspace.numbered(_names(question, context.workspace), last.limit_bytes)
    return _digest(text) == last.files_digest


def _composed(question: ChatQuestion, context: _Context, choice: Choice, wording: str) -> tuple[ModelRequest, Turn]:
    """Return the request, and the turn as it will be recorded, without its answer. Reads files.

    Raises ModelError where the question is too long for the model even without files and history.
    """
    bare = Message("user", question.prompt, question.images)
    budget = request_bytes([choice.info])
    verbatim = _bytes(conversation(context.chat, bare, wording, context.briefing)) <= budget
    used = _bytes(conversation(context.chat, bare, wording, context.briefing, verbatim=verbatim))
    if used > budget:
        text = f"{used // 1024} KB of text is more than {choice.info.name} takes: send less, or name another model."
        raise ModelError(ErrorKind.TOO_LONG, text, model=choice.info.name)
    names = _names(question, context.workspace)
    secrets = context.secrets(names)
    question = replace(question, prompt=hide_known(question.prompt, secrets))
    bare = replace(bare, text=question.prompt)
    files, left_out = context.workspace.numbered(names, budget - used) if names else ("", [])
    asked = replace(bare, text=question_text(question.prompt, files, tuple(left_out)))
    request = ModelRequest(
        model=choice.info.name,
        messages=tuple(conversation(context.chat, asked, wording, context.briefing, verbatim=verbatim)),
        temperature=question.temperature,
        thinking=question.thinking,
        purpose=CHAT,
        thread=context.chat.id,
        secrets=secrets,
    )
    turn = Turn(
        prompt=question.prompt,
        answer="",
        digest=question.digest,
        asked=choice.info.name,
        why=choice.why,
        model="",
        provider="",
        files=tuple(names),
        left_out=tuple(left_out),
        files_digest=_digest(files),
        limit_bytes=budget - used,
        images=len(question.images),
        directory=context.workspace.directory or context.directory,
        origin=context.origin,
        notes=tuple(_notes(question, context, choice)),
    )
    return request, turn


def _notes(question: ChatQuestion, context: _Context, choice: Choice) -> Iterator[str]:
    if question.files and not context.workspace.readable:
        yield "No file may be read: send working_directory."
    if question.images and choice.info.sees_images is None:
        yield f"It is not known whether {choice.info.name} sees images."


def _answered(turn: Turn, reply: ModelReply, secrets: Sequence[str]) -> Turn:
    # Half a surrogate pair, which models do send, fits in no store.
    text = hide_in_values(reply.text.encode(errors="replace").decode(), secrets)
    cut_off = ("The answer ended at the model's output limit: ask it to go on.",) if reply.cut_off else ()
    notes = (*turn.notes, *reply.notes, *cut_off)
    return replace(turn, answer=text, model=reply.model, provider=reply.provider, usage=reply.usage, notes=notes)


def _names(question: ChatQuestion, workspace: Workspace) -> list[str]:
    return list(dict.fromkeys(workspace.canonical(path) for path in question.files))


def _bytes(messages: list[Message]) -> int:
    return sum(len(message.text.encode()) for message in messages)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()
