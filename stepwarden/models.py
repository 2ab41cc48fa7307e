"""The port that model providers fill: requests, replies, usage, errors. It knows no vendor."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from stepwarden.errors import StepwardenError
from stepwarden.tool_calls import OfferedTool, ToolCall, ToolChoice

Role = Literal["system", "user", "assistant", "tool"]


class ModelTier(StrEnum):
    """What a model is for, where none is named."""

    DEEP = "deep"  # an expert's judgement: the strongest model
    BALANCED = "balanced"  # a second opinion, a chat
    FAST = "fast"  # the manager's quick question


class ErrorKind(StrEnum):
    """What went wrong with a model, by what can be done about it."""

    NO_MODEL = "no_model"  # nothing is configured, or nothing that is allowed
    UNKNOWN_MODEL = "unknown_model"
    NOT_ALLOWED = "not_allowed"  # by the allow and deny lists
    WRONG_KEY = "wrong_key"
    NO_MONEY = "no_money"
    RATE_LIMIT = "rate_limit"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER = "server"  # the endpoint answered 5xx
    FILTERED = "filtered"
    EMPTY = "empty"
    INVALID_ANSWER = "invalid_answer"  # asked again once with the error, and still not of the type
    TOO_LONG = "too_long"  # over the model's context
    UNSUPPORTED = "unsupported"  # such as images to a model that takes none
    OVER_BUDGET = "over_budget"
    GIVEN_UP = "given_up"  # the circuit breaker is open
    MISCONFIGURED = "misconfigured"  # something of this machine stands in the way: a proxy, certificates
    REFUSED = "refused"  # any other 4xx


RETRYABLE = frozenset({ErrorKind.RATE_LIMIT, ErrorKind.TIMEOUT, ErrorKind.NETWORK, ErrorKind.SERVER})


class ModelError(StepwardenError):
    """A model gave no usable answer. The text is one line without secrets: what is wrong, and what to do.

    `text` may be a function, called only when the error is read, which most are not where no model is
    configured. `retry_after_s` is what the endpoint asked for, if it did; `waited_s` is how long was waited in vain.
    """

    def __init__(
        self,
        kind: ErrorKind,
        text: str | Callable[[], str],
        *,
        model: str = "",
        retry_after_s: float | None = None,
        waited_s: float | None = None,
    ) -> None:
        super().__init__(text)
        self.kind = kind
        self.model = model
        self.retry_after_s = retry_after_s
        self.waited_s = waited_s
        self._text = text

    def __str__(self) -> str:
        """Return the text."""
        return self._text if isinstance(self._text, str) else self._text()

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed if it is sent again a little later."""
        return self.kind in RETRYABLE


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `images` are data URLs or https addresses.

    `calls` are those of an assistant; the result of each is a message of the role `tool` with its `call_id`, `failed`
    where the call did. `kept` is what the endpoint wants to have back with the message; nobody else reads it.
    `tokens` is an upper estimate, images left out: conversations grow, and each message is measured once.
    """

    role: Role
    text: str
    images: tuple[str, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    failed: bool = False
    kept: str = ""
    tokens: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        """Measure it."""
        object.__setattr__(self, "tokens", estimated_tokens(self.text + self.kept) + _call_tokens(self.calls))

    @property
    def described(self) -> dict[str, Any]:
        """The message as JSON values; of what has to do with tools, what there is."""
        values = asdict(self)
        del values["tokens"]
        return {name: value for name, value in values.items() if value or name in {"role", "text", "images"}}


def tool_result(call: ToolCall, text: str, images: tuple[str, ...] = (), *, failed: bool = False) -> Message:
    """Return the message that tells a model what came of its call."""
    return Message("tool", text, images, call_id=call.id, failed=failed)


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """A form that an answer should have where prose is an answer too.

    `asked` is the strict form, for endpoints that can hold a model to it; `answer` is how it is read, and may take
    more. `words` tell the form to the model, `purpose` is in a word what the answer is for.
    """

    asked: type[BaseModel]
    answer: type[BaseModel]
    words: str
    purpose: str = "answer"


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What is asked of one model. `model` is a name as `Models.choose` gave it.

    `answer` is the type that the reply has to be of, None for free text. `form` is asked of endpoints that can hold a
    model to it; the caller reads the text itself and takes prose too. `thinking` is one of `minimal`,
    `low`, `medium`, `high`, `max`. `deadline_s` bounds everything, retries included. `purpose` and `thread` say for
    whom the budget is spent. `cache` lets an earlier answer to the very same request of the same `principal` stand in.
    `secrets` are never sent: values in the files it is about, that no answer repeats where it is recorded.

    `tools` may be called, several at once unless `parallel_calls` is False. With the `tool_choice` `none` they are only
    known, because the messages speak of them, and the answer is in words. An `answer` is read where nothing is called.
    """

    model: str
    messages: tuple[Message, ...]
    answer: type[BaseModel] | None = None
    form: AnswerForm | None = None
    tools: tuple[OfferedTool, ...] = ()
    tool_choice: ToolChoice = "auto"
    parallel_calls: bool = True
    temperature: float | None = None
    max_output_tokens: int | None = None
    thinking: str | None = None
    deadline_s: float = 600.0
    purpose: str = "chat"
    thread: str | None = None
    principal: str = "local"
    cache: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def may_call(self) -> bool:
        """Whether the model may call a tool."""
        return bool(self.tools) and self.tool_choice == "auto"

    @property
    def prompt_tokens(self) -> int:
        """An upper estimate of the tokens of all that is sent, images left out."""
        return sum(message.tokens for message in self.messages) + sum(
            estimated_tokens(tool.text) for tool in self.tools
        )


