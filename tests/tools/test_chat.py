"""`chat`: a thread of its own, files, images, cancellation, retries, restarts."""

import asyncio
import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult, TextContent, TextResourceContents

from server import build_server
from stepwarden.errors import StoreBusy, UnknownStream
from stepwarden.models import ErrorKind, ModelError, ModelInfo, ModelReply, ModelTier, Usage
from stepwarden.runtime import build_runtime
from stepwarden.settings import load_settings
from stepwarden.threads.calls import LOCAL, Caller
from stepwarden.threads.chat_prompt import SUMMARY_CHARS, TURN_CHARS, VERBATIM_CHARS
from stepwarden.threads.chats import ChatQuestion, Chats
from stepwarden.threads.retention import orphan_threads
from tests.support.host import MODES, connected
from tests.support.local_server import local_server
from tests.support.models import NO_MODEL, SEEING, WISE, ScriptedModels
from tests.support.project import FAULT, make_project
from tools.chat import chat_tool
from tools.shared.edge import current_caller

pytestmark = pytest.mark.asyncio

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG but small").decode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def models() -> ScriptedModels:
    return ScriptedModels()


def text_of(result: CallToolResult) -> str:
    assert len(result.content) == 1
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


async def said(client: Client, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool("chat", arguments)
    assert not result.is_error, text_of(result)
    sent = result.structured_content
    assert sent is not None
    assert sent["status"] == "chat_complete"
    assert sent["answer"] in text_of(result)
    assert sent["continuation_id"] in text_of(result).splitlines()[-1]
    assert sent["model"] in text_of(result).splitlines()[-1]
    return sent


async def refused(client: Client, **arguments: Any) -> str:
    result = await client.call_tool("chat", arguments)
    assert result.is_error
    assert text_of(result).startswith("Not recorded. ")
    return text_of(result)


@pytest.mark.parametrize("mode", MODES)
async def test_a_question_is_answered_with_model_reason_cost_and_id(
    home: Path, models: ScriptedModels, mode: str
) -> None:
    async with local_server(home, models) as built, Client(built.app, mode=mode) as client:
        sent = await said(client, prompt="Why is the sky blue?")
        assert sent["answer"] == "Answer 1."
        assert (sent["model"], sent["why"], sent["cost"]) == ("wise-1", "first for balanced", "$0.0012")
        assert sent["continuation_id"].startswith("chat-")
        assert len(sent["continuation_id"]) == len("chat-") + 26
        request = models.asked[0]
        assert request.messages[-1].text == "Why is the sky blue?"
        assert (request.purpose, request.thread, request.principal) == ("chat", sent["continuation_id"], "local")
        assert 0 < request.deadline_s <= 45


async def test_what_a_model_takes_is_handed_on_and_no_price_is_not_a_price_of_nothing(home: Path) -> None:
    models = ScriptedModels(answering=lambda request: ModelReply("Well.", "quick-1-0901", "acme", Usage(5, 5)))
    async with local_server(home, models) as built, Client(built.app) as client:
        sent = await said(
            client, prompt="x", model="quick", temperature="0.2", thinking_mode="HIGH", use_websearch=True
        )
        assert (sent["model"], sent["why"], sent["cost"]) == ("quick-1-0901", "by its name", "unpriced")
        assert sent["notes"] == ["Ignored: use_websearch."]
        assert (models.asked[0].temperature, models.asked[0].thinking) == (0.2, "high")


async def test_a_chat_goes_on_with_its_model_until_another_is_named(home: Path, models: ScriptedModels) -> None:
    async with local_server(home, models) as built, Client(built.app) as client:
        chat = (await said(client, prompt="one", model="quick"))["continuation_id"]
        second = await said(client, prompt="two", continuation_id=chat)
        assert (second["model"], second["continuation_id"]) == ("quick-1", chat)
        assert (await said(client, prompt="three", continuation_id=chat, model="eye-1"))["model"] == "eye-1"
        assert (await said(client, prompt="four", continuation_id=chat, model="auto"))["model"] == "wise-1"
        roles = [message.role for message in models.asked[3].messages]
        assert roles == ["system", "user", "assistant", "user", "assistant", "user", "assistant", "user"]


async def test_eight_turns_of_a_thousand_characters_stay_within_twelve_thousand(home: Path) -> None:
    models = ScriptedModels(answering=lambda _: f"ANSWER{len(models.asked)} ".ljust(1_000, "a"))
    async with local_server(home, models) as built, Client(built.app) as client:
        chat = None
        for number in range(1, 9):
            prompt = f"QUESTION{number} ".ljust(1_000, "q")
            chat = (await said(client, prompt=prompt, **({"continuation_id": chat} if chat else {})))["continuation_id"]
        last = models.sent()
        assert len(last) <= 12_000
        for number in range(1, 9):
            assert last.count(f"QUESTION{number} ") == 1, "no history inside history"
        assert "ANSWER1 " in last
        assert models.asked[-1].messages[-2].text.startswith("ANSWER7 ")
        for chars in (100, 1_000, 10_000):
            await said(client, prompt="p" * chars, continuation_id=chat)
        assert len(models.sent()) < 2_000 + SUMMARY_CHARS + VERBATIM_CHARS + 10_000


async def test_a_long_chat_is_bounded_however_long_it_gets(home: Path) -> None:
    models = ScriptedModels(answering=lambda _: "z" * 50_000)
    async with local_server(home, models) as built, Client(built.app) as client:
        chat = (await said(client, prompt="start"))["continuation_id"]
        for number in range(30):
            await said(client, prompt=f"go on {number}", continuation_id=chat)
        assert len(models.sent()) < 3_000 + SUMMARY_CHARS + TURN_CHARS
        assert "older ones left out" in models.sent()


async def test_a_retry_of_the_last_message_is_answered_the_same_and_asks_nobody(
    home: Path, models: ScriptedModels
) -> None:
    async with local_server(home, models) as built, Client(built.app) as client:
        first = await said(client, prompt="one")
        chat = first["continuation_id"]
        assert await said(client, prompt="one", continuation_id=chat) == first
        second = await said(client, prompt="go on", continuation_id=chat)
        assert await said(client, prompt="go on", continuation_id=chat) == second
        assert len(models.asked) == 2
        await said(client, prompt="one", continuation_id=chat)
        assert len(models.asked) == 3, "an older question, asked again, is a new one"
        await said(client, prompt="one", continuation_id=chat, temperature=1)
        assert len(models.asked) == 4, "other content is another question"


async def test_the_same_words_about_a_changed_file_are_a_new_question(
    home: Path, models: ScriptedModels, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "shop")
    asked = {"prompt": "Review", "files": "src/cart.py", "working_directory": str(project)}
    async with local_server(home, models) as built, Client(built.app) as client:
        first = await said(client, **asked)
        again = asked | {"continuation_id": first["continuation_id"]}
        assert await said(client, **again) == first
        (project / "src" / "cart.py").write_text("fixed = True\n")
        assert (await said(client, **again))["answer"] == "Answer 2."
        assert "fixed = True" in models.sent()


async def test_files_go_along_with_numbers_and_what_may_not_be_read_is_named(
    home: Path, models: ScriptedModels, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "shop")
    (project / ".env").write_text("KEY=planted-secret")
    (project / "logo.bin").write_bytes(b"\0\1\2")
    (tmp_path / "outside.txt").write_text("planted-outside")
    files = ["src/cart.py", ".env", "../outside.txt", "logo.bin", "nowhere.py", str(project / "README.md")]
    async with local_server(home, models) as built, Client(built.app) as client:
        sent = await said(client, prompt="Review", files=files, working_directory=str(project))
        text = models.sent()
        assert f"14     {FAULT}" in text
        assert "=== README.md" in text
        assert "planted" not in text
        assert sent["files_left_out"] == [".env", str(tmp_path / "outside.txt"), "logo.bin", "nowhere.py"]
        assert "Files that did not go along: .env" in text
        more = await said(client, prompt="And now?", continuation_id=sent["continuation_id"], files=["README.md"])
        assert "files_left_out" not in more, "the directory is remembered"
        assert FAULT not in models.sent(), "files go along once"
        assert "(went along: files src/cart.py" in models.sent()


async def test_without_a_directory_no_file_is_read_and_the_reply_says_what_to_send(
    home: Path, models: ScriptedModels, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "shop")
    async with local_server(home, models) as built, Client(built.app) as client:
        sent = await said(client, prompt="Review", files=[str(project / "README.md")])
        assert sent["files_left_out"] == [str(project / "README.md")]
        assert any("send working_directory" in note for note in sent["notes"])
        assert "# Shop" not in models.sent()
        assert "working_directory '/etc'" in await refused(client, prompt="x", working_directory="/etc")


async def test_files_over_the_models_budget_are_left_out_by_name(
    home: Path, models: ScriptedModels, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "shop")
    (project / "large.txt").write_text("word " * 40_000)
    async with local_server(home, models) as built, Client(built.app) as client:
        files = ["large.txt", "README.md"]
        asked: dict[str, Any] = {"prompt": "x", "files": files, "working_directory": str(project)}
        sent = await said(client, model="quick", **asked)
        assert sent["files_left_out"] == ["large.txt"]
        assert len(models.sent()) < 32_000 * 3.5
        assert "files_left_out" not in await said(client, model="wise", **asked)


async def test_a_question_longer_than_the_models_context_is_refused_before_it_is_sent(
    home: Path, models: ScriptedModels
) -> None:
    async with local_server(home, models) as built, Client(built.app) as client:
        text = await refused(client, prompt="word " * 20_000, model="quick")
        assert "more than quick-1 takes" in text
        assert models.asked == []
        await said(client, prompt="word " * 20_000)


async def test_images_go_to_models_that_see_and_others_refuse_them(home: Path, models: ScriptedModels) -> None:
    async with local_server(home, models) as built, Client(built.app) as client:
        text = await refused(client, prompt="What is this?", images=[PNG], model="wise")
        assert "wise-1 sees no images" in text
        assert "eye-1" in text
        sent = await said(client, prompt="What is this?", images=PNG)
        assert (sent["model"], sent["why"]) == ("eye-1", "the first that sees images")
        assert models.asked[0].messages[-1].images == (PNG,)
        await said(client, prompt="And the corner?", continuation_id=sent["continuation_id"])
        assert not any(message.images for message in models.asked[1].messages)
        assert "1 images" in models.sent()


OWN = replace(WISE, name="own-vl", aliases=(), sees_images=None)
BLIND = replace(WISE, needs=tuple(ModelTier))


@pytest.mark.parametrize(
    ("infos", "asked", "goes_to"),
    [
        ((OWN,), {}, "own-vl"),
        ((OWN,), {"model": "own-vl"}, "own-vl"),
        ((BLIND, OWN), {}, "own-vl"),
        ((BLIND, OWN, SEEING), {}, "eye-1"),
        ((BLIND, OWN, SEEING), {"model": "own-vl"}, "own-vl"),
    ],
)
async def test_images_go_to_a_model_of_which_nothing_is_known_and_the_reply_says_so(
    home: Path, infos: tuple[ModelInfo, ...], asked: dict[str, str], goes_to: str
) -> None:
    models = ScriptedModels(infos=infos)
    async with local_server(home, models) as built, Client(built.app) as client:
        sent = await said(client, prompt="What is this?", images=[PNG], **asked)
        assert (sent["model"], models.asked[0].messages[-1].images) == (goes_to, (PNG,))
        doubted = ["It is not known whether own-vl sees images."] if goes_to == "own-vl" else []
        assert sent.get("notes", []) == doubted


async def test_a_workflow_thread_is_context_by_its_live_digest(
    home: Path, models: ScriptedModels, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "shop")
    async with local_server(home, models) as built, connected(built.app, project) as host:
        first = await host.open("debug", findings="WRONG-FINDING")
        await host.step("debug", 2, first.id, findings="SUPERSEDED-FINDING", hypothesis="it is the slice")
        await host.step("debug", 2, first.id, findings="LIVE-FINDING", hypothesis="LIVE-THEORY", backtrack_from_step=2)
        chat = await said(host.client, prompt="What do you think?", continuation_id=first.id)
        assert chat["continuation_id"].startswith("chat-")
        for word in ("LIVE-FINDING", "LIVE-THEORY", "The total of the cart is wrong"):
            assert word in models.sent()
        assert "SUPERSEDED-FINDING" not in models.sent()
        await host.step("debug", 3, first.id, findings="LATER-FINDING")
        await said(host.client, prompt="And now?", continuation_id=chat["continuation_id"])
        assert "LATER-FINDING" in models.sent()
        assert models.sent().count("LIVE-FINDING") == 1
        assert await host.steps_recorded(first.id) == 4


@pytest.mark.parametrize("mode", MODES)
async def test_a_cancelled_chat_aborts_its_request_at_once_and_stays_usable(home: Path, mode: str) -> None:
    models = ScriptedModels()
    async with local_server(home, models) as built, Client(built.app, mode=mode) as client:
        chat = (await said(client, prompt="one"))["continuation_id"]
        await models.was_asked()
        models.held = asyncio.Event()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: said(client, prompt="two", continuation_id=chat))
                await models.was_asked()
                scope.cancel()
        await models.aborted.wait()  # and nobody has let it go
        assert not models.held.is_set()
        models.held.set()
        sent = await said(client, prompt="three", continuation_id=chat)
        assert sent["answer"] == "Answer 3."
        assert "two" not in models.sent(), "nothing of a cancelled message is kept"
        assert (await built.runtime.store.verify(chat)) is None


