"""Secrets that an upstream sends back reach neither a reply nor the store nor the log."""

import base64
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hosting import host
from rigs import teller
from rigs.command import command

from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.tool_result import LinkBlock, ResourceBlock, TextBlock, ToolResult
from stepwarden.upstream.withheld import withhold, withhold_in, withhold_text

TOKEN = "planted/secret+value-4711"
CONFIG = UpstreamConfig.model_validate(
    {"name": "rig", "command": "x", "env": {"JIRA_USERNAME": "ana@example.com", "JIRA_API_TOKEN": TOKEN}}
)
FORMS = [
    TOKEN,
    quote(TOKEN, safe=""),
    base64.b64encode(TOKEN.encode()).decode(),
    base64.b64encode(f"ana@example.com:{TOKEN}".encode()).decode(),
]
CREDENTIALS = [
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "Authorization: Bearer abcdefghijk12345",
    'config: {"api_key": "abcdEFGH1234567890xyz"}',
    "password=hunter2x9",
]
HARMLESS = [
    '{"next_page_token": "CAEaAggDx82kskd92kdk2k3"}',
    '{"accountId": "5b10ac8d82e05b22cc7d4ef5", "key": "PROJ-123"}',
    "The user ana@example.com forgot the password.",
    "commit 2c181a8f459184e3f9c6de0ee74420bb0968fac8",
]


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_of_its_own_is_withheld_in_every_part_of_a_result(form: str) -> None:
    result = ToolResult(
        (TextBlock(f"I was given {form}!"), LinkBlock("x", f"a://{form}"), ResourceBlock("a://x", f"<{form}>")),
        {"config": [{"given": form}]},
        meta={"x": form},
    )
    shown = repr(withhold(CONFIG, result))
    assert form not in shown
    assert "I was given [secret]!" in shown


@pytest.mark.parametrize("text", CREDENTIALS)
def test_what_looks_like_a_credential_is_withheld(text: str) -> None:
    secret = text.rsplit(maxsplit=1)[-1].rsplit("=", maxsplit=1)[-1].strip('"}')
    assert secret not in withhold_text(CONFIG, text)
    assert secret not in repr(withhold_in(CONFIG, {"said": [text]}))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_goes_by_such_a_name_stays(text: str) -> None:
    assert withhold_text(CONFIG, text) == text
    assert withhold_in(CONFIG, {"said": text}) == {"said": text}


def test_a_secret_that_was_cut_off_is_withheld_too() -> None:
    assert CONFIG.without_secrets(f"it said: {TOKEN[:12]}...") == "it said: [secret]..."


@pytest.mark.asyncio
async def test_an_echoed_secret_is_in_no_reply_and_no_record_and_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "stepwarden")
    entry: dict[str, Any] = {**command(), "env": {"JIRA_API_TOKEN": TOKEN}, "approve": "never", "expose": ["*"]}
    async with host(tmp_path, {"rig": entry}) as model:
        said = await model.says(action="call", tool="rig/echo", arguments={"text": f"my token is {TOKEN}"})
        assert "my token is [secret]" in said
        await model.client.list_tools()
        exposed = await model.client.call_tool("rig_add_note", {"text": TOKEN})
        assert TOKEN not in repr(exposed)
        await model.says(action="status")
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and "json" not in file.suffix)
    assert TOKEN.encode() not in stored
    assert b"my token is [secret]" in stored
    assert TOKEN not in caplog.text


PLAIN = "MzQ1Njc4OTAxMjM0OtJk8xQ2vYwZpLmN7aBcDeFg"


@pytest.mark.asyncio
async def test_a_value_under_a_plain_name_is_told_nowhere_whatever_its_server_does_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[Any] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        said.append((progress, total, message))

    entry = teller.entry(PLAIN, approve="never", expose=["*"])
    async with host(tmp_path, {"rig": entry}) as model:
        said += [
            await model.says(action="status", upstream="rig"),
            await model.says(action="describe", tool="rig/tell"),
        ]
        said += [await model.says(action="search", query="sign in"), await model.client.list_tools()]
        for how in teller.HOW:
            said.append(await model.client.call_tool("rig_tell", {"how": how}, progress_callback=hear))
            other = {"how": how, "other": "[secret] or [secret]"}  # another call, by what is left of its enum
            said.append(await model.says(action="call", tool="rig/tell", arguments=other))
        said.append(await model.says(action="status"))
    stored = b"".join(
        file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and file.name != "upstreams.json"
    )
    for form in (PLAIN, base64.b64encode(f"x:{PLAIN}".encode()).decode()[4:-4]):
        assert form not in repr(said)
        assert form not in caplog.text
        assert form.encode() not in stored
    assert repr(said).count("I was given [secret]") > len(teller.HOW)
    assert b"I was given [secret]" in stored
