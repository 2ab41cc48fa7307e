"""Every setting of ours, read once from the environment as `STEPWARDEN_*`, and that environment for who declares more.

Variables of model providers (keys, addresses) are declared in their rows, `providers/profiles.py`.
"""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError, field_validator

from stepwarden.errors import SettingsError
from stepwarden.settings.allowance import UNLIMITED, Allowance, parse_allowance
from stepwarden.settings.environment import Environment, read_environment

RESERVED_PRINCIPALS = ("local", "anonymous")  # of threads/calls.py: hosts on stdio, and callers without a token

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def _default_home() -> Path:
    from platformdirs import user_data_path

    return user_data_path("stepwarden", appauthor=False)


class Settings(BaseModel):
    """The settings of one server process. Every field is the variable `STEPWARDEN_<FIELD>`."""

    # No BaseSettings: its package takes a twentieth of a bare server's start, and a variable is a look-up by its name.
    model_config = ConfigDict(frozen=True, validate_default=True)

    _environment: Environment = PrivateAttr(default_factory=read_environment)

    home: Path = Field(default_factory=_default_home, description="Directory of all state, private to the user.")
    roots: tuple[str, ...] = Field(
        default=(), description=f"Directories whose files may be read, separated by {os.pathsep!r}."
    )
    database_url: SecretStr | None = Field(default=None, description="SQLAlchemy URL; default: SQLite in `home`.")
    engine_database_url: SecretStr | None = Field(
        default=None, description="The direct address of a PostgreSQL store that is behind a pooler, for driving runs."
    )
    tools: str = Field(default="all", description="`all`, `lean`, or names of tools separated by commas.")
    log_level: LogLevel = Field(default="WARNING", description="Least severe log record that goes to stderr.")
    tokens: dict[str, SecretStr] = Field(
        default_factory=dict[str, SecretStr],
        description="Bearer tokens of the HTTP server: `name:token`, separated by commas; one token, one principal.",
    )
    host: str = Field(default="127.0.0.1", description="Address the HTTP server binds.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port the HTTP server binds; 0 takes a free one.")
    allowed_hosts: tuple[str, ...] = Field(
        default=(), description="Further Host headers the HTTP server answers to, separated by commas."
    )
    retention_days: float = Field(
        default=7.0, gt=0, description="After how many idle days threads of a single step are removed."
    )

    upstreams: Path | None = Field(
        default=None, description="The JSON file of upstream MCP servers; default: `upstreams.json` in `home`."
    )
    vault_key_file: Path | None = Field(
        default=None, description="A private file (0600) of 32 bytes or more that seals the tokens; else the keyring."
    )

    scripted: Path | None = Field(default=None, description="A JSON script that answers as a model, for tests.")
    default_model: str = Field(
        default="auto", description="The model where none is named and a strong one is wanted; `auto` chooses by need."
    )
    manager_model: str | None = Field(
        default=None, description="The manager's model, or `off`; default: the free one of a provider that has one."
    )
    providers: tuple[str, ...] = Field(
        default=(),
        description="Providers that may be asked, separated by commas; default: the endpoint that is set, else all.",
    )
    models_allowed: tuple[str, ...] = Field(
        default=(), description="Models that may be asked: names or patterns such as `openai/*`, separated by commas."
    )
    models_denied: tuple[str, ...] = Field(
        default=(), description="Models that may not be asked; wins over the allowed ones."
    )
    models_file: Path | None = Field(default=None, description="A JSON file merged over the catalogue of models.")
    model_timeout_s: float = Field(default=300.0, gt=0, description="Longest wait for one answer of a model.")
    model_concurrency: int = Field(default=8, ge=1, description="Requests to one model at the same time.")
    model_rate: int = Field(default=600, ge=1, description="Requests to one provider in a minute.")
    budget_call: Allowance = Field(
        default=UNLIMITED, description="Most that one call of a model may cost: `$0.50`, `100k tokens`, or both."
    )
    budget_thread: Allowance = Field(default=UNLIMITED, description="The same for one thread.")
    budget_day: Allowance = Field(default=UNLIMITED, description="The same for one day (UTC).")

    @field_validator("home", mode="after")
    @classmethod
    def _absolute_home(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("roots", mode="before")
    @classmethod
    def _split_roots(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        roots = tuple(part.strip() for part in value.split(os.pathsep) if part.strip())
        for root in roots:
            if not Path(root).is_absolute():
                raise ValueError(f"'{root}' is not an absolute path")
        return roots

    @field_validator("allowed_hosts", "providers", "models_allowed", "models_denied", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("tokens", mode="before")
    @classmethod
    def _split_tokens(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        tokens: dict[str, str] = {}
        for part in filter(None, (part.strip() for part in value.split(","))):
            name, colon, token = part.partition(":")
            if not colon or not name or len(token) < 16:
                raise ValueError("send name:token pairs separated by commas, each token at least 16 characters")
            if name in RESERVED_PRINCIPALS:
                raise ValueError(f"the name '{name}' stands for callers without a token")
            if name in tokens or token in tokens.values():
                raise ValueError(f"the name '{name}' or its token stands there twice")
            tokens[name] = token
        return tokens

    @field_validator("budget_call", "budget_thread", "budget_day", mode="before")
    @classmethod
    def _read_allowance(cls, value: object) -> object:
        return parse_allowance(value) if isinstance(value, str) else value

    @property
    def environment(self) -> Environment:
        """The environment as it was when the settings were read; it is in no representation of them."""
        return self._environment

    @property
    def upstreams_file(self) -> Path:
        """The file of upstream servers, which need not be there."""
        return self.upstreams.expanduser().absolute() if self.upstreams else self.home / "upstreams.json"

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the store."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home / 'stepwarden.db'}"


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment; `overrides` win over it.

    An override is a field, or else a variable by its name in any case (`openai_api_key="sk-..."`); None unsets it.
    Raises SettingsError with one line for each variable that has no usable value.
    """
    fields = {name: value for name, value in overrides.items() if name in Settings.model_fields}
    others = {name.upper(): value for name, value in overrides.items() if name not in fields}
    own = {name: "" if value is None else str(value) for name, value in others.items()}
    environment = Environment(variables() | own)
    set_ones = {name: value for name in Settings.model_fields if (value := environment.get(variable_of(name)))}
    try:
        settings = Settings.model_validate(set_ones | fields)
    except ValidationError as error:
        lines = [
            f"{variable_of(str(item['loc'][0]))}: {str(item['msg']).removeprefix('Value error, ')}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("\n".join(lines)) from None
    settings._environment = environment  # pyright: ignore[reportPrivateUsage]
    return settings


def variable_of(field: str) -> str:
    """Return the environment variable of a field."""
    return f"STEPWARDEN_{field.upper()}"


def variables() -> dict[str, str]:
    """Return the whole environment, for files that refer to it by `${NAME}`."""
    return dict(os.environ)


def unknown_variables(settings: Settings, declared: Collection[str]) -> list[str]:
    """Return the variables that look like ours and are none: a misspelt one would be ignored without a word.

    `declared` are those that others declare, such as model providers.
    """
    known = {*map(variable_of, Settings.model_fields), *declared}
    return [name for name in settings.environment.starting_with("STEPWARDEN_") if name not in known]
