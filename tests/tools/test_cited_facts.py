"""Facts of the server's own, cited by their ids instead of a quote: for their places, and for nothing more."""

from pathlib import Path
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from tests.support.host import Answer, Host, connected
from tests.support.repositories import committed

pytestmark = pytest.mark.asyncio

STORE = '''"""Orders."""


def save_order(order, path):
    try:
        write_order(order, path)
    except Exception:
        pass


def read_order(path, seen=[]):
    seen.append(path)
    return open(path).read()
'''
PLACES = {"shop/store.py:7": "except Exception:", "shop/store.py:11": "def read_order(path, seen=[]):"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "store.py").write_text(STORE)
    (tmp_path / "shop" / "rates.py").write_text("def add_tax(total, rate):\n    return total * (1 + rate)\n")
    return committed(tmp_path)


async def reviewed(host: Host) -> tuple[Answer, dict[str, str]]:
    """Open a review, and return its first reply with the ids of the facts by the places that they name first."""
    first = await host.open("codereview", step="Review the shop", relevant_files=["shop/store.py", "shop/rates.py"])
    labelled = [fact.split(" ") for fact in first.sent["facts"] if fact[0] == "F" and fact[1].isdigit()]
    return first, {words[1].rstrip(","): words[0] for words in labelled}


async def evidence_of(host: Host, thread: str) -> list[dict[str, Any]]:
    status = await host.status(continuation_id=thread)
    found: list[dict[str, Any]] = status.sent["result"].get("evidence", [])
    return found


async def test_facts_with_a_line_have_ids_and_the_first_reply_says_that_they_can_be_cited(
    app: MCPServer, shop: Path
) -> None:
    async with connected(app, shop) as host:
        first, ids = await reviewed(host)
        assert PLACES.keys() <= ids.keys()
        assert [*ids.values()] == [f"F{number}" for number in range(1, len(ids) + 1)]
        assert first.sent["facts"][0].startswith("Under review")  # it names no line
        assert "A fact's id can stand for its quote: evidence {file: F1}." in first.sent["notes"]
        assert "evidence {file: F1}" in first.text
        second = await host.step("codereview", 2, first.id, findings="Read it", files_checked=["shop/rates.py"])
        assert "evidence {file: F1}" not in second.text


@pytest.mark.parametrize("spelled", ["file", "quote", "finding", "fact", "id", "word", "marks", "with its place"])
async def test_a_cited_fact_is_the_line_on_disk_and_bears_out_a_claim_about_it(
    app: MCPServer, shop: Path, spelled: str
) -> None:
    async with connected(app, shop) as host:
        first, ids = await reviewed(host)
        name = ids["shop/store.py:7"]
        forms: dict[str, Any] = {"word": name, "marks": {"file": f"[{name.lower()}]"}}
        forms["with its place"] = {"file": "shop/store.py", "line": 7, "quote": name}
        claim = {"severity": "high", "description": "save_order loses every error", "file": "shop/store.py", "line": 7}
        second = await host.step(
            "codereview", 2, first.id, issues_found=[claim], evidence=[forms.get(spelled, {spelled: name})]
        )
        assert second.sent["assessment"]["evidence"]["verified"] == 1
        assert not any("I1" in line for line in second.open)
        quoted = {"file": "shop/store.py", "line": 7, "quote": "    except Exception:".strip(), "fact": name}
        assert await evidence_of(host, first.id) == [quoted]


async def test_a_fact_cited_for_a_claim_that_it_has_nothing_to_do_with_verifies_nothing(
    app: MCPServer, shop: Path
) -> None:
    claim = {"severity": "high", "description": "add_tax rounds the wrong way", "file": "shop/rates.py", "line": 1}
    theory = "The moon phase is computed in the wrong time zone"
    async with connected(app, shop) as host:
        first, ids = await reviewed(host)
        cited = [{"finding": ids["shop/store.py:11"], "supports": "I1"}]
        cited += [{"finding": ids["shop/store.py:7"], "supports": "hypothesis"}]
        second = await host.step(
            "codereview", 2, first.id, issues_found=[claim], hypothesis=theory, evidence=cited, confidence="certain"
        )
        assert second.sent["assessment"]["assurance"] == "asserted"
        assert any(line.startswith("I1") or "I1" in line for line in second.open)
        held = await host.step("codereview", 3, first.id, findings="Sure of it", next_step_required=False)
        ended = await host.step("codereview", 4, first.id, findings="Still sure", next_step_required=False)
        assert held.verdict.startswith("HELD")
        assert ended.done
        assert ended.sent["assessment"]["assurance"] == "asserted"