def _call_tokens(calls: tuple[ToolCall, ...]) -> int:
    return sum(estimated_tokens(f"{call.id} {call.name} {call.arguments} {call.kept}") for call in calls)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a reply cost. `cost` is in US dollars; None means the price is not known, which is not 0.

    `cached_input_tokens` of the `input_tokens` were cheaper at the vendor's. `estimated` says that the endpoint
    reported no counts and these are ours. `price_source` names the table the price is from.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None
    cached_input_tokens: int = 0
    estimated: bool = False
    price_source: str = ""

    @property
    def price(self) -> str:
        """The cost as it is shown."""
        return "unpriced" if self.cost is None else f"${self.cost:.4f}"

    def __add__(self, other: "Usage") -> "Usage":
        """Return the sum; one unknown price makes it unknown."""
        known = self.cost is not None and other.cost is not None
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            (self.cost or Decimal()) + (other.cost or Decimal()) if known else None,
            self.cached_input_tokens + other.cached_input_tokens,
            self.estimated or other.estimated,
            other.price_source or self.price_source,
        )


class StopReason(StrEnum):
    """Why an answer ended. One that a filter withheld is an error."""

    END = "end"  # the model had no more to say
    CALLS = "calls"  # it waits for the results of its calls
    LENGTH = "length"  # at the output limit; a call that was cut off has an error


