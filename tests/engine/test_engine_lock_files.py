"""The locks of processes on one machine, where the system removes no file that is open, as Windows does not."""

from pathlib import Path

import pytest

from stepwarden.engine.process_locks import ProcessLocks, new_owner


def test_where_no_open_file_can_be_removed_a_lock_is_given_up_first_and_its_file_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks, owner = ProcessLocks(tmp_path / "drivers"), new_owner()
    lock = locks.take(owner)
    remove = Path.unlink

    def remove_closed(path: Path, missing_ok: bool = False) -> None:
        if lock.is_locked:
            raise PermissionError(13, "used by another process", str(path))
        remove(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", remove_closed)
    assert not locks.is_dead(owner)
    locks.drop(owner, lock)
    assert not lock.is_locked
    assert list((tmp_path / "drivers").iterdir()) == []
    assert locks.seize_all() == []
