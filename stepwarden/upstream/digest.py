"""Digests of JSON values: what binds an approval, and a record, to exactly one call."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def canonical(value: object) -> str:
    """Return JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def digest_of(value: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a JSON object, in hex."""
    return hashlib.sha256(canonical(value).encode(errors="replace")).hexdigest()
