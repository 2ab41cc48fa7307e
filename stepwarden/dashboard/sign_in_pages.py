"""Signing in by a one-time code or a token, signing out, and the choice between light and dark."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stepwarden.dashboard.answers import THEME_COOKIE, PageContent, page_answer
from stepwarden.dashboard.browser_guard import PATH
from stepwarden.dashboard.page_sessions import NoSession
from stepwarden.dashboard.page_templates import PageTemplates
from stepwarden.dashboard.visits import Visits, signed_in, signed_out

YEAR_S = 31_536_000

TokenOwner = Callable[[bytes], str | None]
"""Names the principal whose token one is, None where it is nobody's."""


@dataclass
class SignInPages:
    """The handlers; `owner` is None where the server has no tokens."""

    rendering: PageTemplates
    visits: Visits
    owner: TokenOwner | None = None

    async def show(self, request: Request) -> Response:
        """Open a session by the code in the address; without one show how to get in."""
        if not (code := request.query_params.get("code")):
            return self._form(request, "", 200)
        try:
            return signed_in(request, self.visits.sessions.redeem(code))
        except NoSession as error:
            return self._form(request, str(error), 403)

    async def enter(self, request: Request) -> Response:
        """Open a session by a token."""
        fields = await self.visits.form(request, None)
        token = fields.get("token", "").strip().encode()
        owner = self.owner(token) if self.owner is not None else None
        if owner is None:
            return self._form(request, "This is no token of this server.", 403)
        return signed_in(request, self.visits.sessions.open(owner))

    async def leave(self, request: Request) -> Response:
        """Sign out."""
        await self.visits.form(request, self.visits.session(request))
        return signed_out(request)

    async def choose_theme(self, request: Request) -> Response:
        """Keep the choice between light and dark."""
        fields = await self.visits.form(request, self.visits.session(request))
        back = fields.get("back", "")
        is_ours = back == PATH or back.startswith((f"{PATH}/", f"{PATH}?"))
        answer = RedirectResponse(back if is_ours else PATH, 303)
        theme = "dark" if fields.get("theme") == "dark" else "light"
        answer.set_cookie(THEME_COOKIE, theme, max_age=YEAR_S, path=PATH, httponly=True, samesite="strict")
        return answer

    def _form(self, request: Request, said: str, status: int) -> Response:
        more = {"takes_tokens": self.owner is not None}
        content = PageContent("login.html", "Sign in", said=said, is_bad=bool(said), more=more)
        return page_answer(self.rendering, request, None, content, status)
