"""Chats on disk: streams of turns, each a question with the answer that was recorded for it."""

from dataclasses import dataclass, field, replace
from functools import cache

from pydantic import TypeAdapter, ValidationError

from stepwarden.errors import OtherKind, StoreUnreadable
from stepwarden.models import Usage
from stepwarden.storage import Append, HeadChange, NewEvent, Store, kinds
from stepwarden.threads.calls import Caller
from stepwarden.threads.journal import Journal

CHAT = "chat"
"""The kind of the events of a chat, and the tool that chats belong to."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with its answer.

    `digest` identifies the request, whatever its id. `asked` is the model that was chosen, and `why` the reason;
    `model` and `provider` say who answered. `files` are the canonical names that were asked for, `left_out` those that
    were not sent. `files_digest` is that of the text of those that were, which is what fits in `limit_bytes`. `origin`
    is the workflow thread whose digest is the chat's context.
    """

    prompt: str
    answer: str
    digest: str
    asked: str
    why: str
    model: str
    provider: str
    usage: Usage = field(default_factory=Usage)
    files: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    files_digest: str = ""
    limit_bytes: int = 0
    images: int = 0
    directory: str | None = None
    origin: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat with its turns; one without turns is not stored yet."""

    id: str
    turns: tuple[Turn, ...] = ()

    @property
    def last(self) -> Turn | None:
        """The latest turn."""
        return self.turns[-1] if self.turns else None


@cache
def _turn() -> TypeAdapter[Turn]:
    return TypeAdapter(Turn)  # built at the first chat, not at every start


async def load_chat(journal: Journal, chat_id: str, caller: Caller) -> Chat:
    """Return the caller's chat.

    Raises UnknownStream where it has none of that id, OtherKind where it is a thread of steps, StoreUnreadable where
    a newer stepwarden wrote it.
    """
    head = await journal.head(chat_id, caller)
    if head.kind != kinds.CHAT.name:
        raise OtherKind(f"{chat_id} is not a chat.")
    stored = await journal.store.read(chat_id)
    try:
        return Chat(chat_id, tuple(_turn().validate_json(event.payload) for event in stored))
    except ValidationError as error:
        raise StoreUnreadable("This chat was written by a newer stepwarden; upgrade, or start a new one.") from error


async def append_turn(store: Store, chat: Chat, turn: Turn, caller: Caller) -> Chat:
    """Record one more turn, and return the chat with it; on disk when this returns.

    Raises VersionConflict when another turn was recorded since `chat` was read, StoreError when it cannot be written.
    """
    grown = replace(chat, turns=(*chat.turns, turn))
    change = HeadChange(
        kind=kinds.CHAT,
        tool=CHAT,
        principal=caller.principal,
        title=" ".join(grown.turns[0].prompt.split()),
        state="open",
        steps=len(grown.turns),
        directory=turn.directory,
        origin=turn.origin,
    )
    payload = _turn().dump_json(turn, exclude_defaults=True).decode()
    await store.append(Append(chat.id, len(chat.turns), [NewEvent(CHAT, payload)], change))
    return grown
