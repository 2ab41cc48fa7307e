"""The pages over real HTTP: what they show, what they take, and whom they turn away."""

import html
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from dashboard_rig import HOSTILE, Dashboard, Home, Visitor, asks, guarded_server

from tests.support.http_server import TOKENS

MARK = 'data-block="'
ADD = asks("notes/add_note", {"text": f"one {HOSTILE}"}, text=f"I note it. {HOSTILE}", times=None)
DONE = {"text": f"Noted. {HOSTILE}", "when": "added one", "times": None}
CLEAR = asks("notes/clear_notes", {}, times=None)
CLEARED = {"text": "Cleared.", "when": "cleared", "times": None}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("dashboard") / "home").prepare()


@pytest.fixture(scope="module")
def dashboard(home: Home) -> Iterator[Dashboard]:
    with Dashboard(home.path) as running:
        yield running


@pytest.fixture(scope="module")
def visitor(dashboard: Dashboard, home: Home) -> Visitor:
    home.run([DONE, ADD], request=f"note it {HOSTILE}")
    return dashboard.signed_in()


def test_a_link_is_good_once_and_without_a_session_there_is_only_the_way_in(dashboard: Dashboard) -> None:
    with httpx2.Client(timeout=None, verify=False) as client:
        first = client.get(f"{dashboard.base}")
        assert (first.status_code, first.headers["location"]) == (303, "/dashboard/login")
        assert "stepwarden dashboard" in client.get(f"{dashboard.base}/login").text
        for path in ("/runs/run-x", "/threads", "/threads/x", "/runs/x/report", "/stream"):
            assert client.get(f"{dashboard.base}{path}").status_code == 303
        assert client.get(f"{dashboard.base}", headers={"Accept": "application/json"}).status_code == 401
        link = dashboard.new_link()
        assert [client.get(link).status_code for _ in range(2)] == [303, 403]


def test_what_waits_for_a_person_is_on_top_and_foreign_text_is_text(home: Home, visitor: Visitor) -> None:
    for path in ("", f"/runs/{home.runs[0]}", f"/runs/{home.runs[0]}?view=raw", f"/runs/{home.runs[0]}/report"):
        answer = visitor.page(path)
        assert answer.status_code == 200
        for mark in ("<script>alert", "<img src=x", 'href="javascript', "\u202e", "\x07", ">49<"):
            assert mark not in answer.text, (path, mark)
        assert "[U+202E]" in answer.text
    listed = html.unescape(visitor.page().text)
    assert listed.index("Needs you") < listed.index("notes/add_note")
    assert "{{ 7 * 7 }}" in listed


def test_a_report_may_load_and_run_nothing(home: Home, visitor: Visitor) -> None:
    policy = visitor.page(f"/runs/{home.runs[0]}/report").headers["content-security-policy"]
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src 'self'" in visitor.page().headers["content-security-policy"]


def test_a_page_allows_a_call_once_and_another_process_carries_it_out(dashboard: Dashboard, home: Home) -> None:
    visitor = dashboard.signed_in()
    run_id = home.run([DONE, ADD])
    fields = visitor.fields(f"/runs/{run_id}", 'name="about"')
    path = f"/runs/{run_id}/commands"
    done = visitor.send(path, {**fields, "kind": "approve"})
    assert (done.status_code, done.headers["location"]) == (303, f"/dashboard/runs/{run_id}")
    again = visitor.send(path, {**fields, "kind": "approve"}, Accept="application/json")
    assert (again.status_code, again.json()["ok"]) == (200, True)
    late = visitor.send(path, {**fields, "kind": "refuse"}, Accept="application/json")
    assert (late.status_code, late.json()["said"]) == (409, "Refuse: no call of this run waits for that.")
    home.drive(run_id, [DONE, ADD])
    assert home.book.read_text().count("one ") == 1
    assert "Noted." in visitor.page(f"/runs/{run_id}").text
    told = home.command("runs", "events", run_id)
    assert told.count("approve by local via dashboard") == 1


def test_what_destroys_is_typed(dashboard: Dashboard, home: Home) -> None:
    visitor = dashboard.signed_in()
    run_id = home.run([CLEARED, CLEAR])
    fields = visitor.fields(f"/runs/{run_id}", 'name="about"')
    refused = visitor.send(f"/runs/{run_id}/commands", {**fields, "kind": "approve", "typed": "clear"})
    assert refused.status_code == 409
    assert "type clear_notes to allow it" in refused.text
    typed = {**fields, "kind": "approve", "typed": "clear_notes"}
    assert visitor.send(f"/runs/{run_id}/commands", typed).status_code == 303


