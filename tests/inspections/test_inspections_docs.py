"""What docgen counts, from states of files alone."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.inspections.docgen.hollow import find_hollow, says_nothing
from stepwarden.inspections.docgen.progress import (
    DocgenProgress,
    FileState,
    Options,
    find_wanted,
    inspect_progress,
    kept_options,
    too_many_files,
)
from stepwarden.inspections.shared.subject import incompleteness
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Definition, DefinitionKind, Language, Outline
from stepwarden.source.scan.result import LeftOut, Scan


def definition(name: str, *, public: bool = True, documented: bool = False, exempt: bool = False) -> Definition:
    return Definition(name, name, DefinitionKind.FUNCTION, 3, 4, public=public, documented=documented, exempt=exempt)


def outlined(*items: Definition, generated: bool = False) -> Outline:
    return Outline("a.py", Language.PYTHON, 9, 90, "00", definitions=items, generated=generated)


STATES = st.builds(
    FileState,
    path=st.sampled_from([f"src/{letter}.py" for letter in "abcdefgh"]),
    language=st.sampled_from(list(Language)),
    missing=st.lists(st.builds(definition, st.sampled_from("fgh")), max_size=12).map(tuple),
    wanted=st.integers(0, 20),
    changes=st.lists(st.sampled_from(["line 3: `a` -> `b`", "line 9: removed `x`"]), max_size=4).map(tuple),
    broken=st.sampled_from([None, 4]),
    unseen=st.booleans(),
    unread=st.sampled_from(["", "larger than 8 MiB, not read"]),
    hidden=st.sampled_from(["", "git ignores it now"]),
    hollow=st.lists(st.builds(definition, st.sampled_from("fgh")), max_size=2).map(tuple),
)


@given(st.lists(STATES, max_size=8, unique_by=lambda state: state.path), st.integers(1, 30), st.booleans())
def test_the_total_is_one_and_the_files_and_each_file_with_work_left_bars_the_finish(
    files: Sequence[FileState], step: int, update: bool
) -> None:
    found = DocgenProgress(tuple(files), source_count=40)
    result = inspect_progress(found, Options(update=update), step=step, claimed=None)
    left = [state.path for state in files if not state.is_done]
    assert sorted(clause.subject for clause in result.clauses or ()) == sorted(left)
    assert bool(result.done) == (not left)
    assert result.total is not None
    assert result.total == max(1 + len(files), step + bool(left))
    assert bool(result.actions) == bool(left)
    assert ("Documentation" in result.sections) == (bool(files) and not left)


@given(
    st.lists(st.text("abc/", min_size=1, max_size=6), max_size=3).map(tuple), st.booleans(), st.booleans(), st.text()
)
def test_options_are_the_same_after_they_were_recorded(
    scope: tuple[str, ...], everything: bool, update: bool, style: str
) -> None:
    options = Options(scope, everything, update, style, ("flow notes",))
    assert kept_options(inspect_progress(DocgenProgress((), 1), options, step=1, claimed=None).data) == options


def test_private_exempt_and_generated_definitions_are_not_asked_for() -> None:
    found = outlined(definition("f"), definition("_g", public=False), definition("h", exempt=True))
    assert [item.name for item in find_wanted(found, Options())] == ["f"]
    assert [item.name for item in find_wanted(found, Options(everything=True))] == ["f", "_g"]
    assert find_wanted(outlined(definition("f"), generated=True), Options()) == ()


def test_spoiled_code_comes_before_the_next_file_and_says_where() -> None:
    files = (
        FileState("a.py", Language.PYTHON, missing=(definition("f"),), wanted=1),
        FileState("b.py", Language.PYTHON, changes=("line 3: `a` -> `b`",), wanted=1),
    )
    result = inspect_progress(DocgenProgress(files, 2), Options(), step=2, claimed=1)
    assert result.facts == ("0 of 2 files documented (you counted 1); 1 definition left.",)
    assert result.clauses is not None
    assert result.clauses[0].text == "b.py: code changed, restore it: line 3: `a` -> `b`"
    assert result.actions == (
        "Restore the code of b.py: only comments and docs may differ.",
        "Document a.py: f (3). Use docstrings.",
    )


def test_too_many_files_are_answered_with_directories_that_fit() -> None:
    files = [f"big/{number}.py" for number in range(70)] + [f"ui/{number}.py" for number in range(9)]
    words = too_many_files(files, 300)
    assert "79 files have undocumented definitions (300)" in words
    assert "for example ui (9)" in words


@pytest.mark.parametrize(
    "text",
    ["TODO", ".", "Total.", "The total function", "todo: add docs", "/** @todo */", "// Total", "...", "# FIXME here"],
)
def test_a_placeholder_a_mark_and_the_name_again_say_nothing(text: str) -> None:
    assert says_nothing(text, ("Total",))


@pytest.mark.parametrize(
    "text", ["Return the total.", "Total of a cart", "In cents", "Die Summe", "合計", "Total: see Cart"]
)
def test_a_word_of_its_own_says_something(text: str) -> None:
    assert not says_nothing(text, ("total",))


def test_only_new_documentation_is_judged() -> None:
    before = b'"""M."""\n\n\ndef old():\n    """TODO"""\n\n\ndef new():\n    return 1\n'
    after = before.replace(b"def new():\n", b'def new():\n    """New."""\n')
    outline = parse_outline("m.py", after)
    assert outline is not None
    assert [item.name for item in find_hollow(after, before, "m.py", outline.definitions)] == ["new"]


def test_a_partial_scan_says_so_first_sizes_nothing_and_is_never_done() -> None:
    left_out = (LeftOut("not read in time", 5976, ("src/z.py",)), LeftOut("secret by its name", 3, (".env",)))
    outlines = {f"{number}.py": outlined() for number in range(749)}
    scan = Scan("/w", outlines, left_out=left_out, complete=False)
    (said,) = incompleteness(scan)
    assert said == "PARTIAL: read 749 of 6,725 files; not read in time: src/z.py"
    done = FileState("a.py", Language.PYTHON, wanted=1)
    result = inspect_progress(DocgenProgress((done,), 749, partial=said), Options(), step=2, claimed=None)
    assert result.facts[0] == said
    assert result.total is None
    assert not result.done
    assert [clause.text for clause in result.clauses or ()] == [f"{said}. Name a smaller part in a new thread"]


def test_files_that_nobody_listed_are_not_counted() -> None:
    scan = Scan("/w", {"a.py": outlined()}, left_out=(LeftOut("not listed in time", 1, (".",)),), complete=False)
    assert incompleteness(scan) == ["PARTIAL: read 1 of more than 1 file; not listed in time: ."]


def test_a_complete_scan_says_nothing_of_what_it_left_out() -> None:
    assert incompleteness(Scan("/w", {}, left_out=(LeftOut("secret by its name", 3, (".env",)),))) == []
