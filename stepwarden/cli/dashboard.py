"""`stepwarden dashboard`: the pages of this machine's runs and threads, in the browser."""

import asyncio
import sys
import webbrowser

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.dashboard.browser_guard import PATH
from stepwarden.dashboard.page_key import page_key
from stepwarden.dashboard.page_sessions import PageSessions
from stepwarden.http.access import access
from stepwarden.http.page_app import build_page_app
from stepwarden.http.server import bind, serve
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings
from stepwarden.threads.calls import LOCAL


def show_dashboard(*, port: int, opens_browser: bool) -> None:
    """Serve the pages on loopback until interrupted. Raises SettingsError and AddressTaken."""
    settings = load_settings(host="127.0.0.1", port=port)
    sessions = PageSessions(page_key(settings.home))
    listener = bind(settings.host, settings.port)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"
    runtime = build_runtime(settings)
    app = build_page_app(runtime, access(settings), sessions)
    link = f"{address}/login?code={sessions.mint_code(LOCAL.principal)}"
    typer.echo(f"{link}\nThe link is good once and for a minute; {address} is the dashboard. End with Ctrl+C.")
    if opens_browser and sys.stdout.isatty():
        webbrowser.open(link)
    asyncio.run(serve(app, settings, listener, PATH))
