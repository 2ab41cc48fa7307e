"""Names of tools as endpoints take them, and back: letters, digits, `_` and `-`, 64 at most. Pure."""

import re
from collections.abc import Mapping

from stepwarden.models import ModelRequest

_LONGEST = 64
_TAKEN = re.compile(r"[A-Za-z_][\w-]{0,63}", re.ASCII)
_PREFIX = re.compile(r"^(?:functions|default_api|tools?)[.:]")  # of gpt-oss, Gemini and Kimi

UNREAD = "unread_call"
"""The name under which a call whose name could not be read goes back to its model."""


def wire_names(request: ModelRequest) -> Mapping[str, str]:
    """Return the name on the wire of each tool that a request offers or has called; those that can be stay."""
    names = dict.fromkeys(tool.name for tool in request.tools)
    names |= dict.fromkeys(call.name for message in request.messages for call in message.calls)
    found = {name: name for name in names if _TAKEN.fullmatch(name)}
    for name in names:
        if name not in found:
            found[name] = _free(re.sub(r"[^A-Za-z0-9_-]+", "_", name) or UNREAD, set(found.values()))
    return found


def own_name(said: str, names: Mapping[str, str]) -> str:
    """Return the tool's own name for the one that a model wrote; what is no tool's stays as it is."""
    back = {wire: name for name, wire in names.items()}
    said = said.strip()
    return back.get(said) or back.get(_PREFIX.sub("", said)) or (said if said in names else _PREFIX.sub("", said))


def _free(name: str, taken: set[str]) -> str:
    name = name if re.match(r"[A-Za-z_]", name) else f"_{name}"
    found, number = name[:_LONGEST], 2
    while found in taken:
        end = f"_{number}"
        found, number = name[: _LONGEST - len(end)] + end, number + 1
    return found
