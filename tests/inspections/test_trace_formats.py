"""Stack traces as runtimes write them and as terminals, collectors and serializers hand them on."""

# ruff: noqa: E501 - a text stands beside what is read of it, as it was printed

import json

import pytest

from stepwarden.inspections.debug.inspector import other_trace_facts
from stepwarden.inspections.debug.stack_traces import Frame, parse_traces, resolve_frames
from stepwarden.inspections.debug.trace_formats import FORMATS
from stepwarden.inspections.debug.trace_text import clean_trace_text
from stepwarden.source.file_parser import parse_outline

TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/web.py", line 5, in view
    return checkout(request["basket"])
  File "/srv/shop/cart.py", line 9, in checkout
    return total(basket["items"])
OutOfStock: 'price'
"""
V8 = """TypeError: no id
    at put (/app/src/store.js:3:11)
    at async Promise.all (index 0)
    at /app/src/main.js:4:3
"""

# Format, text, and the frames that are read, the innermost first.
ROWS: list[tuple[str, str, list[str]]] = [
    (
        "python faulthandler",
        (
            "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f (most recent call first):\n"
            '  File "/srv/a.py", line 3 in inner\n  File "/srv/b.py", line 8 in <module>\n'
        ),
        ["/srv/a.py:3", "/srv/b.py:8"],
    ),
    ("python", TRACEBACK + "A note of the error\n", ["/srv/shop/cart.py:9", "/srv/shop/web.py:5"]),
    (
        "python",
        (
            '  + Exception Group Traceback (most recent call last):\n  |   File "web.py", line 5, in view\n'
            "  | ExceptionGroup: x (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n"
            '    | Traceback (most recent call last):\n    |   File "one.py", line 1, in one\n    | KeyError: 1\n'
            "    +---------------- 2 ----------------\n"
            '    | Traceback (most recent call last):\n    |   File "two.py", line 2, in two\n    | KeyError: 2\n'
            "    +------------------------------------\n"
        ),
        ["one.py:1", "two.py:2", "web.py:5"],
    ),
    (
        "ipython",
        (
            "KeyError    Traceback (most recent call last)\nCell In[3], line 1\n----> 1 view(req)\n\n"
            "File ~/shop/web.py:5, in view(request)\n----> 5 return checkout(x)\n\n"
            "File ~/shop/cart.py:9, in total(items)\n----> 9 return 1\n"
        ),
        ["~/shop/cart.py:9", "~/shop/web.py:5"],
    ),
    (
        "ipython",
        (
            "KeyError    Traceback (most recent call last)\n/srv/web.py in view(request)\n      3 \n----> 5 x()\n\n"
            "/srv/cart.py in total(items)\n----> 9 x()\n"
        ),
        ["/srv/cart.py:9", "/srv/web.py:5"],
    ),
    (
        "rich",
        (
            "╭──── Traceback (most recent call last) ────╮\n│ /srv/web.py:5 in view                     │\n"
            "│ ❱ 5     return x                          │\n│ /srv/cart.py:9 in total                   │\n╰───────────╯\n"
        ),
        ["/srv/cart.py:9", "/srv/web.py:5"],
    ),
    ("pytest", "tests/test_a.py:5: \n_ _ _ _\n\nsrc/cart.py:14: OutOfStock\n", ["src/cart.py:14", "tests/test_a.py:5"]),
    (
        "jvm",
        (
            'Exception in thread "main" shop.Refused: x\n\tat shop.Api.run(Api.kt:33) ~[shop.jar:1.0]\n'
            "Caused by: shop.Empty: y\n\tat app//shop.Cart$Companion.total(Cart.kt:14)\n\t... 2 more\n"
        ),
        ["shop/Cart.kt:14", "shop/Api.kt:33"],
    ),
    (
        "dotnet",
        (
            "System.Exception: outer\n ---> System.Exception: inner\n   at Shop.Cart.Total(Int32 x) in C:\\s\\Cart.cs:line 14\n"
            "   --- End of inner exception stack trace ---\n   bei Shop.Api.Run() in C:\\s\\Api.cs:Zeile 3.\n"
        ),
        ["C:/s/Cart.cs:14", "C:/s/Api.cs:3"],
    ),
    (
        "dotnet",
        "NullReferenceException: x\n  at Shop.Cart.Total () [0x00001] in /s/Cart.cs:14 \nShop.Api:Run() (at Assets/Api.cs:3)\n",
        ["/s/Cart.cs:14", "Assets/Api.cs:3"],
    ),
    ("v8", V8, ["/app/src/store.js:3", "/app/src/main.js:4"]),
    (
        "v8",
        (
            "Error: outer\n    at run (file:///app/run.js:8:3) {\n  [cause]: TypeError: inner\n"
            "      at put (webpack-internal:///(rsc)/./src/(shop)/put.ts:3:11)\n}\n"
        ),
        ["/(rsc)/./src/(shop)/put.ts:3", "/app/run.js:8"],
    ),
    ("v8", "Error\n    at put (C:\\Program Files (x86)\\Shop\\a.js:3:11)\n", ["C:/Program Files (x86)/Shop/a.js:3"]),
    ("v8", "Error: x\n    at f (http://localhost:5173/src/a%20b.ts?t=17:3:11)\n", ["/src/a b.ts:3"]),
    (
        "react",
        "The above error:\n    in Cart (at src/App.js:12)\n    in div (at src/index.js:4)\n",
        ["src/App.js:12", "src/index.js:4"],
    ),
    (
        "vitest",
        " FAIL  a.test.js > put\n \u276f put src/store.js:3:11\n      3|     throw x\n \u276f a.test.js:5:7\n",
        ["src/store.js:3", "a.test.js:5"],
    ),
    (
        "gecko",
        "TypeError: x\nput@https://shop.example/src/store.js:3:11\n@http://localhost:80/main.js:4:3\n",
        ["/src/store.js:3", "/main.js:4"],
    ),
    (
        "go",
        (
            "panic: x [recovered]\n\tpanic: x\n\ngoroutine 7 [running]:\nshop/store.(*Store).Put(0xc00001, {0x1, 0x2})\n"
            "\t/src/store.go:6 +0x3d\ncreated by main.main in goroutine 1\n\t/src/main.go:9 +0x20\n"
        ),
        ["/src/store.go:6", "/src/main.go:9"],
    ),
    (
        "go",
        "Write at 0x00c00 by goroutine 8:\n  shop.(*Store).Put()\n      /src/store.go:6 +0x3d\n",
        ["/src/store.go:6"],
    ),
    (
        "go",
        "failed\nshop/store.Put\n\t/src/store.go:6\nmain.main\n\t/src/main.go:9\n",
        ["/src/store.go:6", "/src/main.go:9"],
    ),
    (
        "rust",
        "thread 'main' (4242) panicked at src/cart.rs:14:5:\nboom\nstack backtrace:\n   2: shop::main\n             at ./src/main.rs:4:9\n",
        ["src/cart.rs:14", "./src/main.rs:4"],
    ),
    (
        "ruby",
        "app/cart.rb:14:in 'Cart#total': undefined method (NoMethodError)\n\tfrom app/api.rb:3:in `block in run'\n",
        ["app/cart.rb:14", "app/api.rb:3"],
    ),
    (
        "ruby",
        (
            "Traceback (most recent call last):\n\t2: from app/api.rb:3:in `<main>'\n\t1: from app/run.rb:5:in `run'\n"
            "app/cart.rb:14:in `total': boom (RuntimeError)\n"
        ),
        ["app/cart.rb:14", "app/run.rb:5", "app/api.rb:3"],
    ),
    (
        "php",
        (
            "PHP Fatal error:  Uncaught DomainException: x in /app/src/Cart.php:14\nStack trace:\n"
            "#0 /app/src/Api.php(33): Shop\\Cart->total()\n#1 {main}\n  thrown in /app/src/Cart.php on line 14\n"
        ),
        ["/app/src/Cart.php:14", "/app/src/Api.php:33"],
    ),
    (
        "dart",
        "Unhandled exception:\n#0      Cart.total (package:shop/cart.dart:14:5)\n#1      main (file:///app/bin/main.dart:3:7)\n",
        ["shop/lib/cart.dart:14", "/app/bin/main.dart:3"],
    ),
    (
        "swift",
        "Shop/Cart.swift:14: Fatal error: Index out of range\n0 [ra] 0x0001 total(_:) + 12 in shop at /app/Sources/Cart.swift:14:5\n",
        ["Shop/Cart.swift:14", "/app/Sources/Cart.swift:14"],
    ),
    (
        "elixir",
        (
            "** (KeyError) key :id not found\n    (elixir 1.15.4) lib/map.ex:1: Map.fetch!/2\n"
            "    (shop 0.1.0) lib/shop/cart.ex:14: Shop.Cart.total/1\n    lib/api.ex:3: anonymous fn/2 in Shop.Api.run/1\n"
        ),
        ["lib/shop/cart.ex:14", "lib/api.ex:3"],
    ),
    (
        "erlang",
        'crash: [{cart,total,1,[{file,"src/cart.erl"},{line,14}]},\n {api,run,0,[{file,"src/api.erl"},{line,3}]}]',
        ["src/cart.erl:14", "src/api.erl:3"],
    ),
    (
        "native",
        (
            "==1==ERROR: AddressSanitizer: heap-buffer-overflow\n    #0 0x4f2a in total(int*) /b/src/cart.cpp:2:10\n"
            "    #1 0x4f3b in main /b/src/main.cpp:7:3\n"
        ),
        ["/b/src/cart.cpp:2", "/b/src/main.cpp:7"],
    ),
    (
        "native",
        "#0  total (p=0x0) at src/cart.c:2\n#1  0x0000555 in main () at src/main.c:7\n",
        ["src/cart.c:2", "src/main.c:7"],
    ),
    (
        "native",
        "  * frame #0: 0x01 a.out`total(p=0x0) at cart.cpp:2:10\n    frame #1: 0x02 a.out`main at main.cpp:7:3\n",
        ["cart.cpp:2", "main.cpp:7"],
    ),
    (
        "native",
        "==9== Invalid read\n==9==    at 0x4005: total (cart.c:2)\n==9==    by 0x4006: main (main.c:7)\n",
        ["cart.c:2", "main.c:7"],
    ),
]


def places(text: str) -> list[list[str]]:
    return [[f"{frame.path}:{frame.line}" for frame in trace] for trace in parse_traces(text)]


@pytest.mark.parametrize(("name", "text", "frames"), ROWS)
def test_each_format_is_read_with_its_innermost_frame_first(name: str, text: str, frames: list[str]) -> None:
    assert places(f"It fails:\n{text}") == [frames], name


def test_every_format_has_a_text() -> None:
    assert {name for name, _, _ in ROWS} == {row.name for row in FORMATS}


# As they stand in reports of other projects, shortened; what collectors did to them is part of it.
REPORTED: list[tuple[str, list[list[str]]]] = [
    (
        (
            "E0623 15:24:30.674204 1 runtime.go:78] Observed a panic: (runtime error)\ngoroutine 552 [running]:\n"
            "panic(0x15e2ba0, 0x22e29c0)\n/opt/hostedtoolcache/go/1.16.4/x64/src/runtime/panic.go:965 +0x1b9\n"
            "github.com/aquasecurity/starboard/pkg/kube.(*logsReader).GetLogs(0xc0000a5a30, 0x14, ...)\n"
            "/home/runner/work/starboard/starboard/pkg/kube/logs.go:35 +0x1e5\n"
        ),
        [
            [
                "/opt/hostedtoolcache/go/1.16.4/x64/src/runtime/panic.go:965",
                "/home/runner/work/starboard/starboard/pkg/kube/logs.go:35",
            ]
        ],
    ),
    (
        (
            "Oct  1 10:19:30 localhost dockerd: goroutine 12580 [running]:\nOct  1 10:19:30 localhost dockerd: github.com/docker/docker/daemon/cluster/executor/container.(*controller).Logs(0xc4200ffb80, 0x0, ...)\n"
            "Oct  1 10:19:30 localhost dockerd: /root/.gopath/src/github.com/docker/docker/daemon/cluster/executor/container/controller.go:530 +0x4fe fp=0xc4211ebeb8\n"
        ),
        [["/root/.gopath/src/github.com/docker/docker/daemon/cluster/executor/container/controller.go:530"]],
    ),
    (
        (
            "Jan 14 19:58:29 pi-41 k3s[24668]: panic(0x2f8d0d8, 0x5578c40)\n"
            "Jan 14 19:58:29 pi-41 k3s[24668]:         /usr/local/go/src/runtime/panic.go:969 +0x158\n"
        ),
        [["/usr/local/go/src/runtime/panic.go:969"]],
    ),
    (
        (
            "17:13:47.808 [error] GenServer #PID<0.199.0> terminating\n   ** (FunctionClauseError) no function clause matching\n"
            '       (gen_magic) lib/gen_magic/apprentice_server.ex:41: GenMagic.ApprenticeServer.handle_info({:stderr, 12304, "\\n"}, %{})\n'
            "       (stdlib) gen_server.erl:637: :gen_server.try_dispatch/4\n"
        ),
        [["lib/gen_magic/apprentice_server.ex:41"]],
    ),
    (
        (
            "phonedb-57c69655fc-mfdj8 phonedb ** (FunctionClauseError) no function clause\n"
            "phonedb-57c69655fc-mfdj8 phonedb     (paddle 0.1.4) lib/paddle/parsing.ex:148: Paddle.Parsing.clean({:ok, 1})\n"
            "phonedb-57c69655fc-mfdj8 phonedb     (paddle 0.1.4) lib/paddle.ex:204: Paddle.handle_call/3\n"
        ),
        [["lib/paddle/parsing.ex:148", "lib/paddle.ex:204"]],
    ),
    (
        "** {function_clause,\n     [{'Elixir.ElixirTalk.Connect',do_result,\n          [<<>>],\n          [{file,\"lib/elixir_talk/connect.ex\"},{line,108}]},\n",
        [["lib/elixir_talk/connect.ex:108"]],
    ),
    (
        "FunctionClauseError: no function clause\nlib/remote_retro_web/channels/retro_channel.ex:92:in `add_idea!/2'\n",
        [["lib/remote_retro_web/channels/retro_channel.ex:92"]],
    ),
    (
        (
            "Uncaught TypeError: Argument 1 must be an Exception, called in D:\\Software & Games\\thetacab\\vendor\\HandleExceptions.php on line 73 and defined in D:\\Software & Games\\thetacab\\app\\Exceptions\\Handler.php:25\n"
            "Stack trace:\n#0 D:\\Software & Games\\thetacab\\vendor\\HandleExceptions.php(73): App\\Exceptions\\Handler->report(Object(TypeError))\n"
        ),
        [
            [
                "D:/Software & Games/thetacab/app/Exceptions/Handler.php:25",
                "D:/Software & Games/thetacab/vendor/HandleExceptions.php:73",
            ]
        ],
    ),
    (
        (
            "    #0 0x4030f8 in cleanup /vagrant/fast/wfqueue.c:75\n    #1 0x7f22 in clone (/lib/libc.so.6+0xfa37c)\n\nfreed by thread T2 here:\n"
            "    #0 0x7f22 in __interceptor_free (/usr/lib/libasan.so.2+0x94)\n    #1 0x4032e7 in cleanup /vagrant/fast/wfqueue.c:99\n"
        ),
        [["/vagrant/fast/wfqueue.c:75"], ["/vagrant/fast/wfqueue.c:99"]],
    ),
    (
        "[2023-03-03 10:55:38.405][ERROR][1][a7557lwr][0]     #1 0x5645 in SrsThreadPool::execute(std::basic_string<char, std::allocator<char> >, SrsCplxError* (*)(void*), void*) src/app/srs_app_threads.cpp:676, r0=1093\n",
        [["src/app/srs_app_threads.cpp:676"]],
    ),
    (
        "    #1 0x1000 in Thread::start(char const*, void*, unsigned long, std::__1::function<void ()> const&) Thread.cc:111\n",
        [["Thread.cc:111"]],
    ),
]


@pytest.mark.parametrize(("text", "traces"), REPORTED)
def test_a_reported_trace_is_read(text: str, traces: list[list[str]]) -> None:
    assert places(text) == traces


@pytest.mark.parametrize(
    "prefix",
    [
        "api-1  | ",
        "[pod/api-7d9f/api] ",
        "2026-05-04T10:11:12.1234567Z ",
        "Nov 29 12:00:01 web1 gunicorn[4242]: ",
        "> ",
        "2026-05-04T10:11:12+00:00 app[web.1]: ",
        "2026-05-04 10:11:12,123 ERROR ",
        "[2026-05-04 10:11:12] [error] [pid 12] ",
        "2026-05-04T10:11:12.1Z stderr F ",
        "#9 1.234 ",
        "##[error]",
        "web_1 | 2026-05-04 10:11:12 | ",
        "   | ",
    ],
)
@pytest.mark.parametrize("trace", [TRACEBACK, V8, ROWS[17][1]])
def test_what_a_collector_writes_before_each_line_is_passed_over(prefix: str, trace: str) -> None:
    text = "\n".join(prefix + line for line in trace.splitlines())
    assert places(text) == places(trace) != []


@pytest.mark.parametrize("escape", ["\x1b", "", "^[", "\\u001b", "\u241b"])
def test_colours_are_passed_over_with_and_without_their_escape_character(escape: str) -> None:
    purple, plain = f"{escape}[35m", f"{escape}[0m"
    text = TRACEBACK.replace('"/srv', f'{purple}"/srv').replace('.py"', f'.py"{plain}')
    assert places(text) == places(TRACEBACK)
    assert places(V8.replace("(", f"({escape}[36m").replace(":11)", f":11{escape}[39m)")) == places(V8)


@pytest.mark.parametrize("trace", [TRACEBACK, V8, ROWS[7][1]])
def test_a_trace_inside_a_string_is_read(trace: str) -> None:
    expected = places(trace)
    assert places(json.dumps({"level": "error", "exc_info": trace})) == expected
    assert places(json.dumps({"log": json.dumps({"exc_info": trace}) + "\n"})) == expected
    assert places("stderr was: " + repr(trace)) == expected


def test_a_line_of_a_page_is_read_as_the_text_it_shows() -> None:
    assert places("Error: x<br> &nbsp; &nbsp;at put (/app/src/store.js:3:11)<br>") == [["/app/src/store.js:3"]]


def test_several_traces_are_told_apart_and_a_repeated_one_counts_once() -> None:
    assert places(V8 + "\nServer:\n" + TRACEBACK + "\nagain:\n" + TRACEBACK) == [
        ["/app/src/store.js:3", "/app/src/main.js:4"],
        ["/srv/shop/cart.py:9", "/srv/shop/web.py:5"],
    ]
    other = resolve_frames(parse_traces(TRACEBACK)[0], ("shop/cart.py",), {})
    assert other_trace_facts([other, ()]) == ["Another trace: innermost here shop/cart.py:9 in checkout"]


@pytest.mark.parametrize(
    "text",
    [
        "cart.py:14: error: Missing return [return]",
        "src/cart.py:14: in which we see",
        "the price is 3 at (noon: 12:30)",
        "use a | b | c",
        'File "x.py" is missing',
        r"open C:\new\table.txt at 3",
    ],
)
def test_prose_and_messages_of_linters_are_no_traces(text: str) -> None:
    assert all(frame.function == "which" for trace in parse_traces(text) for frame in trace)


STORE = parse_outline("internal/store.go", b"package internal\n\nfunc Put() {\n\tx()\n}\n")


@pytest.mark.parametrize(
    ("path", "function", "own"),
    [
        ("/root/go/src/shop/internal/store.go", "Put", True),
        ("/go/src/example.com/shop/internal/store.go", "Put", True),
        ("internal/store.go", "Put", True),
        ("internal/modules/cjs/loader.js", "load", False),
        ("/usr/local/go/src/internal/store.go", "Put", False),
        ("/usr/local/go/src/runtime/panic.go", "panic", False),
        ("runtime/panic.go", "gopanic", False),
    ],
)
def test_own_code_may_have_the_names_of_a_runtimes_folders(path: str, function: str, own: bool) -> None:
    assert STORE is not None
    files = ("internal/store.go", "src/runtime/panic.go", "loader.js")
    (place,) = resolve_frames([Frame(path, 4, function)], files, {"internal/store.go": STORE})
    assert place.paths == (("internal/store.go",) if own else ())


@pytest.mark.parametrize("blank", ["\n", "  \n", "\r\n", "\x0b\n", "2026-11-30 10:00:00 \n"])
def test_blank_lines_without_end_hide_no_trace_and_cost_no_square(blank: str) -> None:
    gap = blank * (250_000 // len(blank))
    assert parse_traces(gap + TRACEBACK + gap) == parse_traces(TRACEBACK)
    assert len(clean_trace_text(gap)) < 10
