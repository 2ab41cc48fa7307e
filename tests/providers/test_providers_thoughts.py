"""What a model thought is no part of its answer, in whatever marks it comes; asked by the real SDK."""

import json
from collections.abc import Callable

import pytest
from model_server import ModelServer, request

from providers.models import AllModels
from providers.scripted import ScriptedReply
from providers.thoughts import ShownPieces, separate_thoughts
from stepwarden.models import ErrorKind, ModelError, ModelReply

A = "The answer is 42."
T = "secret musing"
CODE = "```"

# Thoughts whose first mark is there: no piece of a stream shows any of them either.
MARKED = {
    "plain": f"<think>{T}</think>\n\n{A}",
    "in capitals": f"<THINK>{T}</THINK>\n{A}",
    "with attributes": f'<thinking type="x" n="1">{T}</thinking>{A}',
    "with blanks": f"< think >{T}</ think >{A}",
    "after a byte order mark": f"\ufeff<think>{T}</think>{A}",
    "after the answer": f"{A}\n<think>{T}</think>",
    "after the answer, without an end": f"{A}\n<think>\n{T} that never ends",
    "twice": f"<think>{T}</think>{A}\n<think>{T}</think>",
    "nested": f"<think>secret <think>inner</think> musing</think>\n{A}",
    "with a mark that is only spoken of": f"<think>secret: what does <think> mean, musing</think>\n{A}",
    "with code that is left open": f"<think>{T}\n{CODE}python\nx = 1\n</think>\n\n{A}",
    "empty": f"<think>\n\n</think>\n\n{A}",
    "closed in itself": f"<think/>{A}",
    "thought, of Gemini and EXAONE": f"<thought>{T}</thought>{A}",
    "reasoning": f"<reasoning>\n{T}\n</reasoning>\n{A}",
    "Seed": f"<seed:think>{T}<seed:cot_budget_reflect>secret</seed:cot_budget_reflect></seed:think>{A}",
    "MiniMax": f"<mm:think>{T}</mm:think>{A}",
    "LongCat": f"<longcat_think>{T}</longcat_think>{A}",
    "Hunyuan": f"<think>\n{T}\n</think>\n<answer>\n{A}\n</answer>",
    "Granite 3.3": f"<think>{T}</think><response>{A}</response>",
    "Mistral": f"[THINK]{T}[/THINK]{A}",
    "Kimi": f"◁think▷{T}◁/think▷{A}",
    "Kimi K3": f"<|open|>think<|sep|>{T}<|close|>think<|sep|><|open|>response<|sep|>{A}<|close|>response<|sep|>",
    "gpt-oss": f"<|channel|>analysis<|message|>{T}<|end|><|start|>assistant<|channel|>final<|message|>{A}<|return|>",
    "gpt-oss with a tool": (
        f"<|channel|>analysis<|message|>{T}<|end|><|start|>assistant<|channel|>commentary to=functions.x "
        f'<|constrain|>json<|message|>{{"secret": 1}}<|call|><|start|>assistant<|channel|>final<|message|>{A}'
    ),
    "Muse": f"<|start|>assistant to=self<|message|>{T}<|eom|><|start|>assistant to=user<|message|>{A}<|eot|>",
    "Gemma 4": f"<|channel>thought\n{T}<channel|>{A}<turn|>",
    "MedGemma": f"<unused94>thought\n{T}<unused95>{A}",
    "Cohere": f"<|START_THINKING|>{T}<|END_THINKING|><|START_RESPONSE|>{A}<|END_RESPONSE|>",
    "Solar Open": f"<|think|>{T}<|end|><|begin|>assistant<|content|>{A}<|end|>",
    "Inkling": (
        f"<|message_model|><|content_thinking|>{T}<|end_message|><|message_model|><|content_text|>{A}<|end_message|>"
    ),
    "Apertus": f"<|inner_prefix|>{T}<|inner_suffix|>{A}",
    "OpenThinker": f"<|begin_of_thought|>{T}<|end_of_thought|><|begin_of_solution|>{A}<|end_of_solution|>",
    "Pangu": f"[unused16]{T}[unused17]{A}",
    "Open WebUI": f'<details type="reasoning" done="true"><summary>x</summary>{T}</details>\n{A}',
}

