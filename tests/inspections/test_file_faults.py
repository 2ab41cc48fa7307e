"""What the text of one file shows by itself: each kind of fault beside the code that only looks like it."""

from textwrap import dedent

import pytest

from stepwarden.inspections.shared.faults.code_fault import new_faults
from stepwarden.inspections.shared.faults.file_faults import IN_CHANGES, find_file_faults
from stepwarden.inspections.shared.faults.text_changes import compare_texts


def faults_in(text: str, path: str = "a.py") -> list[tuple[int, str]]:
    found = find_file_faults(path, dedent(text).lstrip("\n").encode())
    return [(fault.line, fault.what) for fault in found if fault.rank < IN_CHANGES]


COUNTER = """
    class Counter:
        def __init__(self):
            self.total = 0
            self._lock = Lock()

        def add(self):
            with self._lock:
                self.total += 1

        def drop(self):
            with self._lock:
                self.total -= 1

        def reset(self):
            {reset}
"""


def test_an_attribute_that_is_changed_without_the_lock_held_for_it_elsewhere_is_told() -> None:
    assert faults_in(COUNTER.format(reset="self.total = 0")) == [
        (15, "changes self.total without self._lock, held for it at :8, :12")
    ]


@pytest.mark.parametrize(
    "reset",
    [
        "with self._lock: self.total = 0",
        "self.other = 0",
        "return self.total",
        "total = self.total",
        '"""The lock is held by the caller."""; self.total = 0',
        "self._lock.acquire(); self.total = 0",
    ],
)
def test_what_reads_has_the_lock_or_is_said_to_have_it_is_not(reset: str) -> None:
    assert faults_in(COUNTER.format(reset=reset)) == []


def test_a_function_that_runs_only_under_the_lock_needs_none_of_its_own() -> None:
    called = COUNTER.format(reset="with self._lock: self._clear()")
    assert faults_in(called + "\n        def _clear(self):\n            self.total = 0\n") == []
    bare = COUNTER.format(reset="self._clear()")
    assert [line for line, _ in faults_in(bare + "\n        def _clear(self):\n            self.total = 0\n")] == [18]


def test_names_of_a_module_are_guarded_as_attributes_are() -> None:
    code = """
        _lock = Lock()
        known = {}

        def add(name):
            with _lock:
                known[name] = 1

        def drop(name):
            with _lock:
                del known[name]

        def forget():
            known.clear()

        def apart():
            known = {}
            known.clear()
    """
    assert faults_in(code) == [(13, "changes known without _lock, held for it at :6, :10")]


@pytest.mark.parametrize(
    ("docs", "default", "said"),
    [
        (":param timeout: how long to wait. Defaults to 5.", "10", "5"),
        (":param int timeout: seconds, default: 5", "10", "5"),
        ("Args:\n        timeout (int): how long. Defaults to ``5``.", "10", "5"),
        ("Parameters\n    ----------\n    timeout : int, default 5\n        How long.", "10", "5"),
        ("Parameters\n    ----------\n    timeout : int, optional\n        How long (default: 5).", "10", "5"),
        (":param timeout: whether to wait (default is True)", "False", "True"),
        ("Parameters\n    ----------\n    timeout : bool (default: 5)\n        The default does x.", "10", "5"),
        ("Parameters\n    ----------\n    timeout: str, default=='go'\n        How.", "'stay'", "'go'"),
        (":param timeout: the way, default 'wait'", "'go'", "'wait'"),
    ],
)
def test_a_default_that_is_another_in_the_docstring_is_told(docs: str, default: str, said: str) -> None:
    found = faults_in(f'def load(path, timeout={default}):\n    """Load it.\n\n    {docs}\n    """\n')
    assert len(found) == 1
    assert found[0][1].startswith(f"timeout={default}, but its docs say {said} (:")


def test_the_docstring_of_a_class_documents_its_constructor() -> None:
    text = """
        class Bar:
            '''A bar.

            Parameters
            ----------
            leave  : bool, optional
                Whether to stay [default: False].
            '''

            def __init__(self, leave={default}):
                '''See the class.'''

            def other(self, leave=True): ...
    """
    assert faults_in(text.format(default="True")) == [(10, "leave=True, but its docs say False (:7)")]
    assert faults_in(text.format(default="False")) == []


