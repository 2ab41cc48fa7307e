"""How we sign in at one upstream server: the `auth` of its entry."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from stepwarden.upstream.addresses import sends_safely

AuthType = Literal["none", "oauth", "client_credentials", "enterprise", "bearer", "basic"]
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


def _check_path(name: str, path: str | None) -> None:
    if path and not path.startswith("~/") and not Path(path).is_absolute():
        raise ValueError(f"{name}: send an absolute path, or one that begins with ~/")


class ClientConfig(BaseModel):
    """Who we are for one authorization server: a client with a secret, with a private key, or with neither.

    `private_key` is PEM text, `private_key_file` the absolute path of a PEM file, read again each time it signs
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
    `id_token_file` is read again at each exchange: ID tokens are short-lived.
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
    issuer: str | None = Field(default=None, description="The only authorization server that is accepted.")
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
    def secrets(self) -> Sequence[tuple[str, SecretStr]]:
        """The secrets that are sent from it, each with its name."""
        named = {"token": self.token, "client_secret": self.client_secret}
        if self.idp is not None:
            named |= {"idp_secret": self.idp.client_secret, "id_token": self.idp.id_token}
        return [(name, value) for name, value in named.items() if value is not None]

    @property
    def is_machine(self) -> bool:
        """Whether it signs in without a person at a browser."""
        return self.type in {"client_credentials", "enterprise"}


NO_AUTH = AuthConfig(type="none")
