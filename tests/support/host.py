"""A host's side of a connection: calls tools and holds every single reply to the contract of docs/protocol.md."""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult

from tools.catalogue import WORKFLOWS

COUNTED = frozenset({"docgen", "consensus"})  # their steps are counted, and they have tests of their own
TOOLS = tuple(workflow.name for workflow in WORKFLOWS if workflow.name not in COUNTED)
UNLIKE = ("debug", "analyze", "planner")  # a theory is required; three steps at least; nothing new is required
MODES = ("auto", "legacy")


def each(tools: Sequence[str] = TOOLS) -> pytest.MarkDecorator:
    """Try a test with tools that are unlike each other; with all of them in the slow tests."""
    return pytest.mark.parametrize("tool", [pytest.param(tool, marks=_slow_but(tool in UNLIKE)) for tool in tools])


def each_in_either_era(usual: Sequence[str] = UNLIKE) -> pytest.MarkDecorator:
    """Try a test with the `usual` tools in this era and one in the old one; with all in both in the slow tests."""
    pairs = [(tool, mode) for tool in TOOLS for mode in MODES]
    often = {(tool, "auto") for tool in usual} | {("debug", "legacy")}
    return pytest.mark.parametrize(
        ("tool", "mode"), [pytest.param(*pair, marks=_slow_but(pair in often)) for pair in pairs]
    )


def _slow_but(usual: bool) -> Sequence[pytest.MarkDecorator]:
    return () if usual else (pytest.mark.slow,)


ORDINARY_BYTES = 1_400
ENDING_BYTES = 1_500
TERSE_BYTES = 400  # a shorter request gets the reply of one so long: its guidance must not be lost
MOST_BYTES = 20_000 * 3  # 20,000 tokens, at the three bytes a token that dense JSON comes to
VERDICTS = {"ACCEPTED": "pause_for_{}", "HELD": "pause_for_{}", "DONE": "{}_complete", "REFUSED": "{}_refused"}
ID = re.compile(r"[a-z]+-[a-z2-7]{26}")


def size_as_sent(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass"))


def allowed_bytes(arguments: Mapping[str, Any]) -> int:
    """Return how long an ordinary reply to a request may be: either part, since a model sees one of them."""
    return ORDINARY_BYTES + max(TERSE_BYTES, size_as_sent(arguments))


def without_ids(facts: Sequence[str]) -> list[str]:
    """Return facts as they are found, without the ids by which they can be cited."""
    return [re.sub(r"^F\d+ ", "", fact) for fact in facts]


@dataclass(frozen=True)
class Answer:
    """One result as the host got it."""

    result: CallToolResult
    text: str

    @property
    def is_error(self) -> bool:
        return bool(self.result.is_error)

    @property
    def sent(self) -> dict[str, Any]:
        assert self.result.structured_content is not None, self.text
        return self.result.structured_content

    @property
    def facts(self) -> list[str]:
        """The facts without the ids by which they can be cited."""
        return without_ids(self.sent["facts"])

    @property
    def status(self) -> str:
        return self.sent["status"]

    @property
    def id(self) -> str:
        return self.sent["continuation_id"]

    @property
    def number(self) -> int:
        return self.sent["step_number"]

    @property
    def next(self) -> int:
        return self.sent["next_step_number"]

    @property
    def done(self) -> bool:
        return self.status.endswith("_complete")

    @property
    def verdict(self) -> str:
        return self.text.splitlines()[0]

    @property
    def open(self) -> list[str]:
        return self.sent["assessment"]["open"]

    @property
    def bytes(self) -> int:
        return size_as_sent(self.result.model_dump(mode="json", by_alias=True, exclude_none=True))

    @property
    def seen_bytes(self) -> int:
        """The bytes that a model sees: of the longer of the two parts."""
        return max(size_as_sent(self.result.structured_content), size_as_sent(self.text))

    @property
    def wire(self) -> dict[str, Any]:
        """The result as it is sent, without what the SDK stamps on it."""
        return self.result.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"meta"})


