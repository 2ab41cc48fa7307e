"""Typed answers: found in what models write round them, asked for once more, refused in the end."""

from collections.abc import Callable
from enum import Enum
from typing import Literal

import pytest
from model_server import ModelServer, request
from pydantic import BaseModel, ConfigDict

from providers.models import AllModels
from providers.scripted import ScriptedReply
from stepwarden.consultation.structured_answers import WrongAnswer, read_answer, read_form
from stepwarden.consultation.votes import VoteAnswer, VoteForm, vote_form
from stepwarden.models import ErrorKind, ModelError


class Stance(Enum):
    FOR = "for"
    AGAINST = "against"


class Vote(BaseModel):
    model_config = ConfigDict(strict=True)

    stance: Stance
    points: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "text",
    [
        '{"stance": "for"}',
        '```json\n{"stance": "for"}\n```',
        'Let me think. {"stance": "maybe"} would be wrong.\n\n```\n{"stance": "for"}\n```\nThat is all.',
        'First {a set}, then {"stance": "against", "nope": }, at last: {"stance": "for", "points": ["a\nb"]} - done.',
        '{"note": 1} and finally {"stance": "for"}',
        "{" * 30 + '{"stance": "for"}',
    ],
)
def test_the_object_is_found_wherever_it_stands(text: str) -> None:
    found = read_answer(text, Vote)
    assert isinstance(found, Vote)
    assert found.stance is Stance.FOR


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("no", "there is no JSON object"),
        ("[1, 2]", "should be an object"),
        ('{"stance": "perhaps"}', "stance: Input should be 'for' or 'against'"),
        ("{" * 100_000, "there is no JSON object"),
        ("[" * 100_000, "there is no JSON object"),
        ('{"stance": NaN}', "stance"),
    ],
)
def test_what_is_wrong_is_said(text: str, wrong: str) -> None:
    with pytest.raises(WrongAnswer) as caught:
        read_answer(text, Vote)
    assert wrong in str(caught.value)


@pytest.mark.asyncio
async def test_a_wrong_answer_is_asked_for_once_more_with_the_error_and_both_are_paid(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(ScriptedReply(text='{"stance": "perhaps"}'), ScriptedReply(answer={"stance": "against"}))
    reply = await models(server).complete(request(answer=Vote))
    assert reply.parsed == Vote(stance=Stance.AGAINST)
    assert reply.usage.input_tokens == 20
    assistant, told = server.bodies[1]["messages"][-2:]
    assert (assistant["role"], assistant["content"]) == ("assistant", '{"stance": "perhaps"}')
    assert "stance: Input should be 'for' or 'against'" in told["content"]
    assert '"properties"' in told["content"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "reply", [ScriptedReply(text="I would rather not."), ScriptedReply(text='{"stance": "fo', finish="length")]
)
async def test_after_the_second_wrong_answer_it_is_an_error(
    reply: ScriptedReply, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    server = serve(reply)
    words = "gave no answer of the form asked for, asked twice: there is no JSON object in it"
    with pytest.raises(ModelError, match=words) as caught:
        await models(server).complete(request(answer=Vote))
    assert (caught.value.kind, server.times_asked) == (ErrorKind.INVALID_ANSWER, 2)
    assert ("cut off" in str(caught.value)) == (reply.finish == "length")


@pytest.mark.asyncio
async def test_an_endpoint_without_schemas_is_asked_the_weaker_way_and_that_is_remembered(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """LM Studio takes json_schema only, others json_object only, some neither: three requests once, then one."""
    refused = ScriptedReply(status=400, text="'response_format' is not supported by this model", times=2)
    server = serve(refused, ScriptedReply(answer={"stance": "for"}))
    built = models(server)
    for _ in range(2):
        assert (await built.complete(request(answer=Vote))).parsed == Vote(stance=Stance.FOR)
    forms = [body.get("response_format", {}).get("type") for body in server.bodies]
    assert forms == ["json_schema", "json_object", None, None]
    assert "schema" in server.bodies[3]["messages"][0]["content"]


@pytest.mark.asyncio
async def test_a_form_is_asked_for_strictly_where_that_can_be_and_any_text_is_taken(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """What a panelist is sent: an endpoint that refuses the form is asked without one from then on."""
    refused = ScriptedReply(status=400, text="'response_format' is not supported by this model")
    server = serve(refused, "In prose: I am for it.")
    built = models(server)
    for _ in range(2):
        reply = await built.complete(request(form=vote_form("Vote.")))
        assert (reply.text, reply.parsed) == ("In prose: I am for it.", None)
    sent = [body.get("response_format") for body in server.bodies]
    assert sent[1:] == [None, None]
    assert sent[0] is not None
    assert sent[0]["type"] == "json_schema"
    described = sent[0]["json_schema"]
    assert described["strict"] is True
    assert described["schema"]["required"] == list(VoteForm.model_fields)
    assert described["schema"]["properties"]["vote"]["enum"] == ["support", "oppose", "conditional"]
    assert "schema" not in server.bodies[2]["messages"][0]["content"]


@pytest.mark.parametrize("vote", ["support", "oppose", "conditional"])
def test_what_the_form_allows_is_read_as_a_vote(vote: Literal["support", "oppose", "conditional"]) -> None:
    said = VoteForm(
        vote=vote,
        confidence=0.7,
        summary="s",
        reasons=["r"],
        conditions=[],
        alternatives=["a"],
        evidence_needed=["e"],
    )
    read = read_form(f"```json\n{said.model_dump_json()}\n```", vote_form("Vote."))
    assert isinstance(read, VoteAnswer)
    assert read.model_dump(mode="json") == said.model_dump(mode="json")