async def test_two_chats_wait_at_once_and_everything_else_is_answered_meanwhile(home: Path) -> None:
    models = ScriptedModels(held=asyncio.Event())
    async with local_server(home, models) as built, Client(built.app, mode="legacy") as client:
        calls = [asyncio.create_task(said(client, prompt=word)) for word in ("ALPHA", "OMEGA")]
        await models.was_asked(2)
        await client.session.send_ping()
        assert not (await client.call_tool("status", {})).is_error
        assert not any(call.done() for call in calls)
        assert models.held
        models.held.set()
        one, two = await asyncio.gather(*calls)
        assert one["continuation_id"] != two["continuation_id"]
        for number in (0, 1):
            assert ("ALPHA" in models.sent(number)) != ("OMEGA" in models.sent(number))


async def test_messages_of_one_chat_are_answered_in_turn_and_a_double_asks_once(
    home: Path, models: ScriptedModels
) -> None:
    async with local_server(home, models) as built, Client(built.app) as client:
        chat = (await said(client, prompt="one"))["continuation_id"]
        await models.was_asked()
        models.held = asyncio.Event()
        two = asyncio.create_task(said(client, prompt="two", continuation_id=chat))
        await models.was_asked()
        twice = asyncio.create_task(said(client, prompt="two", continuation_id=chat))
        models.held.set()
        assert await two == await twice
        assert len(models.asked) == 2
        await said(client, prompt="three", continuation_id=chat)
        assert "two" in models.sent()


