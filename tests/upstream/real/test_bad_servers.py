"""Servers that misbehave, in both eras and over pipes: each fault is told truly, and the next call goes through."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from recorded import called, text_of, upstreams
from rigs import listings, sockets
from rigs.command import command
from rigs.faults import Fault
from rigs.faulty import FaultyServer, Host, hosting

from stepwarden.errors import SignInNeeded, StepwardenError, UpstreamDown, UpstreamRefused, UpstreamSilent
from stepwarden.upstream.call_request import CallRequest
from stepwarden.upstream.calls.outcome import CallOutcome
from stepwarden.upstream.calls.prepared_call import prepare_call
from stepwarden.upstream.servers import Upstreams
from stepwarden.upstream.tool_index import ToolIndex
from tests.support.call_records import Records
from tests.support.certificates import self_signed
from tests.support.http_apps import served_by_thread
from tests.support.loop_clock import LoopClock

pytestmark = pytest.mark.asyncio
SAFE = "Repeating it is safe"
PERHAPS = "may have been carried out"
CALL_S = 60.0  # that no server here takes but those that never answer, for which it is put forward
RIG = {"name": "rig", "timeout_s": CALL_S, "connect_timeout_s": CALL_S}
REQUEST = CallRequest("echo", {"text": "a"})


def entry_of(server: FaultyServer, **more: Any) -> dict[str, Any]:
    return {**RIG, "url": server.url, "auth": {"type": "none"}, **more}


async def called_at(found: Upstreams, tool: str, records: Records | None = None, text: str = "a") -> CallOutcome:
    return await called(found, f"rig/{tool}", records, text=text)


# The fault, what is raised, in which words, and what is recorded of a write: whether it may have been carried out.
TOLD: list[tuple[Fault, type[StepwardenError], str, str]] = [
    (Fault.HANGS, UpstreamSilent, "no answer came within 60 s", "unknown"),
    (Fault.DROPS, UpstreamSilent, "the connection broke", "unknown"),
    (Fault.DROPS_STREAM, UpstreamSilent, "the connection broke", "unknown"),
    (Fault.ENDS_STREAM, UpstreamSilent, "stream ended without a response", "unknown"),
    (Fault.GARBAGE, UpstreamSilent, "is not a JSON-RPC message", "unknown"),
    (Fault.NOT_JSONRPC, UpstreamSilent, "is not a JSON-RPC message", "unknown"),
    (Fault.OTHER_ID, UpstreamSilent, "no answer came within", "unknown"),
    (Fault.NO_RESULT, UpstreamSilent, "not a valid result of a tool", "unknown"),
    (Fault.DEEP, UpstreamSilent, "is not a JSON-RPC message", "unknown"),
    (Fault.BIG, UpstreamSilent, "over 8 MiB and was dropped", "unknown"),
    (Fault.BIG_EVENT, UpstreamSilent, "over 8 MiB and was dropped", "unknown"),
    (Fault.ENDLESS, UpstreamSilent, "over 8 MiB and was dropped", "unknown"),
    (Fault.WRONG_TYPE, UpstreamSilent, "its answer is text/plain", "unknown"),
    (Fault.NO_TYPE, UpstreamSilent, "nothing readable", "unknown"),
    (Fault.HTML, UpstreamSilent, "its answer is text/html", "unknown"),
    (Fault.TAKES, UpstreamSilent, "it took the call and gave no answer (202)", "unknown"),
    (Fault.EMPTY, UpstreamSilent, "its answer is empty", "unknown"),
    (
        Fault.REDIRECTS,
        UpstreamDown,
        "it sends us on to http://127.0.0.2:9/elsewhere, which is not followed",
        "not_sent",
    ),
    (Fault.UNAVAILABLE, UpstreamSilent, "it cannot answer now (503)", "unknown"),
    (Fault.FAILS, UpstreamSilent, "it failed (500)", "unknown"),
    (Fault.REFUSES, SignInNeeded, "it refuses our credentials (401)", "not_sent"),
    (Fault.FORBIDS, UpstreamRefused, "it wants the scopes: write:notes read:notes", "refused"),
    (Fault.PROTOCOL_ERROR, UpstreamRefused, 'the error -32602: "no such project"', "refused"),
    (Fault.SAYS_CLOSED, UpstreamSilent, 'answered with the error -32000: "the project is archived"', "unknown"),
    (Fault.SAYS_TIMEOUT, UpstreamSilent, 'the error -32001: "the search index is being built"', "unknown"),
    (Fault.DRIPS, UpstreamSilent, "no answer came within", "unknown"),
]
UNANSWERED = frozenset({Fault.HANGS, Fault.OTHER_ID, Fault.DRIPS})
IN_BOTH_ERAS = [
    # by default each era meets every other fault
    pytest.param(*told, modern, marks=() if modern is bool(number % 2) else pytest.mark.slow)
    for number, told in enumerate(TOLD)
    for modern in (False, True)
]


@pytest.mark.parametrize(("fault", "error", "words", "outcome", "modern"), IN_BOTH_ERAS)
async def test_a_write_that_meets_a_fault_is_sent_once_and_the_truth_is_told(
    rig: Host, fault: Fault, error: type[StepwardenError], words: str, outcome: str, modern: bool
) -> None:
    server, records, clock = rig.serve(fault, modern=modern), Records(), LoopClock()
    async with upstreams(entry_of(server)) as found:
        call = asyncio.create_task(called_at(found, "add_note", records))
        if fault in UNANSWERED:
            await server.news.until(lambda: server.asked("tools/call") == 1)
            clock.forward(CALL_S)
        with pytest.raises(error) as raised:
            await call
        said = str(raised.value)
        assert words in said
        assert (PERHAPS in said) is (outcome == "unknown")
        assert SAFE not in said
        assert server.asked("tools/call") == 1
        assert [(one.phase, one.outcome) for one in records.kept] == [("intended", ""), ("ended", outcome)]
        server.fault = None
        assert text_of(await called_at(found, "add_note", text="b")) == "b"


async def test_an_address_that_sends_us_elsewhere_is_told_as_what_to_correct(rig: Host) -> None:
    server = rig.serve(Fault.REDIRECTS, on="*")
    async with upstreams(entry_of(server)) as found:
        with pytest.raises(UpstreamDown) as raised:
            await called_at(found, "echo")
    assert f"Correct url of rig in the file of upstreams (it is {server.url} now), or its type" in str(raised.value)


async def test_a_server_that_is_tried_again_says_why_it_was_down(rig: Host) -> None:
    server = rig.serve(Fault.UNAVAILABLE, on="*")
    async with upstreams(entry_of(server)) as found:
        with pytest.raises(UpstreamDown):
            await called_at(found, "echo")
        server.fault, asked = Fault.HANGS, len(server.heard)
        await server.news.until(lambda: len(server.heard) > asked)  # it is tried again by itself
        standing = found.server("rig").state
        assert standing.state == "connecting"
        assert standing.reason.startswith("last time it cannot answer now (503)")
        server.release()


async def test_a_call_waits_for_a_place_no_longer_than_its_time(rig: Host) -> None:
    server = rig.serve(Fault.HANGS)
    async with upstreams(entry_of(server, concurrency=1)) as found:
        first = asyncio.create_task(called_at(found, "add_note"))
        await server.news.until(lambda: server.asked("tools/call") == 1)
        caller = found.server("rig").caller
        usual, caller.clock = caller.clock, chain([0.0], repeat(CALL_S)).__next__
        with pytest.raises(UpstreamDown, match=r"no more than 1 of our calls at once.*Nothing was sent\."):
            await caller.call(REQUEST, repeatable=True)
        caller.clock, server.fault = usual, None
        first.cancel()
        assert text_of(await called_at(found, "echo")) == "a"


async def test_all_attempts_of_a_read_share_one_time(rig: Host) -> None:
    server, clock = rig.serve(Fault.DROPS), LoopClock()
    async with upstreams(entry_of(server)) as found:
        await prepare_call(ToolIndex(found), "rig/echo", {"text": "a"})
        caller = found.server("rig").caller
        caller.clock = lambda: clock.now() + (CALL_S * 0.7 if server.asked("tools/call") else 0.0)
        call = asyncio.create_task(caller.call(REQUEST, repeatable=True))
        await server.news.until(lambda: server.asked("tools/call") == 1)
        server.fault = Fault.HANGS
        await server.news.until(lambda: server.asked("tools/call") == 2)
        clock.stop()  # what ends the call now is nothing but what was left of its time
        clock.forward(CALL_S * 0.3)
        with pytest.raises(UpstreamSilent, match=r"no answer came within 60 s"):
            await call


@pytest.mark.parametrize("modern", [False, True])
@pytest.mark.parametrize("fault", [Fault.DROPS, Fault.ENDS_STREAM, Fault.UNAVAILABLE, Fault.FAILS])
async def test_a_read_is_tried_again_by_itself(rig: Host, fault: Fault, modern: bool) -> None:
    server = rig.serve(fault, modern=modern, times=2)
    async with upstreams(entry_of(server)) as found:
        ended = await called_at(found, "echo")
    assert (text_of(ended), ended.attempts) == ("a", 3)


@pytest.mark.parametrize("tool", ["echo", "add_note"])
async def test_a_limit_is_waited_out_even_by_a_write(rig: Host, tool: str) -> None:
    server = rig.serve(Fault.LIMITED, times=1, retry_after="0.1")
    async with upstreams(entry_of(server)) as found:
        ended = await called_at(found, tool)
    assert (text_of(ended), ended.attempts, len(server.did)) == ("a", 2, 1)


async def test_a_long_limit_is_told_and_holds_for_every_call(rig: Host) -> None:
    server = rig.serve(Fault.LIMITED, times=1, retry_after="120")
    async with upstreams(entry_of(server)) as found:
        found.server("rig").caller.clock = lambda: 0.0
        for _ in range(3):
            with pytest.raises(UpstreamDown, match="again in 120 s"):
                await called_at(found, "echo")
    assert server.asked("tools/call") == 1


async def test_a_server_cannot_claim_in_our_name_that_nothing_was_sent(rig: Host) -> None:
    server = rig.serve(Fault.FORGES)
    async with upstreams(entry_of(server)) as found:
        with pytest.raises(UpstreamSilent, match=PERHAPS):
            await called_at(found, "add_note")


async def test_a_session_that_was_forgotten_is_opened_anew_within_the_call(rig: Host) -> None:
    server = rig.serve()
    async with upstreams(entry_of(server)) as found:
        await called_at(found, "add_note")
        rig.do(server.forget_sessions)
        assert text_of(await called_at(found, "add_note", text="b")) == "b"
    assert [one["text"] for one in server.did] == ["a", "b"]


@pytest.mark.parametrize(
    ("fault", "modern"),
    [
        (Fault.FLOODS, False),
        pytest.param(Fault.FLOODS, True, marks=pytest.mark.slow),
        pytest.param(Fault.STORMS, False, marks=pytest.mark.slow),
        (Fault.STORMS, True),
    ],
)
async def test_a_flood_of_notices_does_not_hide_the_answer(rig: Host, fault: Fault, modern: bool) -> None:
    server = rig.serve(fault, modern=modern)
    async with upstreams(entry_of(server)) as found:
        assert text_of(await called_at(found, "add_note")) == "done"
    assert server.listings < 200  # a tenth of what the storm says, however slow the machine is


async def test_other_calls_do_not_suffer_from_one_that_is_dropped(rig: Host) -> None:
    server = rig.serve(Fault.DROPS, times=1)
    async with upstreams(entry_of(server)) as found:
        calls = (called_at(found, "add_note", text=str(number)) for number in range(8))
        answers = await asyncio.gather(*calls, return_exceptions=True)
    lost = [one for one in answers if isinstance(one, BaseException)]
    assert [type(one) for one in lost] == [UpstreamSilent]
    assert len(server.did) == 8


CONNECTING: list[tuple[Fault, str]] = [
    (Fault.HTML, "there is no MCP server at this address: it answers text/html. Nothing was sent. Correct url"),
    (Fault.HTML_404, "there is no MCP server at this address (404)"),
    (Fault.GARBAGE, "not a JSON-RPC message"),
    (Fault.FAILS, "it failed (500)"),
    (Fault.UNAVAILABLE_UNTIL, "Send the same call again in 1 s"),
    (Fault.FORBIDS, "it wants the scopes"),
]


@pytest.mark.parametrize(("fault", "words"), CONNECTING)
async def test_a_server_that_cannot_be_connected_to_says_why_and_gets_no_call(
    rig: Host, fault: Fault, words: str
) -> None:
    server = rig.serve(fault, on="*")
    async with upstreams(entry_of(server)) as found:
        with pytest.raises(UpstreamDown) as raised:
            await called_at(found, "add_note")
    assert words in str(raised.value)
    assert server.asked("tools/call") == 0


@contextmanager
def sse_server() -> Iterator[str]:
    """The older transport, served by the SDK."""
    mcp = MCPServer("older")

    @mcp.tool()
    async def add_note(text: str) -> str:
        return text

    with socket.create_server(("127.0.0.1", 0)) as listener, served_by_thread(mcp.sse_app(), listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/sse"


async def test_the_older_transport_of_events_works() -> None:
    with sse_server() as url:
        async with upstreams({**RIG, "url": url, "type": "sse", "auth": {"type": "none"}}) as found:
            assert text_of(await called_at(found, "add_note")) == "a"
            assert text_of(await called_at(found, "add_note", text="b")) == "b"


async def test_a_certificate_that_nobody_trusts_is_named(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with hosting(ssl_certfile=str(certificate), ssl_keyfile=str(key)) as host:
        url = host.serve().url.replace("127.0.0.1", "localhost")
        async with upstreams({**RIG, "url": url, "auth": {"type": "none"}}) as found:
            with pytest.raises(UpstreamDown, match=r"TLS certificate is refused \(self-signed certificate\)"):
                await called_at(found, "echo")


async def test_https_to_a_server_without_is_named(rig: Host) -> None:
    url = rig.serve().url.replace("http://", "https://")
    async with upstreams({**RIG, "url": url, "auth": {"type": "none"}}) as found:
        with pytest.raises(UpstreamDown, match=r"it may not be https there\. Nothing was sent"):
            await called_at(found, "echo")


async def test_a_port_where_nothing_or_something_else_answers_is_told() -> None:
    with sockets.closed_port() as port:
        async with upstreams({**RIG, "url": f"http://127.0.0.1:{port}/mcp"}) as found:
            with pytest.raises(UpstreamDown, match="connection refused"):
                await called_at(found, "echo")
    for handle in (sockets.closes_at_once, sockets.speaks_another_language):
        with sockets.answering(handle) as port:
            async with upstreams({**RIG, "url": f"http://127.0.0.1:{port}/mcp"}) as found:
                with pytest.raises(UpstreamDown, match=r"the connection broke|connection refused"):
                    await called_at(found, "echo")
    with sockets.answering(sockets.never_answers) as port:
        async with upstreams({**RIG, "url": f"http://127.0.0.1:{port}/mcp", "connect_timeout_s": 0.3}) as found:
            with pytest.raises(UpstreamDown, match=r"did not answer within 0\.3 s"):
                await called_at(found, "echo")


COMMANDS: list[tuple[str, type[StepwardenError], str]] = [
    ("dies", UpstreamDown, "ended with code 3: config error: JIRA_URL is not set. Nothing was sent"),
    ("dies_silently", UpstreamDown, "ended with code 1. Nothing was sent"),
    ("prints_garbage", UpstreamDown, "lines that are not MCP messages, such as: INFO 12:00:00 still starting"),
    ("crashes", UpstreamSilent, "ended with code 139: Segmentation fault (core dumped)"),
    ("says_closed", UpstreamSilent, 'it answered with the error -32000: "the project is archived"'),
    ("closes_stdout", UpstreamSilent, "it closed its output"),
    ("big_line", UpstreamSilent, "a line over 8 MiB"),
    ("endless_line", UpstreamSilent, "a line over 8 MiB"),
]


@pytest.mark.parametrize(("fault", "error", "words"), COMMANDS)
async def test_a_command_that_misbehaves_is_told_in_its_own_last_words(
    fault: str, error: type[StepwardenError], words: str
) -> None:
    async with upstreams({**RIG, **command(fault)}) as found:
        for _ in range(2):  # the second call starts it again, and finds the same
            with pytest.raises(error) as raised:
                await called_at(found, "add_note")
            assert words in str(raised.value)


async def test_a_command_that_greets_in_plain_text_is_forgiven() -> None:
    for fault in ("prints_banner", "garbage_answer", "storms"):
        async with upstreams({**RIG, **command(fault)}) as found:
            assert text_of(await called_at(found, "add_note")) == "a"


async def test_names_and_schemas_that_cannot_be_used_bar_only_their_own_tools(rig: Host) -> None:
    async with upstreams(entry_of(rig.serve(tools=listings.BAD_NAMES))) as found:
        assert await ToolIndex(found).list_unlisted(timeout_s=CALL_S) == {}
        registry = found.server("rig").registry
        assert list(registry.tools) == ["__proto__", "dots.and-dashes", "twice", "good"]
        assert registry.tools["twice"].description == "the first"
        assert len(registry.unusable) == 7
        assert all(one.name.isprintable() for one in registry.unusable)
    async with upstreams(entry_of(rig.serve(tools=listings.BAD_SCHEMAS))) as found:
        assert await ToolIndex(found).list_unlisted(timeout_s=CALL_S) == {}
        assert text_of(await called_at(found, "good")) == "a"
        skipped = {one.name: one.why for one in found.server("rig").registry.unusable}
        assert {"is_array", "properties_is_list", "required_is_word", "deep", "huge"} <= set(skipped)
        for name in list(found.server("rig").registry.tools):
            with suppress(UpstreamRefused):  # for ever, where a pattern is tried in every way or a reference followed
                await prepare_call(ToolIndex(found), f"rig/{name}", {"a": "a" * 100 + "!"})


async def test_tools_named_like_ours_stay_behind_their_upstream(rig: Host) -> None:
    async with upstreams(entry_of(rig.serve(tools=listings.LIKE_OURS))) as found:
        await ToolIndex(found).list_unlisted(timeout_s=CALL_S)
        names = [entry.name for entry in ToolIndex(found).search("debug")]
    assert names[0] == "rig/debug"


async def test_invisible_characters_are_taken_out_of_descriptions(rig: Host) -> None:
    async with upstreams(entry_of(rig.serve(tools=listings.INJECTED))) as found:
        await ToolIndex(found).list_unlisted(timeout_s=CALL_S)
        description = found.server("rig").registry.tools["search_notes"].description
    assert description.endswith("</IMPORTANT>")


@pytest.mark.parametrize(("listing", "tool"), [(listings.drifting, "echo"), (listings.milder, "drop_notes")])
async def test_a_tool_that_changed_since_it_was_trusted_is_barred_until_it_is_accepted(
    rig: Host, listing: Any, tool: str
) -> None:
    server = rig.serve(tools=listing)
    arguments = {"text": "a"} if tool == "echo" else {}
    async with upstreams(entry_of(server)) as found:
        await prepare_call(ToolIndex(found), f"rig/{tool}", arguments)
        registry = found.server("rig").registry
        await (await found.server("rig").caller.connection.session()).requests.list_tools()
        with pytest.raises(UpstreamRefused, match="changed since it was trusted"):
            await prepare_call(ToolIndex(found), f"rig/{tool}", arguments)
        assert registry.barred == [tool]
        registry.accept(tool, registry.tools[tool].fingerprint)
        await prepare_call(ToolIndex(found), f"rig/{tool}", arguments)


@pytest.mark.parametrize("modern", [False, True])
async def test_a_change_that_is_announced_is_listed_and_a_storm_of_them_is_not_followed(
    rig: Host, modern: bool
) -> None:
    server = rig.serve(tools=listings.changing, modern=modern)
    heard = asyncio.Event()
    async with upstreams(entry_of(server)) as found:
        found.on_tools = heard.set
        await ToolIndex(found).list_unlisted(timeout_s=CALL_S)
        await server.news.until(lambda: bool(server.streams))
        heard.clear()
        for _ in range(500):
            rig.do(server.announce)
        await heard.wait()
        await called_at(found, "echo")
        assert "tool_1" in found.server("rig").registry.tools or server.listings > 2
    assert server.listings < 400


async def test_a_long_list_in_pages_is_read_to_its_end(rig: Host) -> None:
    server = rig.serve(tools=listings.many(250), page=60)
    async with upstreams(entry_of(server)) as found:
        await ToolIndex(found).list_unlisted(timeout_s=CALL_S)
        assert len(found.server("rig").registry.tools) == 250
