"""A look after changes finds what a fresh look finds: edits, moves, deletions, swaps, branches, times set back."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from git_driver import Made, until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from later_clock import LaterClock

from stepwarden.inspections.analyze.measurement import measure
from stepwarden.source.scan import entry as scan_entry
from stepwarden.source.scan.derived import MOST_DERIVED, DerivedValues, content_key
from stepwarden.source.scan.reader import Reader

NAMES = ("p/__init__.py", "p/a.py", "p/b.py", "q/a.py", "q/c.py", "main.py", "web.ts")
TEXTS = (  # all of one size
    "from p import a, b  ; x = 1\n",
    "from q import a, c  ; y = 2\n",
    "import p.b, q.c, p.a; z = 3\n",
    "def main(): pass;  main()  \n",
    "if TYPE_CHECKING: import q \n",
    "class b(a): import p.a; b=1\n",
)
CHANGES = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(TEXTS)),
    st.tuples(st.just("set back"), st.sampled_from(NAMES), st.sampled_from(TEXTS)),
    st.tuples(st.just("move"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("swap"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("switch"), st.sampled_from(("main", "other")), st.just("")),
)


def change(made: Made, what: str, name: str, other: str) -> None:
    """Change the work tree; a file that is not there is not changed."""
    path = made.top / name
    if what == "switch":
        made.git("stash", "-q", "-u", check=False)
        made.git("checkout", "-q", name)
    elif what == "write":
        made.write(name, other)
    elif not path.exists():
        return
    elif what == "set back":
        before = path.stat()
        path.write_text(other)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif what == "delete":
        path.unlink()
    elif what == "move":
        (made.top / other).parent.mkdir(exist_ok=True)
        path.replace(made.top / other)
    elif (made.top / other).exists() and name != other:
        path.rename(made.top / "kept")
        (made.top / other).rename(path)
        (made.top / "kept").rename(made.top / other)


def wait_for_the_next_tick(made: Made) -> None:
    """Return when the clock of the file system has gone on, so that a change from now on has another time."""
    probe = made.top / ".git" / "probe"
    probe.touch()
    first = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == first:
        probe.touch()


def look(reader: Reader, made: Made) -> object:
    """Return all that a scan and the facts about it say."""
    scan = reader.scan(str(made.top), until=until())
    key = content_key("facts", scan.hashes, scan.summaries, None)
    facts = reader.derived.get(key, lambda: measure(dict(scan.summaries), {}))
    return dict(scan.outlines), dict(scan.summaries), scan.hashes, scan.others, scan.left_out, scan.complete, facts


@pytest.fixture(scope="module")
def template() -> Iterator[Made]:
    with TemporaryDirectory() as directory:
        made = Made.at(Path(directory).resolve() / "work")
        for place, name in enumerate(NAMES):
            made.write(name, TEXTS[place % len(TEXTS)])
        made.commit()
        made.git("checkout", "-q", "-b", "other")
        for place, name in enumerate(NAMES[1:]):
            made.write(name, TEXTS[(place + 3) % len(TEXTS)])
        (made.top / "q" / "c.py").unlink()
        made.commit()
        yield made


@pytest.mark.parametrize("settled", [True, False])
@given(changes=st.lists(st.lists(CHANGES, min_size=1, max_size=3), min_size=1, max_size=4))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_look_after_changes_finds_what_a_fresh_look_finds(
    template: Made,
    changes: list[list[tuple[str, str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    settled: bool,
) -> None:
    """`settled`: all that is read counts as old, so its stamp alone decides; else it is too young for that."""
    if settled:
        monkeypatch.setattr(scan_entry, "time", LaterClock())
    with TemporaryDirectory() as directory:
        made, cache = template.copied(Path(directory).resolve() / "work"), Path(directory) / "cache"
        reader = Reader(cache)
        look(reader, made)
        for together in changes:
            wait_for_the_next_tick(made)
            for one in together:
                change(made, *one)
            expected = look(Reader(None), made)
            assert look(reader, made) == expected
            assert look(Reader(cache), made) == expected  # another process


def test_all_texts_are_of_one_size() -> None:
    assert len(set(map(len, TEXTS))) == 1


def test_a_value_is_derived_again_where_a_file_it_rests_on_is_another() -> None:
    values, derived = DerivedValues(), list[str]()

    def derive(hashes: dict[str, str], more: object = None, kind: str = "facts") -> str:
        def made() -> str:
            derived.append(repr((hashes, more, kind)))
            return derived[-1]

        return values.get(content_key(kind, hashes, hashes, more), made)

    different: list[dict[str, str]] = [{"a": "1"}, {"a": "2"}, {"b": "1"}, {"a": "1", "b": "1"}, {}]
    assert [derive(hashes) for hashes in different] == derived
    assert derive({"a": "1"}) == derived[0]
    assert len(derived) == len(different)
    derive({"a": "1"}, more=1)
    derive({"a": "1"}, kind="other")
    assert len(derived) == len(different) + 2
    for number in range(MOST_DERIVED):
        derive({"x": str(number)})
    before = len(derived)
    derive({"a": "1"})  # forgotten meanwhile
    assert len(derived) == before + 1
