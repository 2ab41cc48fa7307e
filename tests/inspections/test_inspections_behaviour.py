"""What lines of a change say of behaviour: each kind of fault, and the edits that are none of them."""

from dataclasses import replace

import pytest

from stepwarden.inspections.precommit.behaviour import find_changed_behaviour
from stepwarden.source.git.change import FileChange, Hunk


def changed(path: str, before: str, after: str) -> FileChange:
    """Return the change of one hunk at line 10."""
    old, new = before.split("\n"), after.split("\n")
    return FileChange(
        path,
        "M",
        lines_added=len(new),
        lines_removed=len(old),
        hunks=(Hunk(10, len(old), 10, len(new)),),
        added=tuple(enumerate(new, 10)),
        removed=tuple(enumerate(old, 10)),
    )


FOUND = [
    ("a.py", "if count < limit:", "if count <= limit:", "a comparison changed from < to <="),
    ("a.go", "for i := 0; i < n; i++ {", "for i := 0; i <= n; i++ {", "a comparison changed from < to <="),
    ("a.ts", "if (a === b) {", "if (a !== b) {", "a comparison changed from === to !=="),
    ("a.py", "if not ready:", "if ready:", "a condition is turned round"),
    ("a.js", "if (done) {", "if (!done) {", "a condition is turned round"),
    ("a.py", "if a and b:", "if a or b:", "a condition joins with another word"),
    ("a.py", "for at in range(size):", "for at in range(size - 1):", "a limit moved by one"),
    ("a.py", "if retries > 3:", "if retries > 30:", "a limit changed from 3 to 30"),
    ("a.py", "except KeyError:", "except Exception:", "every error is caught now"),
    ("a.py", "except (KeyError, ValueError) as error:", "except:", "every error is caught now"),
    ("A.java", "} catch (IOException e) {", "} catch (Exception e) {", "every error is caught now"),
    ("a.py", "except KeyError:\n    raise Gone(name)", "except KeyError:\n    pass", "an error is passed over"),
    ("a.js", "try { x() } catch (e) { report(e) }", "try { x() } catch (e) {}", "an error is passed over"),
    ("a.py", "def f(seen=()):", "def f(seen=[]):", "a default that all calls share"),
    ("a.py", "with self._lock:\n    self.total += 1", "self.total += 1", "a lock is no longer taken"),
    ("a.go", "m.mu.Lock()\nm.n++\nm.mu.Unlock()", "m.n++", "a lock is no longer taken"),
]


@pytest.mark.parametrize(("path", "before", "after", "what"), FOUND)
def test_a_change_of_behaviour_is_named(path: str, before: str, after: str, what: str) -> None:
    assert what in [said for _, said in find_changed_behaviour(changed(path, before, after))]


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", "total = price", "total = price * count"),
        ("a.py", "if count < limit:", "if  count  <  limit :"),
        ("a.py", "log('a < b')", "log('a <= b')"),
        ("a.py", "x = 1  # if a < b", "x = 1  # if a <= b"),
        ("a.py", "if count < limit:", "if number < limit:"),
        ("a.py", "VERSION = 3", "VERSION = 4"),
        ("a.ts", "const f = (a) => a", "const f = (a): number => a"),
        ("a.py", "except Exception:\n    raise", "except Exception as error:\n    raise"),
        ("a.py", "except Exception:", "except KeyError:"),
        ("a.py", "with self._lock:\n    x()", "with self._lock:\n    y()"),
        ("a.py", "with a.lock:\n    x()", "with b.lock:\n    x()\n    y()"),
        ("notes.md", "a < b", "a <= b"),
        ("a.cpp", "std::vector<int> x;", "std::vector<long> x;"),
    ],
)
def test_another_edit_is_not(path: str, before: str, after: str) -> None:
    assert find_changed_behaviour(changed(path, before, after)) == []


def test_the_line_told_is_the_one_that_changed() -> None:
    before = "def f(a, b):\n    x = a\n    if a < b:\n        return a\n    return b"
    after = "def f(a, b):\n    x = a + 2\n    if a <= b:\n        return a\n    return b"
    assert find_changed_behaviour(changed("a.py", before, after)) == [(12, "a comparison changed from < to <=")]


def test_a_new_file_changes_nothing() -> None:
    assert find_changed_behaviour(FileChange("a.py", "A", added=((1, "except Exception: pass"),))) == []


def test_lines_that_a_change_only_indents_otherwise_are_compared_with_none() -> None:
    inside = "while line and line.starts:\n    x()\nwhile line and not line.starts:\n    y()"
    indented = "\n".join(f"    {line}" for line in inside.split("\n"))
    change = changed("a.py", f"with it:\n{indented}", inside)
    halves = (Hunk(10, 2, 10, 3), Hunk(12, 3, 13, 1))  # as git may cut it
    assert find_changed_behaviour(replace(change, hunks=halves)) == []
