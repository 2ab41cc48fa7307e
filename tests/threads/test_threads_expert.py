"""The expert's round through the shell: what is sent, what becomes of the answer, and that no call waits for ever."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from thread_process import ThreadProcess, running

from stepwarden.consultation.background_requests import BackgroundRequests
from stepwarden.consultation.expert import Expert, ExpertAnswer, ExpertPoint
from stepwarden.consultation.expert_prompts import ExpertPrompts
from stepwarden.models import ErrorKind, ModelError, ModelInfo, ModelReply, ModelTier, Usage
from stepwarden.steps.evidence import Quote, Verdict
from stepwarden.steps.gate import Policy
from stepwarden.steps.submission import Confidence
from stepwarden.steps.thread import Outcome
from stepwarden.storage import Store
from stepwarden.threads.calls import LOCAL
from stepwarden.threads.submissions import Consultant
from tests.support.calls import submission
from tests.support.models import ScriptedModels

POLICY = Policy(tool="debug", low=2, likely=4, high=8)
CODE = "def total(prices):\n    return sum(prices[1:])\n"


ORACLE = ModelInfo("oracle", "script", context_tokens=8_000, needs=tuple(ModelTier))


def oracle() -> ScriptedModels:
    """Return a model that says nothing until the test lets it."""
    return ScriptedModels((ORACLE,), held=asyncio.Event())


def consulting(_: Store, models: ScriptedModels, requests: BackgroundRequests) -> dict[str, Consultant]:
    return {"expert": Expert(models, requests, ExpertPrompts({"system": "Judge it."}))}


def running_on(home: Path, models: ScriptedModels, **options: Any) -> AbstractAsyncContextManager[ThreadProcess]:
    return running(ThreadProcess(home, POLICY, models, consulting, **options))


def verdict(*, agrees: bool = True, points: tuple[ExpertPoint, ...] = (), files: tuple[str, ...] = ()) -> ModelReply:
    parsed: BaseModel = ExpertAnswer(agrees=agrees, summary="so I say", points=list(points), files_needed=list(files))
    return ModelReply(parsed.model_dump_json(), "oracle-1", "script", Usage(10, 5), parsed)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text(CODE, "utf-8")
    (root / ".env").write_text("PASSWORD=planted-secret\n", "utf-8")
    return root


async def proven(process: ThreadProcess, project: Path) -> str:
    """Open a thread whose hypothesis is verified, ready to finish with step 3."""
    opened = await process.take(submission(1, directory=str(project)))
    quote = Quote("app.py", "return sum(prices[1:])", 2, "hypothesis")
    await process.take(
        submission(
            2, hypothesis="the slice of prices", quotes=(quote,), checked=("app.py", ".env"), confidence=Confidence.HIGH
        ),
        opened.thread.id,
    )
    return opened.thread.id


FINISH = submission(3, more=False, confidence=Confidence.HIGH)


@pytest.mark.asyncio
async def test_the_expert_gets_the_work_and_the_files_with_line_numbers_but_no_secret(
    tmp_path: Path, project: Path
) -> None:
    models = oracle().say(verdict())
    async with running_on(tmp_path, models) as threads:
        done = await threads.take(FINISH, await proven(threads, project))
        assert done.thread.outcome is Outcome.DONE
        assert done.thread.review is not None
        assert (done.thread.review.model, done.thread.review.price) == ("oracle-1", "unpriced")
        (request,) = models.asked
        sent = "\n".join(message.text for message in request.messages)
        assert "    2     return sum(prices[1:])" in sent
        assert "the slice of prices" in sent
        assert "planted-secret" not in sent
        assert request.answer is ExpertAnswer


@pytest.mark.asyncio
async def test_an_objection_with_a_false_quote_is_dropped_and_one_with_a_true_quote_holds(
    tmp_path: Path, project: Path
) -> None:
    points = (
        ExpertPoint(point="wrong index", file="app.py", line=1, quote="return sum(prices[1:])"),
        ExpertPoint(point="made up", file="app.py", quote="lock.acquire(timeout=5)"),
    )
    (project / "other.py").write_text("RATE = 2\n")
    wanted = ("other.py", ".env", "../outside.py", "nowhere.py")
    models = oracle().say(verdict(agrees=False, points=points, files=wanted))
    async with running_on(tmp_path, models) as threads:
        held = await threads.take(FINISH, await proven(threads, project))
        assert [(clause.kind, clause.subject) for clause in held.held] == [
            ("expert", "app.py:2"),
            ("expert_file", "other.py"),
        ]
        assert held.review is not None
        assert [point.verdict for point in held.review.points] == [Verdict.MOVED, Verdict.REFUTED]
        done = await threads.take(submission(4, more=False, confidence=Confidence.HIGH), held.thread.id)
        assert done.thread.outcome is Outcome.DONE
        assert len(models.asked) == 1


@pytest.mark.asyncio
async def test_a_no_whose_only_reason_is_its_summary_holds_with_that(tmp_path: Path, project: Path) -> None:
    models = oracle().say(verdict(agrees=False, points=(), files=()))
    async with running_on(tmp_path, models) as threads:
        held = await threads.take(FINISH, await proven(threads, project))
    assert [(clause.kind, clause.text) for clause in held.held] == [("expert", "so I say")]


@pytest.mark.parametrize("said", ["point", "issue", "what"])
def test_an_experts_points_are_read_under_the_names_that_models_give_them(said: str) -> None:
    answer = ExpertAnswer.model_validate(
        {"agrees": False, "summary": "no", "points": [{said: "it rounds", "line": 2}, "a bare one"]}
    )
    assert [(point.point, point.line) for point in answer.points] == [("it rounds", 2), ("a bare one", None)]
    assert "point" in ExpertAnswer.model_json_schema()["$defs"]["ExpertPoint"]["properties"]


@pytest.mark.asyncio
async def test_a_slow_expert_is_collected_by_the_same_call_and_asked_once(tmp_path: Path, project: Path) -> None:
    models = oracle()
    async with running_on(tmp_path, models, call_seconds=0.05) as threads:
        thread_id = await proven(threads, project)
        waiting = await threads.take(FINISH, thread_id)
        assert waiting.awaits == "oracle"
        still = await threads.take(replace(FINISH, digest="other words"), thread_id)
        assert still.awaits == "oracle"
        models.say(verdict())
        collected = await threads.take(FINISH, thread_id)
        while collected.awaits:  # the answer is on its way to the disk
            collected = await threads.take(FINISH, thread_id)
        assert collected.thread.outcome is Outcome.DONE
        again = await threads.take(FINISH, thread_id)
        assert (again.replayed, again.thread.outcome) == (True, Outcome.DONE)
        assert len(models.asked) == 1


@pytest.mark.asyncio
async def test_the_next_number_goes_on_without_the_expert_and_aborts_its_request(tmp_path: Path, project: Path) -> None:
    models = oracle()
    async with running_on(tmp_path, models, call_seconds=0.05) as threads:
        thread_id = await proven(threads, project)
        await threads.take(FINISH, thread_id)
        await models.was_asked()
        on = await threads.take(submission(4, findings="more to say"), thread_id)
        assert (on.thread.last, on.thread.awaiting) == (4, None)
        assert models.aborted.is_set()
        again = await threads.take(FINISH, thread_id)
        assert (again.replayed, again.awaits, again.next_number) == (True, "", 5)


@pytest.mark.asyncio
async def test_a_new_process_collects_what_the_first_one_asked(tmp_path: Path, project: Path) -> None:
    models = oracle()
    async with running_on(tmp_path, models, call_seconds=0.05) as threads:
        thread_id = await proven(threads, project)
        await threads.take(FINISH, thread_id)
    async with running_on(tmp_path, oracle().say(verdict())) as threads:
        done = await threads.take(FINISH, thread_id)
        assert done.thread.outcome is Outcome.DONE
        assert len(threads.models.asked) == 1


@pytest.mark.asyncio
async def test_an_expert_that_fails_loses_no_work(tmp_path: Path, project: Path) -> None:
    models = oracle().say(ModelError(ErrorKind.WRONG_KEY, "The key in X_KEY is refused."))
    async with running_on(tmp_path, models) as threads:
        done = await threads.take(FINISH, await proven(threads, project))
        assert done.thread.outcome is Outcome.DONE
        assert done.thread.review is not None
        assert done.thread.review.failed == "The key in X_KEY is refused."


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "fields",
    [
        {"fields": {"use_assistant_model": False}},
        {"confidence": Confidence.CERTAIN, "quotes": (Quote("app.py", "def total(prices):", 1),)},
    ],
    ids=["off", "certain"],
)
async def test_no_expert_is_asked_where_none_is_wanted_or_needed(
    tmp_path: Path, project: Path, fields: dict[str, object]
) -> None:
    models = oracle()
    async with running_on(tmp_path, models) as threads:
        done = await threads.take(replace(FINISH, **fields), await proven(threads, project))  # pyright: ignore
        assert done.thread.outcome is Outcome.DONE
        assert models.asked == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "quote", [None, Quote("app.py", "return sum(prices[1:])", 2), Quote("far.py", "return speed * 2", 2)]
)
async def test_certain_without_new_evidence_for_the_claim_is_asked_about(
    tmp_path: Path, project: Path, quote: Quote | None
) -> None:
    (project / "far.py").write_text("def doubled(speed):\n    return speed * 2\n")
    models = oracle().say(verdict())
    async with running_on(tmp_path, models) as threads:
        certain = replace(FINISH, confidence=Confidence.CERTAIN, quotes=(quote,) if quote else ())
        await threads.take(certain, await proven(threads, project))
        assert len(models.asked) == 1


@pytest.mark.asyncio
async def test_a_model_that_is_not_there_is_told_before_anything_is_recorded(tmp_path: Path, project: Path) -> None:
    async with running_on(tmp_path, oracle()) as threads:
        thread_id = await proven(threads, project)
        with pytest.raises(ModelError, match="nearest: oracle"):
            await threads.take(submission(3, fields={"model": "orakle"}), thread_id)
        assert (await threads.journal.load(thread_id, LOCAL)).last == 2


@pytest.mark.asyncio
async def test_the_history_shows_that_a_model_was_asked_and_what_it_said(tmp_path: Path, project: Path) -> None:
    models = oracle().say(verdict())
    async with running_on(tmp_path, models) as threads:
        thread_id = await proven(threads, project)
        await threads.take(FINISH, thread_id)
        kinds = [entry.kind for entry in await threads.journal.history(thread_id)]
        assert kinds[-3:] == ["asked", "answered", "finished"]
        said = json.dumps([dict(entry.data) for entry in await threads.journal.history(thread_id)])
        assert "so I say" in said
