"""The file of upstream servers: JSON as hosts write it, with `${NAME}` for variables of the environment."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from stepwarden.errors import SettingsError
from stepwarden.upstream.auth_config import AuthConfig, ClientConfig, IdpConfig
from stepwarden.upstream.config import NAME_PATTERN, UpstreamConfig
from stepwarden.upstream.look_config import CleaningConfig, LookConfig, MarkConfig

MOST_BYTES = 1_000_000
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_TABLES = ("upstreams", "mcpServers", "servers")  # ours, and what hosts call the same


@dataclass(frozen=True, slots=True)
class _EntryError(Exception):
    line: str


def load_upstreams(path: Path, variables: Mapping[str, str]) -> tuple[UpstreamConfig, ...]:
    """Return the upstreams of the file, in its order, without those that are disabled; none where there is no file.

    `${NAME}` and `${NAME:-default}` in any text are filled in from `variables`. Raises SettingsError with one line for
    each thing that is wrong; no line repeats a value, because it could be a secret.
    """
    try:
        found = _entries(path)
    except _EntryError as error:
        raise SettingsError(f"{path}: {error.line}") from None
    configs: list[UpstreamConfig] = []
    lines: list[str] = []
    for name, entry in found.items():
        if isinstance(entry, dict) and cast("dict[str, object]", entry).get("disabled") is True:
            continue
        try:
            configs.append(_config(name, cast("object", entry), variables))
        except _EntryError as error:
            lines += [f"{path}: {name}: {line}" for line in error.line.splitlines()]
    lines += [f"{path}: {line}" for line in _clashes(configs)]
    if lines:
        raise SettingsError("\n".join(lines))
    return tuple(configs)


def _entries(path: Path) -> dict[str, object]:
    try:
        if not path.exists():
            return {}
        if path.stat().st_size > MOST_BYTES:
            raise _EntryError(f"is over {MOST_BYTES} bytes")
        data: object = json.loads(path.read_text("utf-8"), object_pairs_hook=_once)
    except OSError as error:
        raise _EntryError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _EntryError("is not UTF-8 text") from None
    except RecursionError:
        raise _EntryError("is nested too deep") from None
    except json.JSONDecodeError as error:
        raise _EntryError(f"is not valid JSON: {error.msg} in line {error.lineno}") from None
    shape = 'is not {"upstreams": {"name": {...}}}, in JSON'
    if not isinstance(data, dict):
        raise _EntryError(shape)
    tables = cast("dict[str, object]", data)
    present = [key for key in _TABLES if key in tables]
    table = tables[present[0]] if len(present) == 1 else None
    if not isinstance(table, dict) or len(tables) != 1:
        raise _EntryError(shape)
    return cast("dict[str, object]", table)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _EntryError(f"has '{key}' twice")
        found[key] = value
    return found


def _config(name: str, entry: object, variables: Mapping[str, str]) -> UpstreamConfig:
    if not re.fullmatch(NAME_PATTERN, name):
        raise _EntryError("a name is a letter and up to 31 more of a-z, 0-9, - and _")
    if not isinstance(entry, dict):
        raise _EntryError("send an object {...}")
    filled = cast("dict[str, Any]", _filled(cast("dict[str, Any]", entry), variables))
    if "name" in filled:
        raise _EntryError("name is unknown here; the key is the name")
    try:
        config = UpstreamConfig.model_validate({**filled, "name": name})
    except ValidationError as error:
        raise _EntryError("\n".join(_lines(error))) from None
    for place, client in (("auth", config.auth), ("auth.idp", config.auth.idp)):
        if client is not None and client.has_key:
            _check_key(place, client)
    return config


def _check_key(place: str, client: ClientConfig) -> None:
    from stepwarden.upstream.client_keys import UnfitKey, read_client_key

    try:
        read_client_key(client)
    except UnfitKey as unfit:
        raise _EntryError(f"{place}.{unfit}") from None


def _filled(value: object, variables: Mapping[str, str]) -> object:
    """Return `value` with every reference in its texts replaced."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: _looked_up(match, variables), value)
    if isinstance(value, list):
        return [_filled(item, variables) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: _filled(item, variables) for key, item in cast("dict[str, object]", value).items()}
    return value


def _looked_up(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name, default = match.groups()
    found = variables.get(name) or default
    if found is None:
        raise _EntryError(f"${{{name}}}: the variable {name} is not set")
    return found


_WORDS = {
    "missing": "is missing",
    "string_type": "send a text, in quotation marks",
    "tuple_type": "send a list [...]",
    "list_type": "send a list [...]",
    "dict_type": "send an object {{...}}",
    "model_type": "send an object {{...}}",
    "model_attributes_type": "send an object {{...}}",
    "bool_type": "send true or false",
    "bool_parsing": "send true or false",
    "float_type": "send a number",
    "float_parsing": "send a number",
    "int_type": "send a whole number",
    "int_parsing": "send a whole number",
    "greater_than": "send more than {gt}",
    "greater_than_equal": "send {ge} or more",
    "less_than_equal": "send {le} or less",
    "literal_error": "send one of {expected}",
}


def _lines(error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False, include_input=False):
        location = [str(part) for part in item["loc"]]
        place = ".".join(location)
        if item["type"] == "extra_forbidden":
            model = _model_at(location)
            near = difflib.get_close_matches(location[-1].lower(), model.model_fields, n=1, cutoff=0.6)
            yield f"{place} is unknown here{f'; did you mean {near[0]}?' if near else '; leave it out'}"
            continue
        words = _WORDS.get(item["type"])
        words = words.format(**item.get("ctx", {})) if words else item["msg"].removeprefix("Value error, ")
        yield f"{place}: {words}" if place else words


def _model_at(location: list[str]) -> type[BaseModel]:
    """Return what stands where a key is unknown."""
    if location[0] == "looks":
        return {"mark": MarkConfig, "clean": CleaningConfig}.get(location[-2], LookConfig)
    return IdpConfig if "idp" in location[:-1] else AuthConfig if location[0] == "auth" else UpstreamConfig


def _clashes(configs: list[UpstreamConfig]) -> Iterator[str]:
    """Return a line for each upstream whose exposed tools would share the prefix of another."""
    owners: dict[str, str] = {}
    for config in configs:
        if config.expose:
            first = owners.setdefault(config.tool_prefix, config.name)
            if first != config.name:
                yield f"{config.name}: prefix {config.tool_prefix} is that of {first}; choose another"
