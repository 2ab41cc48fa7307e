"""Functions of C and C++ that one file declares and another defines: one definition."""

import pytest
from graph_trees import graph, targets

from stepwarden.source.documentation import find_undocumented
from stepwarden.source.graph.symbol_search import find_symbols
from stepwarden.source.graph.symbols import Symbol

QUEUE = {
    "include/queue.h": "int queue_push(int value);\nint queue_size(void);\n",
    "src/queue.c": '#include "queue.h"\nint queue_push(int value) { return queue_size() + value; }\n'
    "int queue_size(void) { return 0; }\nstatic int hidden(void) { return queue_size(); }\n",
    "src/main.c": '#include "queue.h"\nint main(void) { return queue_push(1); }\n',
}
STORE = {
    "store.h": "namespace shop {\nclass Store {\n public:\n  int load(int key);\n  int size() { return 1; }\n};\n}\n",
    "store.cc": '#include "store.h"\nint shop::Store::load(int key) { return check(key) + size(); }\n'
    "int check(int key) { return key; }\n",
}


@pytest.mark.parametrize("text", ["queue_push", "include/queue.h:queue_push", "include/queue.h:1", "src/queue.c:2"])
def test_a_function_is_one_definition_where_its_body_is(text: str) -> None:
    assert find_symbols(graph(QUEUE).symbols, text) == (Symbol("src/queue.c", "queue_push"),)


def test_a_call_runs_the_body_of_what_a_header_declares() -> None:
    found = graph(QUEUE)
    assert targets(found, "src/main.c", "queue_push") == ("sure", ["src/queue.c:queue_push"])
    callers = found.calls.calls_to(Symbol("src/queue.c", "queue_size"))
    assert [(one.call.inside, one.certainty.value) for one in callers] == [("queue_push", "sure"), ("hidden", "sure")]


def test_a_method_is_one_definition_with_the_class_that_declares_it() -> None:
    found = graph(STORE)
    assert find_symbols(found.symbols, "Store::load") == (Symbol("store.cc", "shop.Store.load"),)
    assert targets(found, "store.cc", "size") == ("sure", ["store.h:Store.size"])
    assert targets(found, "store.cc", "check") == ("sure", ["store.cc:check"])


def test_the_bodies_of_two_platforms_are_both_of_one_declaration() -> None:
    found = graph(
        {
            "uv.h": "int uv_run(void);\n",
            "unix/core.c": '#include "uv.h"\nint uv_run(void) { return 1; }\n',
            "win/core.c": '#include "uv.h"\nint uv_run(void) { return 2; }\n',
            "main.c": '#include "uv.h"\nint main(void) { return uv_run(); }\n',
        }
    )
    assert targets(found, "main.c", "uv_run") == ("open", ["unix/core.c:uv_run", "win/core.c:uv_run"])


def test_functions_of_one_name_in_files_that_know_nothing_of_each_other_are_two() -> None:
    found = graph({"a/list.h": "int push(int x);\n", "b/tree.c": "int push(int x) { return x; }\n", "c/heap.c":
        "int push(int x) { return x; }\n"})  # fmt: skip
    assert len(find_symbols(found.symbols, "push")) == 3


@pytest.mark.parametrize(
    ("header", "source", "missing"),
    [
        ("int f(void);", "int f(void) { return 1; }", {"a.c": ["f"]}),
        ("/** Runs. */\nint f(void);", "int f(void) { return 1; }", {}),
        ("int f(void);", "/** Runs. */\nint f(void) { return 1; }", {}),
    ],
)
def test_an_undocumented_function_is_reported_once_and_documented_in_either_file(
    header: str, source: str, missing: dict[str, list[str]]
) -> None:
    found = find_undocumented(graph({"a.h": f"{header}\n", "a.c": f'#include "a.h"\n{source}\n'}).outlines)
    assert {path: [item.name for item in items] for path, items in found.items()} == missing


def test_a_method_is_asked_for_documentation_where_its_class_declares_it() -> None:
    header = "/** A store. */\nclass Store {\n public:\n  int load(int key);\n};\n"
    source = '#include "a.h"\nint Store::load(int key) { return key; }\n'
    found = find_undocumented(graph({"a.h": header, "a.cc": source}).outlines)
    assert {path: [item.qualified for item in items] for path, items in found.items()} == {"a.h": ["Store.load"]}
    documented = source.replace("int Store", "/** Loads. */\nint Store")
    assert find_undocumented(graph({"a.h": header, "a.cc": documented}).outlines) == {}