@dataclass(frozen=True)
class Host:
    """One connection. Every reply to a workflow tool is checked before a test sees it."""

    client: Client
    directory: Path

    async def send(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Call a tool with exactly these arguments."""
        result = await self.client.call_tool(tool, dict(arguments))
        assert len(result.content) == 1
        assert result.content[0].type == "text"
        answer = Answer(result, result.content[0].text)
        if tool == "status":
            assert answer.bytes <= MOST_BYTES
        else:
            check_reply(tool, arguments, answer)
        return answer

    async def step(self, tool: str, number: int, thread: str | None = None, **fields: Any) -> Answer:
        """Send step `number`; words and `next_step_required` are filled in where they are not given."""
        said: dict[str, Any] = {"step": f"Step {number} of the work", "step_number": number, "next_step_required": True}
        if thread is not None:
            said["continuation_id"] = thread
        return await self.send(tool, said | fields)

    async def open(self, tool: str, **fields: Any) -> Answer:
        """Open a thread whose files can be read."""
        said: dict[str, Any] = {"step": "The total of the cart is wrong", "working_directory": str(self.directory)}
        answer = await self.step(tool, 1, **(said | fields))
        assert answer.status == f"pause_for_{tool}", answer.text
        return answer

    async def status(self, **arguments: Any) -> Answer:
        return await self.send("status", arguments)

    async def history(self, thread: str) -> list[dict[str, Any]]:
        """All history rows of a thread, paged through to the end."""
        rows: list[dict[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = await self.status(continuation_id=thread, after=after)
            rows += page.sent["history"]
            following = page.sent.get("after")
            assert following is None or following > after
            after = following
        return rows

    async def steps_recorded(self, thread: str) -> int:
        return sum(row["event"].startswith("step ") for row in await self.history(thread))


@asynccontextmanager
async def connected(app: MCPServer, directory: Path, mode: str = "auto") -> AsyncIterator[Host]:
    try:
        async with Client(app, mode=mode) as client:
            yield Host(client, directory)
    except BaseExceptionGroup as group:
        raise _innermost(group) from None


def _innermost(error: BaseException) -> BaseException:
    """What failed, without the groups that the client's task groups put round it: for a readable report."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def check_reply(tool: str, arguments: Mapping[str, Any], answer: Answer) -> None:
    """Assert what holds for every reply of a workflow tool, whatever was asked."""
    if answer.result.structured_content is None:
        assert answer.is_error
        for line in answer.text.splitlines():
            assert line.startswith("Not recorded. "), answer.text
        return
    sent, text = answer.sent, answer.text
    word = answer.verdict.split()[0].removesuffix(".")
    assert sent["status"] == VERDICTS[word].format(tool), (sent["status"], answer.verdict)
    assert answer.is_error == (word == "REFUSED"), answer.verdict
    if word == "REFUSED":
        assert answer.verdict.startswith("REFUSED. Not recorded: ")
    else:
        check_accepted(tool, sent, text)
    if word == "DONE":
        assert answer.bytes <= MOST_BYTES
        heard = tool == "planner" or "majority" in sent["result"] or "expert" in sent
        assert heard or answer.seen_bytes <= ENDING_BYTES, (answer.seen_bytes, text)
    else:
        assert answer.seen_bytes <= allowed_bytes(arguments), (answer.seen_bytes, answer.verdict)


def check_accepted(tool: str, sent: Mapping[str, Any], text: str) -> None:
    thread, number, following = sent["continuation_id"], sent["step_number"], sent["next_step_number"]
    assert ID.fullmatch(thread)
    assert thread.startswith(f"{tool}-")
    assert sent["total_steps"] >= number
    assert following >= number + 1
    assert sent.get("progress") != {}
    assert isinstance(sent["assessment"]["sufficient"], bool)
    assert sent["assessment"]["sufficient"] == (not sent["assessment"]["open"])
    if not text.startswith("HELD"):  # of which test_tools_replies asks the same, once
        for clause in sent["assessment"]["open"]:
            asked = "- Document " + clause.partition(": ")[0] + ": "
            assert asked in text or clause.casefold() in text.casefold()
    for action in sent.get("required_actions", []):
        assert f"- {action}" in text.splitlines()
    for note in sent.get("notes", []):
        assert note in text
    assert sent["verdict"].split()[0] == text.split(maxsplit=1)[0]
    assert sent["next_steps"].replace("continuation_id", f'continuation_id="{thread}"') in text
    assert thread in text.splitlines()[-1]
    assert sent.get(f"{tool}_required") == (None if sent["status"].endswith("_complete") else True)
    if sent["status"].startswith("pause_for_"):
        assert sent["next_step_required"] is True
        says_stop = sent["next_steps"].startswith(f"STOP! Do NOT call {tool} again yet. Act, then ")
        assert says_stop == (number == 1 and not text.startswith("HELD")), "it is said once a thread, never in a hold"
        says_all = text.startswith("HELD") or sent["next_steps"].startswith("Nothing open.")
        assert says_all or 1 <= len(sent["required_actions"]) <= 3, "a reply that says to act says how"
        assert f"step_number={following}, continuation_id" in sent["next_steps"]
        assert f"step_number={following}, continuation_id" in text.splitlines()[-1]
        assert sent["total_steps"] > number, "an open thread has a step to come"
    else:
        assert sent["next_step_required"] is False
        assert isinstance(sent["result"], dict)