def test_a_run_is_paused_resumed_stopped_and_extended(dashboard: Dashboard, home: Home) -> None:
    visitor = dashboard.signed_in()
    run_id = home.run([DONE, ADD])
    for kind, word in (("pause", "paused"), ("resume", "waiting"), ("stop", "STOPPING")):
        fields = visitor.fields(f"/runs/{run_id}", f'value="{kind}"')
        assert visitor.send(f"/runs/{run_id}/commands", fields).status_code == 303
        if kind != "stop":
            assert f'<span class="word {word}">' in visitor.page(f"/runs/{run_id}").text
    home.drive(run_id, [DONE])
    fields = visitor.fields(f"/runs/{run_id}", 'value="extend"')
    assert visitor.send(f"/runs/{run_id}/commands", fields).status_code == 303
    assert '<span class="word stopped">' not in visitor.page(f"/runs/{run_id}").text


def test_a_script_gets_only_the_blocks_that_changed(home: Home, visitor: Visitor) -> None:
    path = f"/runs/{home.runs[0]}"
    every = visitor.page(path, headers={"Accept": "application/json"}).json()["blocks"]
    assert list(every) == ["head", "decisions", "understanding", "work"]
    digests = [f"{name}={part.partition(MARK)[2][:12]}" for name, part in every.items()]
    headers = {"Accept": "application/json", "X-Blocks": ",".join(digests[1:])}
    assert list(visitor.page(path, headers=headers).json()["blocks"]) == ["head"]


FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_of_another_page_does_nothing(dashboard: Dashboard, home: Home, headers: dict[str, str]) -> None:
    visitor = dashboard.signed_in()
    run_id = home.runs[0]
    fields = visitor.fields(f"/runs/{run_id}", 'value="stop"')
    answer = visitor.send(f"/runs/{run_id}/commands", fields, **headers)
    assert answer.status_code == 403
    assert "stop by" not in home.command("runs", "events", run_id)


def test_a_form_of_another_session_one_without_its_mark_and_a_huge_one_do_nothing(
    dashboard: Dashboard, home: Home
) -> None:
    one, other = dashboard.signed_in(), dashboard.signed_in()
    path, run_id = f"/runs/{home.runs[0]}/commands", home.runs[0]
    stolen = other.fields(f"/runs/{run_id}", 'value="stop"')
    for fields in (stolen, {**stolen, "form_token": ""}, {**stolen, "note": "x" * 1_100_000}):
        assert one.send(path, fields).status_code == 403
    many = one.fields(f"/runs/{run_id}", 'value="stop"') | {f"f{number}": "1" for number in range(200)}
    assert one.send(path, many).status_code == 403
    assert "stop by" not in home.command("runs", "events", run_id)


def test_another_host_name_is_not_answered(dashboard: Dashboard) -> None:
    with httpx2.Client(timeout=None, verify=False) as client:
        assert client.get(f"{dashboard.base}/login", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    "path",
    [
        "/runs/run-x",
        "/runs/run-x/report",
        "/runs/run-x/results/main/1/1",
        "/threads/x",
        "/stream?run=run-x",
        "/runs/%00",
    ],
)
def test_what_there_is_not_is_told_so(visitor: Visitor, path: str) -> None:
    answer = visitor.page(path)
    assert answer.status_code == 404
    assert "nothing of yours" in answer.text


def test_a_token_opens_its_own_runs_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").prepare()
    run_id = home.run([DONE, ADD])
    with guarded_server(home.path) as server, httpx2.Client(timeout=None, verify=False) as client:
        base = f"{server.base}/dashboard"
        ana = Visitor(base, client)
        assert "Token" in ana.page("/login").text
        assert ana.send("/login", {"token": "wrong"}).status_code == 403
        assert ana.send("/login", {"token": TOKENS["ana"]}, Origin="https://evil.example").status_code == 403
        assert ana.send("/login", {"token": TOKENS["ana"]}).status_code == 303
        assert "No runs yet" in ana.page().text
        for path in ("", "/report", "?view=raw", "/results/main/1/1"):
            assert ana.page(f"/runs/{run_id}{path}").status_code == 404
        assert ana.page(f"/stream?run={run_id}").status_code == 404
        fields = ana.fields("", 'action="&#x2f;dashboard/logout"') | {"kind": "stop", "command_id": "1"}
        assert ana.send(f"/runs/{run_id}/commands", fields).status_code == 404
        assert ana.send("/logout", fields).status_code == 303
        assert ana.page().status_code == 303


def test_an_empty_dashboard_says_how_to_begin(tmp_path: Path) -> None:
    with Dashboard(tmp_path) as dashboard:
        visitor = dashboard.signed_in()
        assert "stepwarden run" in visitor.page().text
        assert "No threads yet" in visitor.page("/threads").text
