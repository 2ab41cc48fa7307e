"""Files that are credentials by what they hold, whatever their name."""

import re

from stepwarden.files.encodings import decode
from stepwarden.files.issued_keys import find_key_blocks
from stepwarden.files.secret_values import find_secret
from stepwarden.files.secrets import is_code_name, is_sample_name

CONTENT_BYTES = 1024 * 1024  # larger files are data; Terraform's state may be, and is known by its start
_HEAD_BYTES = 64 * 1024
_MOSTLY = 0.5  # of a file that is a key block, from which it is a key

_VALUE = r"\s*:\s*[\"']?[^\s\"'{<$]{8,}"
# Each has to have all of its patterns; the first word is one that is searched for before.
_KINDS = tuple(
    (word, tuple(re.compile(pattern, re.MULTILINE) for pattern in patterns))
    for word, *patterns in (
        (b"service_account", r'"type"\s*:\s*"service_account"', r'"private_key"\s*:'),
        (b"refresh_token", r'"client_secret"\s*:', r'"refresh_token"\s*:\s*"[^"{<$]{12,}"'),
        (b"client_secret", r'"(?:installed|web)"\s*:\s*\{', r'"client_secret"\s*:\s*"[^"{<$]{12,}"'),
        (b"lineage", r'"terraform_version"\s*:', r'"lineage"\s*:', r'"serial"\s*:'),
        (b"client-key-data", r"^kind:\s*Config\b|\"kind\"\s*:\s*\"Config\"", rf"client-key-data[\"']?{_VALUE}"),
        (b"clusters", r"^kind:\s*Config\b", r"^clusters:", rf"^\s+(?:token|password|client-key-data){_VALUE}"),
        (b"auths", r'"auths"\s*:\s*\{', r'"(?:auth|identitytoken)"\s*:\s*"[^"{<$]{8,}"'),
        (b"aws_secret_access_key", r"^\[[\w ./-]+\]\s*$", r"^aws_secret_access_key\s*=\s*[\w+/]{30,}"),
        (b"machine", r"^machine\s+\S+(?:\s+login\s+\S+)?\s+password\s+[^\s{<$]{4,}"),
        (
            b"Secret",
            r"^kind:\s*Secret\s*$",
            r"^(?:data|stringData):\s*\n(?:\s*#.*\n)*\s+[\w.-]+:\s*[\"']?[^\s\"'{<$]{4,}",
        ),
        (b"_authToken", r"_authToken\s*=\s*[\w-]{20,}"),
        (b'"d"', r'"kty"\s*:\s*"(?:RSA|EC|OKP)"', r'"d"\s*:\s*"[\w-]{20,}"'),
        (b":$", r"^[\w.-]+:\$(?:2[aby]|5|6|apr1|y|argon2\w*)\$\S{20,}"),
        (b"PuTTY-User-Key-File", r"^PuTTY-User-Key-File-\d:"),
    )
)
_SETTING = re.compile(r"(?:export\s+)?[A-Za-z_][A-Za-z0-9_.]*\s*=.*|\s*(?:[#;].*)?")
_ENVIRONMENT = re.compile(r"|env\w*|local|prod\w*|dev\w*|staging|secrets?|vars?|sh")  # suffixes of such files


def is_secret_content(name: str, data: bytes) -> bool:
    """Whether the file `name` with these bytes is a credential: it is then never read, as if its name said so.

    Source code is none; secrets in it are hidden one by one.
    """
    if is_code_name(name) or is_sample_name(name) or b"\0" in data[:_HEAD_BYTES]:
        return False
    head = data if len(data) <= CONTENT_BYTES else data[:_HEAD_BYTES]
    kinds = [patterns for word, patterns in _KINDS if word in head]
    text = decode(head) if kinds else None
    if text is not None and any(all(pattern.search(text) for pattern in patterns) for patterns in kinds):
        return True
    return _is_key(head) or _is_environment(name, head)


def _is_key(data: bytes) -> bool:
    """Whether most of a file is a private key."""
    if b"PRIVATE KEY" not in data or (text := decode(data)) is None:
        return False
    blocks = sum(end - start for start, end in find_key_blocks(text) if end - start > 40)
    return blocks > _MOSTLY * len(text)


def _is_environment(name: str, data: bytes) -> bool:
    """Whether a file without a known suffix has nothing but `NAME=value` lines, and a secret among them."""
    ending = name.rpartition(".")[2].lower() if "." in name.lstrip(".") else ""
    if b"=" not in data or len(data) > _HEAD_BYTES or not _ENVIRONMENT.fullmatch(ending):
        return False
    text = decode(data)
    if text is None:
        return False
    lines = text.splitlines()
    if not all(_SETTING.fullmatch(line) for line in lines):
        return False
    return any(find_secret(line, "x.env") for line in lines)
