"""Several processes of ours that call one upstream at the same moment."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth import Vault

WAKING = """
import asyncio, json, os, sys
from pathlib import Path
import httpx2
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth import SignIn, Vault, build_auth

async def main():
    windows = []
    async def open_address(request):
        windows.append(request.address)
        return request.answer("opened")
    entry, directory, key, _ = sys.argv[1:]
    config = UpstreamConfig.model_validate(json.loads(entry))
    how = SignIn(waits=True, timeout_s=5.0, open_address=open_address)
    auth = build_auth(config, Vault(Path(directory), Path(key)), how)
    os.write(1, b"ready\\n")
    while os.read(0, 1):  # all wake together when the other end is closed
        pass
    async with httpx2.AsyncClient(auth=auth, timeout=30.0, verify=False) as client:
        response = await client.post(config.url)
    os.write(1, f"{response.status_code} {len(windows)}\\n".encode())

children = []
for _ in range(int(sys.argv[4])):  # forked, so that what they import is imported once
    child = os.fork()
    if not child:
        asyncio.run(main())
        os._exit(0)
    children.append(child)
os.write(1, f"{children[0]}\\n".encode())
for child in children:
    os.waitpid(child, 0)
"""


@asynccontextmanager
async def waking(
    config: UpstreamConfig, vault: Vault, count: int
) -> AsyncGenerator[tuple[asyncio.subprocess.Process, int]]:
    """So many processes of our own that call the server when stdin is closed; gives the id of the first too."""
    entry = json.dumps(config.model_dump(exclude_defaults=True), default=_plain)
    arguments = [sys.executable, "-c", WAKING, entry, str(vault.directory), str(vault.key_file), str(count)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe)
    assert process.stdout
    try:
        lines = [await process.stdout.readline() for _ in range(count + 1)]
        (first,) = [int(line) for line in lines if line != b"ready\n"]
        yield process, first
    finally:
        await process.wait()


async def said(process: asyncio.subprocess.Process) -> list[str]:
    assert process.stdout
    return (await process.stdout.read()).decode().splitlines()


def _plain(value: Any) -> Any:
    assert isinstance(value, SecretStr)
    return value.get_secret_value()
