"""Arguments against foreign schemas: bounded whatever the schema is, and told so that the next call is right."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs import listings

from stepwarden.upstream.catalogue.schemas import (
    MOST_LINES,
    UnusableSchema,
    argument_errors,
    compiled,
    structure_of,
    unpacked,
)
from tests.support.examples import examples

ISSUE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "project": {"type": "string", "description": "Key of the project"},
        "kind": {"enum": ["Bug", "Task"]},
        "limit": {"type": "integer", "minimum": 1, "maximum": 50},
        "labels": {"type": "array", "items": {"type": "string"}},
        "fields": {"type": "object", "properties": {"summary": {"type": "string"}}, "additionalProperties": False},
    },
    "required": ["project", "kind"],
}
CHECKER = compiled(ISSUE)
AS_JSON = "if it stands for one, write it as JSON in the text"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            {},
            [
                'project is missing; send it (text; "Key of the project")',
                'kind is missing; send it (one of "Bug", "Task")',
            ],
        ),
        ({"projct": "A", "project": "A", "kind": "Bug"}, ["projct is unknown here; did you mean project?"]),
        ({"project": 1, "kind": "Bug"}, ["project: send text, not a whole number"]),
        (
            {"project": ["A", "B"], "kind": "Bug"},
            [f'project: send text, not a list; {AS_JSON} ("Key of the project")'],
        ),
        (
            {"project": "A", "kind": "Bug", "labels": [{"name": "a"}]},
            [f"labels[0]: send text, not an object {{...}}; {AS_JSON}"],
        ),
        ({"project": "A", "kind": "Epic"}, ['kind: send one of "Bug", "Task"']),
        ({"project": "A", "kind": "Bug", "limit": 99}, ["limit: send 50 or less"]),
        ({"project": "A", "kind": "Bug", "limit": True}, ["limit: send a whole number, not true or false"]),
        ({"project": "A", "kind": "Bug", "labels": ["a", 1]}, ["labels[1]: send text, not a whole number"]),
        (
            {"project": "A", "kind": "Bug", "fields": {"summry": "x"}},
            ["fields.summry is unknown here; did you mean summary?"],
        ),
        ({"project": "A", "kind": "Bug", "limit": 5}, []),
    ],
)
def test_each_mistake_is_told_with_what_to_send_instead(arguments: dict[str, Any], told: list[str]) -> None:
    assert argument_errors(CHECKER, arguments) == told


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
NAMES = st.sampled_from([*ISSUE["properties"], "projct", "", "a.b", "\u202e"]) | st.text(max_size=12)


@settings(max_examples=examples(30))
@given(st.dictionaries(NAMES, JSON_VALUES, max_size=6))
def test_whatever_is_sent_is_either_valid_or_told_in_a_few_short_lines(arguments: dict[str, Any]) -> None:
    lines = argument_errors(CHECKER, unpacked(ISSUE, arguments))
    assert len(lines) <= MOST_LINES + 1
    for line in lines:
        assert len(line) < 400
        assert line.isprintable()


SCHEMAS = st.recursive(
    st.sampled_from(["object", "string", "integer", "array", "nonsense"]).map(lambda kind: {"type": kind})
    | st.sampled_from(["#", "#/$defs/a", "#/nowhere", "http://127.0.0.1:9/x", "file:///etc/passwd"]).map(
        lambda place: {"$ref": place}
    )
    | st.sampled_from(["^(a+)+$", "(?=x)", "([", "a{999999999}"]).map(lambda pattern: {"pattern": pattern}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^(a+)+$", "(["]), inner, max_size=1),
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "allOf": st.lists(inner, min_size=1, max_size=3),
            "not": inner,
            "items": inner,
            "$defs": st.dictionaries(st.just("a"), inner, max_size=1),
            "required": st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True),
        },
    ),
    max_leaves=12,
)


@settings(max_examples=examples(30))
@given(SCHEMAS, st.dictionaries(st.sampled_from(["a", "b", "a" * 100 + "!"]), JSON_VALUES, max_size=3))
def test_whatever_a_schema_says_a_check_ends_and_raises_nothing_of_a_library(
    schema: dict[str, Any], arguments: dict[str, Any]
) -> None:
    try:
        checker = compiled(schema)
    except UnusableSchema:
        return
    checker.errors_in(arguments)  # without an end where a pattern is tried in every way there is


def test_a_schema_that_multiplies_itself_is_left_to_the_server() -> None:
    twice = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    checker = compiled({"$defs": {**twice, "d40": {"type": "integer"}}, "type": "object", "$ref": "#/$defs/d0"})
    checker.errors_in({})  # at each of a million millions of references, were they not counted


def test_a_schema_that_is_its_own_reference_does_not_end_the_process() -> None:
    assert compiled({"type": "object", "$ref": "#"}).errors_in({}) == []


def test_no_reference_leads_out_of_a_schema() -> None:
    for place in ("http://127.0.0.1:9/schema.json", "file:///etc/passwd"):
        checker = compiled({"type": "object", "properties": {"a": {"$ref": place}}})
        assert checker.errors_in({"a": 1}) == []


def test_a_pattern_that_takes_for_ever_elsewhere_comes_to_an_end() -> None:
    checker = compiled({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}})
    assert checker.errors_in({"a": "a" * 10_000 + "!"}) == ["a: must match ^(a+)+$"]


def test_a_schema_that_is_none_is_named_as_such() -> None:
    bad = {tool["name"]: tool["inputSchema"] for tool in listings.BAD_SCHEMAS}
    for name in ("is_array", "properties_is_list", "required_is_word", "deep"):
        assert structure_of(bad[name]), name
    with pytest.raises(UnusableSchema, match=r"not valid at properties\.a\.type"):
        compiled(bad["nonsense_type"])


def test_lists_and_objects_that_came_as_text_are_unpacked_and_texts_are_not() -> None:
    given_as = {"labels": '["a"]', "project": '["a"]', "fields": '{"summary": "x"}'}
    assert unpacked(ISSUE, given_as) == {"labels": ["a"], "project": '["a"]', "fields": {"summary": "x"}}
