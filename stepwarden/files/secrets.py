"""Names of files that are never read: keys, credentials and what version control keeps for itself."""

import re
import unicodedata
from collections.abc import Sequence

# Anything in a directory of these names (protocol, section 4; `.envs` is where cookiecutter-django keeps its own).
_DIRECTORIES = frozenset(
    ".git .hg .svn .bzr .jj _darcs .aws .azure .ssh .gnupg .kube .env .envs .password-store".split()
)

_NAMES = frozenset(
    (
        ".env .envrc .netrc _netrc .npmrc .pypirc .git-credentials .htpasswd .pgpass pgpass.conf .my.cnf .mylogin.cnf "
        ".s3cfg .boto .dockercfg .vault-token kubeconfig"
    ).split()
)

_KEYS = re.compile(r".\.(pem|key|p12|pfx|pkcs12|p8|jks|keystore|ppk|kdbx|keychain|keychain-db)", re.DOTALL)

_PLACES = re.compile(r"(^|/)(\.docker/config\.json|\.config/gcloud/.*|\.config/gh/hosts\.ya?ml|\.m2/settings\.xml)")

_HISTORY = re.compile(r"\.\w+_history")

_ENVIRONMENT = re.compile(r"(.*\.)?env(\..*)?", re.DOTALL)  # `.env`, `.env.local`, `production.env`
_SAMPLES = frozenset("example sample template dist".split())

# Named like a secret, and one unless the ending says that it is code, a document or a public part.
_SUSPECTS = re.compile(
    r"(id_(rsa|dsa|ecdsa|ed25519)(?![a-z0-9])"
    r"|(.*[-_. ])?(credentials?|secrets?|service[-_ ]?account|client[-_ ]?secrets?)(?![a-z0-9])).*",
    re.DOTALL,
)
_DATA = frozenset(["", *"json yml yaml toml ini cfg conf config properties xml csv txt env".split()])
_KEY_PAIR = re.compile(r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?([-.]\w+)?", re.DOTALL)
_MANIFESTS = re.compile(r"(.*[-_. ])?service[-_ ]?account.*\.ya?ml", re.DOTALL)  # Kubernetes' own, no key in it

_COPY = re.compile(r"(~|\.(bak|backup|old|orig|save|swp|tmp))+$")


def is_secret(parts: Sequence[str]) -> bool:
    """Say by its names, directories first and the file last, whether a file must not be read, quoted or sent.

    Case does not matter. A copy (`.bak`, `~`, a swap file) of a secret is one. Code is none, whatever its name.
    """
    names = [_plain(part) for part in parts]
    if any(name in _DIRECTORIES for name in names):
        return True
    if not names:
        return False
    if _PLACES.search("/".join(names)):
        return True
    return any(_is_secret_name(name) for name in _with_originals(names[-1]))


def _plain(name: str) -> str:
    # Windows takes `.env.`, `.env ` and `.env::$DATA` for `.env`, HFS+ skips format characters such as U+200C
    seen = "".join(c for c in name if c.isascii() or unicodedata.category(c) != "Cf")
    return (seen.partition(":")[0].rstrip(" .") or seen).casefold()


def _with_originals(name: str) -> tuple[str, ...]:
    original = _COPY.sub("", name)
    if original == name:
        return (name,)
    return (name, original, original.removeprefix("."))


def _is_secret_name(name: str) -> bool:
    if name in _NAMES or _KEYS.search(name) is not None and _KEYS.search(name).end() == len(name):
        return True
    if _ENVIRONMENT.fullmatch(name) and "." in name:
        return not _SAMPLES.intersection(name.split("."))
    if _HISTORY.fullmatch(name) or _KEY_PAIR.fullmatch(name):
        return True
    return _is_suspect(name)


def _is_suspect(name: str) -> bool:
    return False
