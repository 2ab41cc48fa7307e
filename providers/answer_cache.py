"""A provider that returns an earlier answer to the same request of the same principal, where the request allows it."""

import asyncio
import hashlib
import json
import logging
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, cast

from providers.wrapper import Wrapper
from stepwarden.consultation.structured_answers import WrongAnswer, read_answer
from stepwarden.models import ModelReply, ModelRequest, Provider, Usage

CACHE_BYTES = 64_000_000
KEPT_S = 7 * 86_400.0
_VERSION = 3  # of the form of a row, and of what counts as an answer
_WAL_SAFE = (3, 51, 3)  # as in stepwarden/storage/sqlite.py: older ones can corrupt under several processes

_logger = logging.getLogger(__name__)


class DiskCache(Protocol):
    """The part of diskcache's Cache that we use."""

    def get(self, key: str) -> object:
        """Return what is stored under a key."""
        ...

    def set(self, key: str, value: object, expire: float) -> object:
        """Store something for so many seconds."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def answer_key(origin: str, request: ModelRequest) -> str:
    """Return the key of a request: all that the answer depends on, and whose it is."""
    form = request.answer or (request.form.asked if request.form else None)
    schema = form.model_json_schema() if form else None
    parts = [
        _VERSION,
        origin,
        request.principal,
        request.model,
        request.temperature,
        request.max_output_tokens,
        request.thinking,
        schema,
        [message.described for message in request.messages],
        [tool.text for tool in request.tools],
        request.tool_choice,
        request.parallel_calls,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("ascii")).hexdigest()


class AnswerCache:
    """Answers on disk: bounded, private to this user, and deleted at the first sign of damage.

    All of it happens in one thread of its own, so that one connection is opened and closed there.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._thread: ThreadPoolExecutor | None = None
        self._cache: DiskCache | None = None

    async def get(self, key: str) -> dict[str, Any] | None:
        """Return what is stored under a key."""
        found = await self._run(lambda cache: cache.get(key))
        return cast("dict[str, Any]", found) if isinstance(found, dict) else None

    async def set(self, key: str, value: dict[str, Any]) -> None:
        """Store something for a week at most."""
        await self._run(lambda cache: cache.set(key, value, expire=KEPT_S))

    async def open(self) -> None:
        """Open the file, which is made where it is not there."""
        await self._run(lambda _: None)

    async def close(self) -> None:
        """Close the file."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._drop)
            thread.shutdown()

    async def _run(self, work: Callable[[DiskCache], object]) -> object:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "stepwarden-cache")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._tried, work)

    def _tried(self, work: Callable[[DiskCache], object]) -> object:
        from diskcache import Timeout  # pyright: ignore[reportMissingTypeStubs] - it has no types

        from providers.answer_disk import RefusedRow

        for _ in range(2):
            try:
                if self._cache is None:
                    self._cache = self._opened()
                return work(self._cache)
            except Timeout:
                return None  # another process writes: this answer is not stored
            except (sqlite3.Error, OSError, ValueError, TypeError, RecursionError, RefusedRow) as error:
                # a foreign or damaged file makes diskcache fail in any of these ways
                _logger.warning("the cache of answers is deleted: %s", error)
                self._drop()
                shutil.rmtree(self._directory, ignore_errors=True)
        return None

    def _opened(self) -> DiskCache:
        import diskcache  # pyright: ignore[reportMissingTypeStubs] - it has no types

        from providers.answer_disk import AnswerDisk

        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.chmod(0o700)
        return diskcache.Cache(
            str(self._directory),
            timeout=2,
            disk=AnswerDisk,
            size_limit=CACHE_BYTES,
            eviction_policy="least-recently-used",
            sqlite_mmap_size=0,
            sqlite_journal_mode="wal" if sqlite3.sqlite_version_info >= _WAL_SAFE else "truncate",
        )

    def _drop(self) -> None:
        cache, self._cache = self._cache, None
        if cache is not None:
            cache.close()


class CachedProvider(Wrapper):
    """Stores the answers of requests that say `cache`, and of no others. Streams are passed through.

    An answer that calls tools is never stored: what it asks for depends on a world that has changed since, and a call
    out of the cache would be made once more.

    `origin` is the provider and its address: another endpoint under the same name is another model.
    """

    def __init__(self, inner: Provider, cache: AnswerCache, origin: str) -> None:
        super().__init__(inner)
        self._origin = origin
        self._cache = cache

    async def warm(self) -> None:
        """Open the cache, and make the provider inside ready."""
        await self._cache.open()
        await self._inner.warm()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the stored answer, with `cached` set and at no cost, or a new one."""
        if not request.cache:
            return await self._inner.complete(request)
        key = answer_key(self._origin, request)
        stored = await self._cache.get(key)
        reply = _restored(stored, request) if stored is not None else None
        if reply is None:
            reply = await self._inner.complete(request)
            if not reply.cut_off and not reply.calls:
                row = {"text": reply.text, "model": reply.model, "provider": reply.provider, "notes": reply.notes}
                await self._cache.set(key, row)
        return reply


def _restored(row: dict[str, Any], request: ModelRequest) -> ModelReply | None:
    text = row.get("text")
    if not isinstance(text, str):
        return None
    try:
        parsed = read_answer(text, request.answer) if request.answer else None
    except WrongAnswer:
        return None
    return ModelReply(
        text=text,
        model=str(row.get("model")),
        provider=str(row.get("provider")),
        usage=Usage(cost=Decimal()),
        parsed=parsed,
        cached=True,
        notes=tuple(str(note) for note in row.get("notes") or ()),
    )