@pytest.mark.parametrize(
    ("docs", "default"),
    [
        (":param timeout: how long to wait. Defaults to 5.", "5"),
        (":param timeout: how long to wait. Defaults to 5.", "5.0"),
        (":param timeout: how long to wait. Defaults to 5.", "None"),
        (":param timeout: how long to wait. Defaults to 5.", "LIMIT"),
        (":param timeout: how long to wait. Defaults to 5 minutes.", "300"),
        (":param timeout: how long to wait. Defaults to 5 * size.", "10"),
        (":param timeout: default 5, but 10 on Windows", "10"),
        (":param timeout: default 5 for files. The default for pipes is 10.", "10"),
        (":param other: how long to wait. Defaults to 5.", "10"),
        (":param timeout: of a loop the default is 5.", "10"),
        (":param timeout: the way, default '2 * n'.", "'2*n'"),
        (":param timeout: whether to wait, default 1", "True"),
        ("It has a default timeout of 5.", "10"),
    ],
)
def test_docs_that_say_the_same_another_thing_or_depend_on_something_contradict_nothing(
    docs: str, default: str
) -> None:
    assert faults_in(f'def load(path, timeout={default}):\n    """Load it.\n\n    {docs}\n    """\n') == []


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("def f(seen=[]):\n    seen.append(1)\n", "f changes the one seen=[] of all its calls"),
        ("def f(a, *, seen={}):\n    seen[a] = 1\n", "f changes the one seen={} of all its calls"),
        (
            "class A:\n    def f(self, seen=set()):\n        self.seen = seen\n",
            "f keeps the one seen=set() of all its calls",
        ),
        ("try:\n    x()\nexcept Exception:\n    pass\n", "passes over every error"),
        ("while 1:\n    try:\n        x()\n    except:\n        continue\n", "passes over every error"),
        ("def f(p):\n    h = open(p)\n    return h.read()\n", "open() is never closed in f"),
        ("def f(p):\n    return json.load(open(p))\n", "open() is never closed in f"),
        ("def f(p):\n    for row in open(p):\n        print(row)\n", "open() is never closed in f"),
        ('__all__ = ["a", "gone"]\na = 1\n', "__all__ lists gone, which the file does not define"),
    ],
)
def test_a_fault_is_told_by_its_line(code: str, what: str) -> None:
    assert [said for _, said in faults_in(code)] == [what]


@pytest.mark.parametrize(
    "code",
    [
        "def f(seen=()):\n    return seen\n",
        "def f(seen=[]):\n    return len(seen)\n",
        "def f(seen=[]):\n    other.seen.append(1)\n",
        "try:\n    x()\nexcept KeyError:\n    pass\n",
        "try:\n    x()\nexcept Exception:\n    log()\n",
        "try:\n    x()\nexcept Exception as error:\n    raise Gone from error\n",
        "def f(p):\n    with open(p) as h:\n        return h.read()\n",
        "def f(p):\n    h = open(p)\n    try:\n        return h.read()\n    finally:\n        h.close()\n",
        "def f(p):\n    return open(p)\n",
        "def f(self, p):\n    self.h = open(p)\n",
        "def f(p):\n    h = open(p)\n    return wrap(h)\n",
        "def f(stack, p):\n    h = stack.enter_context(open(p))\n    return h.read()\n",
        "def f(shop):\n    shop.open().read()\n",
        '__all__ = ["a", "b"]\nfrom x import a\nif a:\n    b = 1\n',
        '__all__ = ["a"]\nfrom x import *\n',
        '__all__ = ["a"]\ndef __getattr__(name): ...\n',
        "text = 'except: pass'\n# except: pass\n",
    ],
)
def test_what_only_looks_like_one_is_not(code: str) -> None:
    assert faults_in(code) == []


def test_an_empty_handler_of_a_script_is_told_and_one_with_a_reason_is_not() -> None:
    assert faults_in("try { x() } catch (e) {}\n", "a.ts") == [(1, "passes over every error")]
    assert faults_in("try { x() } catch { /* the file may be gone */ }\n", "a.js") == []
    assert faults_in("const text = 'catch (e) {}'\n", "a.js") == []


def test_files_that_are_broken_or_in_other_languages_tell_nothing_and_fail_nothing() -> None:
    assert find_file_faults("a.py", b"def f(:\n    except\n") == []
    assert find_file_faults("a.py", b"\0" * 10) == []
    assert find_file_faults("a.py", b"(" * 5_000) == []
    assert find_file_faults("a.md", b"except: pass") == []


def test_only_what_a_change_brings_is_new_in_it() -> None:
    old = find_file_faults("a.py", b"try:\n    x()\nexcept:\n    pass\n")
    new = find_file_faults("a.py", b"\n\ntry:\n    x()\nexcept:\n    pass\ntry:\n    y()\nexcept:\n    pass\n")
    assert [fault.line for fault in new_faults(old, new)] == [9]
    assert new_faults(new, new) == []


def test_a_changed_default_is_told_with_both_values_and_a_new_layout_is_none() -> None:
    before = b"def load(path, timeout=5, mode='r'): pass\n"
    changes = compare_texts("a.py", before, b"def load(path, timeout=9, mode='r'): pass\n")
    assert changes.defaults["load"].what == "timeout defaults to 9, was 5"
    assert changes.defaults["load"].parameters == ("timeout",)
    same = b'def load(\n    path,\n    timeout = 5,\n    mode = "r",\n): pass\n'
    assert not compare_texts("a.py", before, same).defaults


def test_exports_that_shrank_are_told_and_a_new_order_is_none() -> None:
    before = b'__all__ = ["load", "save", "Shop"]\n'
    gone = compare_texts("a.py", before, b'__all__ = ["load"]\n').gone
    assert gone == ((1, "__all__ no longer lists save, Shop"),)
    assert not compare_texts("a.py", before, b'__all__ = [\n    "Shop", "save",\n    "load",\n    "more",\n]\n').gone


def test_a_package_that_no_longer_hands_a_name_on_is_told() -> None:
    before = b"from .files import load, save as keep\nfrom ._own import _own\n"
    gone = compare_texts("shop/__init__.py", before, b"from .files import load\n").gone
    assert gone == ((1, "no longer hands on keep"),)
    assert not compare_texts("shop/__init__.py", before, b"from .other import load, keep\n").gone
    assert not compare_texts("shop/pages.py", before, b"from .files import load\n").gone
