"""The tools of the example site: their names, arguments and results are those of mcp-atlassian, as far as they go."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from stepwarden.cli.examples.tracker import PROJECT, SPACE, STATUSES, NotThere, SiteFile

Kind = Literal["read", "write", "destructive"]
Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class SiteTool:
    """One tool. `arguments` are texts; those that end in `?` may be left out, with `#` they are whole numbers."""

    name: str
    kind: Kind
    description: str
    arguments: tuple[str, ...]
    run: Callable[[SiteFile, Arguments], Any]

    @property
    def wire(self) -> dict[str, Any]:
        """The tool as the protocol lists it."""
        hints = {"readOnlyHint": True} if self.kind == "read" else {"destructiveHint": self.kind == "destructive"}
        properties = {name.rstrip("?#"): {"type": "integer" if "#" in name else "string"} for name in self.arguments}
        required = [name for name in self.arguments if name.isidentifier()]
        schema = {"type": "object", "properties": properties, "required": required}
        return {"name": self.name, "description": self.description, "inputSchema": schema, "annotations": hints}


def _search(file: SiteFile, given: Arguments) -> Any:
    hits = file.site().found(given["jql"])
    start, limit = given.get("start_at", 0), given.get("limit", 10)
    shown = [_issue(issue, "labels,summary,status,assignee,type,description,priority") for issue in hits]
    return {"total": len(hits), "start_at": start, "max_results": limit, "issues": shown[start : start + limit]}


def _get_issue(file: SiteFile, given: Arguments) -> Any:
    issue = file.site().issue(given["issue_key"])
    fields = given.get("fields") or "summary,description,status,assignee,labels,type,priority,comment"
    return _issue(issue, fields, given.get("comment_limit", 10))


def _issue(issue: Arguments, fields: str, comments: int = 0) -> dict[str, Any]:
    named = {name.strip() for name in fields.split(",")}
    shown = {name: issue[name] for name in issue if name in named or "*all" in named}
    shown |= {name: {"name": issue[name]} for name in ("status", "priority") if name in shown}
    if {"comment", "*all"} & named:
        shown["comments"] = issue["comments"][-comments:] if comments else []
    return {"key": issue["key"], **shown}


def _create(file: SiteFile, given: Arguments) -> Any:
    more = _read(given.get("additional_fields"), "additional_fields")
    issue = file.done(
        "create_issue",
        summary=given["summary"],
        type=given["issue_type"],
        description=given.get("description", ""),
        assignee=given.get("assignee", ""),
        project=given["project_key"],
        **_plain(more),
    )
    return {"message": "Issue created successfully", "issue": {"key": issue["key"], "summary": issue["summary"]}}


def _read(text: Any, name: str) -> dict[str, Any]:
    try:
        value: Any = json.loads(text or "{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise NotThere(f"{name} must be a JSON object")
    return cast("dict[str, Any]", value)


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields with names for objects that have one, as a priority."""
    return {
        name: cast("dict[str, Any]", value).get("name", value) if isinstance(value, dict) else value
        for name, value in fields.items()
    }


def _update(file: SiteFile, given: Arguments) -> Any:
    fields = _plain(_read(given["fields"], "fields"))
    issue = file.done("update_issue", key=given["issue_key"], fields=fields)
    return {"message": "Issue updated successfully", "issue": _issue(issue, "summary,labels,status,priority,assignee")}


def _move(file: SiteFile, given: Arguments) -> Any:
    issue = file.done("transition", key=given["issue_key"], transition=given["transition_id"])
    return {"message": f"Issue {issue['key']} transitioned successfully", "issue": _issue(issue, "summary,status")}


def _transitions(file: SiteFile, given: Arguments) -> Any:
    file.site().issue(given["issue_key"])
    return [{"id": number, "name": name, "to_status": name} for number, name in STATUSES.items()]


def _pages(file: SiteFile, given: Arguments) -> Any:
    hits = file.site().found_pages(given["query"])[: given.get("limit", 10)]
    return [
        {"id": page["id"], "title": page["title"], "space": page["space"], "excerpt": page["body"][:200]}
        for page in hits
    ]