async def test_a_model_that_is_too_slow_is_given_up_and_the_reply_says_what_to_do(home: Path) -> None:
    models = ScriptedModels(held=asyncio.Event())
    async with local_server(home, models) as built:
        room = Chats(built.runtime.journal, models, (), "You help.", call_s=0.05)
        with pytest.raises(ModelError, match=r"wise-1 gave no answer in 0\.05 s.*quick-1.*thinking_mode") as caught:
            await room.ask(ChatQuestion(LOCAL, "one", "digest"))
        assert caught.value.kind is ErrorKind.TIMEOUT
        assert models.aborted.is_set()
        assert models.held
        models.held.set()
        assert (await room.ask(ChatQuestion(LOCAL, "one", "digest"))).turns[-1].answer == "Answer 2."


@pytest.mark.parametrize(
    ("waited_s", "pieces", "says"),
    [
        (5.0, (), "wise-1 gave no answer in 5 s, so the request was ended"),
        (2.5, (), "wise-1 gave no answer in 2.5 s"),
        (44.98, ("half of", " an answer"), "wise-1 was still answering after 45 s (17 characters)"),
    ],
)
async def test_a_timeout_says_its_own_seconds(home: Path, waited_s: float, pieces: tuple[str, ...], says: str) -> None:
    """A model may be given less time than the call has (STEPWARDEN_MODEL_TIMEOUT_S)."""
    late = ModelError(ErrorKind.TIMEOUT, "late", waited_s=waited_s)
    models = ScriptedModels(answering=lambda _: late, pieces=pieces)
    async with local_server(home, models) as built, Client(built.app) as client:
        assert says in await refused(client, prompt="x")


