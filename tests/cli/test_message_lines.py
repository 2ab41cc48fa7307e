"""Every line of a host is a message or has an error to answer it with; every message has a line."""

import json
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.types import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from stepwarden.cli.message_lines import InvalidLine, format_line, read_line
from tests.support.examples import examples


def refused(line: str) -> tuple[int, object] | None:
    with pytest.raises(InvalidLine) as caught:
        read_line(line)
    answer = caught.value.answer
    return answer and (answer.error.code, answer.id)


def request(line: str) -> JSONRPCRequest:
    found = read_line(line).message
    assert isinstance(found, JSONRPCRequest)
    return found


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        '{"jsonrpc": "2.0", "id": 1, "method": "ping"',
        "[" * 100_000,
        '{"jsonrpc": "2.0", "id": 1, "method": "\\ud800", "params": ' + '{"a":' * 100_000,
    ],
    ids=lambda line: line[:40],
)
def test_what_is_no_json_is_a_parse_error(line: str) -> None:
    assert refused(line) == (-32700, None)


@pytest.mark.parametrize(
    ("before", "after", "message_id"),
    [
        ('"id": 1, "method": "ping", "params": {"id": 2, "a": ', "}", 1),
        ('"method": "ping", "params": ', ', "id": "{[\\""', '{["'),
        ('"method": "ping", "params": {"id": 2, "a": ', "}", None),
    ],
)
def test_json_too_deep_to_be_read_is_refused_with_its_id(before: str, after: str, message_id: object) -> None:
    for deep in ("[" * 9_000 + "]" * 9_000, '{"b":' * 9_000 + "1" + "}" * 9_000):
        assert refused('{"jsonrpc": "2.0", ' + before + deep + after + "}") == (-32700, message_id)


@pytest.mark.parametrize(
    ("line", "message_id"),
    [
        ("5", None),
        ("null", None),
        ('"text"', None),
        ("[]", None),
        ('[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]', None),
        ("{}", None),
        ('{"jsonrpc": "1.0", "id": 1, "method": "ping"}', 1),
        ('{"id": "a", "method": "ping"}', "a"),
        ('{"jsonrpc": "2.0", "id": 1}', 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": 5}', 1),
        ('{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}', 1),
        ('{"jsonrpc": "2.0", "method": "note", "params": [1]}', None),
        *(
            (f'{{"jsonrpc": "2.0", "id": {wrong}, "method": "ping"}}', None)
            for wrong in ("null", "1.5", "1.0", "true", "{}", "9" * 5_000)
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_json_that_is_no_request_is_an_invalid_one_with_its_id_where_it_has_one(line: str, message_id: object) -> None:
    assert refused(line) == (-32600, message_id)


@pytest.mark.parametrize("line", ['{"jsonrpc": "2.0", "id": 1, "result": []}', '{"id": 1, "error": "x"}'])
def test_what_was_meant_as_an_answer_is_not_answered(line: str) -> None:
    assert refused(line) is None


def test_an_id_among_the_parameters_is_none_of_the_message() -> None:
    note = read_line('{"jsonrpc": "2.0", "method": "note", "params": {"id": 1.5}}').message
    assert isinstance(note, JSONRPCNotification)


def test_a_byte_order_mark_is_skipped() -> None:
    assert request('\ufeff{"jsonrpc": "2.0", "id": 1, "method": "ping"}\r').method == "ping"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("[" * 300 + "]" * 300, None),
        ("9" * 5_000, float("inf")),
        ('"\\ud800"', "\ud800"),
        ('["\\ud800", ' + "9" * 5_000 + "]", ["\ud800", float("inf")]),
    ],
    ids=["deep", "long", "half", "half and long"],
)
def test_json_that_the_fast_reader_refuses_reaches_the_tool(value: str, read: object) -> None:
    found = request('{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"a": ' + value + "}}")
    assert found.params is not None
    assert read is None or found.params["a"] == read


def test_an_answer_with_half_a_surrogate_pair_is_a_line_that_every_host_reads() -> None:
    line = format_line(JSONRPCResponse(jsonrpc="2.0", id=1, result={"text": "a\udcffb", "\ud800": "語"}))
    assert json.loads(line) == {"jsonrpc": "2.0", "id": 1, "result": {"text": "a?b", "?": "語"}}


def test_an_id_with_half_a_surrogate_pair_is_answered_as_it_came() -> None:
    asked = request('{"jsonrpc": "2.0", "id": "\\ud800", "method": "ping"}')
    answer = json.loads(format_line(JSONRPCResponse(jsonrpc="2.0", id=asked.id, result={})))
    assert answer["id"] == "\ud800"


_NAMES = st.text(string.printable, max_size=3)
_VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=6,
)
_MEMBERS = {
    "jsonrpc": st.just("2.0") | _VALUES,
    "id": _VALUES,
    "method": st.just("ping") | _VALUES,
    "params": _VALUES,
}


@settings(max_examples=examples(200))
@given(value=_VALUES | st.fixed_dictionaries({}, optional=_MEMBERS))
def test_whatever_comes_is_a_message_or_has_an_error(value: Any) -> None:
    line = json.dumps(value)
    try:
        found = read_line(line).message
    except InvalidLine:
        assert refused(line) is not None
    else:
        assert isinstance(found, JSONRPCRequest) == ("id" in value)
