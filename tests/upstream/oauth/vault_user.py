"""Processes that use the vault's files for ever: `python vault_user.py write DIRECTORY KEY_FILE`, or `hold LOCK`."""

import asyncio
import itertools
import os
import sys
from pathlib import Path

from stepwarden.upstream.oauth import Vault
from stepwarden.upstream.oauth.machine_lock import machine_lock
from stepwarden.upstream.oauth.token_set import Tokens, TokenSet


def write(directory: str, key: str) -> None:
    """Save one token set after the other; says so after the first."""
    vault = Vault(Path(directory), Path(key))
    for number in itertools.count(1):
        tokens = Tokens(access="a" * 3000, refresh=f"r{number}", obtained_at=0.0)
        vault.save(TokenSet(upstream="jira", server="s", issuer="i", tokens=tokens, saved_at=float(number)))
        if number == 1:
            os.write(1, b"saved\n")


async def hold(lock: str) -> None:
    async with machine_lock(Path(lock), 1.0):
        os.write(1, b"held\n")
        os.read(0, 1)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(*sys.argv[2:])
    else:
        asyncio.run(hold(*sys.argv[2:]))
