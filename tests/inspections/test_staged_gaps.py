"""What is staged and needs what is not: found with real repositories, beside what Python itself makes of the index."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepwarden.inspections.precommit.staged.partial import find_staged_gaps, read_gaps
from stepwarden.inspections.precommit.staged.trees import read_trees
from stepwarden.source.git.command import Git
from stepwarden.source.git.repository import Repository
from tests.support.repositories import committed, git

Files = Mapping[str, str | None]
"""Texts by path; None: the file is deleted."""
GIT = Git.find()
pytestmark = pytest.mark.skipif(GIT is None, reason="git is not installed")


def write(top: Path, files: Files) -> None:
    for name, text in files.items():
        if text is None:
            (top / name).unlink()
            continue
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)


def opened(top: Path) -> Repository:
    assert GIT is not None
    return Repository.open(GIT, str(top), str(top / ".git"), until=time.monotonic() + 60)


def told(top: Path) -> list[str]:
    repository, until = opened(top), time.monotonic() + 60
    gaps = read_gaps(repository, repository.status(until=until), str, until=until)
    return [f"{gap.path}:{gap.line} {gap.what}; {gap.place}" for gap in gaps]


def staged(top: Path, head: Files, index: Files, disk: Files) -> list[str]:
    """Return what is told of a repository with these three states, each of what differs from the one before."""
    write(top, {"README": "x", **head})
    committed(top)
    write(top, index)
    git(top, "add", "-A")
    write(top, disk)
    return told(top)


CASES: dict[str, tuple[Files, Files, Files, list[str]]] = {
    "a name of the same file": (
        {"a.py": "x = 1\n"},
        {"a.py": "x = 1\n\n\ndef f(v):\n    return v * RATE\n"},
        {"a.py": "x = 1\nRATE = 2\n\n\ndef f(v):\n    return v * RATE\n"},
        ["a.py:5 uses RATE; that is in the unstaged a.py:2"],
    ),
    "a new file that is not staged": (
        {"p/__init__.py": "", "p/a.py": "x = 1\n"},
        {"p/a.py": "from p.tax import rate\nfrom . import low\nx = rate(low)\n"},
        {"p/tax.py": "def rate(v): return v\n", "p/low.py": ""},
        ["p/a.py:1 imports p.tax; p/tax.py is not staged", "p/a.py:2 imports low; p/low.py is not staged"],
    ),
    "a function of another file": (
        {"a.py": "x = 1\n", "b.py": "def old(): pass\n"},
        {"a.py": "import b\nfrom b import new\nx = b.other()\n"},
        {"b.py": "def old(): pass\ndef new(): pass\ndef other(): pass\n"},
        ["a.py:2 imports new; that is in the unstaged b.py:2", "a.py:3 uses b.other; that is in the unstaged b.py:3"],
    ),
    "a parameter": (
        {"a.py": "def f(a): pass\n\n\nclass Shop:\n    def __init__(self): pass\n", "b.py": "x = 1\n"},
        {"b.py": "from a import Shop, f\nf(1, rate=2)\nShop(3)\n"},
        {"a.py": "def f(a, rate=1): pass\n\n\nclass Shop:\n    def __init__(self, name): pass\n"},
        [
            "b.py:2 passes rate=, which f does not take; that is in the unstaged a.py:1",
            "b.py:3 passes 1 argument, Shop takes 0; only the unstaged part mends it",
        ],
    ),
    "a method": (
        {"a.py": "class A:\n    def m(self): return 1\n"},
        {"a.py": "class A:\n    def m(self): return self.n()\n"},
        {"a.py": "class A:\n    def m(self): return self.n()\n    def n(self): return 2\n"},
        ["a.py:2 uses self.n; that is in the unstaged a.py:3"],
    ),
    "a removal whose last use goes unstaged": (
        {"a.py": "def f(): pass\n\n\ndef g(): pass\n", "b.py": "from a import f\n"},
        {"a.py": "def g(): pass\n"},
        {"b.py": "x = 1\n"},
        ["b.py:1 imports f; gone as staged; only the unstaged part mends it"],
    ),
    "a script's import, name and file": (
        {"a.ts": "export const x = 1;\n", "u.ts": "export const q = 1;\n"},
        {"a.ts": "import {h} from './u';\nimport {z} from './n';\nexport const x = h(z) + LIMIT;\n"},
        {
            "u.ts": "export const q = 1;\nexport function h(a: number) { return a }\n",
            "n.ts": "export const z = 1;\n",
            "a.ts": "import {h} from './u';\nimport {z} from './n';\nconst LIMIT = 3;\nexport let x = h(z) + LIMIT;\n",
        },
        [
            "a.ts:3 uses LIMIT; that is in the unstaged a.ts:3",
            "a.ts:1 imports h; that is in the unstaged u.ts:2",
            "a.ts:2 imports ./n; n.ts is not staged",
        ],
    ),
    "a parameter of a script": (
        {"u.js": "function h(a) { return a }\nmodule.exports = { h };\n", "a.js": "const { h } = require('./u');\n"},
        {"a.js": "const { h } = require('./u');\nh(1, 2);\n"},
        {"u.js": "function h(a, b) { return a }\nmodule.exports = { h };\n"},
        ["a.js:2 passes 2 arguments, h takes 1; that is in the unstaged u.js:1"],
    ),
    "a method of a script": (
        {"a.ts": "export class A { m() { return 1 } }\n"},
        {"a.ts": "export class A { m() { return this.n() } }\n"},
        {"a.ts": "export class A {\n  m() { return this.n() }\n  n() { return 2 }\n}\n"},
        ["a.ts:1 uses this.n; that is in the unstaged a.ts:3"],
    ),
    "a package of Go": (
        {
            "go.mod": "module ex.com/m\n",
            "p/a.go": "package p\n\nfunc A() int { return 1 }\n",
            "m.go": 'package main\n\nimport "ex.com/m/p"\n\nfunc main() { p.A() }\n',
        },
        {
            "p/a.go": "package p\n\nfunc A() int { return helper(1) }\n",
            "m.go": 'package main\n\nimport "ex.com/m/p"\n\nfunc main() {\n\tp.A(2)\n\tp.B()\n}\n',
        },
        {
            "p/b.go": "package p\n\nfunc helper(a int) int { return a }\nfunc B() {}\n",
            "p/a.go": "package p\n\nfunc A(x int) int { return helper(x) }\n",
        },
        [
            "m.go:6 passes 1 argument, A takes 0; that is in the unstaged p/a.go:3",
            "m.go:7 uses p.B; that is in the unstaged p/b.go:4",
            "p/a.go:3 uses helper; that is in the unstaged p/b.go:3",
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_staged_line_that_needs_the_unstaged_part_is_told_with_both_places(tmp_path: Path, case: str) -> None:
    head, index, disk, expected = CASES[case]
    assert sorted(staged(tmp_path, head, index, disk)) == sorted(expected)


@pytest.mark.parametrize("case", CASES)
def test_with_all_staged_nothing_is_told(tmp_path: Path, case: str) -> None:
    head, index, disk, _ = CASES[case]
    write(tmp_path, {"README": "x", **head})
    committed(tmp_path)
    write(tmp_path, index)
    write(tmp_path, disk)
    git(tmp_path, "add", "-A")
    write(tmp_path, {"notes.py": "unrelated = 1\n"})
    assert told(tmp_path) == []


FINE: dict[str, tuple[Files, Files, Files]] = {
    "a package of others, gone again": (
        {"a.py": "x = 1\n"},
        {"a.py": "import json\nimport requests\nx = requests.get(json)\n"},
        {"a.py": "x = 2\n"},
    ),
    "what may fail": (
        {"a.py": "x = 1\n"},
        {"a.py": "try:\n    import fast\nexcept ImportError:\n    fast = None\n"},
        {"fast.py": ""},
    ),
    "a module named as one of the library": (
        {"p/__init__.py": "", "p/a.py": "x = 1\n"},
        {"p/a.py": "import json\nx = json.dumps(1)\n"},
        {"p/json.py": "def loads(): pass\n"},
    ),
    "a builtin that is covered later": (
        {"a.py": "x = 1\n"},
        {"a.py": "def f(v):\n    return [w for w in v if (u := w)] and (lambda k=v: k)\n"},
        {"a.py": "w = u = k = 1\ndef f(v):\n    return [w for w in v if (u := w)] and (lambda k=v: k)\n"},
    ),
    "a base class that may have it": (
        {"a.py": "from b import Base\nclass A(Base):\n    pass\n", "b.py": ""},
        {"a.py": "from b import Base\nclass A(Base):\n    def m(self): return self.n()\n"},
        {"a.py": "from b import Base\nclass A(Base):\n    def m(self): return self.n()\n    def n(self): return 1\n"},
    ),
    "a module that hands on what it is not seen to have": (
        {"a.ts": "export const x = 1;\n", "u.ts": "export * from 'lib';\n"},
        {"a.ts": "import {h} from './u';\nexport const x = h;\n"},
        {"u.ts": "export * from 'lib';\nexport const h = 1;\n"},
    ),
    "names of the browser": (
        {"a.js": "export const x = 1;\n"},
        {"a.js": "export const x = fetch(window.location);\n"},
        {"a.js": "export const x = 2;\n"},
    ),
    "a file that does not parse": (
        {"a.py": "x = 1\n"},
        {"a.py": "def (:\n  LIMIT\n"},
        {"a.py": "LIMIT = 1\n"},
    ),
}


@pytest.mark.parametrize("case", FINE)
def test_what_may_stand_as_it_is_staged_is_not_told(tmp_path: Path, case: str) -> None:
    assert staged(tmp_path, *FINE[case]) == []


def test_nothing_is_read_of_a_change_without_anything_staged(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x = 1\n"})
    committed(tmp_path)
    write(tmp_path, {"a.py": "x = LIMIT\n", "b.py": ""})
    repository, until = opened(tmp_path), time.monotonic() + 60
    assert read_trees(repository, repository.status(until=until), until=until) is None


def test_a_search_out_of_time_tells_what_it_has(tmp_path: Path) -> None:
    head, index, disk, _ = CASES["a name of the same file"]
    assert staged(tmp_path, head, index, disk)
    repository, until = opened(tmp_path), time.monotonic() + 60
    trees = read_trees(repository, repository.status(until=until), until=until)
    assert trees is not None
    assert find_staged_gaps(trees, until=0) == []


NAMES = ("one", "two", "three")
NUMBERS = count()


def library(names: frozenset[str]) -> str:
    return "".join(f"def {name}():\n    return 1\n" for name in sorted(names)) or "x = 1\n"


def program(names: frozenset[str], own: frozenset[str]) -> str:
    imports = "".join(f"from lib import {name}\n" for name in sorted(names))
    return f"{imports}{library(own).replace('def ', 'def own_')}print({', '.join(f'own_{name}()' for name in NAMES)})\n"


def runs(top: Path, directory: Path) -> bool:
    """Whether the index, checked out by itself, runs."""
    directory.mkdir()
    git(top, "checkout-index", "-a", f"--prefix={directory}{os.sep}")
    done = subprocess.run([sys.executable, "app.py"], cwd=directory, capture_output=True, check=False)
    return done.returncode == 0


SETS = st.frozensets(st.sampled_from(NAMES))


@given(have=st.tuples(SETS, SETS), used=st.tuples(SETS, SETS), own=SETS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_told_is_what_python_makes_of_the_index(
    have: tuple[frozenset[str], frozenset[str]], used: tuple[frozenset[str], frozenset[str]], own: frozenset[str]
) -> None:
    """The last commit and the work tree both run; the index does not, exactly where something is told."""
    everything = frozenset(NAMES)
    with tempfile.TemporaryDirectory() as directory:
        top = Path(directory, "repository")
        top.mkdir()
        write(top, {"lib.py": library(everything), "app.py": program(frozenset(), everything), "other.py": ""})
        committed(top)
        write(top, {"lib.py": library(have[0]), "app.py": program(used[0], own)})
        git(top, "add", "-A")
        now = have[1] | used[1]
        write(top, {"lib.py": library(now), "app.py": program(used[1], everything), "other.py": "y = 1\n"})
        assert bool(told(top)) is not runs(top, Path(directory, "index"))
