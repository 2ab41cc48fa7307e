"""We, an upstream, or both are killed while a busy site is written to, which carries out what it took also afterwards.

Times are a twentieth of the usual ones: the site takes up to half a second for what may be ten. Nothing may be lost,
nothing done twice that is idempotent, marked or looked up, and whatever stays unknown is told.
"""

import json
import logging
import os
import random
import re
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from stepwarden.cli.examples.tracker import SiteFile
from tests.support.calls import Reply, text_of
from tests.support.stdio_server import StdioServer

logger = logging.getLogger(__name__)

SCALE = float(os.environ.get("DOUBT_KILLS_SCALE", "20"))
SITE_S, TIMEOUT_S = 10 / SCALE, 45 / SCALE
MODEL_S = 0.05
KINDS = ("issue", "comment", "label", "page", "note")
NOT_LOOKED_UP = "note"


@dataclass
class Writer:
    """Writes to the site, each write once through a kill, until it is told that it is there; `told` counts doubts."""

    home: Path
    dice: random.Random
    told: Counter[str] = field(default_factory=Counter[str])
    server: StdioServer | None = None

    @property
    def file(self) -> SiteFile:
        return SiteFile(self.home / "site.jsonl")

    def setup(self) -> None:
        self.file.done("create_issue", summary="the first")
        self.file.done("create_page", title="the first", body="")
        command = ["-m", "stepwarden.cli.examples.tracker_server", str(self.file.path), str(SITE_S)]
        entry = {
            "preset": "mcp-atlassian",
            "command": sys.executable,
            "args": command,
            "approve": "never",
            "marks": True,
            "timeout_s": TIMEOUT_S,
            "commit_delay_s": 15 / SCALE,
            "looks": {"confluence_add_comment": {"tool": "there_is_none"}},
        }
        (self.home / "upstreams.json").write_text(json.dumps({"upstreams": {"site": entry}}))

    def call(self, number: int) -> tuple[str, dict[str, Any]]:
        text = f"write {number}."
        kind = KINDS[number % len(KINDS)]
        return {
            "issue": ("jira_create_issue", {"project_key": "SHOP", "issue_type": "Bug", "summary": text}),
            "comment": ("jira_add_comment", {"issue_key": "SHOP-1", "body": text}),
            "label": ("confluence_add_label", {"page_id": "502", "name": text}),
            "page": ("confluence_create_page", {"space_key": "TEAM", "title": text, "content": text}),
            "note": ("confluence_add_comment", {"page_id": "502", "body": text}),
        }[kind]

    def effects(self, number: int, at: float | None = None) -> int:
        """Return how often a write has an effect in the site at a time."""
        site, text = self.file.site(at), f"write {number}."
        pages = [page["title"] for page in site.pages.values()]
        bodies = [
            one["body"].split("\n")[0] for one in (*site.issue("SHOP-1")["comments"], *site.page("502")["comments"])
        ]
        summaries = [issue["summary"] for issue in site.issues.values()]
        return [*pages, *bodies, *summaries, *site.page("502")["labels"]].count(text)

    def after(self, begin: Callable[[StdioServer], int], victim: str | None) -> Reply | None:
        """Send something, and kill somebody meanwhile; return the result, None where the server is gone."""
        server = self.server = self.server or self.started()
        number = begin(server)
        if victim is not None:
            select.select([server.stdout], [], [], self.dice.uniform(0, 1.3) * SITE_S)
            if victim in {"upstream", "both"}:
                for child in psutil.Process(server.process.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        child.send_signal(signal.SIGKILL)
            if victim in {"us", "both"}:
                server.kill()
        result: Reply | None = None
        with suppress(EOFError):
            result = server.answer_to(number)["result"]
        if result is None or victim in {"us", "both"}:  # its answer may have been on the way already
            self.gone()
        return result

    def started(self) -> StdioServer:
        return StdioServer(self.home).greeted()

    def gone(self) -> None:
        if self.server is not None:
            with suppress(ProcessLookupError):
                self.server.kill()
            self.server.bury()
        self.server = None

    def waits(self, seconds: float) -> None:
        """Let time pass, as an agent does that is told to come again."""
        assert self.server is not None
        select.select([self.server.stdout], [], [], seconds)

    def is_there(self, number: int) -> bool:
        """Look as a person does: once the site can no longer be busy with it."""
        return self.effects(number, time.time() + SITE_S + TIMEOUT_S) > 0

    def checked(self, count: int, seed: int) -> None:
        effects = {number: self.effects(number, time.time() + 60) for number in range(count)}
        lost = [number for number, times in effects.items() if times == 0]
        twice = [number for number, times in effects.items() if times > 1]
        logger.warning("%d kills: lost %s, twice %s, doubts told %s", count, lost, twice, dict(self.told))
        assert (lost, twice) == ([], []), seed
        assert set(self.told) <= {NOT_LOOKED_UP}, (self.told, seed)


class Agent(Writer):
    """A host's agent, which calls `upstream`."""

    def writes(self, number: int, victim: str) -> None:
        name, arguments = self.call(number)
        word: str | None = None
        whom: str | None = victim
        while True:
            said = {"action": "call", "tool": f"site/{name}", "arguments": arguments}
            said |= {"confirm": word} if word else {}
            result = self.after(lambda server, said=said: server.begin("upstream", said), whom)
            whom, word = None, None
            if result is None:
                continue
            text = text_of(result)
            if not result.get("isError") or "was carried out when it was sent" in text:
                return
            if "another process carried it out" in text:  # its answer was recorded, and did not arrive
                return
            if later := re.search(r"again in (\d+) s", text):
                self.waits(min(int(later[1]), 2 * TIMEOUT_S))
            elif found := re.search(r'confirm="(looked-\w+)"', text):
                self.told[KINDS[number % len(KINDS)]] += 1
                if self.is_there(number):
                    return
                word = found[1]


class Owner(Writer):
    """A person whose runs write, each run one thing."""

    def setup(self) -> None:
        super().setup()
        (self.home / "script.json").write_text("{}")

    def started(self) -> StdioServer:
        return StdioServer(self.home, STEPWARDEN_SCRIPTED=str(self.home / "script.json")).greeted()

    def writes(self, number: int, victim: str) -> None:
        name, arguments = self.call(number)
        asked = {"name": f"site/{name}", "arguments": arguments}
        always = {"times": None, "latency_s": MODEL_S}
        ends = [
            {"when": word, "text": "written", **always}
            for word in ("It was carried out:", "data of the upstream", "says that")
        ]
        first = {"when": f"round {number}.", "calls": [asked], **always}
        (self.home / "script.json").write_text(json.dumps({"replies": [*ends, first]}))
        self.gone()
        start: dict[str, Any] = {"request": f"round {number}.", "mode": "agent", "approve": "destructive", "wait_s": 0}
        start |= {"tools": [f"site/{name}"]}
        told = self.after(lambda server: server.begin("execute", start), None)
        assert told is not None
        run_id = told["structuredContent"]["run_id"]
        said: dict[str, Any] = {"action": "wait", "run_id": run_id, "wait_s": 5}
        whom: str | None = victim
        while True:
            result = self.after(lambda server, said=said: server.begin("run", said), whom)
            said, whom = {"action": "wait", "run_id": run_id, "wait_s": 5}, None
            if result is None:
                continue
            told = result["structuredContent"]
            if told["status"] != "running":
                return
            waiting = [call for call in told.get("waiting", []) if call.get("in_doubt")]
            if waiting and told["verdict"].startswith("WAITING"):
                self.told[KINDS[number % len(KINDS)]] += 1
                verdict = "done" if self.is_there(number) else "not_done"
                said = {"action": "resolve", "run_id": run_id, "call": waiting[0]["call"], "verdict": verdict}
                said["reason"] = "carried out"


@pytest.mark.parametrize("writer", [Agent, Owner])
@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(15, id="few"),
        pytest.param(
            int(os.environ.get("DOUBT_KILLS", "500")),
            marks=[pytest.mark.exhaustive, pytest.mark.timeout(0)],
            id="many",
        ),
    ],
)
def test_nothing_is_lost_or_done_twice_and_what_stays_unknown_is_told(
    tmp_path: Path, writer: type[Agent | Owner], kills: int
) -> None:
    seed = int(os.environ.get("DOUBT_KILLS_SEED", str(random.randrange(10**6))))
    one = writer(tmp_path, random.Random(seed))
    one.setup()
    try:
        for number in range(kills):
            one.writes(number, ("us", "upstream", "both")[number % 3])
    finally:
        one.gone()
    one.checked(kills, seed)
