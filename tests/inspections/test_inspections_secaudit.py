"""secaudit: where requests come in, and which risks are asked for until their files were looked at."""

import pytest
from inspected_threads import thread_that

from stepwarden.inspections.secaudit.inspector import clauses, find_entry_points
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


FOUND = [
    SecurityFinding("a.py", 3, "weak hash", SecurityRisk.CRYPTOGRAPHY),
    SecurityFinding("a.py", 9, "eval/exec", SecurityRisk.INJECTION),
    SecurityFinding("a.py", 12, "shell=True", SecurityRisk.INJECTION),
    SecurityFinding("b.py", 7, "SQL from strings", SecurityRisk.INJECTION),
    SecurityFinding("c.py", 1, "eval/exec", SecurityRisk.INJECTION),
]


def test_each_risk_is_asked_for_once_the_gravest_first_and_each_file_before_the_second_of_any() -> None:
    asked = list(clauses(thread_that(), FOUND))
    assert [(clause.subject, clause.text) for clause in asked] == [
        ("A05 injection", "A05 injection: read a.py:9 (eval/exec), b.py:7 (SQL from strings) +2"),
        ("A04 cryptography", "A04 cryptography: read a.py:3 (weak hash)"),
    ]


def test_places_are_asked_for_until_their_files_were_read_or_quoted() -> None:
    thread = thread_that(read=["a.py"], quoted={"b.py": 7})
    assert [clause.text for clause in clauses(thread, FOUND)] == ["A05 injection: read c.py:1 (eval/exec)"]
    assert list(clauses(thread_that(read=["a.py", "b.py", "c.py"]), FOUND)) == []
