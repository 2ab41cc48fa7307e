"""What is unusual in the text of a function, and what is not."""

import pytest

from stepwarden.inspections.shared.oddities import MOST_ODDITIES, find_oddities
from stepwarden.source.outline import Language

FOUND = [
    (Language.PYTHON, "try:\n    x()\nexcept ValueError:\n    pass", 2, "passes over an error"),
    (Language.PYTHON, "try:\n    x()\nexcept ValueError: continue", 2, "passes over an error"),
    (Language.JAVASCRIPT, "try { x() } catch (error) { }", 0, "passes over an error"),
    (Language.JAVA, "try { x(); }\ncatch (IOException e) {\n}", 1, "passes over an error"),
    (Language.GO, "if err != nil {\n\treturn nil\n}", 0, "passes over an error"),
    (Language.PYTHON, "try:\n    x()\nexcept Exception as error:\n    log(error)", 2, "catches every error"),
    (Language.PYTHON, "with self._lock:\n    x()", 0, "holds a lock"),
    (Language.GO, "m.mu.Lock()\ndefer m.mu.Unlock()", 0, "holds a lock"),
    (Language.JAVA, "synchronized (this) { x(); }", 0, "holds a lock"),
    (Language.PYTHON, "def f():\n    global total\n    total += 1", 1, "sets a name outside"),
    (Language.PYTHON, "def f(seen=[]):\n    return seen", 0, "has a default that all calls share"),
    (Language.PYTHON, "return time.time() - began", 0, "depends on the clock or on chance"),
    (Language.TYPESCRIPT, "const at = new Date()", 0, "depends on the clock or on chance"),
    (Language.GO, "go worker(jobs)", 0, "starts work that goes on"),
    (Language.JAVASCRIPT, "setTimeout(done, 10)", 0, "starts work that goes on"),
]


@pytest.mark.parametrize(("language", "text", "line", "words"), FOUND)
def test_what_is_unusual_is_found_at_its_line(language: Language, text: str, line: int, words: str) -> None:
    assert (line, words) in find_oddities(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (Language.PYTHON, "try:\n    x()\nexcept ValueError:\n    raise Wrong from None"),
        (Language.PYTHON, "# with self._lock: time.time()\nreturn 'global total; except: pass'"),
        (Language.PYTHON, "def f(seen=()):\n    unlock(seen)\n    return clock.block"),
        (Language.GO, "if err != nil {\n\treturn nil, err\n}\ngoing(to)"),
        (Language.JAVASCRIPT, "try { x() } catch (error) { report(error) }"),
        (Language.JAVASCRIPT, "const at = new Date(row.at)"),
    ],
)
def test_the_usual_is_not_told(language: Language, text: str) -> None:
    assert find_oddities(text, language) == []


def test_a_line_is_told_once_and_a_long_function_by_its_first_ones() -> None:
    body = "".join(f"    with self._lock: time.time({number})\n" for number in range(40))
    found = find_oddities(f"def f():\n{body}", Language.PYTHON)
    assert [line for line, _ in found] == list(range(1, MOST_ODDITIES + 1))


@pytest.mark.parametrize(
    ("language", "head"),
    [
        (Language.GO, "if err != nil {"),
        (Language.JAVASCRIPT, "try { x() } catch"),
        (Language.JAVASCRIPT, "catch (e) {"),
    ],
)
def test_a_function_with_very_much_white_space_is_read_in_time(language: Language, head: str) -> None:
    gap = "\n" * 500_000  # its square would not end
    assert find_oddities(f"{head}{gap}call(){gap}new Date()", language)[-1][1] == "depends on the clock or on chance"
