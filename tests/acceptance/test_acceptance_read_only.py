"""A store that can be read and not written: all of it can be read, and each write is refused with what to do."""

import json
import lzma
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stepwarden.cli import main
from tests.support.calls import step, text_of
from tests.support.processes import ROOT, environment
from tests.support.stdio_server import StdioServer, opened, served
from tests.support.store import raw

FIXTURES = ROOT / "tests" / "storage" / "fixtures"


def with_its_log(state: Path) -> str:
    """What a kill leaves: the last steps are in the log alone."""
    server = StdioServer(state).greeted()
    name = opened(server)
    server.call("debug", step(2, name))
    server.kill()
    server.bury()
    return name


def without_a_log(state: Path) -> str:
    with served(state) as (server,):
        name = opened(server)
        server.call("debug", step(2, name))
    return name


def with_the_log_and_no_index(state: Path) -> str:
    name = with_its_log(state)
    (state / "stepwarden.db-shm").unlink(missing_ok=True)
    return name


def with_a_rollback_journal(state: Path) -> str:
    name = without_a_log(state)
    with closing(raw(state / "stepwarden.db")) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return name


def of_an_older_schema(state: Path) -> str:
    state.mkdir(mode=0o700)
    file = state / "stepwarden.db"
    file.write_bytes(lzma.decompress((FIXTURES / "schema-1.db.xz").read_bytes()))
    with closing(raw(file)) as connection:
        return connection.execute(
            "SELECT stream FROM stepwarden_heads WHERE kind = 'thread' AND outcome = 'open' AND tool = 'debug'"
        ).fetchone()[0]


KINDS = [with_its_log, without_a_log, with_the_log_and_no_index, with_a_rollback_journal, of_an_older_schema]


def mount(*arguments: str) -> bool:
    return not subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode


@pytest.fixture(params=KINDS, ids=[kind.__name__ for kind in KINDS])
def barred(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A home on a read-only mount, and a thread in it."""
    state = tmp_path / "state"
    make: Callable[[Path], str] = request.param
    name = make(state)
    if not mount("--bind", str(state), str(state)):
        pytest.skip("mounting is not permitted here, and permissions do not bind the user of some machines")
    try:
        assert mount("-o", "remount,ro,bind", str(state))
        yield state, name
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True)


def command(*arguments: str) -> int:
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def test_all_of_it_can_be_read_and_nothing_written(
    barred: tuple[Path, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state, name = barred
    before = {path.name: path.read_bytes() for path in state.iterdir() if path.is_file()}
    for variable, value in environment(state).items():
        monkeypatch.setenv(variable, value)
    assert command("threads", "list") == 0
    assert name in capsys.readouterr().out
    assert command("threads", "show", name) == 0
    capsys.readouterr()
    assert command("threads", "export", name) == 0
    assert len(json.loads(capsys.readouterr().out)["events"]) >= 3
    assert command("threads", "verify") == 0
    assert capsys.readouterr().out.endswith(" checked, 0 broken.\n")
    copy = str(state.parent / "copy.db")
    assert command("backup", copy) == 0
    capsys.readouterr()
    assert command("threads", "abandon", name) == 1
    refused = capsys.readouterr().err
    assert "can only be read here; nothing was recorded. Make it and its directory writable" in refused
    assert command("restore", copy, "--replace") == 1
    assert "cannot be written" in capsys.readouterr().err.splitlines()[-1]

    with served(state) as (server,):
        assert name in text_of(server.call("status", {}))
        shown = server.call("status", {"continuation_id": name})
        assert not shown["isError"]
        number = shown["structuredContent"]["next_step_number"]
        for arguments in (step(1), step(number, name)):
            said = server.call("debug", arguments)
            assert said["isError"]
            assert text_of(said).startswith("Not recorded. The store ")
            assert "can only be read here" in text_of(said)
            assert "STEPWARDEN_HOME" in text_of(said)
        for place in (name, f"{name}/history", f"{name}/report"):
            assert "contents" in server.request("resources/read", uri=f"stepwarden://threads/{place}").get("result", {})
    assert {path.name: path.read_bytes() for path in state.iterdir() if path.is_file()} == before
