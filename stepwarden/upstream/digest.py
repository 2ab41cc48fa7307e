"""Digests of JSON values: what binds an approval, and a record, to exactly one call."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from typing import Any, cast


def canonical(value: object) -> str:
    """Return JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def digest_of(value: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a JSON object, in hex."""
    return hashlib.sha256(canonical(value).encode(errors="replace")).hexdigest()


def sameness_of(tool: str, arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return the digest by which a call is known again when it is sent once more, with its arguments in another form.

    The order of fields, blanks and forms of letters in texts, 1 and 1.0, what is empty or null and what the `schema`
    has as its default make no difference.
    """
    properties = cast("Mapping[str, Any]", schema.get("properties") or {})
    given = {name: value for name, value in arguments.items() if value != _default_of(properties.get(name))}
    return digest_of({"tool": tool, "arguments": _normal(given)})


def _default_of(schema: object) -> object:
    return cast("Mapping[str, object]", schema).get("default") if isinstance(schema, Mapping) else None


def _normal(value: object) -> object:
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFC", value).split())
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        found = {name: _normal(item) for name, item in cast("Mapping[str, object]", value).items()}
        return {name: item for name, item in found.items() if item is not None and item not in ("", [], {})}
    if isinstance(value, list | tuple):
        return [_normal(item) for item in cast("list[object]", value)]
    return value
