"""What calls mean, who calls whom, who imports whom."""

import pytest
from graph_trees import graph, loads, meant, targets
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.graph.cycles import components, cycles, layers, shortest_cycle
from stepwarden.source.graph.resolution import Certainty
from stepwarden.source.graph.symbol_search import find_symbols
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.outline import CallSite, Definition, DefinitionKind, Import, Language, Outline, Variable

SHOP = {
    "shop/__init__.py": "from .cart import Cart as Basket\n",
    "shop/cart.py": """
        import json
        from .money import rounded as round_it, Money
        from . import rules
        import shop.store.files as files

        class Base:
            def load(self): self.hook()
            def hook(self): pass

        class Cart(Base):
            def __init__(self): self.load()
            def total(self):
                round_it(1)
                rules.apply(self)
                files.save(self)
                json.dumps(self)
                len([])
                super().load()
            def hook(self): pass
            def use(self, money: Money, other, fn):
                money.spend()
                other.spend_all()
                other.append(1)
                fn()
                def inner(): pass
                inner()

        def make():
            return Cart()
    """,
    "shop/money.py": """
        def rounded(value): pass
        class Money:
            def spend(self): pass
        class Purse:
            def spend(self): pass
            def spend_all(self): pass
    """,
    "shop/rules.py": "def apply(cart): unknown()\n",
    "shop/store/__init__.py": "",
    "shop/store/files.py": "def save(cart): pass\n",
    "tests/test_cart.py": """
        import shop
        from shop.cart import Cart
        def test_a():
            shop.Basket()
            cart = Cart()
            cart.total()
    """,
}


@pytest.mark.parametrize(
    ("text", "certainty", "spelled"),
    [
        ("round_it", "sure", ["shop/money.py:rounded"]),
        ("rules.apply", "sure", ["shop/rules.py:apply"]),
        ("files.save", "sure", ["shop/store/files.py:save"]),
        ("self.load", "sure", ["shop/cart.py:Base.load"]),
        ("self.hook", "sure", ["shop/cart.py:Base.hook"]),
        ("(...).load", "sure", ["shop/cart.py:Base.load"]),
        ("money.spend", "sure", ["shop/money.py:Money.spend"]),
        ("inner", "sure", ["shop/cart.py:Cart.use.inner"]),
        ("Cart", "sure", ["shop/cart.py:Cart"]),
        ("other.spend_all", "likely", ["shop/money.py:Purse.spend_all"]),
        ("json.dumps", "outside", []),
        ("len", "outside", []),
        ("fn", "dynamic", []),
    ],
)
def test_a_call_is_resolved_as_the_language_does(text: str, certainty: str, spelled: list[str]) -> None:
    assert targets(graph(SHOP), "shop/cart.py", text) == (certainty, spelled)


def test_what_cannot_be_resolved_says_why() -> None:
    shop = graph(SHOP)
    assert meant(shop, "shop/cart.py", "fn").reason == "`fn` is a parameter"
    assert meant(shop, "shop/cart.py", "json.dumps").reason == "from json"
    assert meant(shop, "shop/cart.py", "self.hook").reason == "overridden in 1 subclass"
    assert meant(shop, "shop/rules.py", "unknown").certainty is Certainty.DYNAMIC
    assert "class of `other`" in meant(shop, "shop/cart.py", "other.spend_all").reason


def test_a_name_that_a_package_hands_on_is_followed_to_its_definition() -> None:
    shop = graph(SHOP)
    assert targets(shop, "tests/test_cart.py", "shop.Basket") == ("sure", ["shop/cart.py:Cart"])
    assert targets(shop, "tests/test_cart.py", "cart.total") == ("sure", ["shop/cart.py:Cart.total"])


def test_a_method_of_a_built_in_type_is_never_taken_for_the_only_one_of_its_name() -> None:
    found = graph({"a.py": "class Log:\n    def append(self, x): pass\ndef f(rows):\n    rows.append(1)\n"})
    assert targets(found, "a.py", "rows.append")[0] == "open"


def test_callers_are_found_under_every_name_and_the_sure_ones_come_first() -> None:
    shop = graph(SHOP)
    places = [(one.path, one.call.name) for one in shop.calls.calls_to(Symbol("shop/cart.py", "Cart"))]
    assert places == [("shop/cart.py", "Cart"), ("tests/test_cart.py", "Basket"), ("tests/test_cart.py", "Cart")]
    assert [one.call.name for one in shop.calls.calls_to(Symbol("shop/cart.py", "Cart.__init__"))] == [
        "Cart",
        "Basket",
        "Cart",
    ]
    assert [one.call.name for one in shop.calls.calls_to(Symbol("shop/money.py", "rounded"))] == ["round_it"]


