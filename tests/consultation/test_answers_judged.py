"""An answer is judged and not just parsed: what stands round it neither turns a vote nor loses it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import prompts
from stepwarden.consultation.expert import ExpertAnswer
from stepwarden.consultation.structured_answers import WrongAnswer, complete_form, read_answer, read_form
from stepwarden.consultation.votes import VoteAnswer, vote_form
from stepwarden.models import Message, ModelReply, ModelRequest, Usage
from stepwarden.steps.panel_answer import Vote

FORM = vote_form(prompts.load("consensus_panelist").texts["form"])
WORDS = {Vote.SUPPORT: "support", Vote.OPPOSE: "oppose", Vote.CONDITIONAL: "conditional"}
EXAMPLE = {
    "vote": "oppose",
    "confidence": 0.0,
    "summary": "your judgement in two to four sentences",
    "reasons": ["..."],
}
SAID = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40)


def object_of(vote: Vote, summary: str, reasons: list[str]) -> dict[str, Any]:
    return {
        "vote": WORDS[vote],
        "confidence": 0.8,
        "summary": f"It holds: {summary}",
        "reasons": [f"because {one}" for one in reasons],
        "conditions": [],
        "evidence_needed": ["a benchmark, as in https://a.b/c"],
    }


def with_last_commas(said: str) -> str:
    return said.replace("]", ",]").replace("[,]", "[]")[:-1] + ",\n}"


def dumped(said: dict[str, Any]) -> str:
    return json.dumps(said, indent=1)


PLAIN = st.sampled_from(list(Vote))
DISGUISES: dict[str, Callable[[dict[str, Any]], str]] = {
    "alone": dumped,
    "in a fence": lambda said: f"```json\n{dumped(said)}\n```",
    "prose round it": lambda said: f'Let me {{weigh}} it.\n{dumped(said)}\nThat\'s "all".',
    "in a wrapper": lambda said: dumped({"answer": said}),
    "as Python writes it": lambda said: f"```python\n{said!r}\n```",
    "in two wrappers": lambda said: dumped({"result": {"response": said}, "status": "ok"}),
    "as a string in a wrapper": lambda said: dumped({"content": json.dumps(said)}),
    "in a list": lambda said: f"[{dumped(said)}]",
    "a comment in it": lambda said: dumped(said).replace('"confidence"', '// quite "sure"\n/* {} */ "confidence"'),
    "a hash comment in it": lambda said: dumped(said).replace('"confidence"', '# it\'s rough\n"confidence"'),
    "the form after it": lambda said: f"{dumped(said)}\n\nThis is the form that I used:\n{FORM.words}",
    "an example after it": lambda said: f"{dumped(said)}\n\nThe form was {dumped(EXAMPLE)}",
    "an example in a fence after it": lambda said: f"{dumped(said)}\n```json\n{dumped(EXAMPLE)}\n```",
    "an example beside it": lambda said: dumped({"answer": said, "form": EXAMPLE}),
    "a bare draft before it": lambda said: f'First I thought {{"vote": "oppose"}}, but:\n{dumped(said)}',
    "twice": lambda said: f"{dumped(said)}\n\nOnce more: {dumped(said)}",
}


@given(PLAIN, SAID, st.lists(SAID, max_size=3), st.sampled_from(sorted(DISGUISES)))
def test_what_stands_round_an_answer_neither_turns_nor_loses_it(
    vote: Vote, summary: str, reasons: list[str], disguise: str
) -> None:
    said = object_of(vote, summary, reasons)
    found = read_form(DISGUISES[disguise](said), FORM)
    assert isinstance(found, VoteAnswer)
    assert (found.vote, found.summary, found.reasons) == (vote, said["summary"], said["reasons"])


@given(PLAIN, st.lists(st.sampled_from(["because"]), max_size=3))
def test_commas_that_json_forbids_are_forgiven(vote: Vote, reasons: list[str]) -> None:
    found = read_form(with_last_commas(dumped(object_of(vote, "so", reasons))), FORM)
    assert isinstance(found, VoteAnswer)
    assert (found.vote, len(found.reasons)) == (vote, len(reasons))


@given(PLAIN, PLAIN, st.sampled_from(["{} on second thoughts {}", "[{}, {}]", '{{"a": {}, "b": {}}}']))
def test_two_answers_that_contradict_each_other_are_none_and_never_a_guess(one: Vote, other: Vote, both: str) -> None:
    text = both.format(*(dumped(object_of(vote, "so", [])) for vote in (one, other)))
    if one is other:
        assert isinstance(read_form(text, FORM), VoteAnswer)
    else:
        with pytest.raises(WrongAnswer, match="contradict"):
            read_form(text, FORM)


@pytest.mark.parametrize(
    "text",
    [
        dumped(EXAMPLE),
        FORM.words,
        "Vote: support. It is simple.",
        "**My vote:** oppose",
        '{"vote": "support", "summary": "cut',
    ],
)
def test_a_copy_of_the_form_and_a_vote_in_no_json_are_asked_for_again(text: str) -> None:
    with pytest.raises(WrongAnswer):
        read_form(text, FORM)


def test_an_expert_that_says_both_is_asked_again() -> None:
    yes, no = (json.dumps({"agrees": agrees, "summary": "because of the lock"}) for agrees in (True, False))
    assert read_answer(f"{yes} {yes}", ExpertAnswer).agrees
    with pytest.raises(WrongAnswer, match="contradict"):
        read_answer(f"{no} or rather {yes}", ExpertAnswer)


@pytest.mark.asyncio
async def test_an_excuse_instead_of_a_vote_does_not_replace_what_was_said_first() -> None:
    said = ["Vote: support, since one writer is enough for a single machine.", "Sorry!"]

    async def complete(request: ModelRequest) -> ModelReply:
        return ModelReply(said[len(asked := request.messages) // 2], request.model, "acme", Usage(len(asked), 1))

    reply = await complete_form(complete, ModelRequest("m", (Message("user", "Vote."),), form=FORM))
    assert (reply.parsed, reply.text) == (None, said[0])
    assert reply.usage.input_tokens == 1 + 3  # both are paid