async def test_an_unknown_id_is_told_with_the_ids_there_are_and_the_step_is_taken(app: MCPServer, shop: Path) -> None:
    async with connected(app, shop) as host:
        first, ids = await reviewed(host)
        last = len(ids)
        second = await host.step(
            "codereview",
            2,
            first.id,
            findings="It loses errors",
            evidence=[{"file": "F77"}, {"quote": ids["shop/store.py:7"], "file": "shop/rates.py"}],
        )
        other = f"{ids['shop/store.py:7']} at shop/rates.py"
        assert f"No such fact to cite: F77, {other}; there are F1 to F{last}." in second.sent["notes"]
        assert "No such fact to cite: F77" in second.text
        assert "evidence" not in second.sent["assessment"]
        assert await evidence_of(host, first.id) == []
        followed = await host.step(
            "codereview",
            1,
            first.id,
            step="Go on with the review",
            working_directory=str(shop),
            evidence=[{"file": "F1"}],
        )
        assert followed.id != first.id
        assert any(note.startswith("No such fact to cite: F1;") for note in followed.sent["notes"])


async def test_what_changed_of_a_line_since_it_was_told_is_said_and_nothing_is_refuted(
    app: MCPServer, shop: Path
) -> None:
    path = shop / "shop" / "store.py"
    async with connected(app, shop) as host:
        first, ids = await reviewed(host)
        name = ids["shop/store.py:7"]
        path.write_text(STORE + "\nLAST = 1\n")
        same = await host.step("codereview", 2, first.id, evidence=[{"file": name}])
        assert any(f"its file changed since {name} was told" in line for line in same.sent["assessment"]["quotes"])
        path.write_text("import os\n" + STORE)
        moved = await host.step("codereview", 3, first.id, findings="b", evidence=[{"file": name, "supports": None}])
        again = (await evidence_of(host, first.id))[-1]
        assert (again["line"], again["quote"]) == (8, "except Exception:")
        assert f"moved from line 7 since {name} was told" in moved.text
        assert "refuted" not in moved.sent["assessment"].get("evidence", {})
        changed = STORE.replace("except Exception:", "except OSError:").replace("seen=[]", "seen=()")
        path.write_text(changed)
        other = ids["shop/store.py:11"]
        edited = await host.step("codereview", 4, first.id, evidence=[{"file": other}])
        assert any(f"the line changed since {other} was told" in line for line in edited.sent["assessment"]["quotes"])
        assert (await evidence_of(host, first.id))[-1]["quote"] == "def read_order(path, seen=()):"
        path.unlink()
        gone = await host.step("codereview", 5, first.id, findings="e", evidence=[{"file": other}, {"file": name}])
        assert f"{other} names a line that cannot be read any more" in gone.text
        assert "refuted" not in gone.sent["assessment"]["evidence"]


async def test_a_secret_that_a_fact_names_is_cited_without_its_value(app: MCPServer, shop: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    (shop / "shop" / "rates.py").write_text(f'TOKEN = "{secret}"\n\n\ndef add_tax(total):\n    return total\n')
    async with connected(app, shop) as host:
        first = await host.open("precommit", step="Check the change")
        told = next(fact for fact in first.sent["facts"] if "shop/rates.py:1" in fact)
        name = told.split(" ")[0]
        second = await host.step("precommit", 2, first.id, evidence=[{"file": name}])
        assert second.sent["assessment"]["evidence"]["verified"] == 1
        found = await evidence_of(host, first.id)
        assert found[0]["fact"] == name
        assert secret not in str(found) + second.text + str(await host.history(first.id))
