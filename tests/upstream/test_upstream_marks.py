"""What a look is made of: the mark in a write, texts that are filled in, and what stands at a path of a result."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.upstream.calls.begun_calls import BegunCall
from stepwarden.upstream.catalogue.tool import UpstreamTool
from stepwarden.upstream.config import UpstreamConfig
from stepwarden.upstream.doubts.marks import PATTERN, key_of, marked, new_key, unmarked
from stepwarden.upstream.doubts.resolution import decided_at
from stepwarden.upstream.doubts.templates import NotFilled, filled, holds, value_of, values_at
from stepwarden.upstream.look_config import MarkConfig
from stepwarden.upstream.tool_result import TextBlock, ToolResult

KEY = key_of("run-1", "main/1/1")
TEXT = {"type": "string"}
TOOL = UpstreamTool(
    {
        "name": "create",
        "inputSchema": {
            "type": "object",
            "properties": {"body": TEXT, "more": {"anyOf": [TEXT, {"type": "null"}]}, "fields": {"type": "object"}},
        },
    }
)
LINE, LABEL = MarkConfig(argument="body"), MarkConfig(argument="more", path="labels")


def test_a_key_is_the_same_for_a_call_of_a_run_and_new_for_every_other() -> None:
    assert KEY == key_of("run-1", "main/1/1") != key_of("run-1", "main/1/2")
    assert all(PATTERN.fullmatch(key) for key in (KEY, new_key()))
    assert new_key() != new_key()


@pytest.mark.parametrize(
    ("arguments", "mark", "expected"),
    [
        ({"body": "Done."}, LINE, {"body": f"Done.\n\n{KEY}"}),
        ({}, LINE, {"body": KEY}),
        ({}, LABEL, {"more": json.dumps({"labels": [KEY]})}),
        ({"more": '{"labels": ["a"], "x": 1}'}, LABEL, {"more": json.dumps({"labels": ["a", KEY], "x": 1})}),
        ({"fields": {"a": 1}}, MarkConfig(argument="fields", path="b.c"), {"fields": {"a": 1, "b": {"c": [KEY]}}}),
        ({}, MarkConfig(argument="fields", path="labels"), {"fields": {"labels": [KEY]}}),
        ({"more": "no JSON"}, LABEL, None),
        ({"more": '{"labels": "a"}'}, LABEL, None),
        ({"body": 5}, LINE, None),
        ({}, MarkConfig(argument="unknown"), None),
    ],
)
def test_a_mark_is_put_where_it_is_declared_or_nowhere(
    arguments: dict[str, Any], mark: MarkConfig, expected: dict[str, Any] | None
) -> None:
    before = json.dumps(arguments)
    assert marked(TOOL, arguments, mark, KEY) == expected
    assert json.dumps(arguments) == before


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_what_was_marked_is_found_by_its_mark_and_is_as_it_was_without_it(text: str) -> None:
    sent = marked(TOOL, {"body": text}, LINE, KEY)
    assert sent is not None
    assert holds(sent["body"], KEY)
    assert unmarked(sent["body"], KEY) == text
    assert unmarked(["a", KEY, text], KEY) == ["a", text]


def test_texts_are_filled_in_from_the_call_and_what_it_has_not_is_told() -> None:
    values = {"key": "A-1", "n": 3, "found": {"id": 7}}
    template = {"q": 'labels = "{key}"', "n": "{n}", "list": ["{found.id}", 5], "json": '{"a": {n}}'}
    assert filled(template, values) == {"q": 'labels = "A-1"', "n": 3, "list": [7, 5], "json": '{"a": 3}'}
    for text in ("{missing}", "x {found.none}", "{key.id}"):
        with pytest.raises(NotFilled):
            filled(text, values)


RESULT = {"issues": [{"key": "A-1", "labels": ["x"]}, {"key": "A-2"}], "none": []}


@pytest.mark.parametrize(
    "result",
    [
        ToolResult((TextBlock("words"),), RESULT),
        ToolResult((TextBlock(json.dumps(RESULT)),)),
        ToolResult((), {"result": json.dumps(RESULT)}),
    ],
)
def test_a_path_is_followed_in_structure_and_in_json_text(result: ToolResult) -> None:
    value = value_of(result)
    assert list(values_at(value, "issues.*.key")) == ["A-1", "A-2"]
    assert list(values_at(value, "issues.1.key")) == ["A-2"]
    assert list(values_at(value, "issues.0.labels.*")) == ["x"]
    assert [list(values_at(value, path)) for path in ("none", "none.*", "other.x", "issues.9")] == [[]] * 4
    assert holds(value, "A-2")
    assert not holds(value, "A-3")


PRESET = {"name": "jira", "preset": "mcp-atlassian"}


def test_an_entry_adds_to_what_its_preset_says() -> None:
    config = UpstreamConfig.model_validate({**PRESET, "env": {"JIRA_URL": "https://jira.example"}})
    assert (config.command, config.args) == ("uvx", ("mcp-atlassian==0.23.1",))
    assert sorted(config.env) == ["JIRA_URL", "TOOLSETS"]
    own = UpstreamConfig.model_validate({**PRESET, "command": "mcp-atlassian", "looks": {"mine": {"tool": "read"}}})
    assert (own.command, own.args, own.look_of("mine") is not None) == ("mcp-atlassian", (), True)
    there = UpstreamConfig.model_validate({**PRESET, "url": "http://127.0.0.1:9/mcp"})
    assert (there.command, there.env, "jira_create_issue" in there.looks) == (None, {}, True)


def test_a_look_for_a_mark_is_made_only_where_marks_are_chosen() -> None:
    without, chosen = (UpstreamConfig.model_validate({**PRESET, "marks": marks}) for marks in (False, True))
    assert (without.look_of("jira_create_issue"), without.look_of("jira_get_issue")) == (None, None)
    assert chosen.look_of("jira_create_issue") is not None
    assert without.look_of("confluence_create_page") is not None


def test_nothing_found_tells_once_the_last_call_and_the_longest_delay_are_over() -> None:
    config = UpstreamConfig.model_validate({**PRESET, "timeout_s": 40, "commit_delay_s": 10})
    begun = [BegunCall(str(at), "s", "same", at, "jira/jira_add_comment") for at in (100.0, 130.0)]
    assert decided_at(config, begun) == 180.0
