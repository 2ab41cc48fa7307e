"""Names of files that are never read: keys, credentials and the data of version control."""

import re
import unicodedata
from collections.abc import Sequence

# Everything in directories of these names (cookiecutter-django keeps secrets in `.envs`).
_DIRECTORY = re.compile(
    r"\.(git|hg|svn|bzr|jj|pijul|fslckout|aws|azure|ssh|gnupg|kube|envs?|password-store|terraform|terraform\.d|direnv"
    r"|vagrant|chef|oci|aliyun)|_darcs|_fossil_"
)
_PLACE = re.compile(
    r"(^|/)(\.docker/config\.json|\.config/gcloud/.+|\.config/(gh|hub|glab-cli|rclone|doctl|op)(/.+)?|\.m2/settings\.xml"
    r"|\.gem/credentials|\.gradle/gradle\.properties|\.ngrok2?/.+|\.snowsql/config|\.kaggle/kaggle\.json|cvs/root)$"
)

_NAME = re.compile(
    r"\.(envrc|netrc|npmrc|pypirc|git-credentials|htpasswd|pgpass|my\.cnf|mylogin\.cnf|s3cfg|boto|dockercfg|vault-token)"
    r"|_netrc|pgpass\.conf|kubeconfig|\.\w+_history|\.(terraformrc|databrickscfg|sentryclirc|smbcredentials|passwd-s3fs)"
    r"|\.(vault_pass|vault-password|rclone\.conf|ansible_vault|htdigest)|terraform\.rc|gradle-local\.properties"
    r"|.+\.(pem|key|p12|pfx|pkcs12|p8|jks|keystore|ppk|kdbx?|keychain|keychain-db|agekey|ovpn|tfstate|tfvars)"
    r"|.+\.tfvars\.json|.+\.tfstate(\.\d+)?(\.backup|\.lock\.info)?",
    re.DOTALL,
)
_ENVIRONMENT = re.compile(r"\.env([-_.].*)?|.+\.env", re.DOTALL)
_KEY_PAIR = re.compile(r"id_(rsa|dsa|ecdsa|ed25519).*", re.DOTALL)

# Secrets only with the suffix of a data format: `credentials.py` is code, `service-account.yaml` a manifest.
_CREDENTIALS = re.compile(
    r"(.*[-_. ])?credentials?([-_. ].*)?|secrets?(\..*)?|client[-_ ]?secrets?([-_. ].*)?", re.DOTALL
)
_ACCOUNT = re.compile(r"(.*[-_. ])?service[-_ ]?account.*\.json", re.DOTALL)
_DATA = re.compile(r"|json|ya?ml|toml|ini|cfg|conf(ig)?|properties|xml|csv|txt|tfrc")
_CODE = re.compile(
    r"pyi?|go|rs|[cm]?[jt]sx?|java|kt|scala|c|h|cc|cpp|hpp|cs|rb|php|swift|exs?|lua|sql|md|rst|sh|html|css"
)

# Where values never stand without quotation marks; shells and documents are none of these.
_EXPRESSIONS = re.compile(
    r"pyi?w?|ipynb|go|rs|[cm]?[jt]sx?|vue|svelte|java|kts?|scala|groovy|gradle|clj[cs]?|c|h|cc|cpp|cxx|hh|hpp|hxx|mm?|cs|fsx?"
    r"|vb|rb|php|swift|exs?|erl|hs|ml|lua|sql|pl|pm|r|jl|dart|zig|nim|proto|css|scss|less"
)

_SAMPLE = re.compile(r"(^|[-_.])(example|sample|template|dist)($|[-_.])")
_COPY = re.compile(r"(~|\.(bak|backup|old|orig|save|swp|tmp))+$")


def is_secret(parts: Sequence[str]) -> bool:
    """Whether a file must not be read, quoted or sent, by its names: directories first, the file last.

    Case does not matter. A copy (`.bak`, `~`, a swap file) of a secret is a secret; code and samples are not.
    """
    names = [_plain(part) for part in parts]
    if any(_DIRECTORY.fullmatch(name) for name in names) or _PLACE.search("/".join(names)):
        return True
    return bool(names) and any(_is_secret_name(name) for name in _with_original(names[-1]))


class SecretNames:
    """The paths of one tree for which `is_secret` holds; what many of them share is judged once."""

    def __init__(self) -> None:
        self._directories: dict[str, bool | None] = {}
        self._names: dict[str, bool] = {}

    def __contains__(self, path: str) -> bool:
        directory, _, name = path.rpartition("/")
        if directory not in self._directories:
            self._directories[directory] = _is_secret_directory(directory.split("/"))
        secret = self._directories[directory]
        if secret is None:
            return is_secret(path.split("/"))
        if not secret and name not in self._names:
            self._names[name] = is_secret((name,))
        return secret or self._names[name]


def _is_secret_directory(parts: Sequence[str]) -> bool | None:
    """Whether all in a directory is secret, none of it for the sake of the directory, or (None) some files of it."""
    names = [_plain(part) for part in parts]
    if any(_DIRECTORY.fullmatch(name) for name in names):
        return True
    return None if any(name.startswith(".") or name == "cvs" for name in names) else False  # as all in _PLACE start


def is_sample_name(name: str) -> bool:
    """Whether a file is a sample to be copied and filled in, by its name."""
    return _SAMPLE.search(name.casefold()) is not None


def is_code_name(path: str) -> bool:
    """Whether a file is source code by its name, in which what stands after `=` is an expression."""
    return _EXPRESSIONS.fullmatch(path.rpartition("/")[2].rpartition(".")[2].lower()) is not None and "." in path


def _plain(name: str) -> str:
    # Windows reads `.env.`, `.env ` and `.env::$DATA` as `.env`; HFS+ ignores format characters such as U+200C.
    plain = name if name.isascii() else "".join(c for c in name if unicodedata.category(c) != "Cf")
    return (plain.partition(":")[0].rstrip(" .") or plain).casefold()


def _with_original(name: str) -> tuple[str, ...]:
    original = _COPY.sub("", name)
    return (name,) if original == name else (name, original, original.removeprefix("."))


def _is_secret_name(name: str) -> bool:
    if _NAME.fullmatch(name):
        return True
    if _SAMPLE.search(name):
        return False
    stem, _, last = name.rpartition(".")
    ending = last if stem else ""
    if _KEY_PAIR.fullmatch(name):
        return not _CODE.fullmatch(ending)
    if _CREDENTIALS.fullmatch(name):
        return _DATA.fullmatch(ending) is not None
    return bool(_ENVIRONMENT.fullmatch(name) or _ACCOUNT.fullmatch(name))
