"""Where requests, commands and messages enter a program."""

import re
from collections.abc import Mapping

from stepwarden.inspections.secaudit.security_rules import SecurityFinding, SecurityRisk
from stepwarden.source.outline import Language, Outline

_ROUTE_DECORATORS = re.compile(
    r"\b(?:route|get|post|put|patch|delete|websocket|api_view|command|tool|task|GetMapping|PostMapping|PutMapping"
    r"|DeleteMapping|RequestMapping|Path|Http(?:Get|Post|Put|Delete))\b"
)
_ROUTE_CALLS = frozenset({"HandleFunc", "Handle", "add_url_rule", "add_route", "add_parser"})
_ROUTERS = re.compile(r"^(?:app|router|server|api|mux)$")
_GO_ROUTERS = re.compile(r"^(?:r|e|g)$")  # as the frameworks of Go document them; elsewhere they may be anything
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "all", "use", "GET", "POST", "PUT", "DELETE"})
_MAIN_FILES = re.compile(r"(?:^|/)(?:__main__\.py|manage\.py|main\.go|Main\.java|Program\.cs)$")


def find_entry_points(outlines: Mapping[str, Outline]) -> list[SecurityFinding]:
    """Return the places where requests, commands or messages enter, each with its name."""
    found: list[SecurityFinding] = []
    for path, outline in outlines.items():
        found += [
            SecurityFinding(path, item.line, item.qualified, SecurityRisk.ACCESS)
            for item in outline.definitions
            if any(_ROUTE_DECORATORS.search(text.partition("(")[0].replace(".", " ")) for text in item.decorators)
        ]
        found += [
            SecurityFinding(path, call.line, f"{call.receiver}.{call.name}", SecurityRisk.ACCESS)
            for call in outline.calls
            if call.name in _ROUTE_CALLS or (call.name in _VERBS and _is_router(call.receiver, outline.language))
        ]
        if _MAIN_FILES.search(path):
            found.append(SecurityFinding(path, 1, "main", SecurityRisk.ACCESS))
    return found


def _is_router(receiver: str, language: Language) -> bool:
    return bool(_ROUTERS.match(receiver) or (language is Language.GO and _GO_ROUTERS.match(receiver)))
