"""One upstream server: how it is reached, how we sign in there, and what it may do here."""

import fnmatch
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import PurePath
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from stepwarden.upstream.addresses import is_loopback
from stepwarden.upstream.auth_config import NO_AUTH, AuthConfig
from stepwarden.upstream.entry_secrets import EntrySecrets, given_by_address, given_by_arguments
from stepwarden.upstream.look_config import LookConfig
from stepwarden.upstream.presets import PRESETS, with_preset

ApprovalRule = Literal["writes", "never", "all"]
Transport = Literal["stdio", "http", "sse"]
Protocol = Literal["auto", "legacy", "modern"]

PREFIX_CHARS = 12
_RUNNERS = frozenset({"npx", "pnpx", "bunx", "uvx", "pipx", "uv", "node", "bun", "deno", "python", "python3"})
_BEFORE_WHAT_RUNS = frozenset({"-m", "-y", "--yes", "run"})
NAME_PATTERN = r"[a-z][a-z0-9_-]{0,31}"

_TRANSPORTS = {
    "streamable-http": "http",
    "streamable_http": "http",
    "streamablehttp": "http",
}


def _transport(value: object) -> object:
    return _TRANSPORTS.get(value.lower(), value.lower()) if isinstance(value, str) else value


class UpstreamConfig(BaseModel):
    """One upstream server. The keys by which hosts name a server (`command`, `url` ...) mean the same here."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str = Field(pattern=f"^{NAME_PATTERN}$")
    preset: str | None = None
    type: Annotated[Transport, BeforeValidator(_transport)] | None = Field(default=None, validate_default=False)
    url: str | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    cwd: str | None = None
    disabled: bool = False

    auth: AuthConfig = NO_AUTH
    protocol: Protocol = "auto"

    approve: ApprovalRule = Field(default="writes", description="Which calls a person has to approve.")
    allow: tuple[str, ...] = Field(default=("*",), description="Patterns of the tools that may be used.")
    deny: tuple[str, ...] = Field(default=(), description="Patterns of tools that may not; wins over `allow`.")
    expose: tuple[str, ...] = Field(default=(), description="Patterns of the tools that hosts see as tools of ours.")
    prefix: str = Field(default="", description="Before the names of exposed tools; default: the name.")

    idempotent: tuple[str, ...] = Field(
        default=(), description="Patterns of tools that change nothing more when the same call is made again."
    )
    looks: dict[str, LookConfig] = Field(default_factory=dict[str, LookConfig])
    marks: bool = Field(default=False, description="Whether writes leave a mark by which a look finds them again.")
    commit_delay_s: float = Field(
        default=15.0,
        ge=0,
        le=3_600,
        description="Longest time after a call's end in which it may still be carried out.",
    )

    timeout_s: float = Field(default=45.0, gt=0, le=3_600, description="Longest wait for the answer to one call.")
    connect_timeout_s: float = Field(default=15.0, gt=0, le=300, description="Longest wait of a call for a connection.")
    start_timeout_s: float = Field(
        default=300.0, gt=0, le=3_600, description="Longest start of a command; calls go on."
    )
    idle_s: float = Field(default=600.0, gt=0, description="A connection that nobody used for so long is closed.")
    result_bytes: int = Field(default=16_000, ge=1_000, le=200_000, description="Of a result; the rest is paged.")
    concurrency: int = Field(default=16, ge=1, le=256, description="Calls in flight at the same time.")

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, value: Any) -> Any:
        """Fill in what the preset says, and what follows from the rest."""
        if not isinstance(value, dict):
            return value
        entry: dict[str, Any] = {key: item for key, item in value.items() if item is not None}  # pyright: ignore[reportUnknownVariableType]
        preset = entry.get("preset")
        if preset is not None:
            if preset not in PRESETS:
                raise ValueError(f"preset: unknown; the presets are: {', '.join(PRESETS)}")
            entry = with_preset(PRESETS[preset], entry)
        if "url" in entry and "auth" not in entry:
            entry["auth"] = {"type": _usual_auth(entry)}
        return entry

    @model_validator(mode="after")
    def _consistent(self) -> "UpstreamConfig":
        if (self.command is None) == (self.url is None):
            raise ValueError("send either url, or command with args, or preset")
        if self.command is not None:
            if self.type not in {None, "stdio"}:
                raise ValueError(f"type {self.type} needs url, not command")
            if self.auth.type != "none":
                raise ValueError("auth is for servers with url; give secrets to a command by env")
        else:
            self._check_address(self.url or "")
        if len(self.tool_prefix) > PREFIX_CHARS or not self.tool_prefix.replace("_", "").isalnum():
            raise ValueError(f"prefix: send at most {PREFIX_CHARS} letters, digits and _, such as jira")
        return self

    def _check_address(self, url: str) -> None:
        if self.type == "stdio":
            raise ValueError("type stdio needs command, not url")
        if self.args or self.env or self.cwd:
            raise ValueError("args, env and cwd are for servers with command")
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            usable = False
            parts = urlsplit("")
        if not usable:
            raise ValueError("url: send an address such as https://host/mcp")
        if parts.username or parts.password:
            raise ValueError("url: there is a password in it; use auth")
        if parts.scheme == "http" and self.sends_secrets and not is_loopback(parts.hostname or ""):
            raise ValueError("url: secrets go over https only, or to this machine; use https, or auth type none")

    @property
    def transport(self) -> Transport:
        """How it is reached: the `type` of the entry, or what follows from it."""
        if self.command is not None:
            return "stdio"
        return self.type or "http"

    @property
    def opening_limit(self) -> tuple[float, str]:
        """After how many seconds an attempt to connect is given up, and the setting that says so."""
        if self.transport == "stdio":
            return max(self.start_timeout_s, self.connect_timeout_s), "start_timeout_s"
        return self.connect_timeout_s, "connect_timeout_s"

    @property
    def tool_prefix(self) -> str:
        """What stands before the names of its exposed tools, without the underscore after it."""
        return self.prefix or self.name.replace("-", "_")[:PREFIX_CHARS].rstrip("_")

    @property
    def sends_secrets(self) -> bool:
        """Whether its requests carry secrets."""
        return self.auth.type != "none" or any(is_credential(name) for name in self.headers)

    @property
    def place(self) -> str:
        """Where it is, for people: the address, or the command and what it runs, without parts that could be secret."""
        where = (self.url or self.command or "").partition("?")[0]
        runs = _run_by(self.command, self.args) if self.command else ""
        return self.without_secrets(f"{where} {runs}" if runs else where)

    @cached_property
    def _secrets(self) -> EntrySecrets:
        given = [("auth" if is_credential(name) else name, value) for name, value in self.headers.items()]
        given += [*self.env.items(), *self.auth.secrets]
        values = [(name, value.get_secret_value()) for name, value in given]
        values += given_by_arguments(self.args)
        values += given_by_address(self.url or "")
        return EntrySecrets([*values, ("email", self.auth.email or "")])

    def without_secrets(self, words: str) -> str:
        """Return words that may quote an upstream, without the secrets that this entry gives it."""
        return self._secrets.hide_in(words)

    def look_of(self, tool: str) -> LookConfig | None:
        """Return how to find out whether a call of this tool was carried out; None where no look can tell."""
        look = self.looks.get(tool)
        return None if look is None or (look.mark is not None and not self.marks) else look

    def permits(self, tool: str) -> bool:
        """Return whether a tool of this name may be used."""
        return matches(tool, self.allow) and not matches(tool, self.deny)


def matches(tool: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a tool's name fits one of `patterns` (`*` and `?`, as in a shell; case counts)."""
    return any(fnmatch.fnmatchcase(tool, pattern) for pattern in patterns)


def _run_by(command: str, args: tuple[str, ...]) -> str:
    """Return the script or package that a command such as npx runs; no other argument, which could be a secret."""
    if PurePath(command).stem.lower() not in _RUNNERS:
        return ""
    left = list(args)
    while left and left[0] in _BEFORE_WHAT_RUNS:
        left.pop(0)
    runs = left[0].partition("?")[0] if left and not left[0].startswith("-") else ""
    return re.sub(r"(?<=://)[^/@\s]+@", "", runs)


def is_credential(header: str) -> bool:
    """Return whether a header is one that carries a secret."""
    name = header.lower()
    return name in {"authorization", "proxy-authorization", "cookie"} or any(
        word in name for word in ("token", "key", "secret", "password", "auth")
    )


def _usual_auth(entry: Mapping[str, Any]) -> str:
    """Return the default way to sign in: OAuth where the server asks for it, unless a header does it already."""
    headers = entry.get("headers")
    if isinstance(headers, dict) and any(is_credential(str(name)) for name in headers):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return "none"
    try:
        parts = urlsplit(str(entry.get("url")))
    except ValueError:
        return "none"
    return "oauth" if parts.scheme == "https" or is_loopback(parts.hostname or "") else "none"
