"""Upstream servers known by a name: one row each, with what an entry of the file need not say itself.

The two of Atlassian do the same under other names: what is known of a tool is written once, and named for each.
"""

from collections.abc import Mapping
from typing import Any

_LABEL = {"argument": "additional_fields", "path": "labels"}

# The open-source server: tried against version 0.23.1, which the preset starts.
_LOCAL_IDEMPOTENT = (
    "jira_add_watcher",
    "jira_assign_issue",
    "jira_edit_comment",
    "jira_link_to_epic",
    "jira_add_issues_to_sprint",
    "jira_move_issues_to_backlog",
    "confluence_add_label",
    "confluence_set_page_restrictions",
)
_LOCAL_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "jira_create_issue": {
        "mark": _LABEL,
        "tool": "jira_search",
        "arguments": {"jql": 'labels = "{mark}"', "fields": "summary,labels", "limit": 2},
        "path": "issues.*",
        "clean": {
            "tool": "jira_update_issue",
            "arguments": {"issue_key": "{found.key}", "fields": '{"labels": {left}}'},
            "field": "labels",
        },
    },
    "jira_add_comment": {
        "mark": {"argument": "body"},
        "tool": "jira_get_issue",
        "arguments": {"issue_key": "{issue_key}", "fields": "comment", "comment_limit": 100},
        "path": "comments.*",
        "holds": "{mark}",
        "clean": {
            "tool": "jira_edit_comment",
            "arguments": {"issue_key": "{issue_key}", "comment_id": "{found.id}", "body": "{left}"},
            "field": "body",
        },
    },
    "jira_add_worklog": {
        "mark": {"argument": "comment"},
        "tool": "jira_get_worklog",
        "arguments": {"issue_key": "{issue_key}"},
        "holds": "{mark}",
    },
    # Of one name there is one in its project, and one page in its space: a second is refused by the server itself.
    "jira_create_version": {
        "tool": "jira_get_project_versions",
        "arguments": {"project_key": "{project_key}"},
        "path": "*.name",
        "holds": "{name}",
    },
    "confluence_create_page": {
        "tool": "confluence_get_page",
        "arguments": {"title": "{title}", "space_key": "{space_key}"},
        "path": "metadata.id",
    },
    "confluence_add_comment": {
        "mark": {"argument": "body"},
        "tool": "confluence_get_comments",
        "arguments": {"page_id": "{page_id}"},
        "path": "*.body",
        "holds": "{mark}",
        "most": 25,
    },
}

# The remote server: by its documented names and arguments, never tried.
_REMOTE_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "createJiraIssue": {
        "mark": _LABEL,
        "tool": "searchJiraIssuesUsingJql",
        "arguments": {"cloudId": "{cloudId}", "jql": 'labels = "{mark}"', "fields": ["summary", "labels"]},
        "path": "issues.*",
    },
    "addCommentToJiraIssue": {
        "mark": {"argument": "commentBody"},
        "tool": "getJiraIssue",
        "arguments": {"cloudId": "{cloudId}", "issueIdOrKey": "{issueIdOrKey}", "fields": ["comment"]},
        "holds": "{mark}",
    },
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # The endpoint with resource metadata and dynamic registration; `/v1/sse` is no longer served since 30 June 2026.
    "atlassian": {
        "url": "https://mcp.atlassian.com/v1/mcp/authv2",
        "auth": {"type": "oauth"},
        "looks": _REMOTE_LOOKS,
    },
    "mcp-atlassian": {
        "command": "uvx",
        "args": ("mcp-atlassian==0.23.1",),
        "env": {"TOOLSETS": "all"},
        "idempotent": _LOCAL_IDEMPOTENT,
        "looks": _LOCAL_LOOKS,
    },
}
"""The keys of an entry, by the name of the preset."""


def with_preset(preset: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with what its preset says; what it says itself wins, and `env` and `looks` are put together.

    An entry that says itself where its server is takes nothing of the preset's place.
    """
    if "command" in entry:
        preset = {key: value for key, value in preset.items() if key not in {"url", "command", "args", "auth"}}
    elif "url" in entry:
        preset = {key: value for key, value in preset.items() if key not in {"command", "args", "env"}}
    merged = {**preset, **entry}
    for key in ("env", "looks"):
        if key in preset and isinstance(entry.get(key), Mapping):
            merged[key] = {**preset[key], **entry[key]}
    return merged
