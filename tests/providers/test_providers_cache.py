"""The cache of answers: only for who asks for it, never another's answer, and nothing in it is ever executed."""

import pickle
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer, request
from pydantic import BaseModel

from providers.answer_cache import AnswerCache, answer_key
from providers.models import AllModels
from providers.scripted import ScriptedReply

pytestmark = pytest.mark.asyncio


class Word(BaseModel):
    word: str


class Other(BaseModel):
    word: str
    more: int = 0


async def test_an_answer_is_kept_only_for_who_asks_for_it_and_costs_nothing(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(ScriptedReply(answer={"word": "one"}), "two", "three")
    built = models(server)
    first = await built.complete(request(cache=True, answer=Word))
    again = await built.complete(request(cache=True, answer=Word))
    assert (first.cached, again.cached, again.parsed) == (False, True, Word(word="one"))
    assert (again.usage.input_tokens, again.usage.price) == (0, "$0.0000")
    assert (await built.complete(request())).text == "two"
    assert (await built.complete(request())).text == "three"


async def test_an_answer_outlives_the_process(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve("one", "two")
    await models(server).complete(request(cache=True))
    assert (await models(server).complete(request(cache=True))).cached


async def test_nobody_is_served_the_answer_to_another_question(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """The principal is part of the question."""
    built = models(serve("one", ScriptedReply(answer={"word": "two"})))
    others: list[dict[str, Any]] = [
        {"principal": "somebody else"},
        {"model": "other"},
        {"text": "ho"},
        {"answer": Word},
        {"temperature": 0.0},
        {"max_output_tokens": 10},
        {"thinking": "low"},
    ]
    for changed in ({}, *others):
        assert not (await built.complete(request(cache=True, **changed))).cached, changed
    assert (await built.complete(request(cache=True))).cached


async def test_another_schema_or_another_address_is_another_question() -> None:
    asked = request(answer=Word)
    assert answer_key("custom http://a", asked) != answer_key("custom http://a", request(answer=Other))
    assert answer_key("custom http://a", asked) != answer_key("custom http://b", asked)


async def test_a_cut_off_answer_is_not_kept(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    built = models(serve(ScriptedReply(text="half", finish="length"), "whole"))
    await built.complete(request(cache=True))
    assert (await built.complete(request(cache=True))).text == "whole"


async def test_the_directory_is_private_and_its_file_bounded(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "answers")
    await cache.set("k", {"text": "x"})
    await cache.close()
    assert stat.S_IMODE((tmp_path / "answers").stat().st_mode) == 0o700
    with sqlite3.connect(tmp_path / "answers" / "cache.db") as database:
        told = dict(database.execute("SELECT key, value FROM Settings"))
        mode, filename, value = database.execute("SELECT mode, filename, value FROM Cache").fetchone()
    database.close()
    assert (told["size_limit"], told["sqlite_mmap_size"]) == (64_000_000, 0)
    assert (mode, filename, value) == (1, None, '{"text": "x"}')


class Bomb:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self._path,)  # type: ignore[return-value]


@pytest.mark.parametrize("kind", ["a pickle", "a pickled file", "a file", "bytes", "no JSON", "too deep"])
async def test_a_planted_row_is_neither_executed_nor_served_and_the_cache_is_made_anew(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """diskcache and its JSONDisk would unpickle the first: CVE-2025-69872."""
    directory, sprung = tmp_path / "answers", tmp_path / "sprung"
    bomb = pickle.dumps(Bomb(sprung))
    (tmp_path / "secret").write_text('{"text": "secret"}')
    planted = {
        "a pickle": (4, None, bomb),
        "a pickled file": (4, "bomb.val", None),
        "a file": (3, "../secret", None),
        "bytes": (1, None, bomb),
        "no JSON": (1, None, "{"),
        "too deep": (1, None, "[" * 200_000),
    }[kind]
    cache = AnswerCache(directory)
    await cache.set("k", {"text": "mine"})
    await cache.close()
    (directory / "bomb.val").write_bytes(bomb)
    with sqlite3.connect(directory / "cache.db") as database:
        database.execute("UPDATE Cache SET mode = ?, filename = ?, value = ?", planted)
    database.close()
    cache = AnswerCache(directory)
    assert await cache.get("k") is None
    assert not sprung.exists()
    assert (tmp_path / "secret").exists()
    assert "is deleted" in caplog.text
    await cache.set("k", {"text": "new"})
    assert await cache.get("k") == {"text": "new"}
    await cache.close()


@pytest.mark.parametrize("damage", ["garbage", "foreign"])
async def test_a_damaged_file_costs_no_answer(damage: str, tmp_path: Path) -> None:
    directory = tmp_path / "answers"
    directory.mkdir()
    if damage == "garbage":
        (directory / "cache.db").write_bytes(b"no database at all" * 100)
    else:
        with sqlite3.connect(directory / "cache.db") as database:
            database.execute("CREATE TABLE Settings (key TEXT, value TEXT)")
            database.execute("INSERT INTO Settings VALUES ('cull_limit', 'many')")
        database.close()
    cache = AnswerCache(directory)
    await cache.set("k", {"text": "x"})
    assert await cache.get("k") == {"text": "x"}
    await cache.close()


async def test_without_a_place_to_write_calls_go_on(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels], tmp_path: Path
) -> None:
    (tmp_path / "home").write_text("a file where the directory should be")
    built = models(serve("one"))
    assert (await built.complete(request(cache=True))).text == "one"
    assert not (await built.complete(request(cache=True))).cached


async def test_nothing_is_written_for_who_does_not_ask(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels], tmp_path: Path
) -> None:
    await models(serve("one")).complete(request())
    assert not (tmp_path / "home").exists()
