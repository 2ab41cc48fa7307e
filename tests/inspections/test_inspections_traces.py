"""Stack traces: frames in the formats of six languages, and the files of the project that they are in."""

import pytest

from stepwarden.inspections.debug.inspector import own_places, trace_facts
from stepwarden.inspections.debug.stack_traces import Frame, parse_traces, resolve_frames
from stepwarden.source.file_parser import parse_outline

PYTHON = """Traceback (most recent call last):
  File "/app/src/api.py", line 33, in checkout
    total(x)
  File "/app/src/cart.py", line 2, in total
    return sum(lines)
ValueError: bad

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/src/main.py", line 3, in <module>
    checkout()
KeyError: 1
"""
NODE = """TypeError: Cannot read properties of undefined (reading 'price')
    at total (/app/src/cart.js:14:10)
    at async Cart.sum (file:///app/src/sums.ts:3:4)
    at Module._compile (node:internal/modules/cjs/loader:1105:14)
"""
GO = """panic: runtime error: index out of range [3] with length 3

goroutine 1 [running]:
main.(*Cart).Total(0xc000012345, {0x1, 0x2})
\t/app/cart/cart.go:14 +0x1d
main.main()
\t/app/main.go:8 +0x20
"""
JAVA = """java.lang.RuntimeException: x
\tat com.shop.Api.checkout(Api.java:33)
\tat java.base/java.lang.Thread.run(Thread.java:829)
Caused by: java.lang.IllegalStateException: y
\tat com.shop.Cart$Line.total(Cart.java:14)
\t... 2 more
"""
RUST = """thread 'main' panicked at src/cart.rs:14:5:
index out of bounds
stack backtrace:
   0: rust_begin_unwind
             at /rustc/90b35a62/library/std/src/panicking.rs:647:5
   1: shop::main
             at ./src/main.rs:4:9
"""
DOTNET = """System.NullReferenceException: Object reference not set to an instance of an object.
   at Shop.Cart.Total(List`1 lines) in /app/src/Cart.cs:line 14
   at System.Threading.Tasks.Task.Run()
"""
PYTEST = "tests/test_cart.py:5: in test_total\n    total()\nsrc/cart.py:14: ValueError\n"
CART = parse_outline("src/cart.py", b"def total(lines):\n    return sum(lines)\n\n\ndef other():\n    pass\n")


@pytest.mark.parametrize(
    ("trace", "path", "line", "function"),
    [
        (PYTHON, "/app/src/cart.py", 2, "total"),
        (NODE, "/app/src/cart.js", 14, "total"),
        (GO, "/app/cart/cart.go", 14, "main.(*Cart).Total"),
        (JAVA, "com/shop/Cart.java", 14, "com.shop.Cart$Line.total"),
        (RUST, "src/cart.rs", 14, ""),
        (DOTNET, "/app/src/Cart.cs", 14, "Shop.Cart.Total"),
        (PYTEST, "src/cart.py", 14, ""),
        (PYTHON.replace("\n", "\r\n"), "/app/src/cart.py", 2, "total"),
    ],
)
def test_the_frame_where_it_broke_comes_first(trace: str, path: str, line: int, function: str) -> None:
    assert parse_traces(f"It fails so:\n{trace}\nWhy?")[0][0] == Frame(path, line, function)


@pytest.mark.parametrize("text", ["", "It fails at noon", "see cart.py:14", "at 14:10 it broke", "a (b:1:2) c"])
def test_a_text_without_a_trace_has_no_frames(text: str) -> None:
    assert parse_traces(text) == ()


def found(
    *frames: Frame, paths: tuple[str, ...] = ("src/cart.py", "src/api.py", "lib/cart.py")
) -> list[tuple[str, ...]]:
    assert CART is not None
    return [place.paths for place in resolve_frames(frames, paths, {"src/cart.py": CART})]


def test_a_frame_is_in_the_file_that_shares_the_longest_end_of_its_path() -> None:
    assert found(Frame("/app/src/api.py", 3), Frame("/app/src/cart.py", 2)) == [("src/api.py",), ("src/cart.py",)]


def test_of_several_files_the_one_that_defines_the_function_there_is_meant() -> None:
    assert found(Frame("cart.py", 2, "total")) == [("src/cart.py",)]
    assert found(Frame("cart.py", 9, "nothing")) == [("src/cart.py", "lib/cart.py")]


def test_code_of_others_is_in_no_file_of_the_project() -> None:
    frames = (
        Frame("/usr/lib/python3.11/json/decoder.py", 3, "decode"),
        Frame("/venv/lib/python3.11/site-packages/shop/cart.py", 2, "total"),
        Frame("node:internal/modules/cjs/loader", 3),
        Frame("/somewhere/else/api.py", 3, "nothing_of_ours"),
    )
    assert found(*frames, paths=("src/api.py", "src/cart.py", "decoder.py")) == [(), (), (), ()]


def test_a_trace_of_an_older_file_says_so() -> None:
    assert CART is not None
    (place,) = resolve_frames([Frame("src/cart.py", 6, "total")], ("src/cart.py",), {"src/cart.py": CART})
    assert place.doubt == "total is at line 1 now"
    (place,) = resolve_frames([Frame("src/cart.py", 60, "gone")], ("src/cart.py",), {"src/cart.py": CART})
    assert place.doubt == "the file has 6 lines now"


def test_frames_of_tests_come_after_those_of_the_code() -> None:
    frames = (Frame("tests/test_cart.py", 5, "test_total"), Frame("src/api.py", 3, "checkout"), Frame("gone.py", 1))
    places = resolve_frames(frames, ("tests/test_cart.py", "src/api.py"), {})
    assert [place.path for place in own_places(places)] == ["src/api.py", "tests/test_cart.py"]
    assert trace_facts(places, "return 1") == [
        "Innermost frame here: src/api.py:3 in checkout",
        "return 1",
        "Called from: tests/test_cart.py:5 in test_total",
        "1 of 3 frames are outside this project.",
    ]
