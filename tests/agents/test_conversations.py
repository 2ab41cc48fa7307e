"""What a job's model is sent as its conversation grows past what it may take."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stepwarden.agents.conversation import Conversation
from stepwarden.models import Message
from stepwarden.runs.limits import NOTHING
from stepwarden.runs.run import AgentStep, Job, JobPlan, OpenQuestion, Run
from stepwarden.runs.run_calls import Body, CallKind, CallState, ProposedCall, RunCall, body_of

SIZES = st.integers(0, 900)
STEPS = st.lists(st.tuples(SIZES, st.lists(SIZES, max_size=3)), max_size=12)


def job_of(sizes: list[tuple[int, list[int]]]) -> Job:
    """Return a job with an answer and results of these sizes a step."""
    steps = tuple(
        AgentStep(number, body_of("a" * said), tuple(_call(f"{number}/{n}", size) for n, size in enumerate(results)))
        for number, (said, results) in enumerate(sizes, 1)
    )
    return Job(JobPlan("main", "Work.", "m"), steps=steps)


def _call(key: str, size: int) -> RunCall:
    return RunCall(key, ProposedCall(f"call-{key}", "read"), CallKind.READ, CallState.DONE, result=body_of("é" * size))


def sent(conversation: Conversation, job: Job, room: int) -> tuple[Message, ...]:
    question = OpenQuestion("main/1", 1, NOTHING, room)
    return conversation.messages(Run("run", request="go on"), job, question, {}, "")


@given(STEPS, st.integers(0, 4_000))
def test_the_oldest_results_are_left_out_first_then_the_oldest_steps_and_never_the_last(
    sizes: list[tuple[int, list[int]]], room: int
) -> None:
    job = job_of(sizes)
    everything = sent(Conversation(), job, 10**9)
    messages = sent(Conversation(), job, room)
    fixed, told = messages[:2], list(messages[2:])
    room -= sum(message.tokens for message in fixed)
    groups = [list(sent(Conversation(), replace(job, steps=(step,)), 10**9)[2:]) for step in job.steps]
    assert [message for group in groups for message in group] == list(everything[2:])
    for index, group in enumerate(groups):  # the same by trying one after another
        if _tokens(groups) <= room:
            break
        groups[index] = [_short(message) for message in group]
    while len(groups) > 1 and _tokens(groups) > room:
        del groups[0]
    assert told == [message for group in groups for message in group]


def _tokens(groups: list[list[Message]]) -> int:
    return sum(message.tokens for group in groups for message in group)


def _short(message: Message) -> Message:
    if message.role != "tool" or len(message.text) < 200:
        return message
    text = f"[left out for room: {len(message.text)} characters, beginning: {message.text[:100]}]"
    return replace(message, text=text)


def test_a_step_is_put_in_words_once_however_many_questions_follow() -> None:
    job, conversation = job_of([(10, [500])] * 50), Conversation()
    before = sent(conversation, replace(job, steps=job.steps[:49]), 10**9)
    after = sent(conversation, job, 10**9)
    assert all(one is other for one, other in zip(before[2:], after[2:], strict=False))
    assert len(after) == len(before) + 2


def test_long_texts_are_wanted_for_new_steps_alone() -> None:
    long = replace(job_of([(1, [])] * 3).steps[0], text=Body("abc", "digest", 5_000))
    job, conversation = Job(JobPlan("main", "Work.", "m"), steps=(long,)), Conversation()
    assert conversation.unread(job) == {"digest"}
    question = OpenQuestion("main/1", 1, NOTHING, 10**9)
    told = conversation.messages(Run("run"), job, question, {"digest": "all of it"}, "")
    assert told[-1].text == "all of it"
    assert conversation.unread(replace(job, steps=(long, long))) == {"digest"}
    assert conversation.unread(job) == set()
