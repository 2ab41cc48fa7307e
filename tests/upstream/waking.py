"""Several processes of ours that call one upstream at the same moment."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import SecretStr

from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth import Vault
from tests.support.processes import ROOT, Process, ending, environment, start

CALLER = Path(__file__).with_name("caller.py")


@dataclass
class Callers:
    """Processes that wait for their stdin to end, and then call. What they say is read in threads."""

    processes: list[Process]

    async def wake(self) -> None:
        """Let all go at once, and wait until each is about to call."""
        for process in self.processes:
            _pipe(process.stdin).close()
        assert await self.lines() == ["calling"] * len(self.processes)

    async def lines(self) -> list[str]:
        """Return the next line of each."""
        lines = [await asyncio.to_thread(_pipe(process.stdout).readline) for process in self.processes]
        return [line.decode().strip() for line in lines]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe
    return pipe


@asynccontextmanager
async def waking(config: UpstreamConfig, vault: Vault, count: int, *tool: str) -> AsyncGenerator[Callers]:
    """Start so many processes of our own that call the server, or its `tool`, when they are woken."""
    entry = json.dumps(config.model_dump(exclude_defaults=True), default=_plain)
    command = [str(CALLER), entry, str(vault.directory), str(vault.key_file), *tool]
    variables = environment(vault.directory.parent)
    with ExitStack() as stack:
        callers = Callers([stack.enter_context(ending(start(command, variables, ROOT))) for _ in range(count)])
        assert await callers.lines() == ["ready"] * count
        yield callers


def _plain(value: Any) -> Any:
    assert isinstance(value, SecretStr)
    return value.get_secret_value()
