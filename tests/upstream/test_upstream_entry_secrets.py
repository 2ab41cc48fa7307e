"""What of an entry is a secret that is hidden when it comes back, and what is not, under plain names too."""

import base64
import html
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from stepwarden.upstream.config import UpstreamConfig

PERSONAL = "MzQ1Njc4OTAxMjM0OtJk8xQ2vYwZpLmN7aBcDeFg"
RANDOM = [
    PERSONAL,
    "hunter2x9",
    "P@ssw0rd!23x",
    "d41d8cd98f00b204e9800998ecf8427e",
    "5b10ac8d-82e0-4b22-cc7d-4ef5a0b1c2d3",
    "kJhGfDsAqWeRtYuIoPzX",
    "Ab3-xK_9zQ2mm-m4Lp_7sQq",
    "qwzxkjvbnmplkjhgfdsaqwzxkjvbnm",
    "sk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "/9j4AAQSkZJRgABAQEASABIAAD2wBDAAYEBQYF",
    "eyJhbGciOi.J9x8yZ.Qq7",
]
EVERYDAY = (
    """
true|8080|info|DEBUG|0.75|1e-5|none|production|4096m|30s|UTF-8|ISO8859-1|0123456789|readonly|sha256|admin123
/usr/local/bin|~/keys/id_rsa|./dist/index.js|dist/x9Kd82mQ/index.js|C:\\Users\\ana\\a.txt|--max-old-space-size=4096
https://jira.example.com:8443/rest/api/2|jira.example.com|db-7f3a9c.internal|127.0.0.1:5432|*.example.com
ana@example.com|ana.b4x9kq2z@example.com|host.docker.internal:8080|en_US.UTF-8|Europe/Berlin|us-east-1|DEV,TEAM,DOC
gpt-4o-2024-08-06|claude-3-5-sonnet-20241022|x86_64-linux-gnu|jira_search,jira_get_issue|node:20-alpine|python3.11
2025-06-18|2025-06-18T12:30:00Z|v1.2.3-beta.4|my-project-123456|PROJ-1234|INFO:httpx=WARNING|@scope/pkg@1.2.3
project = DEV AND status != Done ORDER BY created|application/json; charset=utf-8|max-age=3600|org.example.MyClass2
Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0|CamelCaseName2
ghcr.io/org/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
git+https://github.com/org/app@3f2a9c1d8e7b6a5f4e3d2c1b0a9f8e7d6c5b4a39
""".strip()
    .replace("\n", "|")
    .split("|")
)


def config(**entry: Any) -> UpstreamConfig:
    return UpstreamConfig.model_validate({"name": "rig", **({} if "url" in entry else {"command": "x"}), **entry})


def withheld(entry: UpstreamConfig, secret: str) -> bool:
    return secret not in entry.without_secrets(f"It said: {secret}, and more")


@pytest.mark.parametrize("value", RANDOM)
def test_a_value_that_nobody_would_write_is_a_secret_under_any_name(value: str) -> None:
    assert withheld(config(env={"JIRA_PERSONAL_X": value}), value)
    assert withheld(config(args=["serve", value]), value)
    assert withheld(config(args=["serve", f"--user-x={value}"]), value)
    assert withheld(config(url="https://host/mcp", headers={"X-Custom": f"v1 {value}"}, auth={"type": "none"}), value)


@pytest.mark.parametrize("value", EVERYDAY)
def test_what_stands_in_most_entries_is_none(value: str) -> None:
    entry = config(env={"SETTING": value}, args=["run", value, f"--setting={value}"])
    words = f"It said: {value}, and more of {value.lower()}"
    assert entry.without_secrets(words) == words
    entry = config(url="https://host/mcp", headers={"X-Setting": value})
    assert entry.without_secrets(words) == words


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("JIRA_API_TOKEN", "correct horse", True),
        ("githubToken", "staple", True),
        ("DBPASS", "staple", True),
        ("JIRA_PERSONAL", "correct-horse", True),
        ("KEY", "staple", True),
        ("SERVICE_KEY", "staple", True),
        ("TOKEN_URL", "https://idp.example/token", False),
        ("AUTH_TYPE", "oauth2", False),
        ("AUTH", "oauth2", False),
        ("PROJECT_KEY", "PLATFORM", False),
        ("SPACE_KEY", "PLATFORM", False),
        ("PUBLIC_KEY", "PLATFORM", False),
        ("API_KEY_FILE", "/run/keys/jira", False),
        ("PASSWORD", "/run/keys/jira", False),
        ("CLIENT_ID", "5b10ac8d-82e0-4b22-cc7d-4ef5a0b1c2d3", False),
        ("USERNAME", "x8Kd92mQpLzz", False),
        ("TOKEN_LIMIT", "100000", False),
        ("JIRA_API_TOKEN", "short", False),
    ],
)
def test_a_name_says_what_its_value_is(name: str, value: str, secret: bool) -> None:
    assert withheld(config(env={name: value}), value) is secret


@pytest.mark.parametrize(
    "arguments",
    [
        ["--api-key", "correct-horse"],
        ["--api-key=correct-horse"],
        ["run", "-e", "JIRA_API_TOKEN=correct-horse", "image"],
        ["mcp-remote", "https://host/sse", "--header", "Authorization: Bearer correct-horse"],
        ["mcp-remote", "https://host/sse", "--header", "Authorization:Bearer correct-horse"],
        ["postgres://ana:correct-horse@db.example/app"],
    ],
)
def test_arguments_are_named_by_what_stands_before_them(arguments: list[str]) -> None:
    entry = config(args=arguments)
    assert withheld(entry, "correct-horse")
    words = "run the image at db.example, or https://host/sse by mcp-remote for ana"
    assert entry.without_secrets(words) == words


def test_an_address_keeps_its_secrets_to_itself_and_stays_an_address() -> None:
    entry = config(url="https://mcp.example/api/s/Zk39QmPx81LwTv/mcp?key=correct-horse", auth={"type": "none"})
    assert withheld(entry, "Zk39QmPx81LwTv")
    assert withheld(entry, "correct-horse")
    assert entry.place == "https://mcp.example/api/s/[secret]/mcp"


SECRET = 'pl4nted/s3cret+x9"<é  7 & ü-4711'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        html.escape(SECRET),
        " ".join(SECRET.split()).replace('"', "'"),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        base64.b64encode(f"ana@example.com:{SECRET}".encode()).decode(),
    ],
)
def test_a_secret_is_known_in_the_forms_in_which_servers_write_it(form: str) -> None:
    entry = config(env={"LOGIN_NAME": "ana@example.com", "API_TOKEN": SECRET})
    assert entry.without_secrets(f"<{form}>") == "<[secret]>"


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", '{"token": "'])
def test_a_secret_inside_a_longer_text_in_base64_is_known(before: str) -> None:
    entry = config(env={"API_TOKEN": PERSONAL})
    told = entry.without_secrets(base64.b64encode(f"{before}{PERSONAL}, and more".encode()).decode())
    assert "[secret]" in told
    assert len(told) <= len(base64.b64encode(f"{before}[secret], and more".encode())) + 4


def test_a_key_of_many_lines_is_known_by_each_of_them() -> None:
    lines = ["-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQEF", "AASCBKcwggSjAgEAAoIBAQC7VJTU", "-----END"]
    entry = config(env={"SIGNING_KEY": "\n".join(lines)})
    assert entry.without_secrets(f"at {lines[1]} of {lines[0]}") == f"at [secret] of {lines[0]}"
