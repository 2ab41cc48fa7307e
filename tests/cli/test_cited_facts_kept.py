"""The ids of facts over stdio: another process, and one that starts again, know what the first one told."""

from pathlib import Path

from tests.support.calls import step, text_of
from tests.support.repositories import committed
from tests.support.stdio_server import served

CODE = "def save(path, text):\n    try:\n        write(path, text)\n    except Exception:\n        pass\n"


def test_a_fact_is_cited_after_a_restart_and_in_another_process(home: Path) -> None:
    shop = home / "shop"
    shop.mkdir()
    (shop / "store.py").write_text(CODE)
    committed(shop)
    opening = step(1, step="Review it", working_directory=str(shop), relevant_files=["store.py"])
    with served(home / "state") as (server,):
        first = server.call("codereview", opening)["structuredContent"]
        told = next(fact for fact in first["facts"] if "store.py:4" in fact)
        name, thread = told.split(" ")[0], first["continuation_id"]
        assert name.startswith("F")
    claim = {"severity": "high", "description": "save loses every error", "file": "store.py", "line": 4}
    with served(home / "state", 2) as (one, other):
        cited = step(2, thread, issues_found=[claim], evidence=[{"file": name}, {"file": "F98"}])
        second = one.call("codereview", cited)
        assert second["structuredContent"]["assessment"]["evidence"]["verified"] == 1
        assert "No such fact to cite: F98; there is F1." in text_of(second)
        again = other.call("codereview", cited)
        assert "as before" in text_of(again)
        assert "No such fact to cite: F98; there is F1." in text_of(again)
        shown = one.call("status", {"continuation_id": thread})["structuredContent"]["result"]
        assert told in shown["facts"]
        assert [item["fact"] for item in shown["evidence"]] == [name]
        (shop / "store.py").write_text("import os\n\n\n" + CODE + "\n\ndef load(path, seen=[]):\n    return seen\n")
        committed(shop)
        replaced = {**opening, "step": "Review it anew", "continuation_id": thread, "backtrack_from_step": 1}
        anew = other.call("codereview", replaced)["structuredContent"]
        ids = {fact.split(" ")[0] for fact in anew["facts"] if "store.py:" in fact.split(" ")[1]}
        assert ids
        assert name not in ids, "the facts of a step that was replaced give no id back"