async def test_an_answer_that_breaks_off_is_asked_for_once_more_as_a_whole(home: Path) -> None:
    models = ScriptedModels(pieces=("half of", ModelError(ErrorKind.NETWORK, "broke off")))
    async with local_server(home, models) as built, Client(built.app) as client:
        assert (await said(client, prompt="x"))["answer"] == "Answer 1."
        models.pieces = ("half of", ModelError(ErrorKind.FILTERED, "acme's filter withheld the answer."))
        assert "withheld" in await refused(client, prompt="y")
        models.pieces = (ModelError(ErrorKind.NETWORK, "never began"),)
        assert "never began" in await refused(client, prompt="z")
    assert len(models.asked) == 1


async def test_a_message_behind_one_that_hangs_is_told_to_come_again(home: Path, models: ScriptedModels) -> None:
    async with local_server(home, models) as built, Client(built.app) as client:
        chat = (await said(client, prompt="one"))["continuation_id"]
        await models.was_asked()
        models.held, models.stubborn = asyncio.Event(), True
        room = Chats(built.runtime.journal, models, (), "You help.", call_s=0.05)
        two = asyncio.create_task(room.ask(ChatQuestion(LOCAL, "two", "d2", chat)))
        await models.was_asked()
        with pytest.raises(StoreBusy, match="still being answered"):
            await room.ask(ChatQuestion(LOCAL, "three", "d3", chat))
        models.held.set()
        assert (await two).turns[-1].answer == "Answer 2.", "late, and there all the same"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ModelError(ErrorKind.WRONG_KEY, "acme refused the key in ACME_API_KEY: check it."), "acme refused the key"),
        (ModelError(ErrorKind.FILTERED, "acme's filter refused the prompt."), "filter"),
        (ModelError(ErrorKind.TIMEOUT, "no answer"), "wise-1 gave no answer in 45 s"),
        (ModelError(ErrorKind.GIVEN_UP, "acme failed 5 times in a row; asked again in 30 s."), "5 times"),
    ],
)
async def test_an_error_of_the_model_is_one_line_and_loses_nothing(home: Path, error: ModelError, says: str) -> None:
    models = ScriptedModels(answering=lambda request: error if request.messages[-1].text == "two" else "Fine.")
    async with local_server(home, models) as built, Client(built.app) as client:
        chat = (await said(client, prompt="one"))["continuation_id"]
        text = await refused(client, prompt="two", continuation_id=chat)
        assert says in text
        assert len(text.splitlines()) == 1
        assert says in await refused(client, prompt="two")
        await said(client, prompt="three", continuation_id=chat)
        assert [message.text for message in models.asked[-1].messages[1:]] == ["one", "Fine.", "three"]


