"""Every setting, read once from the environment: `STEPWARDEN_*` for ours, vendors' keys by their usual names."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from stepwarden.errors import SettingsError
from stepwarden.settings.allowance import UNLIMITED, Allowance, parse_allowance

RESERVED_PRINCIPALS = ("local", "anonymous")  # of threads/calls.py: hosts on stdio, and callers without a token

MANAGER_MODEL = "glm-4.5-flash"  # free of charge and quick; asked only where its key is there

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


def _default_home() -> Path:
    from platformdirs import user_data_path

    return user_data_path("stepwarden", appauthor=False)


def _key(*variables: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(*variables), description="A vendor's key.")


def _endpoint(variable: str, description: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(variable), description=description)


class Settings(BaseSettings):
    """The settings of one server process. Every field is the variable `STEPWARDEN_<FIELD>`, or its vendor's own."""

    model_config = SettingsConfigDict(
        env_prefix="STEPWARDEN_", extra="ignore", frozen=True, env_ignore_empty=True, populate_by_name=True
    )

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

    upstreams: Path | None = Field(
        default=None, description="The JSON file of upstream MCP servers; default: `upstreams.json` in `home`."
    )
    vault_key_file: Path | None = Field(
        default=None, description="A private file (0600) of 32 bytes or more that seals the tokens; else the keyring."
    )

    openai_api_key: SecretStr | None = _key("OPENAI_API_KEY")
    openai_base_url: str | None = _endpoint("OPENAI_BASE_URL", "Another endpoint for OPENAI_API_KEY.")
    zhipuai_api_key: SecretStr | None = _key("ZHIPUAI_API_KEY")
    zai_api_key: SecretStr | None = _key("ZAI_API_KEY")
    openrouter_api_key: SecretStr | None = _key("OPENROUTER_API_KEY")
    gemini_api_key: SecretStr | None = _key("GEMINI_API_KEY", "GOOGLE_API_KEY")
    xai_api_key: SecretStr | None = _key("XAI_API_KEY")
    deepseek_api_key: SecretStr | None = _key("DEEPSEEK_API_KEY")
    moonshot_api_key: SecretStr | None = _key("MOONSHOT_API_KEY")
    mistral_api_key: SecretStr | None = _key("MISTRAL_API_KEY")
    anthropic_api_key: SecretStr | None = _key("ANTHROPIC_API_KEY")
    azure_openai_api_key: SecretStr | None = _key("AZURE_OPENAI_API_KEY")
    azure_openai_endpoint: str | None = _endpoint("AZURE_OPENAI_ENDPOINT", "https://<resource>.openai.azure.com")
    azure_openai_api_version: str | None = _endpoint(
        "AZURE_OPENAI_API_VERSION", "A dated version of Azure's API; default: its undated v1."
    )
    ollama_host: str | None = _endpoint("OLLAMA_HOST", "Address of an Ollama server.")
    custom_api_url: str | None = _endpoint(
        "CUSTOM_API_URL", "Base URL of any OpenAI-compatible endpoint (LM Studio, vLLM, LiteLLM ...), with its /v1."
    )
    custom_api_key: SecretStr | None = _key("CUSTOM_API_KEY")
    custom_model_name: str | None = _endpoint("CUSTOM_MODEL_NAME", "The model to ask at CUSTOM_API_URL.")

    zhipuai_url: str | None = Field(
        default=None, description="Another official endpoint of GLM, such as https://api.z.ai/api/coding/paas/v4."
    )
    zhipuai_sdk: bool = Field(default=False, description="Ask GLM through zai-sdk (extra `zhipu`), in a thread.")
    scripted: Path | None = Field(default=None, description="A JSON script that answers as a model, for tests.")
    default_model: str = Field(
        default="auto", description="The model where none is named and a strong one is wanted; `auto` chooses by need."
    )
    manager_model: str | None = Field(
        default=None, description="The manager's model, or `off`; default: glm-4.5-flash where a GLM key is set."
    )
    models_allowed: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Models that may be asked: names or patterns such as `openai/*`, separated by commas."
    )
    models_denied: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Models that may not be asked; wins over the allowed ones."
    )
    models_file: Path | None = Field(default=None, description="A JSON file merged over the catalogue of models.")
    model_timeout_s: float = Field(default=300.0, gt=0, description="Longest wait for one answer of a model.")
    model_concurrency: int = Field(default=8, ge=1, description="Requests to one model at the same time.")
    model_rate: int = Field(default=120, ge=1, description="Requests to one provider in a minute.")
    budget_call: Annotated[Allowance, NoDecode] = Field(
        default=UNLIMITED, description="Most that one call of a model may cost: `$0.50`, `100k tokens`, or both."
    )
    budget_thread: Annotated[Allowance, NoDecode] = Field(default=UNLIMITED, description="The same for one thread.")
    budget_day: Annotated[Allowance, NoDecode] = Field(
        default=UNLIMITED, description="The same for one day (UTC) of this process."
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

    @field_validator("allowed_hosts", "models_allowed", "models_denied", mode="before")
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

    @field_validator("*", mode="after")
    @classmethod
    def _usable_key(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, SecretStr) or not str(info.field_name).endswith("_api_key"):
            return value
        key = value.get_secret_value().strip()
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("there are blanks or foreign characters in it; copy it again")
        return SecretStr(key)

    @field_validator("budget_call", "budget_thread", "budget_day", mode="before")
    @classmethod
    def _read_allowance(cls, value: object) -> object:
        return parse_allowance(value) if isinstance(value, str) else value

    @field_validator(
        "openai_base_url", "azure_openai_endpoint", "custom_api_url", "zhipuai_url", "ollama_host", mode="after"
    )
    @classmethod
    def _usable_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        address = value.strip().rstrip("/")
        if info.field_name == "ollama_host" and "://" not in address:
            address = f"http://{address}"
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("send an address such as https://host/v1")
        if parts.username or parts.password:
            raise ValueError("there is a password in the address; put the key into its own variable")
        return address

    @property
    def manager_adviser(self) -> str | None:
        """The name of the manager's model, None where the rules advise alone."""
        if self.manager_model is not None:
            name = self.manager_model.strip()
            return None if name.casefold() == "off" else name or None
        return MANAGER_MODEL if self.zhipuai_api_key or self.zai_api_key else None

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

    Raises SettingsError with one line for each variable that has no usable value.
    """
    try:
        return Settings(**overrides)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        lines = [
            f"{variable_of(str(item['loc'][0]))}: {str(item['msg']).removeprefix('Value error, ')}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("\n".join(lines)) from None


def variable_of(field: str) -> str:
    """Return the environment variable of a field: the vendor's own name where it has one."""
    if field not in Settings.model_fields:
        return field  # pydantic names an alias where the value came from one
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"STEPWARDEN_{field.upper()}"


def variables() -> Mapping[str, str]:
    """Return the whole environment, for files that refer to it by `${NAME}`."""
    return dict(os.environ)


def unknown_variables() -> list[str]:
    """Return the variables that look like ours and are none: a misspelt one would be passed over in silence."""
    known = {variable_of(name) for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.upper().startswith("STEPWARDEN_") and name.upper() not in known)