# Thoughts that are told only by what comes after them: templates put the first mark into the prompt.
UNMARKED = {
    "DeepSeek, QwQ, Qwen": f"Okay, so the user wants {T} first.\n</think>\n\n{A}",
    "with an end that is only spoken of": f"<think>secret: `</think>` ends it, musing</think>{A}",
    "with code that is left open": f"{T}\n{CODE}python\nx = 1\n</think>\n\n{A}",
    "with open code, before an answer with code": f"{T}\n{CODE}python\nx = 1\n</think>\n\n{A}\n{CODE}\ny\n{CODE}",
    "Mistral": f"{T}[/THINK]{A}",
    "Kimi": f"{T}◁/think▷{A}",
    "Seed": f"{T}</seed:think>{A}",
    "Solar Open 2": f"{T}<|think:end|>{A}",
    "Cohere Command A": f"{T}<|END_THINKING|><|START_TEXT|>{A}<|END_TEXT|>",
    "gpt-oss": f"{T}<|end|><|start|>assistant<|channel|>final<|message|>{A}",
    "gpt-oss without its tokens": f"analysisWe need {T}.assistantfinal{A}",
    "Apriel": f"Here are my reasoning steps:\n{T}\n[BEGIN FINAL RESPONSE]\n{A}\n[END FINAL RESPONSE]\n<|end|>",
    "Granite 3.2": f"Here is my thought process: {T}\n\nHere is my response: {A}",
    "Ollama's command": f"Thinking...\n{T}\n...done thinking.\n\n{A}",
    "a second end": f"<think>{T}</think>\nmore {T}\n</think>\n{A}",
    "an end at the beginning": f"</mm:think>{A}",
}

NOTHING_ELSE = {
    "closed": f"<think>{T}</think>",
    "never closed": f"<think>\nOkay, {T} that never ends",
    "closed without a beginning": f"{T}</think>",
    "Mistral": f"[THINK]{T}",
    "gpt-oss": f"<|channel|>analysis<|message|>{T}",
    "gpt-oss without its tokens": f"analysisWe need {T}",
    "Open WebUI": f"<details type='reasoning'>{T}",
}

# Marks that an answer speaks of; each stays as it is.
QUOTED = {
    "in a block of code": f"Use this:\n{CODE}\n<think>\n{T}\n</think>\n{CODE}\n{A}",
    "one half in a block of code": f"{CODE}python\ncontent.split('</think>')[-1]\n{CODE}\n{A}",
    "in a block of waves": f"~~~~\n<think>{T}\n~~~\n</think>\n~~~~\n{A}",
    "between backticks": f"`<think>` opens it and `</think>` closes it. {A}",
    "between two backticks": f"``<think>`x` `` opens it. {A}",
    "in quotation marks": f'It writes "<think>" and then "</think>", or \'[THINK]\'. {A}',
    "as a pair in quotation marks": f'It writes "<think>...</think>" at first. {A}',
    "in a string of JSON": '{"summary": "the pattern takes <think> only", "points": ["</think> alone is left"]}',
    "in JSON with quotation marks": '{"summary": "it says \\"<think>\\" and stays", "more": "<think>"}',
    "as the type of a list": f"It returns a List<Thought> or Optional<Reasoning> here. {A}",
    "as plain words": f"I am thinking [of] it: a < b > c, thinking aloud. {A}",
    "in an explanation of its thoughts": f"Here is my thought process:\n1. first\n2. then\n{A}",
}


def hides_thoughts(text: str) -> bool:
    return "secret" not in text and "musing" not in text


async def both_ways(built: AllModels) -> tuple[ModelReply, ModelReply, list[str]]:
    """Return an answer as it comes whole, as it comes in pieces, and the pieces."""
    whole = await built.complete(request())
    *pieces, streamed = [piece async for piece in built.stream(request())]
    assert isinstance(streamed, ModelReply)
    return whole, streamed, [str(piece) for piece in pieces]


