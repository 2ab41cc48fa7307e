"""JSON schemas as small as a host's context deserves, from the pydantic models that really validate."""

import json
from functools import cache
from importlib.resources import files
from typing import Any, cast

from pydantic import BaseModel, create_model

DROPPED = frozenset(
    {"title", "default", "additionalProperties", "pattern", "minLength", "maxLength", "maxItems", "minimum", "maximum"}
)
"""What a host's model does not need to fill a call: the server enforces it, with errors that say what to send."""


SHIPPED = "schemas.json"
"""The schemas of the tools as they are listed, so that no start works them out; a test holds them to the models."""


def listed_schema(tool: str, model: type[BaseModel]) -> dict[str, Any]:
    """Return the input schema of a tool: the shipped one, or that of its model where none is shipped."""
    shipped = _shipped().get(tool)
    return compact_schema(model) if shipped is None else shipped


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    return json.loads(files("tools").joinpath(SHIPPED).read_text("utf-8"))


def compact_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the input schema of `model` without references, titles, defaults, nulls and unlisted fields.

    Items of lists that are objects have their fields with types, which some hosts refuse to do without.
    """
    parent = model.__base__
    if parent is None or parent is BaseModel or not issubclass(parent, BaseModel):
        return _listed(model)
    inherited = compact_schema(parent)
    own = {name: field for name, field in model.model_fields.items() if name not in parent.model_fields}
    unlisted = getattr(model, "unlisted", frozenset[str]())
    properties = {name: field for name, field in inherited["properties"].items() if name not in unlisted}
    if not own:
        return inherited | {"properties": properties}
    # Ten tools share the fields of one parent: only a tool's own are worked out for it.
    added = _listed(
        create_model("Own", **cast("Any", {name: (field.annotation, field) for name, field in own.items()}))
    )
    return {
        "type": "object",
        "properties": {**properties, **added["properties"]},
        "required": inherited["required"] + added["required"],
    }


@cache
def _listed(model: type[BaseModel]) -> dict[str, Any]:
    full = model.model_json_schema(by_alias=True)
    definitions = cast("dict[str, Any]", full.get("$defs", {}))
    properties = {
        name: _compact(field, definitions)
        for name, field in cast("dict[str, Any]", full["properties"]).items()
        if not field.get("unlisted")
    }
    return {"type": "object", "properties": properties, "required": full.get("required", [])}


def _compact(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        node.pop("description") if node.get("description") == target.get("description") else None
    if "anyOf" in node:
        kinds = [kind for kind in node["anyOf"] if kind.get("type") != "null"]
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        return _compact({**kinds[0], **rest}, definitions) if len(kinds) == 1 else {**rest}
    small = {key: value for key, value in node.items() if key not in DROPPED}
    if small.get("type") == "object":
        return {name: value for name, value in small.items() if name in {"type", "description"}}
    if "items" in small:
        small["items"] = _compact_item(small["items"], definitions)
    return small


def _compact_item(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an item of a list; of an object, its fields with the type and description of each."""
    if "$ref" not in node:
        return _compact(node, definitions)
    shape = definitions[node["$ref"].rsplit("/", 1)[-1]]
    fields = {
        name: {key: value for key, value in _compact(field, definitions).items() if key in {"type", "description"}}
        for name, field in shape["properties"].items()
        if not field.get("unlisted")
    }
    return {"type": "object", "properties": fields}
