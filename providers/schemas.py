"""The schema of a typed answer, in the two forms a model can be given it."""

import json
from typing import Any, cast

from pydantic import BaseModel


def schema_prompt(answer: type[BaseModel]) -> str:
    """Return the words that ask for the type where the endpoint takes no schema."""
    schema = json.dumps(answer.model_json_schema(), ensure_ascii=False, separators=(",", ":"))
    return f"Answer with one JSON object and nothing else: no prose, no fence. It has to fit this schema:\n{schema}"


def schema_response_format(answer: type[BaseModel]) -> dict[str, Any]:
    """Return `response_format` for the type: strict where its schema can be written strictly, else as a hint."""
    schema = answer.model_json_schema()
    strict = strict_schema(schema)
    described = {"name": answer.__name__[:64], "schema": strict or schema, "strict": strict is not None}
    return {"type": "json_schema", "json_schema": described}


def strict_schema(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema as OpenAI's strict mode wants it, or None where that mode cannot express it.

    Every object is closed and needs all of its properties, and nothing has a default:
    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    try:
        return cast("dict[str, Any]", _strict(schema))
    except _NotStrict:
        return None


class _NotStrict(Exception):
    """The schema holds an object with free keys."""


def _strict(part: object) -> object:
    if isinstance(part, list):
        return [_strict(entry) for entry in cast("list[object]", part)]
    if not isinstance(part, dict):
        return part
    schema = cast("dict[str, object]", part)
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    found = {key: _strict(value) for key, value in schema.items() if key not in {"default", "properties", "$defs"}}
    for names in ("properties", "$defs"):  # their keys are names, not keywords
        if names in schema:
            named = cast("dict[str, object]", schema[names])
            found[names] = {name: _strict(value) for name, value in named.items()}
    if schema.get("type") == "object":
        if "properties" not in schema or schema.get("additionalProperties"):
            raise _NotStrict
        found["additionalProperties"] = False
        found["required"] = list(cast("dict[str, object]", schema["properties"]))
    return found
