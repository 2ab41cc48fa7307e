"""A process of ours that calls one upstream when its stdin ends: `python caller.py ENTRY VAULT_DIRECTORY KEY_FILE`."""

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx2

from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.oauth import SignIn, Vault, build_auth


async def main() -> None:
    windows: list[str] = []

    async def show(url: str) -> None:
        windows.append(url)

    entry, directory, key = sys.argv[1:]
    config = UpstreamConfig.model_validate(json.loads(entry))
    auth = build_auth(config, Vault(Path(directory), Path(key)), SignIn(waits=True, timeout_s=5.0, show=show))
    assert config.url
    os.write(1, b"ready\n")
    while os.read(0, 1):  # all wake together when the other end is closed
        pass
    os.write(1, b"calling\n")
    async with httpx2.AsyncClient(auth=auth, timeout=60.0, verify=False) as client:
        response = await client.post(config.url)
    os.write(1, f"{response.status_code} {len(windows)}\n".encode())


if __name__ == "__main__":
    asyncio.run(main())
