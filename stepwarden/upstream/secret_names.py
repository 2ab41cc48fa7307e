"""Which names of settings, headers and arguments say that their value is a secret, and which say what else it is."""

import re

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_TELLING = frozenset(
    {"token", "secret", "pass", "password", "passwd", "passphrase", "passcode", "pwd", "pat", "auth", "authorization"}
    | {"credential", "credentials", "creds", "cookie", "signature", "dsn", "webhook"}
)
_TELLING_ENDS = ("token", "secret", "password", "passwd", "pass", "apikey", "accesskey", "secretkey", "privatekey")
_TELLING_LAST = frozenset({"personal", "pin", "session"})
_KEYS_OF_THINGS = frozenset(
    {"project", "space", "issue", "board", "epic", "public", "primary", "sort", "foreign", "partition", "cache"}
)
_USERS = frozenset({"user", "username", "login", "email", "mail", "id", "name"})
_OTHERS = _USERS | frozenset(
    {"ids", "uuid", "guid", "url", "urls", "uri", "host", "hostname", "domain", "port", "endpoint", "provider"}
    | {"path", "dir", "directory", "file", "folder", "region", "zone", "model", "image", "version", "tag", "commit"}
    | {"sha", "digest", "hash", "type", "mode", "method", "scheme", "header", "format", "prefix", "level"}
    | {"algorithm", "alg", "issuer", "audience", "scope", "scopes", "enabled", "disabled", "required"}
    | {"ttl", "timeout", "expiry", "seconds", "count", "limit", "limits", "size", "length"}
)


def tells_of_secret(name: str) -> bool:
    """Return whether a name says that its value is a secret: `DB_PASS`, `X-Api-Key`; not `TOKEN_URL`, `PROJECT_KEY`."""
    words = _words_of(name)
    if not words or tells_of_others(name):
        return False
    keys = (at for at, word in enumerate(words) if word == "key")
    return (
        words[-1] in _TELLING_LAST
        or any(word in _TELLING or word.endswith(_TELLING_ENDS) for word in words)
        or any(at == 0 or words[at - 1] not in _KEYS_OF_THINGS for at in keys)
    )


def tells_of_others(name: str) -> bool:
    """Return whether a name says by its last word that its value is something else: an address, a name, a number."""
    return not _OTHERS.isdisjoint(_words_of(name)[-1:])


def tells_of_user(name: str) -> bool:
    """Return whether a name says that its value is a name to sign in by."""
    return not _USERS.isdisjoint(_words_of(name)[-1:])


def _words_of(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]
