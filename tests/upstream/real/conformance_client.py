"""The client under test of the conformance suite: our connection, calls and signing, as a call of a tool uses them.

The suite starts `python conformance_client.py URL` with the scenario in the environment. It ends with 0 when it has
done what the scenario is about; what the suite saw on the wire decides.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from stepwarden.errors import StepwardenError
from stepwarden.upstream.call_request import CallRequest, CallRound
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.connection import Connection
from stepwarden.upstream.oauth import OAuthAuth, SignIn, Vault, build_auth
from stepwarden.upstream.questions import FormQuestion, QuestionAnswer, UpstreamQuestion, current_asker
from stepwarden.upstream.sign_in import SignInAnswer, SignInRequest
from stepwarden.upstream.tool_call import ToolCaller
from stepwarden.upstream.tool_result import ToolResult

SCENARIO = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
VERSION = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "")
CONTEXT: dict[str, Any] = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
DOCUMENT = "https://conformance-test.local/client-metadata.json"
KINDS: dict[str, Any] = {"string": "x", "integer": 0, "number": 0, "boolean": False, "object": {}, "array": []}


def log(text: object) -> None:
    sys.stderr.write(f"{text}\n")


async def open_in_browser(address: str) -> None:
    """Follow the authorization request to our own listener, as a browser does whose person consents at once."""
    async with httpx2.AsyncClient(timeout=120.0, verify=False, follow_redirects=True) as client:
        log(f"browser ends at {(await client.get(address)).url}")


async def issuer_of(url: str) -> str:
    """Read from the resource's metadata who signs in, as a user would write it into the file of upstreams."""
    parts = urlsplit(url)
    async with httpx2.AsyncClient(timeout=120.0, verify=False) as client:
        for path in (f"/.well-known/oauth-protected-resource{parts.path}", "/.well-known/oauth-protected-resource"):
            answer = await client.get(f"{parts.scheme}://{parts.netloc}{path}")
            if answer.status_code == 200:
                return answer.json()["authorization_servers"][0]
    return f"{parts.scheme}://{parts.netloc}"


def given(names: dict[str, str]) -> dict[str, Any]:
    """Return what the scenario says, by the names of our entries."""
    return {ours: CONTEXT[theirs] for theirs, ours in names.items() if theirs in CONTEXT}


async def auth_entry(url: str) -> dict[str, Any]:
    if not SCENARIO.startswith("auth/"):
        return {"type": "none"}
    names = {"client_id": "client_id", "client_secret": "client_secret"}
    if SCENARIO.startswith("auth/client-credentials"):
        names |= {"private_key_pem": "private_key", "signing_algorithm": "algorithm"}
        return {"type": "client_credentials", "issuer": await issuer_of(url), **given(names)}
    if SCENARIO == "auth/enterprise-managed-authorization":
        idp = given({"idp_client_id": "client_id", "idp_issuer": "issuer", "idp_id_token": "id_token"})
        return {"type": "enterprise", "issuer": await issuer_of(url), **given(names), "idp": idp}
    if "client_id" in CONTEXT:
        return {"type": "oauth", "issuer": await issuer_of(url), **given(names)}
    return {"type": "oauth", "client_metadata_url": DOCUMENT}


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[tuple[Connection, ToolCaller]]:
    """Return our way to the server, as one entry of the file of upstreams makes it."""
    legacy = VERSION < "2026" or SCENARIO == "json-schema-ref-no-deref"  # the suite's server has only the older era
    protocol = "legacy" if legacy else "auto"
    entry = {"name": "suite", "url": url, "auth": await auth_entry(url), "protocol": protocol, "connect_timeout_s": 120}
    config = UpstreamConfig.model_validate(entry)
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        key.write_text("A" * 43 + "=")
        key.chmod(0o600)
        browsers: set[asyncio.Task[None]] = set()

        async def open_address(request: SignInRequest) -> SignInAnswer:
            browsers.add(asyncio.create_task(open_in_browser(request.address)))
            return request.answer("opened")

        how = SignIn(waits=True, timeout_s=120.0, open_address=open_address)
        auth = build_auth(config, Vault(Path(folder) / "signing", key), how)
        connection = Connection(config, lambda: auth, lambda _: None)
        try:
            yield connection, ToolCaller(config, connection)
        finally:
            await connection.close()
            if isinstance(auth, OAuthAuth):
                await auth.close()


async def accept(question: UpstreamQuestion) -> QuestionAnswer:
    """Answer a question with the defaults of its schema."""
    content: dict[str, Any] = {}
    if isinstance(question, FormQuestion):
        properties: dict[str, dict[str, Any]] = question.schema.get("properties", {})
        content = {name: schema["default"] for name, schema in properties.items() if "default" in schema}
        content = content or {name: True for name, schema in properties.items() if schema.get("type") == "boolean"}
    return QuestionAnswer("accept", content)


async def call(line: ToolCaller, tool: str, arguments: dict[str, Any]) -> ToolResult | None:
    """Call one tool, and answer what it asks, round by round."""
    request = CallRequest(tool, arguments)
    for _ in range(10):
        try:
            answer = (await line.call(request, repeatable=False)).answer
        except StepwardenError as error:
            log(f"{tool}: {error}")
            return None
        if isinstance(answer, ToolResult):
            log(f"{tool}: {answer.content}")
            return answer
        answers = {name: await accept(ask) for name, ask in answer.questions.items()}  # pyright: ignore
        request = CallRequest(tool, arguments, CallRound(answers or None, answer.state))
    raise AssertionError(f"{tool} asks for ever")


def least(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the fewest arguments that a schema takes."""
    properties = schema.get("properties", {})
    return {name: KINDS.get(properties.get(name, {}).get("type"), "x") for name in schema.get("required", [])}


async def play(url: str) -> None:
    current_asker.set(accept)
    async with opened(url) as (connection, line):
        session = await connection.session()
        tools = {tool["name"]: tool for tool in session.requests.tools}
        log(f"{session.identity}: {', '.join(tools)}")
        if SCENARIO == "initialize":
            return
        if SCENARIO == "http-custom-headers":
            calls = [(one["name"], one.get("arguments") or {}) for one in CONTEXT.get("toolCalls", [])]
        elif SCENARIO == "json-schema-2020-12-preservation":
            calls = [("json_schema_echo", {"schema": tools["json_schema_2020_12_tool"]["inputSchema"]})]
        elif SCENARIO == "sep-2322-client-request-state":
            names = ("test_mrtr_echo_state", "test_mrtr_unrelated", "test_mrtr_no_state", "test_mrtr_no_result_type")
            calls = [(name, {}) for name in names]
        elif SCENARIO in {"tools_call", "request-metadata"}:
            calls = [("add_numbers", {"a": 5, "b": 3})]
        elif SCENARIO == "http-invalid-tool-headers":
            calls = [(name, least(tool["inputSchema"])) for name, tool in tools.items()]
        else:
            calls = [(name, least(tool["inputSchema"])) for name, tool in list(tools.items())[:1]]
        for name, arguments in calls:
            if name in tools:
                await call(line, name, arguments)


if __name__ == "__main__":
    asyncio.run(play(sys.argv[1]))
