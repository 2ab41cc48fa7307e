"""A third kind of consultation is one value: rules for the machine, and whoever asks. Nothing else has to know it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from stepwarden.consultation.background_requests import BackgroundRequests
from stepwarden.consultation.consultant import AdmittedStep, WaitingThread
from stepwarden.consultation.outcomes import ModelAnswer, outcome
from stepwarden.manager.manager import Manager
from stepwarden.models import Message, ModelReply, ModelRequest, Usage
from stepwarden.steps.clause import Clause
from stepwarden.steps.consultation_rules import ConsultationRules, Gate, Preparation
from stepwarden.steps.events import Answered, Asked, Event
from stepwarden.steps.expert_review import ExpertReview
from stepwarden.steps.gate import Policy
from stepwarden.steps.panel_answer import PanelAnswer
from stepwarden.steps.submission import Submission
from stepwarden.steps.thread import Outcome, Thread
from stepwarden.storage import Store
from stepwarden.threads.calls import LOCAL, StepCall, StepReply
from stepwarden.threads.journal import Journal
from stepwarden.threads.submissions import Threads
from tests.support.calls import submission
from tests.support.models import ScriptedModels


# What a scout is: asked with the first step where to look, and its place is to be looked at before the end.
def ask_scout(thread: Thread, prepared: Preparation, _: Gate) -> tuple[Event, ...]:
    return (Asked("scout:1", 1, prepared.model),) if thread.last == 1 else ()


def take_hint(_: Thread, __: Gate) -> tuple[Event, ...]:
    return ()


def unseen_place(thread: Thread) -> tuple[Clause, ...]:
    place = thread.review.summary if thread.review is not None else ""
    return (Clause("checklist", place, f"look at {place}"),) if place and place not in thread.claims.files else ()


SCOUT = ConsultationRules("scout", take_hint, ask_with_step=ask_scout, clauses=unseen_place)
POLICY = Policy(tool="debug", low=2, likely=3, high=5, consultation=SCOUT)


class Scout:
    """Whoever asks."""

    def __init__(self, requests: BackgroundRequests) -> None:
        self._requests = requests

    async def prepare(self, step: AdmittedStep) -> tuple[Submission, Preparation]:
        return step.submission, Preparation("scout-1")

    async def arrived(self, waiting: WaitingThread) -> Sequence[PanelAnswer]:
        return ()

    async def wait(self, waiting: WaitingThread, *, until: float) -> Sequence[Answered] | None:
        request = ModelRequest("scout-1", (Message("user", waiting.thread.task),), purpose="scout")
        settled = await self._requests.wait(waiting.thread.id, waiting.key, request, until=until)
        if settled is None:
            return None
        came = outcome(settled)
        assert isinstance(came, ModelAnswer)
        return [Answered(waiting.key, ExpertReview(summary=came.text, model=came.model))]

    async def give_up(self, before: Thread | None, after: Thread, events: Sequence[Event]) -> None: ...


@pytest.mark.asyncio
async def test_a_third_kind_is_asked_heard_and_bars_the_finish(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'threads.db'}")
    models = ScriptedModels().say(ModelReply("src/lock.py", "scout-1", "script", Usage(10, 5)))
    requests = BackgroundRequests(store, models)
    threads = Threads(Journal(store), Manager(), consultants={SCOUT.kind: Scout(requests)})

    async def take(said: Submission, thread_id: str | None = None) -> StepReply:
        reply = await threads.submit(StepCall(LOCAL, POLICY, said, thread_id))
        assert isinstance(reply, StepReply), reply
        return reply

    try:
        opened = await take(submission(1))
        thread = opened.thread.id
        assert opened.review is not None
        assert opened.assessment.open[-1].text == "look at src/lock.py"
        held = await take(submission(2, more=False), thread)
        assert [clause.subject for clause in held.held] == ["src/lock.py"]
        done = await take(submission(3, more=False, checked=("src/lock.py",)), thread)
        assert done.thread.outcome is Outcome.DONE
        again = await take(submission(1), thread)
        assert (again.replayed, len(models.asked)) == (True, 1)
    finally:
        await requests.close()
        await store.close()
