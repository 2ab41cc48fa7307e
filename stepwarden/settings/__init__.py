"""Every setting, read once from the environment: `STEPWARDEN_*` for ours, vendors' keys by their usual names."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from stepwarden.errors import SettingsError

RESERVED_PRINCIPALS = ("local", "anonymous")  # of threads/calls.py: hosts on stdio, and callers without a token

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def _default_home() -> Path:
    from platformdirs import user_data_path

    return user_data_path("stepwarden", appauthor=False)


class Settings(BaseSettings):
    """The settings of one server process. Every field is the variable `STEPWARDEN_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="STEPWARDEN_", extra="ignore", frozen=True, env_ignore_empty=True)

    home: Path = Field(default_factory=_default_home, description="Directory of all state, private to the user.")
    roots: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description=f"Directories whose files may be read, separated by {os.pathsep!r}."
    )
    database_url: SecretStr | None = Field(default=None, description="SQLAlchemy URL; default: SQLite in `home`.")
    tools: str = Field(default="all", description="`all`, `lean`, or names of tools separated by commas.")
    log_level: LogLevel = Field(default="WARNING", description="Least severe log record that goes to stderr.")
    tokens: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict[str, SecretStr],
        description="Bearer tokens of the HTTP server: `name:token`, separated by commas; one token, one principal.",
    )
    host: str = Field(default="127.0.0.1", description="Address the HTTP server binds.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port the HTTP server binds; 0 takes a free one.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Further Host headers the HTTP server answers to, separated by commas."
    )
    retention_days: float = Field(
        default=7.0, gt=0, description="After how many idle days threads of a single step are removed."
    )

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

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
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

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the store."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home / 'stepwarden.db'}"


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment; `overrides` win over it.

    Raises SettingsError with one line for each variable that has no usable value.
    """
    try:
        return Settings(**overrides)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        lines = [
            f"STEPWARDEN_{'_'.join(str(part) for part in item['loc'][:1]).upper()}: "
            f"{str(item['msg']).removeprefix('Value error, ')}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("\n".join(lines)) from None


def unknown_variables() -> list[str]:
    """Give the variables that look like ours and are none: a misspelt one would be passed over in silence."""
    known = {f"STEPWARDEN_{name.upper()}" for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.upper().startswith("STEPWARDEN_") and name.upper() not in known)
