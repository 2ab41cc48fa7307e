"""A process that asks a model, says "asked", and never gets an answer."""

import asyncio
import os
import sys

from stepwarden.consultation.background_requests import BackgroundRequests
from stepwarden.models import Message, ModelRequest
from stepwarden.storage import Store
from tests.support.models import silent


async def ask(url: str, stream: str, key: str, lease_s: float) -> None:
    models = silent()
    consultants = BackgroundRequests(Store(url), models, lease_s=lease_s, renew_s=lease_s / 5)
    await consultants.start(stream, key, ModelRequest("glm-4.6", (Message("user", "is it so?"),)))
    await models.was_asked()
    os.write(1, b"asked\n")
    await asyncio.Event().wait()


asyncio.run(ask(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])))
