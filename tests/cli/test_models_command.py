"""`stepwarden models`: what can be asked, and the catalogue held against the price table and endpoints' lists."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_process import run

from providers.catalogue import load_catalogue
from providers.catalogue_check import listed_differences, newer_differences, table_differences
from providers.scripted import Script, ScriptedModel
from providers.scripted_server import ScriptedServer
from tests.support.http_apps import address_of, free_listener, served_by_thread

SHIPPED = load_catalogue(None)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An endpoint that lists two models of OpenAI's, one of them newer than ours."""
    names = ["gpt-6.1-sol-2026-09-29", "gpt-6.2-sol", "gpt-6-luna", "gpt-9-image", "text-embedding-9"]
    server = ScriptedServer(Script(["hi"], {name: ScriptedModel() for name in names}))
    with free_listener() as listener, served_by_thread(server.app, listener, lifespan="off"):
        yield f"{address_of(listener)}/v1"


def test_the_shipped_catalogue_is_that_of_the_price_table() -> None:
    """It fails where a newer genai-prices knows newer models, or calls one of ours deprecated."""
    assert list(table_differences(SHIPPED)) == []


def test_every_shipped_model_says_whether_it_sees_and_has_a_price_or_its_table() -> None:
    assert {name for name, row in SHIPPED.rows.items() if row.images is None or row.context is None} == set()


def test_the_check_says_what_it_compared_and_that_all_is_right(home: Path) -> None:
    ended = run(home, "models", "check")
    assert (ended.returncode, ended.stderr) == (0, "")
    compared = f"price table: {len(SHIPPED.rows)} models of the catalogue compared"
    assert ended.stdout.splitlines() == [compared, "The catalogue is right."]


def test_what_an_endpoint_does_not_list_is_wrong_and_a_newer_version_is_told(home: Path, endpoint: str) -> None:
    ended = run(home, "models", "check", OPENAI_API_KEY="k", OPENAI_BASE_URL=endpoint)
    assert ended.returncode == 1
    lines = ended.stdout.splitlines()
    assert "openai: 5 models listed" in lines
    assert "wrong: gpt-6.1-terra: openai does not list gpt-6.1-terra" in lines
    assert "newer: gpt-6.1-sol: /models of openai has gpt-6.2-sol" in lines
    assert not any(line.startswith(("wrong: gpt-6.1-sol", "wrong: gpt-6-luna", "newer: gpt-6-luna")) for line in lines)
    assert run(home, "models", "check", "--offline", OPENAI_API_KEY="k", OPENAI_BASE_URL=endpoint).returncode == 0


def test_an_endpoint_that_cannot_be_asked_is_named_and_makes_nothing_wrong(home: Path) -> None:
    ended = run(home, "models", "check", OPENAI_API_KEY="k", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert ended.returncode == 0
    assert "openai: not compared: OpenAI at 127.0.0.1:9 broke off or cannot be reached" in ended.stdout
    assert "check OPENAI_BASE_URL" in ended.stdout


def test_a_file_of_the_users_is_compared_too(home: Path) -> None:
    own = {
        "gpt-4-imagined": {"provider": "openai"},
        "gpt-6-luna": {"context": 5},
        "kimi-k2.5": {"provider": "moonshot"},
        "mine": {"provider": "custom"},
        "priced": {"provider": "openai", "price": {"input": 1, "output": 2}, "also": {"openrouter": "no/such"}},
    }
    (home / "models.json").write_text(json.dumps({"models": own}))
    ended = run(home, "models", "check", STEPWARDEN_MODELS_FILE=str(home / "models.json"))
    assert ended.returncode == 1
    lines = ended.stdout.splitlines()
    assert (
        "wrong: gpt-4-imagined: the price table of openai does not have it, and there is no price of its own" in lines
    )
    assert "wrong: gpt-6-luna: a context of 5 tokens, the price table says 1,050,000" in lines
    assert "wrong: kimi-k2.5: deprecated by its vendor, says the price table" in lines
    assert "wrong: priced: the price table of openrouter has no no/such" in lines
    assert not any("mine" in line for line in lines)


@pytest.mark.parametrize(
    ("provider", "name", "newer"),
    [
        ("openai", "gpt-6.2-sol", True),
        ("openai", "gpt-7-sol", True),
        ("openai", "gpt-6-sol", False),
        ("openai", "gpt-6.1-sol-2026-09-29", False),
        ("anthropic", "claude-opus-6", True),
        ("anthropic", "claude-opus-5", False),
        ("anthropic", "claude-haiku-5-5-20261101", False),
        ("gemini", "gemini-3.5-pro", True),
        ("gemini", "gemini-3.5-flash", False),
        ("xai", "grok-4.8", True),
        ("xai", "grok-4.20", False),
        ("xai", "grok-4-0709", False),
        ("mistral", "mistral-small-2612", True),
        ("mistral", "mistral-large-2512", False),
        ("zhipuai", "GLM-5.4", True),
        ("zhipuai", "glm-5.3-flash", False),
        ("openrouter", "openai/gpt-6.2-sol", True),
    ],
)
def test_a_newer_version_is_known_by_its_number(provider: str, name: str, newer: bool) -> None:
    assert bool(list(newer_differences(SHIPPED, provider, [name], "/models"))) is newer


def test_an_endpoint_that_lists_nothing_differs_in_nothing() -> None:
    assert list(listed_differences(SHIPPED, "openai", [])) == []


def test_models_are_listed_with_limits_and_prices(home: Path) -> None:
    ended = run(home, "models", "list", OPENAI_API_KEY="k")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "gpt-6.1-sol\topenai\t1,050,000\t128,000\tyes\t$2/$10\tyes" in ended.stdout.splitlines()
    own = run(home, "models", "list", CUSTOM_API_URL="http://127.0.0.1:9/v1", CUSTOM_MODEL_NAME="own")
    assert "own\tcustom\tunknown\tunknown\tunknown\tunknown\tunknown" in own.stdout.splitlines()
