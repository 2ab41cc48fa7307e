"""Errors that come as a 200: gateways, routers and some vendors answer so, each in a form of its own. Pure."""

from collections.abc import Mapping
from typing import cast

from providers.failures import EndpointFailure, flat, with_words_behind

_BROKEN_OFF = {"error", "failed"}  # finish reasons
# Where the words stand, in the order in which they are looked for.
_WORDS = ("message", "msg", "detail", "error_msg", "error_message", "status_msg", "faultstring")
_CODES = ("code", "status_code", "error_code", "status", "http_status", "statusCode", "type")
# What an error is wrapped in: MiniMax, Cloudflare, Apigee, Azure's gateways.
_WRAPPERS = ("error", "errors", "base_resp", "fault", "Error", "err")


def embedded_failure(body: object) -> EndpointFailure | None:
    """Return the error that a body with the status 200 is, None where it is none.

    A whole completion is none, whatever else stands beside it; nor is an object that says nothing at all.
    """
    entry = _mapping(_first(cast("list[object]", body)) if isinstance(body, list) else body)
    choice = _mapping(_first(entry.get("choices")))
    message = _mapping(choice.get("message") or choice.get("delta"))
    broken_off = str(choice.get("finish_reason") or "").casefold() in _BROKEN_OFF
    if any(message.get(part) for part in ("content", "tool_calls", "function_call")) and not broken_off:
        return None
    for place in (choice.get("error"), message.get("error"), *(entry.get(name) for name in _WRAPPERS)):
        if found := _told(place):
            return found
    if broken_off:
        return EndpointFailure(500, "it broke off in its answer")
    return None if choice else _told(entry)


def _told(place: object, depth: int = 2) -> EndpointFailure | None:
    """Return what an error says, wrapped up to `depth` times; None where it says nothing."""
    if isinstance(place, list):
        place = _first(cast("list[object]", place))
    if isinstance(place, str):
        return EndpointFailure(0, place) if place.strip() else None
    entry = _mapping(place)
    words = next((entry[name] for name in _WORDS if entry.get(name) and isinstance(entry[name], str | list)), "")
    if not words:
        inside = [entry[name] for name in _WRAPPERS if entry.get(name)] if depth else []
        return next((found for place in inside if (found := _told(place, depth - 1))), None)
    if _succeeded(entry):
        return None
    codes = [str(entry[name]) for name in _CODES if isinstance(entry.get(name), int | str) and entry[name]]
    status = next((int(code) for code in codes if code.isdigit() and 400 <= int(code) < 600), 0)
    named = next((code for code in codes if code != str(status)), "")
    return EndpointFailure(status, with_words_behind(flat(words), entry), named)


def _succeeded(entry: Mapping[str, object]) -> bool:
    """Return whether an object says that all is well: `{"status_code": 0, "status_msg": "success"}`."""
    return any(
        entry.get(name) in (0, 200, "0", "200", "success", "ok", "OK") for name in ("status_code", "code", "status")
    )


def _mapping(value: object) -> Mapping[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _first(value: object) -> object:
    return cast("list[object]", value)[0] if isinstance(value, list) and value else None