def test_the_calls_of_a_class_are_those_of_its_constructor() -> None:
    assert [one.text for one in graph(SHOP).calls.made_by(Symbol("shop/cart.py", "Cart"))] == ["self.load"]


def test_importers_name_line_and_names() -> None:
    shop = graph(SHOP)
    found = [(one.path, one.line, one.names) for one in shop.imports.importers_of("shop/cart.py")]
    assert found == [("shop/__init__.py", 1, ("Cart",)), ("tests/test_cart.py", 3, ("Cart",))]
    assert [one.path for one in shop.imports.importers_of("shop/rules.py")] == ["shop/cart.py"]
    assert "shop/store/files.py" in loads(SHOP)["shop/cart.py"]


def test_an_import_in_a_function_is_no_import_at_load() -> None:
    files = {"a.py": "def f():\n    import b\n", "b.py": "import a\n"}
    assert cycles(loads(files)) == []
    assert [one.path for one in graph(files).imports.importers_of("b.py")] == ["a.py"]


def test_a_cycle_of_imports_is_found_with_a_way_round() -> None:
    found = loads(
        {"p/a.py": "from . import b\n", "p/b.py": "from . import c\n", "p/c.py": "import p.a\n", "p/__init__.py": ""}
    )
    assert cycles(found) == [("p/a.py", "p/b.py", "p/c.py")]
    assert shortest_cycle(("p/a.py", "p/b.py", "p/c.py"), found) == ("p/a.py", "p/b.py", "p/c.py")


def test_a_symbol_of_twenty_places_is_listed_with_all_of_them_and_one_can_be_picked() -> None:
    found = graph({f"m{place}.py": "class A:\n    def run(self): pass\n" for place in range(20)})
    assert len(find_symbols(found.symbols, "run")) == 20
    assert len(find_symbols(found.symbols, "A.run")) == 20
    assert find_symbols(found.symbols, "m7.py:A.run") == (Symbol("m7.py", "A.run"),)
    assert find_symbols(found.symbols, "m7.A.run") == (Symbol("m7.py", "A.run"),)
    assert find_symbols(found.symbols, "m7.py:2") == (Symbol("m7.py", "A.run"),)
    assert find_symbols(found.symbols, "m7.py") == (Symbol("m7.py", ""),)
    assert find_symbols(found.symbols, "nothing") == ()


def written(path: str, language: Language, *definitions: Definition, imports=(), calls=(), variables=()) -> Outline:
    return Outline(path, language, 10, 100, "", definitions, tuple(imports), tuple(calls), tuple(variables))


def function(qualified: str, kind: DefinitionKind = DefinitionKind.FUNCTION, **more) -> Definition:
    parent, _, name = qualified.rpartition(".")
    return Definition(name, qualified, kind, 1, 9, public=True, documented=False, parent=parent, **more)


def test_scripts_are_found_by_relative_paths_package_names_and_default_exports() -> None:
    script = Language.TYPESCRIPT
    app = written(
        "app/src/main.ts",
        script,
        function("go"),
        imports=[
            Import("./draw.js", (("default", "draw"), ("line", "drawLine")), 1),
            Import("@shop/money", (("round", "round"),), 2),
            Import("./shapes", (), 3, alias="shapes"),
            Import("react", (("useState", "useState"),), 4),
        ],
        calls=[CallSite(name, receiver, 5, "go") for name, receiver in
               (("draw", ""), ("drawLine", ""), ("round", ""), ("box", "shapes"), ("useState", ""),
                ("log", "console"))],
    )  # fmt: skip
    others = [
        written("app/src/draw.ts", script, function("draw"), function("line")),
        written("packages/money/src/index.ts", script, function("round")),
        written("app/src/shapes/index.tsx", script, imports=[Import("./box", (("*", "*"),), 1)]),
        written("app/src/shapes/box.tsx", script, function("box")),
    ]
    found = CodeGraph({one.path: one for one in (app, *others)}, {"@shop/money": "packages/money"})
    told = {call.name: targets(found, app.path, f"{call.receiver}.{call.name}".lstrip(".")) for call in app.calls}
    assert told == {
        "draw": ("sure", ["app/src/draw.ts:draw"]),
        "drawLine": ("sure", ["app/src/draw.ts:line"]),
        "round": ("sure", ["packages/money/src/index.ts:round"]),
        "box": ("sure", ["app/src/shapes/box.tsx:box"]),
        "useState": ("outside", []),
        "log": ("outside", []),
    }


