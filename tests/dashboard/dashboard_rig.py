"""`stepwarden dashboard` as a process of its own, over a store with runs that the command line made."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from stepwarden.dashboard.page_key import page_key
from stepwarden.dashboard.page_sessions import PageSessions
from tests.support.http_server import TOKENS_SETTING, HttpServer
from tests.support.processes import ROOT, SCRIPT, environment, start

NOTES_SERVER = ROOT / "tests" / "agents" / "notes_server.py"
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> [a link](javascript:alert(3)) {{ 7 * 7 }} {% raw %} "
    "\u202edesrever\u202c\x07 "
)


def asks(tool: str, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a scripted answer that asks for a call."""
    return {"calls": [{"name": tool, "arguments": arguments}], **more}


@dataclass
class Home:
    """A home with the upstream `notes`, and the runs that were made in it."""

    path: Path
    runs: list[str] = field(default_factory=list[str])

    def prepare(self) -> "Home":
        self.path.mkdir(parents=True, exist_ok=True)
        entry = {"command": sys.executable, "args": [str(NOTES_SERVER), str(self.book)]}
        (self.path / "upstreams.json").write_text(json.dumps({"upstreams": {"notes": entry}}))
        return self

    @property
    def book(self) -> Path:
        return self.path / "notes.txt"

    def run(self, replies: Sequence[dict[str, Any]], *words: str, request: str = "note it") -> str:
        """Make a run that goes as far as it can with nobody at the terminal; return its id."""
        script = self.path / f"script-{len(self.runs)}.json"
        script.write_text(json.dumps({"replies": list(replies)}))
        told = self.command("run", request, "--mode", "agent", *words, STEPWARDEN_SCRIPTED=str(script))
        found = re.search(r"run-[a-z0-9]+", told)
        assert found, told
        self.runs.append(found[0])
        return found[0]

    def drive(self, run_id: str, replies: Sequence[dict[str, Any]]) -> str:
        """Let a run go on as another process would."""
        script = self.path / f"drive-{len(self.runs)}.json"
        script.write_text(json.dumps({"replies": list(replies)}))
        return self.command("runs", "drive", run_id, STEPWARDEN_SCRIPTED=str(script))

    def command(self, *words: str, **more: str) -> str:
        done = subprocess.run(
            (SCRIPT, *words), env=environment(self.path, **more), cwd=self.path, capture_output=True, check=False
        )
        return (done.stdout + done.stderr).decode()


class Dashboard:
    """The process of the pages; `link` opens one session."""

    def __init__(self, home: Path, *words: str, **more: str) -> None:
        self.home = home
        self._clients: list[httpx2.Client] = []
        command = [str(SCRIPT), "dashboard", "--port", "0", "--no-browser", *words]
        self.process = start(command, environment(home, **more), home)
        assert self.process.stdout
        assert self.process.stderr
        self.link = self.process.stdout.readline().decode().strip()
        self.base = self.link.partition("/login")[0]
        self.origin = self.base.removesuffix("/dashboard")
        self._reader = threading.Thread(target=self.process.stderr.read)
        self._reader.start()

    def __enter__(self) -> "Dashboard":
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()

    def new_link(self) -> str:
        """Return another link, as the command would print it."""
        return f"{self.base}/login?code={PageSessions(page_key(self.home)).mint_code('local')}"

    def signed_in(self) -> "Visitor":
        visitor = Visitor(self.base, httpx2.Client(timeout=None, verify=False))
        self._clients.append(visitor.client)
        answer = visitor.client.get(self.new_link())
        assert answer.status_code == 303, answer.text
        return visitor


@dataclass
class Visitor:
    """A browser without its screen: it keeps cookies, and sends forms as a page of ours would."""

    base: str
    client: httpx2.Client

    def page(self, path: str = "", **more: Any) -> httpx2.Response:
        return self.client.get(f"{self.base}{path}", **more)

    def fields(self, path: str, marker: str) -> dict[str, str]:
        """Return the hidden fields of the form on a page that holds `marker`."""
        html = self.page(path).text
        form = next(part for part in html.split("<form")[1:] if marker in part.partition("</form>")[0])
        pairs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form.partition("</form>")[0])
        return {name: value.replace("&#x2f;", "/") for name, value in pairs}

    def send(self, path: str, fields: dict[str, str], **headers: str) -> httpx2.Response:
        origin = self.base.removesuffix("/dashboard")
        given = {"Origin": origin, "Sec-Fetch-Site": "same-origin"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self.client.post(f"{self.base}{path}", data=fields, headers={k: v for k, v in given.items() if v})


def guarded_server(home: Path) -> HttpServer:
    """Return the server of hosts, with the tokens of ana and ben."""
    return HttpServer(home, STEPWARDEN_TOKENS=TOKENS_SETTING)
