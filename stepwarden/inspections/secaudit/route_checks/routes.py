"""The routes of a file: their handlers, and what stands between a request and them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepwarden.inspections.secaudit.request_flow.syntax import (
    CALLS,
    FUNCTIONS,
    MEMBERS,
    STRINGS,
    SourceFunction,
    arguments_of,
    callee_of,
    dotted,
    text_of,
    unwrapped,
    walk,
)
from stepwarden.source.outline import Language

if TYPE_CHECKING:
    from tree_sitter import Node

_DECORATOR = re.compile(r"^@\s*(?P<router>[\w.]+)\.(?P<verb>route|get|post|put|patch|delete|api_route)\s*\(", re.DOTALL)
_URL = re.compile(r"[\"']([^\"']*)[\"']")
_METHODS = re.compile(r"methods\s*=\s*[\[({]([^\])}]*)")
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "all"})
_GO_VERBS = frozenset(
    {"HandleFunc", "Handle", "GET", "POST", "PUT", "PATCH", "DELETE", "Get", "Post", "Put", "Patch", "Delete"}
)
_DJANGO_FILES = re.compile(r"(?:^|/)views?(?:/|[\w]*\.py$)")
_INJECTED = re.compile(r"\b(?:Depends|Security)\(|:\s*\w*(?:User|Admin|Principal|Account|Member)\w*\b")
_HOOK = re.compile(r"@\s*([\w.]+)\.before_(?:app_)?request\b")
_WIDE = re.compile(r"\.(?:use|Use|before_request|before_app_request|addHook|register)$|^(?:before_request)$")


@dataclass(frozen=True, slots=True)
class AppRoute:
    """One route; `between` is the text of decorators, dependencies or middleware round its handler.

    `router` is the name of what it is registered at, `offset` where in the file, `methods` those it takes in capitals,
    empty where that is not said. `inputs` are the parameters of a handler in Python.
    """

    path: str
    line: int
    name: str
    url: str
    router: str
    methods: frozenset[str]
    between: str
    body: str
    offset: int = 0
    inputs: frozenset[str] = frozenset()

    @property
    def shown(self) -> str:
        """The route as a reader knows it."""
        return self.url or self.name


@dataclass(frozen=True, slots=True)
class RouterCheck:
    """Something that all later routes of a router go through: its text, and where it stands."""

    router: str
    text: str
    offset: int


def find_routes(path: str, language: Language, root: "Node", functions: Sequence[SourceFunction]) -> list[AppRoute]:
    """Return the routes of a file in their order, each handler once."""
    if language is Language.PYTHON:
        found = list(_routes_of_python(path, functions))
    else:
        found = list(_routes_by_calls(path, language, root, functions))
    once = {(route.line, route.name): route for route in reversed(found)}
    return sorted(once.values(), key=lambda route: route.line)


def find_router_checks(language: Language, root: "Node", functions: Sequence[SourceFunction]) -> list[RouterCheck]:
    """Return what routers run before their routes: hooks, middleware, dependencies of all."""
    found: list[RouterCheck] = []
    if language is Language.PYTHON:
        hooks = ((function, _HOOK.match(text)) for function in functions for text in function.decorators)
        found += [RouterCheck(match[1], function.text, 0) for function, match in hooks if match]
    for node in walk(root):
        if node.type not in CALLS:
            continue
        name = dotted(callee_of(node))
        if re.search(r"(?:^|\.)(?:APIRouter|FastAPI|Blueprint)$", name) and "dependencies" in text_of(node):
            outer = node.parent
            router = text_of(outer.child_by_field_name("left")) if outer is not None else ""
            found.append(RouterCheck(router, text_of(node), 0))
        elif _WIDE.search(name):
            given = arguments_of(node)
            if given and given[0].type not in STRINGS:
                found.append(RouterCheck(name.rpartition(".")[0], text_of(node), node.start_byte))
    return found


def _routes_of_python(path: str, functions: Sequence[SourceFunction]) -> Iterator[AppRoute]:
    for function in functions:
        routes = [(text, match) for text in function.decorators if (match := _DECORATOR.match(text))]
        others = [text for text in function.decorators if not _DECORATOR.match(text)]
        body = text_of(function.body)
        inputs = frozenset(name for item in function.parameters for name in item.names)
        if routes:
            text, match = routes[0]
            injected = [item.text for item in function.parameters if _INJECTED.search(item.text)]
            between = "\n".join([*others, *injected, _URL.sub("", text[match.end() :])])
            url = _URL.search(text)
            yield AppRoute(
                path,
                function.line,
                function.name,
                url[1] if url else "",
                match["router"],
                _methods_of(text, match["verb"]),
                between,
                body,
                inputs=inputs,
            )
        elif _DJANGO_FILES.search(path) and _is_view(function):
            yield AppRoute(
                path, function.line, function.name, "", "", frozenset(), "\n".join(others), body, inputs=inputs
            )


def _is_view(function: SourceFunction) -> bool:
    """Whether a function of a module has the form of a view of Django."""
    outer = function.node.parent
    if outer is not None and outer.type == "decorated_definition":
        outer = outer.parent
    takes_request = bool(function.parameters) and function.parameters[0].names[0] == "request"
    return takes_request and outer is not None and outer.type == "module"


def _methods_of(decorator: str, verb: str) -> frozenset[str]:
    if verb in _VERBS:
        return frozenset({verb.upper()})
    listed = _METHODS.search(decorator)
    return frozenset(re.findall(r"[A-Z]+", listed[1].upper())) if listed else frozenset({"GET"})


def _routes_by_calls(
    path: str, language: Language, root: "Node", functions: Sequence[SourceFunction]
) -> Iterator[AppRoute]:
    named = {function.name: function for function in reversed(functions) if function.name}
    for node in walk(root):
        callee = callee_of(node) if node.type in CALLS else None
        if callee is None or callee.type not in MEMBERS:
            continue
        holder, _, verb = dotted(callee).rpartition(".")
        given = arguments_of(node)
        inner = callee.child_by_field_name(MEMBERS[callee.type][0])
        url, rest = _url_and_handlers(given, inner)
        wanted = _GO_VERBS if language is Language.GO else _VERBS
        if verb not in wanted or not rest or not url.startswith(("/", "*", "GET /", "POST /", "PUT /", "DELETE /")):
            continue
        handler = unwrapped(rest[-1])
        body, name = _handler(handler, named)
        method = url.partition(" ")[0] if " " in url else verb.upper()
        methods = frozenset[str]() if method in {"ALL", "HANDLEFUNC", "HANDLE"} else frozenset({method})
        between = [text_of(item) for item in rest[:-1]]
        between += [] if handler.type in FUNCTIONS else _wrappers(handler)
        router = re.split(r"[.(]", holder)[0]
        yield AppRoute(
            path,
            node.start_point[0] + 1 if callee.end_point[0] == node.start_point[0] else callee.end_point[0] + 1,
            name or url,
            url,
            router,
            methods,
            "\n".join([*between, _chain(inner)]),
            body,
            node.start_byte,
        )


def _url_and_handlers(given: Sequence["Node"], inner: "Node | None") -> tuple[str, Sequence["Node"]]:
    """Return the address of a route and what handles it: `app.get("/x", h)`, `router.route("/x").get(h)`."""
    if given and given[0].type in STRINGS:
        return text_of(given[0]).strip("\"'`"), given[1:]
    while inner is not None and inner.type in CALLS:
        callee = callee_of(inner)
        if callee is not None and dotted(callee).endswith(".route") and (first := arguments_of(inner)):
            return text_of(first[0]).strip("\"'`"), given
        inner = callee.child_by_field_name(MEMBERS[callee.type][0]) if callee and callee.type in MEMBERS else None
    return "", ()


def _wrappers(handler: "Node") -> list[str]:
    """Return the names of the calls that a handler is wrapped in: `requireAuth(http.HandlerFunc(show))`."""
    found: list[str] = []
    while handler.type in CALLS:
        found.append(dotted(callee_of(handler)))
        given = arguments_of(handler)
        if not given:
            break
        handler = unwrapped(given[-1])
    return found


def _chain(inner: "Node | None") -> str:
    """Return what a chain before the last call says: `r.With(auth)`."""
    return text_of(inner) if inner is not None and inner.type in CALLS and len(text_of(inner)) < 200 else ""


def _handler(node: "Node", named: dict[str, SourceFunction]) -> tuple[str, str]:
    """Return the body and the name of a handler, looked up in its file where it stands by its name."""
    if node.type in FUNCTIONS:
        return text_of(node.child_by_field_name("body")), ""
    for item in walk(node):
        if item.type in FUNCTIONS:
            return text_of(item.child_by_field_name("body")), ""
        name = dotted(item).rpartition(".")[2]
        if name in named:
            return text_of(named[name].body), name
    return "", dotted(node).rpartition(".")[2].strip("?")
