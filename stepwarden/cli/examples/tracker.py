"""A small Jira and Confluence that keep what is done to them in a file; changed by nobody but their callers.

Each change is a line of the file with the time from which it holds: a change may take its time, as a busy site does,
and whoever asked for it may be gone by then. What there is at a time is the fold of the lines up to it. It needs no
package: it starts in a moment, and is killed in tests.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

PROJECT, SPACE = "SHOP", "TEAM"
STATUSES = {"11": "To Do", "21": "In Progress", "31": "Done"}

_SHORTEST_S = 0.005  # the line is in the file by the time that it is about

Fields = dict[str, Any]


class NotThere(Exception):
    """Something is named that does not exist, or cannot be done as things stand."""


@dataclass
class Site:
    """Issues by key and pages by id, as they are at one time; `made` is what each change gave, by its id."""

    issues: dict[str, Fields] = field(default_factory=dict[str, Fields])
    pages: dict[str, Fields] = field(default_factory=dict[str, Fields])
    made: dict[str, Any] = field(default_factory=dict[str, Any])
    numbers: int = 0

    def apply(self, change: Mapping[str, Any]) -> None:
        """Take in one change; one that cannot be done gives its error."""
        try:
            self.made[change["id"]] = _CHANGES[change["op"]](self, **change["with"])
        except NotThere as error:
            self.made[change["id"]] = error

    def issue(self, key: str) -> Fields:
        """Return an issue. Raises NotThere."""
        if key not in self.issues:
            raise NotThere(f"Issue {key} not found")
        return self.issues[key]

    def page(self, number: str) -> Fields:
        """Return a page. Raises NotThere."""
        if number not in self.pages:
            raise NotThere(f"Page {number} not found")
        return self.pages[number]

    def next_number(self) -> int:
        """Return a number that nothing here has yet."""
        self.numbers += 1
        return self.numbers

    def found(self, jql: str) -> list[Fields]:
        """Return the issues that a query of JQL finds: clauses joined by AND, of the fields that an issue has here."""
        query, _, order = (part.strip() for part in re.split(r"(?i)\b(order\s+by)\b", f"{jql} ORDER BY ", maxsplit=1))
        tests = [_clause(clause) for clause in re.split(r"(?i)\s+and\s+", query) if clause.strip()]
        hits = [issue for issue in self.issues.values() if all(test(issue) for test in tests)]
        return hits[::-1] if "desc" in order.lower() else hits

    def found_pages(self, query: str) -> list[Fields]:
        """Return the pages that have every word of a query, or what a CQL query has in quotation marks."""
        words = re.findall(r'~\s*"([^"]+)"', query) or query.split()
        return [page for page in self.pages.values() if all(_in(word, page) for word in words)]


def _in(word: str, thing: Mapping[str, Any]) -> bool:
    return word.lower() in json.dumps(thing, ensure_ascii=False).lower()


_CLAUSE = re.compile(r"\s*([\w.]+)\s*(!=|=|~|not\s+in|in|is\s+not|is)\s*(.+?)\s*", re.IGNORECASE)
_NAMES = {"issuetype": "type", "issuekey": "key", "label": "labels"}


def _clause(text: str) -> Callable[[Fields], bool]:
    match = _CLAUSE.fullmatch(text)
    if match is None:
        raise NotThere(f"Error in the JQL query near {text!r}")
    name, sign = match[1].lower(), match[2].lower().split()
    wanted = {word.strip().strip("\"'").lower() for word in match[3].strip("()").split(",")}
    name = _NAMES.get(name, name)
    if name not in {
        "text",
        "key",
        "project",
        "status",
        "labels",
        "assignee",
        "type",
        "summary",
        "description",
        "priority",
    }:
        raise NotThere(f"Field {name!r} does not exist or is not searchable here")

    def holds(issue: Fields) -> bool:
        has: Any = issue if name == "text" else issue.get(name) or ""
        if sign == ["~"]:
            return all(_in(word, {"": has}) for word in wanted)
        values = {str(one).lower() for one in cast("list[Any]", has)} if isinstance(has, list) else {str(has).lower()}
        if sign[0] == "is":
            return (not has) != ("not" in sign)
        return bool(values & wanted) != (sign[0] in {"!=", "not"})

    return holds


# -- what can be done to a site


def _create_issue(site: Site, summary: str, type: str = "Task", description: str = "", **more: Any) -> Fields:  # noqa: A002
    key = f"{more.pop('project', PROJECT)}-{site.next_number()}"
    site.issues[key] = {
        "key": key,
        "project": key.partition("-")[0],
        "summary": summary,
        "type": type,
        "description": description,
        "status": "To Do",
        "priority": "Medium",
        "assignee": "",
        "labels": [],
        "comments": [],
    } | more
    return site.issues[key]


def _update_issue(site: Site, key: str, fields: Fields) -> Fields:
    site.issue(key).update({name: value for name, value in fields.items() if name not in {"key", "comments", "status"}})
    return site.issue(key)


def _delete_issue(site: Site, key: str) -> Fields:
    site.issue(key)
    return site.issues.pop(key)


def _transition(site: Site, key: str, transition: str) -> Fields:
    if transition not in STATUSES:
        raise NotThere(f"Transition {transition} is not valid for {key}")
    site.issue(key)["status"] = STATUSES[transition]
    return site.issue(key)


def _comment(site: Site, key: str, body: str) -> Fields:
    thing = site.issue(key) if "-" in key else site.page(key)
    thing["comments"].append({"id": str(site.next_number()), "author": "ana", "body": body})
    return thing["comments"][-1]


def _edit_comment(site: Site, key: str, comment: str, body: str) -> Fields:
    for one in site.issue(key)["comments"]:
        if one["id"] == comment:
            one["body"] = body
            return one
    raise NotThere(f"Comment {comment} of {key} not found")


def _create_page(site: Site, title: str, body: str, space: str = SPACE) -> Fields:
    if any((page["title"], page["space"]) == (title, space) for page in site.pages.values()):
        raise NotThere(f"A page with the title {title!r} exists already in {space}")
    number = str(500 + site.next_number())
    site.pages[number] = {
        "id": number, "space": space, "title": title, "body": body, "version": 1, "labels": [], "comments": []
    }  # fmt: skip
    return site.pages[number]


def _update_page(site: Site, number: str, title: str, body: str) -> Fields:
    page = site.page(number)
    page.update(title=title, body=body, version=page["version"] + 1)
    return page


def _label_page(site: Site, number: str, label: str) -> Fields:
    labels = site.page(number)["labels"]
    if label not in labels:
        labels.append(label)
    return site.page(number)


_CHANGES: dict[str, Callable[..., Fields]] = {
    "create_issue": _create_issue,
    "update_issue": _update_issue,
    "delete_issue": _delete_issue,
    "transition": _transition,
    "comment": _comment,
    "edit_comment": _edit_comment,
    "create_page": _create_page,
    "update_page": _update_page,
    "label_page": _label_page,
}


@dataclass(frozen=True)
class SiteFile:
    """The file of a site; a change holds after `delay()` seconds."""

    path: Path
    delay: Callable[[], float] = lambda: 0.0

    def site(self, at: float | None = None) -> Site:
        """Return what there is at a time, by default now."""
        at = time.time() if at is None else at
        site = Site()
        for _, change in sorted(enumerate(self._changes()), key=lambda one: (one[1]["at"], one[0])):
            if change["at"] <= at:
                site.apply(change)
        return site

    def _changes(self) -> Iterator[dict[str, Any]]:
        if self.path.exists():
            yield from map(json.loads, self.path.read_text("utf-8").splitlines())

    def change(self, op: str, **values: Any) -> tuple[str, float]:
        """Take a change, and return its id and the time from which it holds; a change that is taken will hold."""
        number, at = uuid4().hex, time.time() + max(_SHORTEST_S, self.delay())
        line = json.dumps({"id": number, "at": at, "op": op, "with": values}, ensure_ascii=False)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, f"{line}\n".encode())  # one write: whole lines, whoever else writes
        finally:
            os.close(handle)
        return number, at

    def done(self, op: str, **values: Any) -> Any:
        """Make a change, wait until it holds, and return what it gave. Raises NotThere."""
        number, at = self.change(op, **values)
        time.sleep(max(0.0, at - time.time()))
        made = self.site(max(at, time.time())).made[number]
        if isinstance(made, NotThere):
            raise made
        return made
