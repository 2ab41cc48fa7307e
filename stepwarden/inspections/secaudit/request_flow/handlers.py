"""Which parameters of a function are input of a request: those of a route handler, by its decorators and its types."""

import re
from collections.abc import Iterator

from stepwarden.inspections.secaudit.request_flow.syntax import FlowParameter, SourceFunction
from stepwarden.source.outline import Language

ROUTE = re.compile(
    r"^@\s*[\w.]+\.(?:route|get|post|put|patch|delete|api_route|websocket|head)\(\s*[rf]?(?P<url>[\"'][^\"']*[\"'])?"
)
_NO_INPUT = re.compile(
    r"\bDepends\(|\bSecurity\(|\b(?:Request|Response|Session|AsyncSession|BackgroundTasks|WebSocket|HttpRequest)\b"
    r"|:\s*(?:Annotated\[)?\s*(?:int|float|bool|UUID4?|uuid\.UUID|date|datetime|Decimal)\b"
)
_OTHERS = frozenset(
    {
        "request",
        "response",
        "db",
        "session",
        "current_user",
        "user",
        "background_tasks",
        "app",
        "ctx",
        "context",
        "conn",
    }
)
_ID_LIKE = re.compile(r"(?:^|_)(?:id|pk|uuid|year|month|day|page|num|number|count|slug)$|^format$")
_CONVERTED = re.compile(r"<\s*(?:int|float|uuid)(?:\([^)]*\))?\s*:\s*(\w+)\s*>|\{(\w+):(?:int|float|uuid)\}")
_TAKEN = re.compile(r"\{[^}]*\b(?:params|query|body|cookies|headers|searchParams)\b")
_VERBS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def input_parameters(function: SourceFunction) -> Iterator[FlowParameter]:
    """Yield the parameters of a function that hold input of a request."""
    if function.language is Language.PYTHON:
        yield from _of_python(function)
    elif function.language is not Language.GO:
        yield from _of_script(function)


def is_handler(function: SourceFunction) -> bool:
    """Whether a function of Python is a route's handler by its decorators."""
    return any(ROUTE.match(text) for text in function.decorators)


def _of_python(function: SourceFunction) -> Iterator[FlowParameter]:
    converted = {name for text in function.decorators for pair in _CONVERTED.findall(text) for name in pair if name}
    if is_handler(function):
        for item in function.parameters:
            name = item.names[0]
            if name not in converted and name not in _OTHERS and not _NO_INPUT.search(item.text):
                yield item
    elif function.parameters and function.parameters[0].names[0] == "request":  # a view of Django, by its form
        for item in function.parameters[1:]:
            name = item.names[0]
            given = "=" in item.text or ":" in item.text or item.text.startswith("*")
            if not given and name not in _OTHERS and not _ID_LIKE.search(name) and re.search("path|file|name", name):
                yield item


def _of_script(function: SourceFunction) -> Iterator[FlowParameter]:
    """Yield what a handler takes out of its request at once: `({ params, query }, res) => ...`."""
    given = list(function.parameters)
    answers = len(given) > 1 and given[1].names[0] in {"res", "response", "reply"}
    for place, item in enumerate(given):
        takes_request = (answers and place == 0) or re.search(r":\s*Request\b", item.text) is not None
        if (takes_request or function.name in _VERBS) and _TAKEN.match(item.text):
            yield item
