"""What one upstream server is: how it is reached, how we sign in there, and what it may do here."""

import fnmatch
import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

AuthType = Literal["none", "oauth", "client_credentials", "enterprise", "bearer", "basic"]
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
Approval = Literal["writes", "never", "all"]
Transport = Literal["stdio", "http", "sse"]
Protocol = Literal["auto", "legacy", "modern"]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # The endpoint with resource metadata and dynamic registration; `/v1/sse` is no longer served since 30 June 2026.
    "atlassian": {"url": "https://mcp.atlassian.com/v1/mcp/authv2", "auth": {"type": "oauth"}},
}
"""Servers known by a name; what an entry of the file says itself wins."""

PREFIX_CHARS = 12
SECRET_CHARS = 6  # what is shorter could be any word
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASS|PASSWORD|PASSWD|PWD|PAT|AUTH|CREDENTIALS?)(_|$)", re.IGNORECASE)
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


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


def _check_path(name: str, path: str | None) -> None:
    if path and not path.startswith("~/") and not Path(path).is_absolute():
        raise ValueError(f"{name}: send an absolute path, or one that begins with ~/")


class ClientConfig(BaseModel):
    """Who we are for one authorization server: a client with a secret, with a private key, or with neither.

    `private_key` is PEM text, `private_key_file` the absolute path of a PEM file, which is read anew each time it signs
    (RFC 7523). `algorithm` None takes the usual one for the key; `key_id` is the `kid` of what it signs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    client_id: str | None = None
    client_secret: SecretStr | None = None
    private_key: SecretStr | None = None
    private_key_file: str | None = None
    algorithm: Algorithm | None = None
    key_id: str | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> "ClientConfig":
        proofs = [name for name in ("client_secret", "private_key", "private_key_file") if getattr(self, name)]
        if len(proofs) > 1:
            raise ValueError(f"{' and '.join(proofs)}: send one of them")
        if (self.algorithm or self.key_id) and not self.has_key:
            raise ValueError("algorithm and key_id go with private_key_file or private_key")
        if proofs and not self.client_id:
            raise ValueError(f"{proofs[0]} needs client_id")
        _check_path("private_key_file", self.private_key_file)
        return self

    @property
    def has_key(self) -> bool:
        """Whether the client proves itself with what its key signs."""
        return bool(self.private_key or self.private_key_file)


class IdpConfig(ClientConfig):
    """An enterprise's identity provider: where it is, who we are there, and the ID token of the person we act for.

    Its token endpoint is found by `issuer`, or named by `token_endpoint` where it describes itself nowhere.
    `id_token_file` is read anew at each exchange: ID tokens are short-lived.
    """

    issuer: str | None = None
    token_endpoint: str | None = None
    id_token: SecretStr | None = None
    id_token_file: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> "IdpConfig":
        if not self.client_id:
            raise ValueError("idp needs client_id")
        for one, other in (("issuer", "token_endpoint"), ("id_token_file", "id_token")):
            if bool(getattr(self, one)) == bool(getattr(self, other)):
                raise ValueError(f"idp needs either {one} or {other}")
        _check_path("id_token_file", self.id_token_file)
        if not sends_safely(self.place):
            raise ValueError("idp: secrets go over https only, or to this machine; send an https address")
        return self

    @property
    def place(self) -> str:
        """The address by which it is known."""
        return self.issuer or self.token_endpoint or ""


class AuthConfig(ClientConfig):
    """How to sign in at an upstream.

    `oauth` signs a person in (PKCE) with `client_id` (and `client_secret`) where one is given, else with the client-id
    metadata document at `client_metadata_url`, else by dynamic registration. `client_credentials` is for machines, with
    a secret or a private key. `enterprise` (SEP-990) exchanges an ID token at `idp`, then its answer at `issuer`.
    `bearer` sends `token`; `basic` sends `email` and `token` (an API token). `redirect_port` 0 takes a free one.
    """

    type: AuthType
    scopes: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    client_metadata_url: str | None = None
    issuer: str | None = Field(default=None, description="Take no other authorization server than this one.")
    idp: IdpConfig | None = None
    redirect_port: int = Field(default=0, ge=0, le=65_535)
    redirect_path: str = "/callback"
    token: SecretStr | None = None
    email: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> "AuthConfig":
        needed = {
            "client_credentials": ("client_id",),
            "enterprise": ("client_id", "issuer", "idp"),
            "bearer": ("token",),
            "basic": ("email", "token"),
        }.get(self.type, ())
        for name in needed:
            if not getattr(self, name):
                raise ValueError(f"{self.type} needs {name}")
        self._check_client()
        if self.client_metadata_url and not self.client_metadata_url.startswith("https://"):
            raise ValueError("client_metadata_url: send an https address")
        if not self.redirect_path.startswith("/"):
            raise ValueError("redirect_path begins with a slash")
        return self

    def _check_client(self) -> None:
        if self.idp is not None and self.type != "enterprise":
            raise ValueError("idp is for type enterprise")
        if not self.is_machine:
            if self.has_key:
                raise ValueError("a private key is for types client_credentials and enterprise")
        elif not self.has_key and not self.client_secret:
            raise ValueError(f"{self.type} needs client_secret, or private_key_file")
        elif self.has_key and not self.issuer:
            raise ValueError("a private key needs issuer, the authorization server that knows its public key")

    @property
    def is_machine(self) -> bool:
        """Whether it signs in without anybody at a browser."""
        return self.type in {"client_credentials", "enterprise"}


NO_AUTH = AuthConfig(type="none")


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

    approve: Approval = Field(default="writes", description="Which calls a person has to approve.")
    allow: tuple[str, ...] = Field(default=("*",), description="Patterns of the tools that may be used.")
    deny: tuple[str, ...] = Field(default=(), description="Patterns of tools that may not; wins over `allow`.")
    expose: tuple[str, ...] = Field(default=(), description="Patterns of the tools that hosts see as tools of ours.")
    prefix: str = Field(default="", description="Before the names of exposed tools; default: the name.")

    timeout_s: float = Field(default=45.0, gt=0, le=3_600, description="Longest wait for the answer to one call.")
    connect_timeout_s: float = Field(default=15.0, gt=0, le=300)
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
                raise ValueError(f"preset: there is none of that name; there are: {', '.join(PRESETS)}")
            entry = {**PRESETS[preset], **entry}
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
    def tool_prefix(self) -> str:
        """What stands before the names of its exposed tools, without the underscore after it."""
        return self.prefix or self.name.replace("-", "_")[:PREFIX_CHARS].rstrip("_")

    @property
    def sends_secrets(self) -> bool:
        """Whether its requests carry anything that nobody else may read."""
        return self.auth.type != "none" or any(is_credential(name) for name in self.headers)

    @property
    def place(self) -> str:
        """Where it is, for people: the address, or the command and what it runs, without what could hold a secret."""
        where = (self.url or self.command or "").partition("?")[0]
        runs = _run_by(self.command, self.args) if self.command else ""
        return f"{where} {runs}" if runs else where

    def without_secrets(self, words: str) -> str:
        """Return words that an upstream may have a part in, without the secrets that it was given by this entry."""
        named = [value for name, value in self.headers.items() if is_credential(name)]
        named += [value for name, value in self.env.items() if _SECRET_NAME.search(name)]
        auth = [self.auth.token, self.auth.client_secret]
        for secret in [value.get_secret_value() for value in [*named, *auth] if value is not None]:
            for part in {secret, secret.rpartition(" ")[2]}:  # after "Bearer"
                words = words.replace(part, "[secret]") if len(part) >= SECRET_CHARS else words
        return words

    def permits(self, tool: str) -> bool:
        """Return whether a tool of this name may be used."""
        return matches(tool, self.allow) and not matches(tool, self.deny)


def matches(tool: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a tool's name fits one of `patterns` (`*` and `?`, as in a shell; case counts)."""
    return any(fnmatch.fnmatchcase(tool, pattern) for pattern in patterns)


def is_loopback(host: str) -> bool:
    """Return whether a host name leads to this machine for certain."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def sends_safely(url: str) -> bool:
    """Return whether what is sent to an address can be read by nobody on its way."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        )
    except ValueError:
        return False


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
    """Return the default way to sign in: OAuth if the server asks for it, unless a header does it already."""
    headers = entry.get("headers")
    if isinstance(headers, dict) and any(is_credential(str(name)) for name in headers):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return "none"
    try:
        parts = urlsplit(str(entry.get("url")))
    except ValueError:
        return "none"
    return "oauth" if parts.scheme == "https" or is_loopback(parts.hostname or "") else "none"
