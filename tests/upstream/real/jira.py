"""A small Jira and Confluence of one's own (the REST of Data Center), for mcp-atlassian to talk to on loopback."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.support.http_apps import served_by_thread

ANA = {"name": "ana", "key": "ana", "displayName": "Ana", "emailAddress": "ana@example.org", "active": True}
WHEN = "2026-11-20T10:00:00.000+0000"


@dataclass
class Atlassian:
    """Issues by key and pages by id; `asked` are the requests, `unknown` those that nothing answers."""

    url: str = ""
    token: str = "token-of-the-test"
    issues: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    pages: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    asked: list[str] = field(default_factory=list[str])
    unknown: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.add_issue("Login fails on Fridays", "It works on every other day.")
        self.add_issue("Dark mode", "Please.")
        self.add_page("Runbook", "<p>Restart it, and look at the log.</p>")

    def add_issue(self, summary: str, description: str, kind: str = "Bug") -> dict[str, Any]:
        number = len(self.issues) + 1
        fields = {
            "summary": summary,
            "description": description,
            "issuetype": {"id": "1", "name": kind, "subtask": False},
            "status": {"id": "1", "name": "Open", "statusCategory": {"key": "new", "name": "To Do"}},
            "priority": {"id": "3", "name": "Medium"},
            "project": {"id": "10", "key": "WARD", "name": "Warden"},
            "reporter": ANA,
            "assignee": ANA,
            "created": WHEN,
            "updated": WHEN,
            "labels": [],
            "comment": {"comments": [], "total": 0},
        }
        key = f"WARD-{number}"
        self.issues[key] = {"id": str(10_000 + number), "key": key, "self": f"{self.url}/issue/{key}", "fields": fields}
        return self.issues[key]

    def add_page(self, title: str, html: str) -> None:
        number = str(500 + len(self.pages))
        self.pages[number] = {
            "id": number,
            "type": "page",
            "status": "current",
            "title": title,
            "space": {"key": "OPS", "name": "Operations"},
            "version": {"number": 1, "when": WHEN, "by": ANA},
            "body": {"storage": {"value": html, "representation": "storage"}, "view": {"value": html}},
            "_links": {"webui": f"/pages/{number}", "self": f"/rest/api/content/{number}"},
        }

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/rest/api/2/search", self._search, methods=["GET", "POST"]),
                Route("/rest/api/2/issue", self._create, methods=["POST"]),
                Route("/rest/api/2/issue/{key}", self._issue),
                Route("/rest/api/2/field", self._nothing),
                Route("/rest/api/2/myself", self._myself),
                Route("/rest/api/user/current", self._myself),
                Route("/rest/api/search", self._find_pages),
                Route("/rest/api/content/search", self._find_pages),
                Route("/rest/api/content/{number}", self._page),
                Route("/{rest:path}", self._unknown, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    def _noted(self, request: Request) -> None:
        self.asked.append(f"{request.method} {request.url.path}")
        assert request.headers.get("authorization") == f"Bearer {self.token}"

    async def _search(self, request: Request) -> JSONResponse:
        self._noted(request)
        query = dict(request.query_params) if request.method == "GET" else await request.json()
        jql, start, most = str(query.get("jql", "")), int(query.get("startAt", 0)), int(query.get("maxResults", 50))
        words = re.findall(r'~ *"([^"]+)"', jql)
        hits = [one for one in self.issues.values() if all(word.lower() in str(one).lower() for word in words)]
        page = hits[start : start + most]
        return JSONResponse({"startAt": start, "maxResults": most, "total": len(hits), "issues": page})

    async def _issue(self, request: Request) -> JSONResponse:
        self._noted(request)
        found = self.issues.get(request.path_params["key"])
        if found is None:
            return JSONResponse({"errorMessages": ["Issue Does Not Exist"], "errors": {}}, 404)
        return JSONResponse(found)

    async def _create(self, request: Request) -> JSONResponse:
        self._noted(request)
        fields = (await request.json())["fields"]
        made = self.add_issue(fields["summary"], str(fields.get("description", "")), fields["issuetype"]["name"])
        return JSONResponse({"id": made["id"], "key": made["key"], "self": made["self"]}, 201)

    async def _nothing(self, request: Request) -> JSONResponse:
        self._noted(request)
        return JSONResponse([])

    async def _myself(self, request: Request) -> JSONResponse:
        self._noted(request)
        return JSONResponse({**ANA, "username": "ana", "userKey": "ana", "type": "known"})

    async def _find_pages(self, request: Request) -> JSONResponse:
        self._noted(request)
        words = re.findall(r'~ *"([^"]+)"', request.query_params.get("cql", ""))
        hits = [one for one in self.pages.values() if all(word.lower() in str(one).lower() for word in words)]
        results = [
            {
                "content": one,
                "title": one["title"],
                "excerpt": one["body"]["view"]["value"],
                "url": one["_links"]["webui"],
                "resultGlobalContainer": {"title": "Operations", "displayUrl": "/spaces/OPS"},
                "entityType": "content",
                "lastModified": WHEN,
            }
            for one in hits
        ]
        found = {"results": results, "start": 0, "limit": 10, "size": len(results), "totalSize": len(results)}
        return JSONResponse({**found, "_links": {"base": self.url}})

    async def _page(self, request: Request) -> JSONResponse:
        self._noted(request)
        found = self.pages.get(request.path_params["number"])
        return JSONResponse(found or {"message": "No content found"}, 200 if found else 404)

    async def _unknown(self, request: Request) -> JSONResponse:
        self.unknown.append(f"{request.method} {request.url.path}")
        return JSONResponse({"errorMessages": ["no such thing here"]}, 404)

    def environment(self) -> dict[str, str]:
        """Return the variables by which mcp-atlassian finds it."""
        return {
            "JIRA_URL": self.url,
            "JIRA_PERSONAL_TOKEN": self.token,
            "CONFLUENCE_URL": self.url,
            "CONFLUENCE_PERSONAL_TOKEN": self.token,
            "TOOLSETS": "all",
            "NO_PROXY": "127.0.0.1",
        }


@contextmanager
def atlassian() -> Iterator[Atlassian]:
    """Serve from a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        site = Atlassian(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with served_by_thread(site.app(), listener, lifespan="off"):
            yield site
