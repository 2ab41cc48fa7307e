"""secaudit: where requests come in, and which files are asked for until they were looked at."""

import pytest
from inspected_threads import thread_that

from stepwarden.inspections.secaudit.entry_points import find_entry_points
from stepwarden.inspections.secaudit.inspector import reading_clauses
from stepwarden.inspections.secaudit.security_rules import SecurityFinding, SecurityRisk
from stepwarden.source.file_parser import parse_outline


def entries(path: str, text: str) -> list[tuple[int, str]]:
    found = parse_outline(path, text.encode())
    assert found is not None
    return [(item.line, item.what) for item in find_entry_points({path: found})]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("a.py", "@app.route('/x')\ndef show():\n    pass\n", [(2, "show")]),
        ("a.py", "@mcp.tool()\r\ndef ask():\r\n    pass\r\n", [(2, "ask")]),
        ("a.py", "@cache\ndef show():\n    pass\n", []),
        ("a.py", "@retry(get='x')\ndef show():\n    pass\n", []),
        ("a.js", "app.get('/x', show)\n", [(1, "app.get")]),
        ("a.js", "cache.get('/x')\n", []),
        ("a.js", "r.get('/x')\n", []),
        ("a.go", 'package a\nfunc f() {\n\tr.GET("/x", show)\n}\n', [(3, "r.GET")]),
        ("a.go", 'package a\nfunc f() {\n\thttp.HandleFunc("/x", show)\n}\n', [(3, "http.HandleFunc")]),
        ("manage.py", "", [(1, "main")]),
    ],
)
def test_requests_commands_and_programs_come_in_where_they_are_routed(
    path: str, text: str, found: list[tuple[int, str]]
) -> None:
    assert [(line, what) for line, what in entries(path, text)] == found


TO_READ = [
    SecurityFinding("a.py", 3, "show", SecurityRisk.ACCESS),
    SecurityFinding("b.py", 7, "main", SecurityRisk.ACCESS),
    SecurityFinding("c.py", 7, "main", SecurityRisk.ACCESS),
    SecurityFinding("requirements.txt", 1, "dependencies", SecurityRisk.SUPPLY),
]


def test_files_with_entry_points_and_manifests_are_asked_for_until_they_were_read_or_quoted() -> None:
    assert [clause.text for clause in reading_clauses(thread_that(), TO_READ)] == [
        "read a.py, b.py +1: who may call its entry points?",
        "read requirements.txt: dependencies?",
    ]
    thread = thread_that(read=["a.py", "c.py", "requirements.txt"], quoted={"b.py": 7})
    assert list(reading_clauses(thread, TO_READ)) == []
