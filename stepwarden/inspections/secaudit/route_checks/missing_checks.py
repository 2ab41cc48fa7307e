"""Routes without a check that others of their file have: of the login, of the owner, of the method, against CSRF.

A check is known by what it does where its function is in the tree, else by its name, and errs on the side of one.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stepwarden.inspections.secaudit.route_checks.login_checks import Known, has_login, is_unsure
from stepwarden.inspections.secaudit.route_checks.routes import AppRoute, RouterCheck
from stepwarden.inspections.secaudit.security_rules import SecurityFinding, SecurityRisk
from stepwarden.inspections.shared.fact_text import clip, count

ROUTE_BYTES = 40  # of a route in a fact

_LOGIN_IN_BODY = re.compile(
    r"session\s*(?:\[\s*[\"']|\.get\(\s*[\"']|\.)(?:user|username|uid|user_id|userId|logged|account|admin|role)[\"']?\]?(?!\s*=[^=])"
    r"|[\"'](?:user|user_id|userId|username|logged_in)[\"']\s*(?:not\s+)?in\s+session"
    r"|\b(?:is_?admin|is_?authed|authed|logged_?in|is_?logged_?in)\(|current_user\.(?:is_authenticated|is_admin)|request\.user\.is_|g\.user\b|get_jwt_identity\(|verify_jwt"
    r"|(?:req|request)\.(?:user|isAuthenticated|session\.user\w*|auth)\b|(?:await\s+)?(?:getServerSession|getSession|auth)\("
    r"|\babort\(\s*40[13]|status(?:_code)?\s*[=(]\s*40[13]|sendStatus\(40[13]|StatusUnauthorized|StatusForbidden"
    r"|(?i:require|ensure|check|verify)_?(?:auth|login|user|session|token)\w*\("
)
_PUBLIC = re.compile(
    r"(?i)log_?(?:in|out|on)|sign_?(?:in|out|up|on)|regist|health|live|ready|ping|pong|status|version|static|asset|favicon"
    r"|robots|about|contact|terms|privacy|public|landing|home|index|webhook|callback|forgot|reset|recover|confirm|verif"
    r"|activat|oauth|sso|saml|\btoken|auth|csrf|docs|openapi|swagger|metrics|search|feed|rss|sitemap|error|not_?found|40\d"
    r"|50\d|welcome|setup|install|(?:create|add|new)_?(?:user|account)|main|hello|captcha|unsubscribe|manifest|well-known|metadata|locale|lang|info"
)
_SENSITIVE = re.compile(
    r"(?i)\badmin|/admin|delete|remove|destroy|internal|manage|export|backup|impersonat|billing|payout|refund"
)
_ADMIN = re.compile(r"(?i)admin|staff|superuser|role|permission")
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_ID = r"(?:\b\w*_?(?:id|pk|uuid)\b|\b\w+Id\b|params\.\w+|Param\(|PathValue\(|Vars\()"
_FETCHES = (
    re.compile(
        rf"\b(?P<model>[A-Z]\w+)\.(?:query|objects)\b[\w.()]*?\.(?:get|get_or_404|filter|filter_by|first_or_404)\([^()]*{_ID}"
    ),
    re.compile(
        rf"\b(?:get_object_or_404|get_or_404|session\.get|db\.get|one_or_404|get_object)\(\s*(?P<model>[A-Z]\w+)\s*,[^()]*{_ID}"
    ),
    re.compile(
        rf"\b(?P<model>[A-Z]\w+)\.(?:findById|findByPk|findOne|findOneBy|findByIdAndUpdate|findByIdAndDelete|find_one|get_by_id"
        rf"|get_or_none|find)\([^()]*{_ID}"
    ),
    re.compile(rf"\bprisma\.(?P<model>\w+)\.(?:findUnique|findFirst|update|delete)\w*\([^()]*{_ID}"),
    re.compile(
        rf"(?is)\b(?:FROM|UPDATE|DELETE\s+FROM)\s+[`\"]?(?P<model>\w+)[`\"]?(?:\s+SET\b[^\"'`]*)?\s+WHERE\s+(?:\w+\.)?id\s*=[^;]{{0,120}}?{_ID}"
    ),
    re.compile(rf"\bselect\(\s*(?P<model>[A-Z]\w+)\s*\)\.(?:where|filter)\([^()]*{_ID}"),
    re.compile(rf"\.(?:First|Find|Take)\(\s*&(?P<model>\w+)\s*,[^()]*{_ID}"),
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_OWNER = re.compile(
    r"(?i)owner|author(?!iz)|created_?by|belongs|tenant|current_?user|request\.user|req\.user|g\.user|session\s*[\[.]|user_?id"
    r"|identity|abort\(\s*403|status(?:_code)?\s*[=(]\s*403|StatusForbidden|has_?(?:object_)?(?:perm|access)|can_\w+\(|permi"
    r"|authori[sz]e|account_?id|ctx\.state\.user|locals\.user"
)
_WRITES = re.compile(
    r"\.delete\(\s*\)|session\.delete\(|(?:execute|Exec|ExecContext|query|run)\([^\"'`)]*[\"'`]\s*(?:DELETE|UPDATE|INSERT)\b"
    r"|\.(?:destroy|deleteOne|deleteMany|findByIdAndDelete|updateOne|findByIdAndUpdate)\(|\.remove\(\s*\{|\bos\.(?:remove|unlink|Remove)\("
)
_MAY_WRITE = re.compile(r"\.save\(\s*\)|session\.commit\(|\.commit\(\s*\)")
_CHANGES = re.compile(
    r"(?i)delete|remove|destroy|update|create|edit|approve|cancel|transfer|disable|enable|toggle|promote"
)
_METHOD_CHECK = re.compile(
    r"require_(?:POST|http_methods|safe|GET)|\brequest\.method\b|\br\.Method\b|\breq\.method\b|validate_on_submit|is_submitted|\.validate\("
)
_CSRF = re.compile(r"(?i)csrf|xsrf|protect_from_forgery")
_SESSION_ONLY = re.compile(
    r"(?i)log_?(?:in|out)|sign_?(?:in|out)|oauth|sso|redirect|callback|webhook|confirm|verif|activat|unsubscribe"
)


def _nothing_known(_: str) -> str | None:
    return None


@dataclass(frozen=True)
class RouteFile:
    """The routes of one file, what its routers run before them, and the functions that it knows by their names."""

    routes: Sequence[AppRoute]
    wide: Sequence[RouterCheck]
    known: Known = _nothing_known

    def find(self) -> Iterator[SecurityFinding]:
        """Yield each route that lacks a check once, with the gravest one."""
        found: dict[int, SecurityFinding] = {}
        for item in (*self._without_login(), *self._without_owner(), *self._without_method(), *self._without_csrf()):
            found.setdefault(item.line, item)
        yield from (found[line] for line in sorted(found))

    def _routers(self) -> Iterator[list[AppRoute]]:
        groups: dict[str, list[AppRoute]] = {}
        for route in self.routes:
            groups.setdefault(route.router, []).append(route)
        yield from groups.values()

    def _between(self, route: AppRoute) -> str:
        """Return what a route goes through before its handler."""
        wide = [item.text for item in self.wide if item.router == route.router and item.offset <= route.offset]
        return "\n".join([route.between, *wide])

    def _has_login(self, route: AppRoute) -> bool:
        between = self._between(route)
        decorated = route.path.endswith(".py")
        return (
            has_login(between, self.known, decorated=decorated)
            or _LOGIN_IN_BODY.search(f"{between}\n{route.body}") is not None
        )

    def _without_login(self) -> Iterator[SecurityFinding]:
        for routes in self._routers():
            checked = [route for route in routes if self._has_login(route)]
            bare = [route for route in routes if route not in checked and not _is_public(route)]
            for route in bare:
                sensitive = _SENSITIVE.search(f"{route.url} {route.name}") or route.methods & _CHANGING
                if route.body and checked and (sensitive or len(checked) >= 2 * len(bare)):
                    others = count(len(checked), "other route")
                    has = "has" if len(checked) == 1 else "have"
                    unsure = is_unsure(route.between, self.known, decorated=route.path.endswith(".py"))
                    guess = " (guess)" if unsure else ""
                    what = f"no login check{guess}, {others} of the file {has} one"
                    yield _finding(route, what, SecurityRisk.ACCESS)

    def _without_owner(self) -> Iterator[SecurityFinding]:
        fetching = [(route, model) for route in self.routes if (model := _fetched(route))]
        owned = [(route, model) for route, model in fetching if _OWNER.search(_without_model(route.body, model))]
        for route, model in fetching:
            if any(route is each for each, _ in owned) or _ADMIN.search(self._between(route)):
                continue
            is_write = _is_write(route)  # that others may read says nothing of who may write
            alike = [each for each, other in owned if _same(model, other) and (is_write or not _is_write(each))]
            like = next(iter(alike), None)
            if like is not None:
                what = f"{model} by id, no owner check as in {like.name} ({like.line})"
                yield _finding(route, what, SecurityRisk.ACCESS)

    def _without_method(self) -> Iterator[SecurityFinding]:
        writing = [
            route for route in self.routes if _WRITES.search(route.body) and not _SESSION_ONLY.search(route.name)
        ]
        checked = [route for route in writing if self._has_method(route)]
        for route in writing if checked else ():
            if route not in checked and (not route.methods or "GET" in route.methods):
                yield _finding(route, f"changes state by GET, {checked[0].name} does not", SecurityRisk.CONFIGURATION)

    def _has_method(self, route: AppRoute) -> bool:
        restricted = bool(route.methods) and "GET" not in route.methods
        return restricted or _METHOD_CHECK.search(f"{route.between}\n{route.body}") is not None

    def _without_csrf(self) -> Iterator[SecurityFinding]:
        changing = [route for route in self.routes if route.methods & _CHANGING]
        checked = [route for route in changing if _CSRF.search(self._between(route))]
        for route in changing if 2 * len(checked) >= len(changing) else ():
            if route not in checked and not _SESSION_ONLY.search(f"{route.url} {route.name}"):
                yield _finding(route, f"no CSRF check as in {checked[0].name}", SecurityRisk.CONFIGURATION)


def _finding(route: AppRoute, what: str, risk: SecurityRisk) -> SecurityFinding:
    shown = "" if route.shown in what else f"{clip(route.shown, ROUTE_BYTES)}: "
    return SecurityFinding(route.path, route.line, f"{shown}{what}", risk, traced=True)


def _is_public(route: AppRoute) -> bool:
    return (route.url in {"/", ""} and not route.name) or _PUBLIC.search(f"{route.url} {route.name}") is not None


def _is_write(route: AppRoute) -> bool:
    return bool(route.methods & _CHANGING) or _writes(route)


def _writes(route: AppRoute) -> bool:
    """Whether a route removes or changes something stored; what a name promises counts where a body may do it."""
    named = f"{route.url} {route.name}"
    if _SESSION_ONLY.search(named):
        return False
    changes = _CHANGES.search(named) is not None and _MAY_WRITE.search(route.body) is not None
    return changes or _WRITES.search(route.body) is not None


def _fetched(route: AppRoute) -> str:
    """Return what a handler fetches by an id of its request, "" for nothing."""
    for pattern in _FETCHES:
        for match in pattern.finditer(route.body):
            if any(_is_given(route, name) for name in _NAME.findall(match[0])):
                return match["model"]
    return ""


def _is_given(route: AppRoute, name: str) -> bool:
    """Whether a name in a handler holds input of its request: a parameter, or what is read from the request."""
    if name in route.inputs or name in {"params", "Param", "PathValue", "Vars"}:
        return True
    read = (
        rf"\b{re.escape(name)}\b[^=\n]{{0,60}}=[^=\n]{{0,40}}(?:\breq(?:uest)?\b|\bctx\b|\bparams\b|\br\.|\bc\.|Vars\()"
    )
    return re.search(read, route.body) is not None


def _without_model(body: str, model: str) -> str:
    return re.sub(rf"\b{re.escape(model)}\b", "", body)


def _same(model: str, other: str) -> bool:
    return model.lower().rstrip("s") == other.lower().rstrip("s")