@dataclass(frozen=True, slots=True)
class ModelReply:
    """One answer. `parsed` is of the request's `answer` type; `model` and `provider` are those that really answered.

    `cut_off` says that the answer ended at the output limit. `notes` are for the reader of the answer: another model
    answered than was asked, a budget could not be kept. `raw` holds the endpoint's id, finish reason and reasoning.
    `calls` are those of tools, in their order; `text` may be "" where there are some. `kept` goes back with `message`.
    """

    text: str
    model: str
    provider: str
    usage: Usage = Usage()
    parsed: BaseModel | None = None
    cached: bool = False
    cut_off: bool = False
    notes: tuple[str, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict[str, Any])
    calls: tuple[ToolCall, ...] = ()
    kept: str = ""

    @property
    def stop(self) -> StopReason:
        """Why it ended."""
        if self.cut_off:
            return StopReason.LENGTH
        return StopReason.CALLS if self.calls else StopReason.END

    @property
    def message(self) -> Message:
        """The answer as the next message of the conversation; the results of its calls come after it."""
        return Message("assistant", self.text, calls=self.calls, kept=self.kept)


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """US dollars for a million tokens; where long prompts cost more, of a short one."""

    input: Decimal
    output: Decimal

    def __str__(self) -> str:
        """Return the price as it is shown: `$2/$10`."""
        return f"${_plain(self.input)}/${_plain(self.output)}"


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known about one model; what is not known is None. `family` groups the models of one maker.

    One that does not call tools (`calls_tools` False) is told of them in its prompt, and answers a call in JSON.
    """

    name: str
    provider: str
    aliases: tuple[str, ...] = ()
    family: str = ""
    context_tokens: int | None = None
    output_tokens: int | None = None
    sees_images: bool | None = None
    typed_answers: bool = False
    needs: tuple[ModelTier, ...] = ()
    description: str = ""
    price: ModelPrice | None = None
    calls_tools: bool | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which model was chosen, and why, in a few words.

    `source` is `by OPENAI_API_KEY` where nothing but that key, which the host may have passed on, says that its vendor
    may be asked; "" where the user chose.
    """

    info: ModelInfo
    why: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class UnusableProvider:
    """A provider that cannot be used now, and what to set to change that."""

    provider: str
    why: str


def shown_seconds(seconds: float) -> str:
    """Return seconds for a sentence: `45 s`, `2.5 s`."""
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def estimated_tokens(text: str) -> int:
    """Return an upper estimate of a text's tokens: 3.5 bytes each, measured on code and English, safe for others."""
    return int(len(text.encode("utf-8", "replace")) / 3.5) + 1


class Provider(Protocol):
    """What answers as a model. Wrappers (retry, breaker, limits, cache, budget) are providers too."""

    @property
    def name(self) -> str:
        """The name of the provider, as in `name/model`."""
        ...

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return one answer. Raises ModelError; cancelling the call aborts the request at the endpoint."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator["str | ModelReply", None]:
        """Return the answer in pieces of text, as they come, and last the whole as a ModelReply. Raises ModelError.

        Only the whole is the answer: a piece may turn out to have been thought. Closing the generator aborts the
        request at the endpoint.
        """
        ...

    async def list_models(self) -> Sequence[ModelInfo]:
        """Ask the endpoint which models it has. Raises ModelError."""
        ...

    async def warm(self) -> None:
        """Do all that has to be done before a first request is sent, and send none. Raises ModelError."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class Models(Protocol):
    """All models of this process."""

    def choose(self, name: str | None, need: ModelTier) -> Choice:
        """Return the model for a name, an alias or any name an endpoint may know; by need for None or `auto`.

        Raises ModelError (NO_MODEL, UNKNOWN_MODEL with the nearest names, NOT_ALLOWED).
        """
        ...

    def usable(self) -> Sequence[ModelInfo]:
        """Return the models that can be used now, as configured and discovered; without the network."""
        ...

    async def priced(self) -> Sequence[ModelInfo]:
        """Return the usable models with their prices, where these are known; without the network."""
        ...

    def unusable(self) -> Sequence[UnusableProvider]:
        """Return the providers that cannot be used now, with what to set."""
        ...

    async def discover(self) -> None:
        """Ask the endpoints that can list their models; where that fails, the catalogue stands.

        It waits for a discovery that is under way, and asks nobody shortly after one.
        """
        ...

    async def warm(self, model: str | None = None) -> None:
        """Import what the first call needs, in a thread; nothing where nothing is configured.

        For a `model`, all that has to be done before its first request is sent; what fails then fails in the request.
        """
        ...

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return one answer of the chosen model. Raises ModelError."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[str | ModelReply, None]:
        """Return the answer in pieces of text, and last the whole as a ModelReply. Raises ModelError."""
        ...

    async def close(self) -> None:
        """Close every provider."""
        ...


async def find_some(models: Models) -> None:
    """Discover models where none that is known can be chosen, which is so with servers of the user's own."""
    try:
        models.choose(None, ModelTier.BALANCED)
    except ModelError:
        await models.discover()
