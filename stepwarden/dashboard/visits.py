"""Requests of browsers: whose session each belongs to, and the forms that are taken from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stepwarden.dashboard.browser_guard import MOST_BODY_BYTES, PATH, why_refused
from stepwarden.dashboard.page_sessions import SESSION_S, NoSession, PageSession, PageSessions, is_form_token
from stepwarden.errors import StepwardenError
from stepwarden.threads.calls import LOCAL, Caller

MOST_FIELDS = 100


class FormRefused(StepwardenError):
    """A form that is none of ours, or not of this session."""


@dataclass
class Visits:
    """The sessions of browsers, for these principals alone."""

    sessions: PageSessions
    principals: frozenset[str]

    def session(self, request: Request) -> PageSession:
        """Return whose browser asks. Raises NoSession."""
        session = self.sessions.read(request.cookies.get(cookie_name(request), ""))
        if session.principal not in self.principals:
            raise NoSession("The token that you signed in with is none of this server's now.")
        return session

    async def form(self, request: Request, session: PageSession | None) -> Mapping[str, str]:
        """Return the fields of a form of ours; without a session it is one that opens one. Raises FormRefused."""
        if why := why_refused(request):
            raise FormRefused(why)
        body = await request.body()
        if len(body) > MOST_BODY_BYTES:
            raise FormRefused(f"A form has at most {MOST_BODY_BYTES:,} bytes.")
        try:
            found = parse_qs(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:
            raise FormRefused(f"A form has at most {MOST_FIELDS} fields.") from None
        fields = {name: values[-1] for name, values in found.items()}
        if session is not None and not is_form_token(session, fields.get("form_token", "")):
            raise FormRefused("This form is not of this session: load the page again.")
        return fields


def caller_of(session: PageSession) -> Caller:
    """Return who asks: whoever signed in on this machine is the host on stdio."""
    return LOCAL if session.principal == LOCAL.principal else Caller(session.principal)


def cookie_name(request: Request) -> str:
    """Return the name of our cookie: browsers keep those of all ports of a machine together."""
    return f"stepwarden_{request.url.port or 0}"


def signed_in(request: Request, cookie: str) -> Response:
    """Return the answer that opens a session: its address has no code in it."""
    answer = RedirectResponse(PATH, 303)
    answer.set_cookie(
        cookie_name(request),
        cookie,
        max_age=int(SESSION_S),
        path=PATH,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


def signed_out(request: Request) -> Response:
    """Return the answer that ends a session."""
    answer = RedirectResponse(f"{PATH}/login", 303)
    answer.delete_cookie(cookie_name(request), path=PATH, httponly=True, samesite="strict")
    return answer
