"""The threads over a real store: what is admitted, looked up, kept and told to other processes."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from thread_process import ThreadProcess

from stepwarden.errors import RootRefused, StoreReplaced, UnknownStream
from stepwarden.steps.admission import Reason
from stepwarden.steps.evidence import Quote, Verdict
from stepwarden.steps.gate import Policy
from stepwarden.steps.thread import Outcome
from stepwarden.threads.calls import LOCAL, Caller, StepCall, StepRefused
from stepwarden.threads.exports import as_json, as_markdown
from tests.support.calls import submission

POLICY = Policy(tool="debug", low=2, likely=4, high=8)
OTHER = Policy(tool="codereview", low=2, likely=3, high=5)


def process_on(home: Path, **options: Any) -> ThreadProcess:
    return ThreadProcess(home, POLICY, **options)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text("def total(prices):\n    return sum(prices[1:])\n", "utf-8")
    return root


@pytest.mark.asyncio
async def test_another_process_goes_on_where_the_first_stopped(tmp_path: Path) -> None:
    first, second = process_on(tmp_path), process_on(tmp_path)
    opened = await first.take(submission(1))
    for number in range(2, 7):
        process = second if number % 2 else first
        reply = await process.take(submission(number), opened.thread.id)
        assert reply.thread.last == number
    assert (await second.journal.load(opened.thread.id, LOCAL)) == (await first.journal.load(opened.thread.id, LOCAL))


@pytest.mark.asyncio
async def test_a_thread_that_was_put_out_of_memory_is_the_same_when_it_is_folded_anew(tmp_path: Path) -> None:
    process = process_on(tmp_path, kept_bytes=1)
    opened = await process.take(submission(1))
    before = (await process.take(submission(2), opened.thread.id)).thread
    await process.take(submission(1, "another thread"))
    assert await process.journal.load(opened.thread.id, LOCAL) == before


@pytest.mark.asyncio
@pytest.mark.parametrize("others_steps", [0, 1, 2, 3])
async def test_a_store_that_was_put_back_from_a_copy_is_what_counts(tmp_path: Path, others_steps: int) -> None:
    """Whether a thread is shorter than what is in memory then, as long, or longer: its lost steps are gone."""
    process, other = process_on(tmp_path), process_on(tmp_path)
    thread_id = (await process.take(submission(1))).thread.id
    path, copy = tmp_path / "threads.db", tmp_path / "copy.db"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    for number in (2, 3):
        await process.take(submission(number, f"lost {number}"), thread_id)
    for left in tmp_path.glob("threads.db-*"):
        left.unlink()
    copy.replace(path)
    for number in range(2, 2 + others_steps):
        await other.take(submission(number), thread_id)
    with pytest.raises(StoreReplaced, match="The store went back"):
        await process.take(submission(2 + others_steps), thread_id)
    reply = await process.take(submission(2 + others_steps), thread_id)
    assert [step.submission.step for step in reply.thread.trail] == [f"step {n + 1}" for n in range(2 + others_steps)]
    assert reply.thread == await other.journal.load(thread_id, LOCAL)
    await process.close()
    await other.close()


@pytest.mark.asyncio
async def test_a_retry_is_answered_the_same_and_recorded_once(tmp_path: Path, project: Path) -> None:
    process = process_on(tmp_path)
    opened = await process.take(submission(1, directory=str(project)))
    quote = Quote("app.py", "return sum(prices[1:])", 2, "hypothesis")
    said = submission(2, hypothesis="it leaves the first price out", quotes=(quote,), checked=("app.py",))
    reply = await process.take(said, opened.thread.id)
    assert [item.verdict for item in reply.step.evidence] == [Verdict.VERIFIED]
    (project / "app.py").unlink()
    await process.take(submission(3), opened.thread.id)
    again = await process_on(tmp_path).take(said, opened.thread.id)
    assert again.replayed
    assert (again.thread, again.decided, again.assessment) == (reply.thread, reply.decided, reply.assessment)
    assert (reply.next_number, again.next_number) == (3, 4)
    assert len((await process.journal.load(opened.thread.id, LOCAL)).trail) == 3


@pytest.mark.asyncio
async def test_two_processes_that_send_one_step_record_it_once_or_refuse_the_other_words(tmp_path: Path) -> None:
    first, second = process_on(tmp_path), process_on(tmp_path)
    opened = await first.take(submission(1))
    await second.journal.load(opened.thread.id, LOCAL)
    await first.take(submission(2), opened.thread.id)
    same = await second.take(submission(2), opened.thread.id)
    assert same.replayed
    other = await second.send(submission(2, "other words"), opened.thread.id)
    assert isinstance(other, StepRefused)
    assert (other.refusal.reason, other.refusal.number) == (Reason.RECORDED, 3)


@pytest.mark.asyncio
async def test_a_refusal_is_in_the_history_and_is_no_step(tmp_path: Path) -> None:
    process = process_on(tmp_path)
    opened = await process.take(submission(1))
    refused = await process.send(submission(5), opened.thread.id)
    assert isinstance(refused, StepRefused)
    assert refused.refusal.reason is Reason.GAP
    history = await process.queries.history(opened.thread.id, LOCAL)
    assert [entry.kind for entry in history] == ["opened", "step", "planned", "refused"]
    assert (await process.journal.load(opened.thread.id, LOCAL)).last == 1


@pytest.mark.asyncio
async def test_a_thread_of_somebody_else_is_as_unknown_as_one_that_never_was(tmp_path: Path) -> None:
    process = process_on(tmp_path)
    opened = await process.take(submission(1))
    for thread_id, caller in ((opened.thread.id, Caller("eve")), ("debug-none", LOCAL)):
        with pytest.raises(UnknownStream):
            await process.threads.submit(StepCall(caller, POLICY, submission(2), thread_id))
        with pytest.raises(UnknownStream):
            await process.queries.page(thread_id, caller)
    assert await process.queries.threads(Caller("eve")) == []


@pytest.mark.asyncio
async def test_a_follow_up_takes_the_directory_of_its_origin_and_leaves_it_untouched(
    tmp_path: Path, project: Path
) -> None:
    process = process_on(tmp_path)
    opened = await process.take(submission(1, directory=str(project)))
    before = await process.journal.load(opened.thread.id, LOCAL)
    follow = await process.take(submission(1, "review it"), opened.thread.id, policy=OTHER)
    assert follow.thread.id.startswith("codereview-")
    assert follow.thread.directory == before.directory
    assert follow.origin == before
    assert follow.thread.origin is not None
    assert follow.thread.origin.thread == opened.thread.id
    assert await process.journal.load(opened.thread.id, LOCAL) == before


@pytest.mark.asyncio
async def test_a_directory_that_may_not_be_read_opens_no_thread(tmp_path: Path) -> None:
    process = process_on(tmp_path)
    with pytest.raises(RootRefused):
        await process.send(submission(1, directory="/etc"))
    assert await process.queries.threads(LOCAL) == []


@pytest.mark.asyncio
async def test_quotes_that_have_gone_at_the_end_are_told_as_stale_and_still_count(
    tmp_path: Path, project: Path
) -> None:
    process = process_on(tmp_path)
    opened = await process.take(submission(1, directory=str(project)))
    quote = Quote("app.py", "return sum(prices[1:])", 2)
    await process.take(submission(2, hypothesis="slice of prices", quotes=(quote,)), opened.thread.id)
    (project / "app.py").write_text("def total(prices):\n    return sum(prices)\n", "utf-8")
    done = await process.take(submission(3, more=False), opened.thread.id)
    assert done.thread.outcome is Outcome.DONE
    assert done.assessment.evidence == {"verified": 1, "stale": 1}
    assert done.assessment.assurance == "verified"


@pytest.mark.asyncio
async def test_a_long_history_is_read_in_pages_to_its_end(tmp_path: Path) -> None:
    process = process_on(tmp_path)
    opened = await process.take(submission(1))
    for number in range(2, 40):
        await process.take(submission(number, "x" * 900 + str(number)), opened.thread.id)
    after: int | None = 0
    seen: list[int] = []
    pages = 0
    while after is not None:
        page, after = await process.queries.page(opened.thread.id, LOCAL, after=after)
        seen += [entry.seq for entry in page]
        pages += 1
    assert pages > 2
    assert seen == list(range(1, (await process.journal.head(opened.thread.id, LOCAL)).version + 1))
    assert await process.journal.store.verify(opened.thread.id) is None


@pytest.mark.asyncio
async def test_exports_hold_superseded_steps_and_hashes(tmp_path: Path) -> None:
    process = process_on(tmp_path)
    opened = await process.take(submission(1))
    await process.take(submission(2, "wrong turn"), opened.thread.id)
    back = await process.take(submission(3, "better way", backtrack=2), opened.thread.id)
    history = await process.queries.history(opened.thread.id, LOCAL)
    told = as_json(back.thread, history)
    assert "wrong turn" in told
    assert history[-1].hash in told
    report = as_markdown(back.thread)
    assert "better way" in report
    assert "wrong turn" not in report
    assert "wrong turn" in as_markdown(back.thread, history)