@pytest.mark.asyncio
@pytest.mark.parametrize("text", MARKED.values(), ids=MARKED)
async def test_thoughts_reach_nobody_whole_or_in_pieces(
    text: str, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    whole, streamed, pieces = await both_ways(models(serve(ScriptedReply(text=text, times=None))))
    assert (whole.text.partition("\n")[0], streamed.text) == (A, whole.text)
    assert hides_thoughts(whole.text + "".join(pieces))
    assert "secret" not in text or "secret" in whole.raw["reasoning"]


@pytest.mark.asyncio
@pytest.mark.parametrize("text", UNMARKED.values(), ids=UNMARKED)
async def test_thoughts_without_a_mark_at_their_beginning_reach_nobody(
    text: str, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    whole, streamed, _ = await both_ways(models(serve(ScriptedReply(text=text, times=None))))
    assert (whole.text.partition("\n")[0], streamed.text) == (A, whole.text)
    assert hides_thoughts(whole.text)


@pytest.mark.asyncio
@pytest.mark.parametrize("finish", ["stop", "length"])
@pytest.mark.parametrize("text", NOTHING_ELSE.values(), ids=NOTHING_ELSE)
async def test_thoughts_alone_are_no_answer(
    text: str, finish: str, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    with pytest.raises(ModelError, match="output limit" if finish == "length" else "thought and gave no answer") as e:
        await models(serve(ScriptedReply(text=text, finish=finish))).complete(request())
    assert e.value.kind is ErrorKind.EMPTY
    assert hides_thoughts(str(e.value))


@pytest.mark.asyncio
@pytest.mark.parametrize("text", QUOTED.values(), ids=QUOTED)
async def test_a_mark_that_an_answer_quotes_is_part_of_it(
    text: str, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    whole, streamed, _ = await both_ways(models(serve(ScriptedReply(text=text, times=None))))
    assert (whole.text, streamed.text, whole.notes) == (text, text, ())


@pytest.mark.asyncio
async def test_what_is_taken_out_of_the_middle_of_a_line_is_told(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    """It may have been the answer that spoke of a mark, without quotation marks."""
    reply = await models(serve(f"It takes <think> and </think> for marks. {A}")).complete(request())
    assert reply.text == f"It takes  for marks. {A}"
    assert reply.notes == ("what stood between marks of thoughts in the middle of a line was left out",)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": T}]}, {"type": "text", "text": A}]},
        {"content": [{"type": "reasoning", "text": T}, {"type": "redacted_thinking", "data": T}, A]},
        {"content": [{"type": "text", "text": T, "thought": True}, {"type": "output_text", "text": A}]},
        {"content": {"type": "text", "text": {"value": A}}, "reasoning_details": [{"type": "x", "text": T}]},
        {"content": A, "reasoning_content": T},
        {"content": A, "reasoning": T},
        {"content": A, "thinking": T},
    ],
)
async def test_thoughts_in_parts_and_fields_of_their_own_are_left_there(
    message: dict[str, object], serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    body = {"id": "1", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}]}
    delta = {"id": "1", "choices": [{"index": 0, "finish_reason": "stop", "delta": message}]}
    server = serve(ScriptedReply(body=json.dumps(body)), ScriptedReply(body=f"data: {json.dumps(delta)}\n\n"))
    whole, streamed, pieces = await both_ways(models(server))
    assert (whole.text, streamed.text, "".join(pieces)) == (A, A, A)


@pytest.mark.asyncio
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_an_answer_that_stands_among_the_thoughts_only_is_none(
    field: str, serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    message = {"role": "assistant", "content": None, field: A}
    body = json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": message}]})
    with pytest.raises(ModelError, match="thought and gave no answer: ask again with less thinking") as caught:
        await models(serve(ScriptedReply(body=body))).complete(request())
    assert caught.value.kind is ErrorKind.EMPTY


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("text", MARKED.values(), ids=MARKED)
def test_a_mark_in_pieces_of_any_size_hides_as_well(text: str, size: int) -> None:
    pieces = ShownPieces()
    shown = [pieces.add(text[at : at + size]) for at in range(0, len(text), size)]
    assert hides_thoughts("".join([*shown, pieces.rest()]))


@pytest.mark.parametrize("text", ["a < b and c <d", "x <- y\n<b>z</b> [1] [T", "1 <", "<thin", "a <\n" * 9, "to=x"])
def test_text_that_only_looks_like_a_mark_is_shown_to_the_end(text: str) -> None:
    pieces = ShownPieces()
    assert "".join([*map(pieces.add, text), pieces.rest()]) == text
    assert separate_thoughts(text).answer == text


def test_only_models_of_that_name_think_in_plain_words_without_an_end() -> None:
    text = f"Here is my thought process: {T}"
    assert separate_thoughts(text, "ibm/granite-3.2-8b").answer == ""
    assert separate_thoughts(text, "gpt-6.1-sol").answer == text


def test_tokens_that_a_server_should_have_kept_are_taken_off_the_end() -> None:
    for token in ("<|im_end|>", "<|endoftext|>\n", "</s>", "<end_of_turn>", "<|eot_id|><|im_end|>"):
        assert separate_thoughts(A + token).answer == A


@pytest.mark.parametrize("unit", ["<", "[<◁", "```\n", "<think>", "<think>x</think>y", '{"a": "<think> ', "<|", "to="])
def test_any_text_is_read_to_its_end(unit: str) -> None:
    assert len(separate_thoughts(unit * 5_000).answer) <= len(unit) * 5_000
