"""The mark that a write leaves in what it makes, by which a look finds it again: put in, and taken out."""

import hashlib
import json
import re
import secrets
from base64 import b32encode
from collections.abc import Mapping
from typing import Any, cast

from stepwarden.upstream.catalogue.tool import UpstreamTool
from stepwarden.upstream.doubts.templates import opened
from stepwarden.upstream.look_config import MarkConfig

PATTERN = re.compile(r"sw-[a-z2-7]{16}")


def new_key() -> str:
    """Return a key that nobody can guess."""
    return _key(secrets.token_bytes(10))


def key_of(run: str, call: str) -> str:
    """Return the key of a call of a run: the same whenever it is sent again."""
    return _key(hashlib.sha256(f"{run}/{call}".encode()).digest()[:10])


def _key(data: bytes) -> str:
    return f"sw-{b32encode(data).decode().lower()}"


def marked(tool: UpstreamTool, arguments: Mapping[str, Any], mark: MarkConfig, key: str) -> dict[str, Any] | None:
    """Return the arguments of a write with its mark, None where there is no place for it."""
    name = mark.argument
    given = arguments.get(name)
    if name not in tool.parameters:
        return None
    if not mark.path:
        if given is not None and not isinstance(given, str):
            return None
        return {**arguments, name: f"{given}\n\n{key}" if given else key}
    whole: Any = opened(given) if given is not None else {}
    if not isinstance(whole, dict):
        return None
    with_mark = _with_item(cast("dict[str, Any]", whole), mark.path.split("."), key)
    if with_mark is None:
        return None
    as_text = isinstance(given, str) or (given is None and _takes_text(tool.parameters[name]))
    return {**arguments, name: json.dumps(with_mark, ensure_ascii=False) if as_text else with_mark}


def _with_item(value: dict[str, Any], path: list[str], key: str) -> dict[str, Any] | None:
    name, rest = path[0], path[1:]
    inner: Any = value.get(name)
    if rest:
        inner = cast("Any", {}) if inner is None else inner
        deeper = _with_item(cast("dict[str, Any]", inner), rest, key) if isinstance(inner, dict) else None
        return None if deeper is None else {**value, name: deeper}
    inner = cast("Any", []) if inner is None else inner
    return {**value, name: [*cast("list[Any]", inner), key]} if isinstance(inner, list) else None


def _takes_text(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    one = cast("Mapping[str, Any]", schema)
    kinds = [cast("Mapping[str, Any]", way).get("type") for way in (one, *one.get("anyOf", ()))]
    return "string" in kinds and "object" not in kinds


def unmarked(value: Any, key: str) -> Any:
    """Return a text, or a list, without the mark."""
    if isinstance(value, list):
        return [item for item in cast("list[Any]", value) if item != key]
    lines = [line for line in str(value).splitlines() if line.strip() != key]
    return "\n".join(lines).rstrip()
