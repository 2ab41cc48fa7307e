"""`stepwarden dashboard`: the pages of this machine's runs and threads, in the browser."""

import asyncio
import sys
import webbrowser

import httpx2
import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.dashboard.browser_guard import PATH
from stepwarden.dashboard.page_key import page_key
from stepwarden.dashboard.page_sessions import CODE_S, PageSessions
from stepwarden.http.access import access
from stepwarden.http.page_app import build_page_app
from stepwarden.http.server import AddressTaken, bind, serve
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings
from stepwarden.threads.calls import LOCAL

LOOK_S = 2.0


def show_dashboard(*, port: int, opens_browser: bool) -> None:
    """Serve the pages on loopback until interrupted; where they are served there already, only open them.

    Raises SettingsError and AddressTaken.
    """
    settings = load_settings(host="127.0.0.1", port=port)
    sessions = PageSessions(page_key(settings.home))
    try:
        listener = bind(settings.host, settings.port)
    except AddressTaken:
        if not _is_dashboard(f"http://127.0.0.1:{port}{PATH}/login"):
            raise
        _show(f"http://127.0.0.1:{port}{PATH}", sessions, opens_browser=opens_browser)
        return
    app = build_page_app(build_runtime(settings), access(settings), sessions)
    _show(f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}", sessions, opens_browser=opens_browser)
    typer.echo("It shows the runs and threads of this machine until you end it with Ctrl+C.")
    asyncio.run(serve(app, settings, listener, PATH))


def _show(address: str, sessions: PageSessions, *, opens_browser: bool) -> None:
    """Print the link that signs its user in, and open it where there is somebody to see it."""
    link = f"{address}/login?code={sessions.mint_code(LOCAL.principal)}"
    typer.echo(f"{link}\nThe link is good once, and for {CODE_S:.0f} seconds.")
    if opens_browser and sys.stdout.isatty():
        webbrowser.open(link)


def _is_dashboard(address: str) -> bool:
    """Return whether what listens there has our pages, so that its key may be ours."""
    try:
        answer = httpx2.get(address, timeout=LOOK_S, trust_env=False)
    except httpx2.HTTPError:
        return False
    return answer.is_success and "<title>Sign in · Stepwarden</title>" in answer.text
