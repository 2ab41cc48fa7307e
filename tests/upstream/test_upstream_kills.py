"""We and an upstream are killed during writes that an agent sends again: none is repeated without a word of it."""

import json
import logging
import os
import random
import re
import select
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rigs import ledger

from tests.support.calls import text_of
from tests.support.postgres import NEEDS_POSTGRES, postgres_schema
from tests.support.stdio_server import StdioServer

logger = logging.getLogger(__name__)

CALL_S = 0.05  # that a call takes
MANY = 30  # kills
LATEST_KILL = 1.3  # of that time


@dataclass
class Agent:
    """Books entries one after the other, each until it is told that it is booked, and counts what it was told.

    With `confirms` writes have to be approved, and its host cannot ask. `database` is where its server's store is, ""
    for a file.
    """

    home: Path
    chance: random.Random
    confirms: bool
    database: str = ""
    doubts: dict[str, int] = field(default_factory=dict[str, int])
    server: StdioServer | None = None

    @property
    def book(self) -> Path:
        return self.home / "ledger.txt"

    def setup(self) -> None:
        self.book.touch()
        entry = {**ledger.command(self.book, self.home / "pids.txt"), "approve": "writes" if self.confirms else "never"}
        (self.home / "upstreams.json").write_text(json.dumps({"upstreams": {"books": entry}}))

    def booked(self, text: str) -> int:
        return self.book.read_text("utf-8").splitlines().count(text)

    def sent(self, text: str, word: str | None, kill: str | None) -> str | None:
        """Send the entry once; None where the server is gone."""
        self.server = self.server or self._started()
        said = {"action": "call", "tool": "books/book_entry", "arguments": {"text": text}}
        number = self.server.begin("upstream", said if word is None else {**said, "confirm": word})
        if kill is not None:
            select.select([self.server.stdout], [], [], self.chance.uniform(0, LATEST_KILL) * CALL_S)
            self._kill(kill)
        try:
            return text_of(self.server.answer_to(number)["result"])
        except EOFError:
            self.server.bury()
            self.server = None
            return None

    def _started(self) -> StdioServer:
        if not self.database:
            return StdioServer(self.home).greeted()
        return StdioServer(self.home, STEPWARDEN_DATABASE_URL=self.database).greeted()

    def _kill(self, whom: str) -> None:
        assert self.server is not None
        if whom == "us":
            self.server.kill()
            return
        pids = self.home / "pids.txt"
        with suppress(ProcessLookupError, FileNotFoundError):
            os.kill(int(pids.read_text().split()[-1]), signal.SIGKILL)

    def books(self, text: str, kill: str) -> None:
        """Book one entry; the first time that it may be sent, somebody is killed."""
        word: str | None = None
        victim: str | None = kill
        while True:
            will_go = not self.confirms or word is not None
            told = self.sent(text, word, victim if will_go else None)
            victim = None if will_go else victim
            if told is None:
                word = None
                continue
            if "\nbooked\n" in told:
                return
            word = None
            if "its outcome is unknown" in told:
                self.doubts[text] = self.doubts.get(text, 0) + 1
                if self.booked(text):
                    return  # it looked, and there it is
            if found := re.search(r'confirm="([\w-]+)"', told):
                word = found[1]


def kill_and_send_again(agent: Agent, kills: int, seed: int) -> None:
    """Let an agent book so many entries, each through one kill, and none twice without a word of it."""
    agent.setup()
    texts = [f"entry {number}" for number in range(kills)]
    try:
        for number, text in enumerate(texts):
            agent.books(text, ("us", "upstream")[number % 2])
    finally:
        if agent.server is not None:
            agent.server.kill()
            agent.server.bury()
    silent = [text for text in texts if agent.booked(text) > 1 and not agent.doubts.get(text)]
    assert silent == [], seed
    assert all(agent.booked(text) for text in texts), seed
    assert agent.doubts or kills < MANY, seed
    repeated = sum(agent.booked(text) > 1 for text in texts)
    logger.info("%d kills: %d left a doubt that was told, %d repeated", kills, len(agent.doubts), repeated)


@pytest.mark.parametrize("confirms", [False, True], ids=["without approval", "with approval"])
@pytest.mark.parametrize(
    "kills", [4, pytest.param(MANY, marks=[pytest.mark.slow, pytest.mark.timeout(600)])], ids=["few", "many"]
)
def test_no_write_is_repeated_without_a_word_when_we_or_the_upstream_are_killed(
    tmp_path: Path, kills: int, confirms: bool
) -> None:
    seed = random.randrange(10**6)
    kill_and_send_again(Agent(tmp_path, random.Random(seed), confirms), kills, seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@NEEDS_POSTGRES
def test_no_write_is_repeated_without_a_word_when_the_store_is_a_database(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    agent = Agent(tmp_path, random.Random(seed), confirms=False, database=postgres_schema())
    kill_and_send_again(agent, MANY, seed)