def test_go_calls_reach_their_package_its_methods_and_other_packages_of_the_module() -> None:
    go = Language.GO
    main = written(
        "site/site.go",
        go,
        function("Site", DefinitionKind.CLASS),
        function("Site.Build", DefinitionKind.METHOD, signature="func (s *Site) Build(p *page.Page) error",
            parameters=("p",)),
        imports=[Import("example.org/hugo/page", (), 1), Import("fmt", (), 2)],
        calls=[CallSite(name, receiver, 5, "Site.Build") for name, receiver in
               (("helper", ""), ("render", "s"), ("New", "page"), ("Show", "p"), ("Println", "fmt"))],
        variables=[Variable("p", "Site.Build", 1, 9, "page.Page")],
    )  # fmt: skip
    other = written("site/other.go", go, function("helper"), function("Site.render", DefinitionKind.METHOD))
    page = written(
        "page/page.go",
        go,
        function("New"),
        function("Page", DefinitionKind.CLASS),
        function("Page.Show", DefinitionKind.METHOD),
    )
    found = CodeGraph({one.path: one for one in (main, other, page)}, {"example.org/hugo": ""})
    told = [targets(found, main.path, f"{call.receiver}.{call.name}".lstrip(".")) for call in main.calls]
    assert told == [
        ("sure", ["site/other.go:helper"]),
        ("sure", ["site/other.go:Site.render"]),
        ("sure", ["page/page.go:New"]),
        ("sure", ["page/page.go:Page.Show"]),
        ("outside", []),
    ]


edges_of = st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=4), max_size=8)


def reaches(edges: dict[str, list[str]], start: str, end: str) -> bool:
    seen: set[str] = set()
    waiting = list(edges.get(start, ()))
    while waiting:
        node = waiting.pop()
        if node == end:
            return True
        if node not in seen:
            seen.add(node)
            waiting += edges.get(node, ())
    return False


@given(edges_of)
def test_a_component_is_what_can_be_reached_from_each_other(edges: dict[str, list[str]]) -> None:
    parts = components(edges)
    home = {node: part for part in parts for node in part}
    assert sorted(home) == sorted({*edges, *(end for ends in edges.values() for end in ends)})
    for one, its in home.items():
        for other, others in home.items():
            both = one == other or (reaches(edges, one, other) and reaches(edges, other, one))
            assert (its == others) is both


@given(edges_of)
def test_layers_run_down_but_for_cycles_and_a_way_round_is_one(edges: dict[str, list[str]]) -> None:
    depth = {node: place for place, layer in enumerate(layers(edges)) for node in layer}
    tied = {(one, other) for part in cycles(edges) for one in part for other in part}
    for start, ends in edges.items():
        for end in ends:
            assert depth[end] > depth[start] or start == end or (start, end) in tied
    for part in cycles(edges):
        way = shortest_cycle(part, edges)
        assert way
        assert all(end in edges[start] for start, end in zip(way, (*way[1:], way[0]), strict=True))


names = st.sampled_from(["f", "g", "h", "C", "m"])


@given(st.lists(st.tuples(names, names), max_size=8), st.lists(st.tuples(names, names), max_size=8))
def test_every_call_gets_one_certainty_and_targets_that_exist(
    calls: list[tuple[str, str]], froms: list[tuple[str, str]]
) -> None:
    body = "".join(f"    {receiver}.{name}()\n    {name}()\n" for receiver, name in calls) or "    pass\n"
    imports = "".join(f"from .b import {name} as {here}\n" for name, here in froms)
    found = graph(
        {
            "p/__init__.py": "",
            "p/a.py": f"{imports}class C:\n    def m(self): pass\ndef f(g):\n{body}",
            "p/b.py": "from .a import *\ndef h(): pass\ndef g(): h()\n",
        }
    )
    for path, one in found.outlines.items():
        for call in one.calls:
            told = found.calls.resolve(path, call)
            assert all(found.symbols.definition(target) for target in told.targets)
            assert bool(told.targets) is (told.certainty in {Certainty.SURE, Certainty.LIKELY, Certainty.OPEN})
            for target in told.targets:
                assert told in found.calls.calls_to(target)


def test_a_script_that_calls_its_own_exports_calls_what_it_set_them_to() -> None:
    built = graph(
        {
            "a.js": """
                const load = (x) => x
                module.exports.load = load
                exports.save = function (x) { return x }
                module.exports.run = function () {
                  module.exports.load(1)
                  exports.save(2)
                  module.exports.gone(3)
                }
            """,
            "b.js": "function f(exports) { exports.load(1) }\nexports.load = 1\n",
        }
    )
    made = {one.text: one for one in built.calls.made_by(Symbol("a.js", "run"))}
    assert made["module.exports.load"].targets == (Symbol("a.js", "load"),)
    assert made["exports.save"].targets == (Symbol("a.js", "save"),)
    assert made["exports.save"].certainty is Certainty.SURE
    assert made["module.exports.gone"].certainty is Certainty.OUTSIDE
    assert [one.targets for one in built.calls.made_by(Symbol("b.js", "f"))] == [()]
