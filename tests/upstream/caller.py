"""A process of ours that calls one upstream when its stdin ends: `python caller.py ENTRY VAULT_DIRECTORY KEY_FILE`.

With the name of a tool as a fourth argument it calls that; without, it sends one request to the address.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx2

from stepwarden.upstream.call_request import CallRequest
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.connection import Connection
from stepwarden.upstream.oauth import OAuthAuth, SignIn, Vault, build_auth
from stepwarden.upstream.sign_in import SignInAnswer, SignInRequest
from stepwarden.upstream.tool_call import ToolCaller


async def main() -> None:
    windows: list[str] = []

    async def open_address(request: SignInRequest) -> SignInAnswer:
        windows.append(request.address)
        return request.answer("opened")

    entry, directory, key, *tool = sys.argv[1:]
    config = UpstreamConfig.model_validate(json.loads(entry))
    how = SignIn(waits=True, timeout_s=5.0, open_address=open_address)
    auth = build_auth(config, Vault(Path(directory), Path(key)), how)
    say("ready")
    while os.read(0, 1):  # all wake together when the other end is closed
        pass
    say("calling")
    answer = await (called(config, auth, *tool) if tool else answered(config, auth))
    say(f"{answer} {len(windows)}")


async def answered(config: UpstreamConfig, auth: httpx2.Auth | None) -> str:
    assert config.url
    async with httpx2.AsyncClient(auth=auth, timeout=None, verify=False) as client:
        return str((await client.post(config.url)).status_code)


async def called(config: UpstreamConfig, auth: httpx2.Auth | None, tool: str) -> str:
    connection = Connection(config, lambda: auth, lambda _: None)
    got = await ToolCaller(config, connection).call(CallRequest(tool, {"text": "awake"}), repeatable=True)
    await connection.close()
    if isinstance(auth, OAuthAuth):
        await auth.close()
    return got.answer.content[0].text  # pyright: ignore


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    asyncio.run(main())
