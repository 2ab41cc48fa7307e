"""What is declared of one provider: its variables, its address, and in what its endpoint differs from OpenAI's."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

SchemaForm = Literal["json_schema", "json_object", "text"]


class Adapter(StrEnum):
    """What asks a provider; `stack.py` says how each is made."""

    COMPATIBLE = "compatible"  # the openai SDK, at any endpoint that speaks chat completions
    ZAI = "zai"
    SCRIPT = "script"


class UnknownNames(StrEnum):
    """Which unknown names are passed on to a provider, in the order in which providers are tried."""

    NONE = "none"
    VENDOR_SLASH_MODEL = "vendor/model"  # all with a slash: it hosts the models of many vendors
    ALL = "all"
    UNCLAIMED = "unclaimed"  # all that do not begin like those of a vendor


@dataclass(frozen=True, slots=True)
class KeyVariable:
    """A variable that may hold the key, another name of it, and the endpoint that the key is for."""

    variable: str
    other_name: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class VendorSdk:
    """A vendor's own client: the variable that asks for it, its module, and the extra that installs it."""

    variable: str
    module: str
    extra: str
    adapter: Adapter


def _as_written(url: str, _version: str) -> str:
    return url


@dataclass(frozen=True, slots=True)
class Profile:
    """How one provider is asked.

    `url_variable` replaces the URL; where neither `url` nor a key has one, it has to be set. `complete_url` makes a
    base URL of an address as people write it, given the API version. `version_variable` and `model_variable` name an
    API version and the model to ask. `answers` is the strictest form of typed answers. `thinking` says how an effort
    is sent: as `reasoning_effort`, as `thinking: {type}`, or not at all. `prefixes` are how its own models' names
    begin, none where it hosts others' only; `prices` is its name in genai-prices. `manager_model` is a model that costs
    nothing and is quick: the manager asks it where this provider has a key.

    `call_id` is the form of ids of calls that it takes. `tool_choice` and `parallel_calls` say that it knows the field,
    `inline_definitions` that a tool's schema must not refer to definitions, `wants_thoughts` that a message with calls
    has to come back with the thoughts before them.
    """

    name: str
    title: str
    keys: tuple[KeyVariable, ...] = ()
    url: str = ""
    url_variable: str = ""
    complete_url: Callable[[str, str], str] = _as_written
    version_variable: str = ""
    model_variable: str = ""
    key_needed: bool = True
    adapter: Adapter = Adapter.COMPATIBLE
    sdk: VendorSdk | None = None
    answers: SchemaForm = "json_schema"
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: tuple[float, float] = (0.0, 2.0)
    thinking: Literal["effort", "type", "none"] = "effort"
    stream_usage: bool = True
    lists_models: bool = True
    reports_cost: bool = False
    unknown_names: UnknownNames = UnknownNames.NONE
    prefixes: tuple[str, ...] = ()
    prices: str = ""
    manager_model: str = ""
    call_id: re.Pattern[str] = re.compile(r".{1,64}")
    tool_choice: bool = True
    parallel_calls: bool = True
    inline_definitions: bool = False
    wants_thoughts: bool = False

    @property
    def url_needed(self) -> bool:
        """Whether the address has to be set."""
        return bool(self.url_variable) and not self.url and not any(key.url for key in self.keys)

    @property
    def place(self) -> str:
        """Where its models are, for a sentence: the variable of an address of the user's, else its name."""
        return self.url_variable if self.url_needed else self.name

    @property
    def to_set(self) -> str:
        """The variables that make it usable, for a sentence."""
        key = " or ".join(key.variable for key in self.keys) if self.key_needed else ""
        return " and ".join(filter(None, (key, self.url_variable if self.url_needed else "")))

    @property
    def variables(self) -> tuple[str, ...]:
        """Every variable that it reads."""
        keys = [name for key in self.keys for name in (key.variable, key.other_name)]
        others = (self.url_variable, self.version_variable, self.model_variable, self.sdk.variable if self.sdk else "")
        return tuple(filter(None, (*keys, *others)))