async def test_without_a_model_one_line_says_what_to_set(home: Path) -> None:
    async with local_server(home, ScriptedModels(infos=())) as built, Client(built.app) as client:
        assert await refused(client, prompt="x") == f"Not recorded. {NO_MODEL}"
        assert (await client.call_tool("challenge", {"statement": "x"})).is_error is False
    runtime = build_runtime(load_settings(home=home, openai_api_key=None))
    async with Client(build_server(runtime.settings, runtime)) as client:
        assert "OPENAI_API_KEY" in await refused(client, prompt="x")
    await runtime.close()


async def test_an_answer_with_odd_characters_or_far_too_long_is_kept_and_fits_a_reply(home: Path) -> None:
    models = ScriptedModels(answering=lambda _: "\ud800 half, \x00 nul " + "\u8a9e" * 40_000)
    async with local_server(home, models) as built, Client(built.app) as client:
        result = await client.call_tool("chat", {"prompt": "x"})
        sent = result.structured_content
        assert sent is not None
        assert len(json.dumps(result.model_dump(mode="json", by_alias=True), ensure_ascii=False).encode()) < 60_000
        place = next(note for note in sent["notes"] if "cut here" in note).split()[5]
        read = await client.read_resource(place)
        assert isinstance(read.contents[0], TextResourceContents)
        assert json.loads(read.contents[0].text)["events"][0]["data"]["answer"].endswith("\u8a9e")


async def test_a_chat_goes_on_in_another_process_over_the_same_store(home: Path, models: ScriptedModels) -> None:
    async with local_server(home, models) as built, Client(built.app) as client:
        first = await said(client, prompt="BEFORE")
    async with local_server(home, models) as built, Client(built.app) as client:
        chat = first["continuation_id"]
        assert await said(client, prompt="BEFORE", continuation_id=chat) == first
        await said(client, prompt="AFTER", continuation_id=chat)
        assert [message.text for message in models.asked[-1].messages[1:]] == ["BEFORE", "Answer 1.", "AFTER"]
        assert await built.runtime.store.verify(chat) is None


