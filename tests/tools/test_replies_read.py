"""Replies as the host's model reads them: the next call is right as it stands, each thing is said once and truly."""

from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from stepwarden.consultation.expert import ExpertAnswer, ExpertPoint
from stepwarden.models import ModelReply, ModelRequest, Usage
from tests.support.host import Host, connected
from tests.support.models import ScriptedModels
from tests.support.project import FAULT, FAULT_LINE
from tests.tools.test_expert_told import Worker, working

pytestmark = pytest.mark.asyncio
DOCUMENTED = '"""Echoes of the shop floor."""\n\n\ndef a(value):\n    """Hand the price back."""\n    return value\n'
HYPOTHESIS = "it takes the count off"
PROOF = {"file": "src/cart.py", "line": FAULT_LINE, "quote": FAULT, "supports": "hypothesis"}
OBJECTION = "The count is taken off " + "where nobody would look for it, " * 7 + "so the cause is another."


def answered(review: ExpertAnswer) -> ScriptedModels:
    reply = ModelReply(review.model_dump_json(), "wise-1", "acme", Usage(10, 5), review)

    def answer(_: ModelRequest) -> ModelReply:
        return reply

    return ScriptedModels(answering=answer)


async def held_by_expert(worker: Worker) -> tuple[dict[str, Any], str]:
    await worker.step(1)
    return await worker.finish(2)


async def proved(host: Host, **more: Any) -> str:
    first = await host.open("debug")
    await host.step("debug", 2, first.id, hypothesis=HYPOTHESIS, evidence=[PROOF], **more)
    return first.id


@pytest.mark.parametrize(
    ("tool", "field"), [("debug", "hypothesis"), ("refactor", "issues_found"), ("thinkdeep", "confidence")]
)
async def test_a_held_call_shows_the_field_that_closes_what_is_open(
    app: MCPServer, project: Path, tool: str, field: str
) -> None:
    async with connected(app, project) as host:
        first = await host.open(tool)
        held = await host.step(tool, 2, first.id, next_step_required=False)
    assert held.verdict.startswith("HELD")
    assert f" {field}," in held.sent["next_steps"].partition(f"{tool}(")[2]


async def test_an_objection_stands_whole_where_it_holds_the_work(tmp_path: Path) -> None:
    point = ExpertPoint(point=OBJECTION, file="src/cart.py", line=3)
    async with working(tmp_path, answered(ExpertAnswer(agrees=False, summary="no", points=[point]))) as worker:
        sent, text = await held_by_expert(worker)
    assert text.startswith("HELD")
    assert text.count(OBJECTION) == 1
    assert any(OBJECTION in line for line in sent["assessment"]["open"])
    assert "your reply goes to the expert first" in sent["next_steps"]
    assert " findings," in sent["next_steps"].partition("debug(")[2]


async def test_an_open_objection_is_the_first_thing_to_do(tmp_path: Path) -> None:
    points = [ExpertPoint(point="wrong place", file="src/cart.py", line=3), ExpertPoint(point="what of the tax?")]
    async with working(tmp_path, answered(ExpertAnswer(agrees=False, summary="no", points=points))) as worker:
        await held_by_expert(worker)
        sent, _ = await worker.step(3, files_checked=["README.md"])
    assert sent["required_actions"][0].startswith("Answer E1, E2: ")


async def test_an_expert_without_a_word_leaves_no_empty_sentence(tmp_path: Path) -> None:
    async with working(tmp_path, answered(ExpertAnswer(agrees=False, summary=""))) as worker:
        sent, text = await held_by_expert(worker)
    assert sent["expert"]["verdict"] == "disagrees, but it gives no reason, so it was ignored"
    assert "ignored:" not in text