def _page(file: SiteFile, given: Arguments) -> Any:
    pages = file.site().pages
    for page in pages.values():
        if page["id"] == given.get("page_id") or (page["title"], page["space"]) == (
            given.get("title"),
            given.get("space_key"),
        ):
            about = {name: page[name] for name in ("id", "title", "space", "version", "labels")}
            return {"metadata": {**about, "content": {"value": page["body"], "format": "markdown"}}}
    return {"error": f"Page {given.get('title') or given.get('page_id')!r} not found."}


TOOLS = (
    SiteTool("jira_search", "read", "Search issues by JQL.", ("jql", "fields?", "limit?#", "start_at?#"), _search),
    SiteTool("jira_get_issue", "read", "Get an issue.", ("issue_key", "fields?", "comment_limit?#"), _get_issue),
    SiteTool("jira_get_transitions", "read", "List what an issue's status can become.", ("issue_key",), _transitions),
    SiteTool(
        "jira_create_issue",
        "write",
        f"Create an issue; the project here is {PROJECT}.",
        ("project_key", "summary", "issue_type", "description?", "assignee?", "additional_fields?"),
        _create,
    ),
    SiteTool("jira_update_issue", "destructive", "Change fields, given as JSON.", ("issue_key", "fields"), _update),
    SiteTool(
        "jira_assign_issue",
        "write",
        "Assign an issue.",
        ("issue_key", "assignee"),
        lambda file, given: file.done("update_issue", key=given["issue_key"], fields={"assignee": given["assignee"]}),
    ),
    SiteTool("jira_transition_issue", "destructive", "Move an issue.", ("issue_key", "transition_id"), _move),
    SiteTool(
        "jira_delete_issue",
        "destructive",
        "Delete an issue.",
        ("issue_key",),
        lambda file, given: {"message": f"Deleted {file.done('delete_issue', key=given['issue_key'])['key']}"},
    ),
    SiteTool(
        "jira_add_comment",
        "write",
        "Add a comment to an issue.",
        ("issue_key", "body"),
        lambda file, given: file.done("comment", key=given["issue_key"], body=given["body"]),
    ),
    SiteTool(
        "jira_edit_comment",
        "destructive",
        "Change a comment.",
        ("issue_key", "comment_id", "body"),
        lambda file, given: file.done(
            "edit_comment", key=given["issue_key"], comment=given["comment_id"], body=given["body"]
        ),
    ),
    SiteTool("confluence_search", "read", "Search pages by words or CQL.", ("query", "limit?#"), _pages),
    SiteTool("confluence_get_page", "read", "Get a page.", ("page_id?", "title?", "space_key?"), _page),
    SiteTool(
        "confluence_get_comments",
        "read",
        "Get the comments of a page.",
        ("page_id",),
        lambda file, given: file.site().page(given["page_id"])["comments"],
    ),
    SiteTool(
        "confluence_create_page",
        "write",
        f"Create a page; the space here is {SPACE}.",
        ("space_key", "title", "content"),
        lambda file, given: {
            "message": "Page created successfully",
            "page": file.done("create_page", title=given["title"], body=given["content"], space=given["space_key"]),
        },
    ),
    SiteTool(
        "confluence_update_page",
        "destructive",
        "Change a page.",
        ("page_id", "title", "content"),
        lambda file, given: file.done(
            "update_page", number=given["page_id"], title=given["title"], body=given["content"]
        ),
    ),
    SiteTool(
        "confluence_add_comment",
        "write",
        "Add a comment to a page.",
        ("page_id", "body"),
        lambda file, given: file.done("comment", key=given["page_id"], body=given["body"]),
    ),
    SiteTool(
        "confluence_add_label",
        "write",
        "Add a label to a page.",
        ("page_id", "name"),
        lambda file, given: file.done("label_page", number=given["page_id"], label=given["name"])["labels"],
    ),
)