async def test_two_processes_that_answer_at_once_both_keep_their_turn(home: Path) -> None:
    models = ScriptedModels()
    async with local_server(home, models) as one, local_server(home, models) as two:
        chat = await one.runtime.chats.ask(ChatQuestion(LOCAL, "start", "d0"))
        await models.was_asked()
        models.held = asyncio.Event()
        asks = [
            asyncio.create_task(built.runtime.chats.ask(ChatQuestion(LOCAL, word, word, chat.id)))
            for built, word in ((one, "left"), (two, "right"))
        ]
        await models.was_asked(2)
        models.held.set()
        await asyncio.gather(*asks)
        third = await two.runtime.chats.ask(ChatQuestion(LOCAL, "end", "d3", chat.id))
        assert {turn.prompt for turn in third.turns} == {"start", "left", "right", "end"}
        assert await one.runtime.store.verify(chat.id) is None


async def test_a_chat_belongs_to_whoever_began_it(home: Path, models: ScriptedModels) -> None:
    async with local_server(home, models) as built, Client(built.app) as client:
        room = built.runtime.chats
        ana, bob = Caller("ana"), Caller("bob")
        chat = await room.ask(ChatQuestion(ana, "PRIVATE", "d1"))
        for caller in (bob, LOCAL):
            with pytest.raises(UnknownStream):
                await room.ask(ChatQuestion(caller, "go on", "d2", chat.id))
        text = await refused(client, prompt="go on", continuation_id=chat.id)
        unknown = await refused(client, prompt="go on", continuation_id="chat-" + "a" * 26)
        assert text.replace(chat.id, "ID") == unknown.replace("chat-" + "a" * 26, "ID")
        assert (await client.call_tool("status", {"continuation_id": chat.id})).is_error
        assert len(models.asked) == 1
        assert current_caller() is not LOCAL


async def test_status_lists_and_shows_a_chat_and_resources_hold_it(
    home: Path, models: ScriptedModels, tmp_path: Path
) -> None:
    async with local_server(home, models) as built, connected(built.app, make_project(tmp_path / "shop")) as host:
        await host.open("debug")
        chat = (await said(host.client, prompt="What is a cart?"))["continuation_id"]
        await said(host.client, prompt="And a basket?", continuation_id=chat)
        row = next(row for row in (await host.status()).sent["threads"] if row["continuation_id"] == chat)
        assert (row["tool"], row["steps"], row["task"]) == ("chat", 2, "What is a cart?")
        assert len((await host.status(tool="chat")).sent["threads"]) == 1
        shown = await host.status(continuation_id=chat)
        assert shown.sent["turns"] == 2
        assert [row["answer"] for row in shown.sent["history"]] == ["Answer 1.", "Answer 2."]
        assert "And a basket?" in shown.text
        for place, word in (("", "Answer 2."), ("/report", "And a basket?"), ("/history", "What is a cart?")):
            read = await host.client.read_resource(f"stepwarden://threads/{chat}{place}")
            assert isinstance(read.contents[0], TextResourceContents)
            assert word in read.contents[0].text
        refusal = await host.client.call_tool(
            "debug", {"step": "x", "step_number": 1, "next_step_required": True, "continuation_id": chat}
        )
        assert refusal.is_error
        assert "is not a thread of steps: go on with it by chat" in text_of(refusal)


async def test_a_chat_of_one_turn_is_no_orphan(home: Path, models: ScriptedModels) -> None:
    async with local_server(home, models) as built, Client(built.app) as client:
        chat = (await said(client, prompt="x"))["continuation_id"]
        assert await built.runtime.store.maintenance.prune([orphan_threads(-1_000)]) == []
        assert await built.runtime.store.head(chat) is not None


async def test_a_host_that_wants_progress_hears_of_it_while_the_model_thinks(home: Path) -> None:
    models = ScriptedModels(held=asyncio.Event())
    heard: list[tuple[float, float | None, str | None]] = []
    enough = asyncio.Event()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))
        if len(heard) == 3:
            enough.set()

    async with local_server(home, models) as built:
        app = MCPServer("chat only", tools=[chat_tool(built.runtime.chats, progress_every_s=0.01)])
        async with Client(app, mode="legacy") as client:
            call = asyncio.create_task(client.call_tool("chat", {"prompt": "x"}, progress_callback=hear))
            await enough.wait()
            assert models.held
            models.held.set()
            assert not (await call).is_error
    assert [total for _, total, _ in heard[:3]] == [45, 45, 45]
    assert sorted(heard) == heard
    assert heard[0][2] == "the model is thinking"


