"""Calls in a stream: the same answer whatever the chunks, in every dialect, from the pieces and by the real SDK."""

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server import ModelServer, request

from providers.call_assembly import CallAssembly
from providers.endpoints import Endpoint
from providers.models import AllModels
from providers.profiles import BY_NAME
from providers.scripted import ScriptedReply
from providers.stream_assembly import StreamedCompletion
from providers.wire import reply_of
from stepwarden.models import ModelReply
from stepwarden.tool_calls import OfferedTool

TOOLS = tuple(OfferedTool(name) for name in ("read_file", "search", "read"))
Call = tuple[str, dict[str, Any]]
Split = Callable[[str], list[str]]


def pieces(call_id: str | None, index: int | None, name: str | None, arguments: object) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    piece = {
        "id": call_id,
        "index": index,
        "function": {key: value for key, value in function.items() if value is not None},
    }
    return {key: value for key, value in piece.items() if value is not None}


def of_openai(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    for index, (name, arguments) in enumerate(calls):
        yield pieces(f"id{index}", index, name, "")
        yield from (pieces(None, index, None, part) for part in split(json.dumps(arguments)))


def with_id_and_name_in_every_piece(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    for index, (name, arguments) in enumerate(calls):
        yield from (pieces(f"id{index}", index, name, part) for part in split(json.dumps(arguments)))


def with_ids_alone(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    for index, (name, arguments) in enumerate(calls):
        yield pieces(f"id{index}", None, name, "")
        yield from (pieces(f"id{index}", None, None, part) for part in split(json.dumps(arguments)))


def with_indices_alone(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    for index, (name, arguments) in enumerate(calls):
        yield pieces(None, index, name, "")
        yield from (pieces(None, index, None, part) for part in split(json.dumps(arguments)))


def with_neither(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    for name, arguments in calls:
        yield pieces(None, None, name, "")
        yield from (pieces(None, None, None, part) for part in split(json.dumps(arguments)))


def all_numbered_zero(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    for index, (name, arguments) in enumerate(calls):
        yield pieces(f"id{index}", 0, name, "")
        yield from (pieces(None, 0, None, part) for part in split(json.dumps(arguments)))


def with_a_new_id_in_every_piece(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    for index, (name, arguments) in enumerate(calls):
        yield pieces(f"id{index}", index, name, "")
        yield from (
            pieces(f"other{index}-{n}", index, None, part) for n, part in enumerate(split(json.dumps(arguments)))
        )


def whole_calls(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    del split
    yield from (
        pieces(f"id{index}", index, name, json.dumps(arguments)) for index, (name, arguments) in enumerate(calls)
    )


def whole_calls_without_any_mark(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    del split
    yield from (pieces(None, None, name, arguments) for name, arguments in calls)


def whole_calls_all_numbered_zero(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    del split
    yield from (pieces(None, 0, name, json.dumps(arguments)) for name, arguments in calls)


def with_one_id_for_all(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    for index, (name, arguments) in enumerate(calls):
        yield pieces("same", index, name, "")
        yield from (pieces("same", index, None, part) for part in split(json.dumps(arguments)))


def second_head_numbered_like_the_first(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    """So DeepSeek behind a gateway does: the head of a call has the number of the one before."""
    for index, (name, arguments) in enumerate(calls):
        yield pieces(f"id{index}", max(0, index - 1), name, "")
        yield from (pieces(None, index, None, part) for part in split(json.dumps(arguments)))


def with_an_empty_object_first(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    for index, (name, arguments) in enumerate(calls):
        yield pieces(f"id{index}", index, name, "{}")
        yield from (pieces(None, index, None, part) for part in split(json.dumps(arguments)))


def with_names_in_parts(calls: list[Call], split: Split) -> Iterator[dict[str, Any]]:
    for index, (name, arguments) in enumerate(calls):
        yield pieces(f"id{index}", index, name[:2], "")
        yield pieces(None, index, name[2:], "")
        yield from (pieces(None, index, None, part) for part in split(json.dumps(arguments)))


DIALECTS = [
    of_openai,
    with_id_and_name_in_every_piece,
    with_ids_alone,
    with_indices_alone,
    with_neither,
    all_numbered_zero,
    with_a_new_id_in_every_piece,
    whole_calls,
    whole_calls_without_any_mark,
    whole_calls_all_numbered_zero,
    with_one_id_for_all,
    second_head_numbered_like_the_first,
    with_an_empty_object_first,
    with_names_in_parts,
]
NAMES = st.sampled_from([tool.name for tool in TOOLS])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.just('{"a": "\\"}'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), VALUES, max_size=3)
MADE = st.lists(st.tuples(NAMES, ARGUMENTS), min_size=1, max_size=4)


def splits(cuts: list[int]) -> Split:
    def split(text: str) -> list[str]:
        places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
        return [text[start:end] for start, end in pairwise(places)]

    return split


def answered(deltas: list[dict[str, Any]]) -> ModelReply:
    endpoint, whole = Endpoint(BY_NAME["custom"], "http://h/v1"), StreamedCompletion()
    for delta in deltas:
        whole.add({"choices": [{"delta": delta}]})
    whole.add({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    return reply_of(whole.completion(endpoint, "m"), request(tools=TOOLS), endpoint)


def chunked(found: list[dict[str, Any]], sizes: list[int]) -> list[dict[str, Any]]:
    """Return pieces as the deltas of chunks, some of which hold several."""
    deltas, at = list[dict[str, Any]](), 0
    while at < len(found):
        size = sizes[len(deltas) % len(sizes)]
        deltas.append({"tool_calls": found[at : at + size]})
        at += size
    return deltas


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=60)
@given(calls=MADE, cuts=st.lists(st.integers(0, 500), max_size=12), sizes=st.lists(st.integers(1, 4), min_size=1))
def test_a_stream_is_the_same_answer_whatever_its_chunks(
    dialect: Callable[[list[Call], Split], Iterator[dict[str, Any]]],
    calls: list[Call],
    cuts: list[int],
    sizes: list[int],
) -> None:
    reply = answered(chunked(list(dialect(calls, splits(cuts))), sizes))
    assert [(call.name, call.values) for call in reply.calls] == calls
    assert len({call.id for call in reply.calls}) == len(calls)


@given(calls=MADE, cuts=st.lists(st.integers(0, 500), max_size=12), order=st.randoms(use_true_random=False))
def test_pieces_of_several_calls_may_be_mixed_where_they_are_numbered(
    calls: list[Call], cuts: list[int], order: Any
) -> None:
    each = [list(of_openai([call], splits(cuts))) for call in calls]
    for index, found in enumerate(each):
        for piece in found:
            piece["index"] = index
        found[0]["id"] = f"id{index}"
    mixed = [found.pop(0) for found in each]
    while left := [found for found in each if found]:
        mixed.append(order.choice(left).pop(0))
    assembly = CallAssembly()
    for piece in mixed:
        assembly.add({"tool_calls": [piece]})
    found = [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in assembly.entries()]
    assert found == calls


SOME: list[Call] = [
    ("read_file", {"path": "größer.py"}),
    ("search", {"words": 'a "b" {', "most": 3}),
    ("read_file", {}),
]


@pytest.mark.asyncio
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_real_sdk_streams_calls_in_every_dialect(
    dialect: Callable[[list[Call], Split], Iterator[dict[str, Any]]],
    serve: Callable[..., ModelServer],
    models: Callable[..., AllModels],
) -> None:
    texts = [{"content": "I "}, {"content": "look."}]
    found = [*texts, *chunked(list(dialect(SOME, splits([1, 4, 9]))), [1])]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in found]
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}
    built = models(serve(ScriptedReply(chunks=(*chunks, end))))
    *shown, reply = [piece async for piece in built.stream(request(tools=TOOLS))]
    assert isinstance(reply, ModelReply)
    assert ("".join(map(str, shown)), reply.text) == ("I look.", "I look.")
    assert [(call.name, call.values) for call in reply.calls] == SOME
    assert (reply.usage.input_tokens, reply.usage.estimated) == (7, False)


@pytest.mark.asyncio
async def test_the_function_call_of_old_streams_too(
    serve: Callable[..., ModelServer], models: Callable[..., AllModels]
) -> None:
    deltas = [{"name": "read_file", "arguments": ""}, {"arguments": '{"pa'}, {"arguments": 'th":"a"}'}]
    chunks = [{"choices": [{"delta": {"function_call": delta}}]} for delta in deltas]
    end = {"choices": [{"delta": {}, "finish_reason": "function_call"}]}
    built = models(serve(ScriptedReply(chunks=(*chunks, end))))
    *_, reply = [piece async for piece in built.stream(request(tools=TOOLS))]
    assert isinstance(reply, ModelReply)
    assert [(call.name, call.values) for call in reply.calls] == [("read_file", {"path": "a"})]


def test_what_an_endpoint_wants_back_is_put_together_from_its_pieces() -> None:
    head = {**pieces("a", 0, "read", "{}"), "extra_content": {"google": {"thought_signature": "x"}}}
    details = [{"reasoning_details": [{"text": text}]} for text in ("one", "two")]
    thoughts = [{"reasoning_content": text} for text in ("I ", "look.")]
    reply = answered([*details, *thoughts, {"tool_calls": [head]}])
    assert json.loads(reply.kept) == {
        "provider": "custom",
        "reasoning_content": "I look.",
        "reasoning_details": [{"text": "one"}, {"text": "two"}],
    }
    assert json.loads(reply.calls[0].kept) == {"provider": "custom", "extra_content": head["extra_content"]}