async def test_a_quote_that_is_sent_again_is_told_counted_and_listed_once(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        thread = await proved(host)
        again = await host.step("debug", 3, thread, evidence=[PROOF], findings="the same once more")
        done = await host.step("debug", 4, thread, next_step_required=False)
    told = f"src/cart.py:{FAULT_LINE}: quoted at step 2 already, and counts once"
    assert again.sent["assessment"]["quotes"] == [told]
    assert f"Quote {told}" in again.text
    assert done.sent["assessment"]["evidence"] == {"verified": 1}
    assert "1 of 1 quote found" in done.text
    assert f"Hypothesis (evidenced, src/cart.py:{FAULT_LINE}):" in done.text


async def test_a_quote_beside_the_point_is_not_named_as_a_proof(app: MCPServer, project: Path) -> None:
    first_line = (project / "src/cart.py").read_text().splitlines()[0]
    beside = {"file": "src/cart.py", "line": 1, "quote": first_line, "supports": "hypothesis"}
    async with connected(app, project) as host:
        first = await host.open("debug")
        await host.step("debug", 2, first.id, hypothesis=HYPOTHESIS, evidence=[beside, PROOF])
        done = await host.step("debug", 3, first.id, next_step_required=False)
    assert f"Hypothesis (evidenced, src/cart.py:{FAULT_LINE}):" in done.text


async def test_who_is_told_to_disprove_hears_what_an_answer_takes(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug", hypothesis=HYPOTHESIS, evidence=[PROOF])
        told = await host.step("debug", 2, first.id, confidence="certain", findings="sure of it now")
    assert "Try once to disprove it: " in told.verdict
    assert told.sent["signals"] == {"disprove": "all is verified, but step 2 quoted nothing new about it"}
    assert told.sent["next_steps"].endswith("Say what you looked at, and quote a line that no step has quoted.")


async def test_a_stalled_thread_with_nothing_open_is_not_told_to_give_up(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        thread = await proved(host)
        await host.step("debug", 3, thread, findings="thought about it")
        told = await host.step("debug", 4, thread, findings="thought about it again")
    assert told.sent["assessment"]["sufficient"]
    assert "stalled" in told.sent["signals"]
    ask = "debug(step_number=5, continuation_id, step, next_step_required=false)"
    assert told.sent["next_steps"] == f"Nothing open. Finish: {ask}"
    assert "required_actions" not in told.sent


async def test_two_replies_in_a_row_never_ask_for_the_same(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug")
        before = first.sent["required_actions"]
        for number in range(2, 7):
            answer = await host.step("debug", number, first.id, files_checked=[f"src/{number}.py"])
            assert answer.sent["required_actions"] != before
            before = answer.sent["required_actions"]


async def test_a_step_that_is_replaced_alone_is_named_alone(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        thread = await proved(host)
        await host.step("debug", 2, thread, backtrack_from_step=2, hypothesis=HYPOTHESIS, evidence=[PROOF])
        status = await host.status(continuation_id=thread)
    assert "step 2, agent: backtracked: step 2 superseded" in status.sent["result"]["decisions"]


async def test_a_reply_asks_for_the_one_missing_act_and_never_for_a_number_of_steps(
    app: MCPServer, project: Path
) -> None:
    async with connected(app, project) as host:
        first = await host.open("debug", hypothesis=HYPOTHESIS, evidence=[PROOF], files_checked=["src/cart.py"])
        held = await host.step("debug", 2, first.id, next_step_required=False)
    act = "run the failing test with the fix; report its output"
    assert first.open == [act]
    assert held.verdict.startswith("HELD")
    assert "at least" not in first.text + held.text


async def test_a_conclusion_that_nothing_tested_is_told_how_to_test_it(app: MCPServer, project: Path) -> None:
    async with connected(app, project) as host:
        first = await host.open("thinkdeep")
        told = await host.step("thinkdeep", 2, first.id, hypothesis=HYPOTHESIS, evidence=[PROOF], confidence="high")
    assert told.open == []
    assert told.sent["required_actions"] == [
        "Conclusion not tested: quote a new line that would look different if it were wrong."
    ]


async def test_what_a_look_told_and_left_open_is_not_told_again(app: MCPServer, project: Path) -> None:
    for name in ("a", "b", "c"):
        (project / "src" / f"{name}.py").write_text(f"def {name}(value):\n    return value\n")
    async with connected(app, project) as host:
        first = await host.open("docgen", step="Document src", relevant_files=["src"])
        second = await host.step("docgen", 2, first.id, step="Thought about it")
        (project / "src" / "a.py").write_text(DOCUMENTED)
        third = await host.step("docgen", 3, first.id, step="Documented the first")
    assert len(first.open) == 4
    assert second.open == ["the same 4 as before"]
    assert "facts" not in second.sent
    assert second.sent["required_actions"][0].startswith("Document src/")
    assert third.open == ["the same 3 as before"]
    assert third.sent["facts"]
