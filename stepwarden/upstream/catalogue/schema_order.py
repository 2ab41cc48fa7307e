"""A schema in one order: what a server lists from a set comes in another order after each of its starts."""

import re
from collections.abc import Mapping
from typing import cast

from stepwarden.upstream.digest import canonical

_UNORDERED = frozenset({"enum", "type", "required", "examples", "anyOf", "oneOf", "allOf", "default"})
_NAMES = re.compile(r"[\w.*-]+(?:, ?[\w.*-]+)+")  # names between commas, and no sentence


def in_one_order(value: object, key: str = "") -> object:
    """Return a schema, or what stands under `key` in one, with everything sorted whose order says nothing."""
    if isinstance(value, Mapping):
        return {name: in_one_order(item, name) for name, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        items = [in_one_order(item) for item in cast("list[object]", value)]
        return sorted(items, key=canonical) if key in _UNORDERED else items
    if isinstance(value, str) and key == "default" and _NAMES.fullmatch(value):
        return ",".join(sorted(name.strip() for name in value.split(",")))
    return value