async def test_progress_tells_how_much_of_an_answer_has_come_and_nothing_of_what_it_says(home: Path) -> None:
    """What comes first may be thoughts that only their end tells."""
    models = ScriptedModels(held=asyncio.Event(), pieces=("secret ", "musing" * 200))
    heard: list[str | None] = []
    enough = asyncio.Event()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del progress, total
        heard.append(message)
        enough.set()

    async with local_server(home, models) as built:
        app = MCPServer("chat only", tools=[chat_tool(built.runtime.chats, progress_every_s=0.01)])
        async with Client(app, mode="legacy") as client:
            call = asyncio.create_task(client.call_tool("chat", {"prompt": "x"}, progress_callback=hear))
            await models.was_asked()
            enough.clear()
            await enough.wait()
            assert models.held
            models.held.set()
            assert not (await call).is_error
    assert heard[-1] == "the model is answering, 1,207 characters so far"
    assert not any("secret" in str(message) for message in heard)


BAD = (
    ({}, "prompt: is missing; send it"),
    ({"prompt": " "}, "prompt: is empty"),
    ({"prompt": 7}, "prompt: send text"),
    ({"prompt": "\ud800"}, "broken characters"),
    ({"prompt": "x" * 300_000}, "over the limit of 256 KB"),
    ({"prompt": "x", "promt": "y"}, "did you mean prompt?"),
    ({"prompt": "x", "temperature": 3}, "temperature: send 2.0 or less"),
    ({"prompt": "x", "temperature": "hot"}, "temperature: send a number"),
    ({"prompt": "x", "thinking_mode": "extreme"}, "thinking_mode: send one of"),
    ({"prompt": "x", "images": ["/etc/passwd"]}, "images[0]: send a data URL"),
    ({"prompt": "x", "images": ["https://example.org/a.png"]}, "images[0]: send a data URL"),
    ({"prompt": "x", "images": ["data:image/png;base64,???"]}, "images[0]: is not base64"),
    ({"prompt": "x", "images": [PNG] * 9}, "9 items are over the limit of 8"),
    ({"prompt": "x", "files": {"a": 1}}, "files[0]: send text"),
    ({"prompt": "x", "continuation_id": "nothing"}, "no chat or thread nothing"),
    ({"prompt": "x", "continuation_id": "\x00" * 200}, "no chat or thread"),
    ({"prompt": "x", "model": "gpt-unknown"}, "nearest: wise-1"),
    ({"prompt": "x", "working_directory": "relative"}, "is not an absolute path"),
)


async def test_bad_input_is_told_in_a_line_and_asks_nobody(
    home: Path, models: ScriptedModels, subtests: pytest.Subtests
) -> None:
    async with local_server(home, models) as built, Client(built.app) as client:
        for arguments, says in BAD:
            with subtests.test(says):
                text = await refused(client, **arguments)
                assert says in text
                assert len(text) < 400
                assert models.asked == []
        await said(client, prompt="x", model=None, files=None)


@pytest.mark.parametrize("tool", ["chat", "listmodels"])
async def test_the_first_call_waits_until_local_models_are_found(home: Path, tool: str) -> None:
    class Hidden(ScriptedModels):
        async def discover(self) -> None:
            for _ in range(20):
                await asyncio.sleep(0)  # the call comes before it is over
            self.infos = (WISE,)

    async with local_server(home, Hidden(infos=())) as built, Client(built.app) as host:
        got = await host.call_tool(tool, {"prompt": "hi"} if tool == "chat" else {})
    assert isinstance(got, CallToolResult)
    assert not got.is_error
    assert "wise-1" in got.content[0].text  # pyright: ignore


async def test_who_was_too_slow_is_not_the_one_to_ask_instead(home: Path) -> None:
    slow = ScriptedModels(infos=(WISE,), answering=lambda _: ModelError(ErrorKind.TIMEOUT, "no answer"))
    async with local_server(home, slow) as built, Client(built.app) as host:
        got = await host.call_tool("chat", {"prompt": "hi"})
    assert "Ask a faster model, send less at once" in got.content[0].text  # pyright: ignore
