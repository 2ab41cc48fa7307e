"""A panel through the shell: how answers are read, and that nobody is asked twice whatever happens in between."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from thread_process import ThreadProcess, running

from stepwarden.consultation.background_requests import BackgroundRequests
from stepwarden.consultation.panel import ModelPanel
from stepwarden.consultation.panel_prompts import PanelPrompts
from stepwarden.consultation.structured_answers import WrongAnswer, read_form
from stepwarden.consultation.votes import VoteAnswer, vote_form
from stepwarden.models import ModelInfo
from stepwarden.steps.consensus_rules import CONSENSUS
from stepwarden.steps.gate import Policy
from stepwarden.steps.panel_answer import Vote
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Outcome
from stepwarden.storage import Store
from stepwarden.threads.submissions import Consultant
from tests.support.calls import submission
from tests.support.models import ScriptedModels

POLICY = Policy("consensus", low=1, likely=3, high=10, min_steps=1, novelty_required=False, consultation=CONSENSUS)
WORDING = {
    "system": "Judge.",
    "blind": "Alone.",
    "informed": "With others.",
    "form": "JSON.",
    "exchange": "Again.",
    "for": "For.",
    "against": "Against.",
    "neutral": "-",
}
FORM = vote_form("JSON.")
GIVEN = {"vote": "support", "confidence": 0.9, "summary": "fine", "reasons": ["it works"]}


COUNCIL = tuple(ModelInfo(name, "script", family="one", context_tokens=8_000) for name in "abc")


def council(said: str | None = None) -> ScriptedModels:
    """Return models that all say the same, or nothing until the test lets them."""
    models = ScriptedModels(COUNCIL, held=asyncio.Event())
    return models if said is None else models.say(said)


def consulting(store: Store, models: ScriptedModels, requests: BackgroundRequests) -> dict[str, Consultant]:
    return {CONSENSUS.kind: ModelPanel(store, models, requests, PanelPrompts(WORDING))}


def running_on(home: Path, models: ScriptedModels) -> AbstractAsyncContextManager[ThreadProcess]:
    return running(ThreadProcess(home, POLICY, models, consulting))


def first(*models: str, **fields: Any) -> Submission:
    return submission(1, fields={"models": [{"model": name} for name in models]}, **fields)


@pytest.mark.parametrize(
    ("text", "vote", "confidence"),
    [
        (json.dumps(GIVEN), Vote.SUPPORT, 0.9),
        ('Thinking {of this}.\n```json\n{"vote": "Against", "confidence": "80%"}\n```', Vote.OPPOSE, 0.8),
        (
            '{"vote": "it depends", "confidence": "7/10", "reasons": "one", "conditions": {"a": 1}}',
            Vote.CONDITIONAL,
            0.7,
        ),
        ('{"vote": "yes", "confidence": null, "summary": null}', Vote.SUPPORT, None),
        ('{"vote": "no", "confidence": "quite"} and {"more": 1}', Vote.OPPOSE, None),
        ('{"vote": "support", "confidence": "nan"}', Vote.SUPPORT, None),
    ],
)
def test_what_models_write_is_read_as_a_vote(text: str, vote: Vote, confidence: float | None) -> None:
    found = read_form(text, FORM)
    assert isinstance(found, VoteAnswer)
    assert (found.vote, found.confidence) == (vote, confidence)


@pytest.mark.parametrize("text", ['{"vote": "maybe so"}', '{"vote": "support"', '{"summary": "no vote"}'])
def test_an_object_that_is_broken_is_told_what_is_wrong(text: str) -> None:
    with pytest.raises(WrongAnswer, match=r"vote|JSON"):
        read_form(text, FORM)


@pytest.mark.parametrize("text", ["I support it.", "", "{braces} in prose", "[1]"])
def test_prose_is_no_mistake(text: str) -> None:
    assert read_form(text, FORM) is None


@pytest.mark.asyncio
async def test_all_are_asked_with_the_first_step_and_never_again(tmp_path: Path) -> None:
    models = council(json.dumps(GIVEN))
    async with running_on(tmp_path, models) as at_work:
        opened = await at_work.take(first("a", "b", "c"))
        thread = opened.thread.id
        await models.was_asked(3)
        assert [voice.model for voice in opened.answers] == ["a"]
        await at_work.take(submission(2), thread)
        back = await at_work.take(submission(2, backtrack=2, findings="another way"), thread)
        assert [voice.model for voice in back.answers] == ["b"]
        done = await at_work.take(submission(3), thread)
    assert done.thread.outcome is Outcome.DONE
    assert sorted(request.model for request in models.asked) == ["a", "b", "c"]


@pytest.mark.asyncio
async def test_going_back_to_the_first_step_keeps_the_panel_and_asks_anew(tmp_path: Path) -> None:
    models = council(json.dumps(GIVEN))
    async with running_on(tmp_path, models) as at_work:
        opened = await at_work.take(first("a", "b"))
        await models.was_asked(2)
        back = await at_work.take(submission(1, backtrack=1, findings="asked better"), opened.thread.id)
        await models.was_asked(2)
        assert [voice.model for voice in back.answers] == ["a"]
        assert back.thread.total_steps == 2


@pytest.mark.asyncio
async def test_what_was_recorded_and_not_asked_before_a_crash_is_asked_by_the_next_process(tmp_path: Path) -> None:
    silent = council()
    async with running_on(tmp_path, silent) as at_work:
        at_work.threads.call_seconds = 0.0  # as if the process ended right after it recorded the step
        opened = await at_work.take(first("a", "b"))
        assert opened.awaits == "a"
    models = council(json.dumps(GIVEN))
    async with running_on(tmp_path, models) as heir:
        collected = await heir.take(first("a", "b"), opened.thread.id)
        assert [voice.vote for voice in collected.answers] == [Vote.SUPPORT]
        done = await heir.take(submission(2), opened.thread.id)
    assert done.thread.outcome is Outcome.DONE
    assert len(models.asked) == 2
