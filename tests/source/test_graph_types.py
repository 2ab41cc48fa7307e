"""Calls on objects whose class the text states: variables, fields, parameters, results, interfaces."""

import pytest
from graph_trees import graph, meant, targets

from stepwarden.source.file_parser import parse_outline
from stepwarden.source.graph.symbols import Symbol

RUN = "class Foo:\n    def run(self): pass\n    def me(self): return self\nclass Bar:\n    def run(self): pass\n"
PYTHON = {
    "a variable that is set to a new object": "from m import Foo\ndef f():\n    x = Foo()\n    x.run()\n",
    "a variable of the module": "from m import Foo\nx = Foo()\ndef f():\n    x.run()\n",
    "a variable of an outer function": "from m import Foo\ndef f():\n    x = Foo()\n    def g():\n        x.run()\n",
    "a field": "import m\nclass C:\n    def __init__(self):\n        self.x = m.Foo()\n"
    "    def f(self):\n        self.x.run()\n",
    "an inherited field": """
        from m import Foo
        class B:
            def __init__(self): self.x = Foo()
        class C(B):
            def f(self): self.x.run()
    """,
    "a field that is None at first": """
        from m import Foo
        class C:
            x = None
            def open(self): self.x = Foo()
            def f(self): self.x.run()
    """,
    "an annotated field": "from m import Foo\nclass C:\n    x: Foo\n    def f(self): self.x.run()\n",
    "a field of a dataclass": """
        from dataclasses import dataclass
        from m import Foo
        @dataclass
        class C:
            x: "Foo | None" = None
        def f(c: C): c.x.run()
    """,
    "a field that is set to a parameter with a type": """
        from m import Foo
        class C:
            def __init__(self, x: Foo): self.x = x
            def f(self): self.x.run()
    """,
    "an annotated variable": "from m import Foo\ndef f(make):\n    x: Foo = make()\n    x.run()\n",
    "a parameter": "from m import Foo\ndef f(x: Foo): x.run()\n",
    "an optional parameter": "from typing import Optional\nfrom m import Foo\n"
    "def f(x: Optional[Foo] = None): x.run()\n",
    "a parameter of many": "from m import Foo\n"
    "def f(*, aaaaaaaaaaaaaaaaaaaaaaaaaa: int, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb: str, "
    "ccccccccccccccccccccccccccc: int, dddddddddddddd: int, x: Foo): x.run()\n",
    "a declared result": "from m import Foo\ndef make() -> Foo: ...\ndef f():\n    x = make()\n    x.run()\n",
    "an inferred result": "from m import Foo\ndef make(): return Foo()\ndef f():\n    make().run()\n",
    "a property": """
        from m import Foo
        class C:
            @property
            def x(self) -> Foo: ...
            def f(self): self.x.run()
    """,
    "a new object at once": "from m import Foo\ndef f(): Foo().run()\n",
    "a chain that returns its own object": "from m import Foo\ndef f(): Foo().me().run()\n",
    "an element of a list": "from m import Foo\ndef f(xs: list[Foo]):\n    for x in xs:\n        x.run()\n",
    "an element of a list in a comprehension": "from m import Foo\n"
    "def f(xs: list[Foo]): return [x.run() for x in xs]\n",
    "a context manager": """
        from m import Foo
        class C:
            def __enter__(self) -> Foo: ...
        def f():
            with C() as x:
                x.run()
    """,
    "a variable of another module": "from shared import x\ndef f(): x.run()\n",
    "a variable of a module that is imported": "import shared\ndef f(): shared.x.run()\n",
    "a variable that is set again before": "from m import Foo, Bar\ndef f():\n    x = Bar()\n"
    "    x = Foo()\n    x.run()\n",
    "a value that is cast": "from typing import cast\nfrom m import Foo\ndef f(y):\n"
    "    x = cast(Foo, y)\n    x.run()\n",
    "a class that is a parameter": "from m import Foo\ndef f(kind: type[Foo]): kind().run()\n",
    "a walrus": "from m import Foo\ndef f():\n    if (x := Foo()):\n        x.run()\n",
}


@pytest.mark.parametrize("text", PYTHON.values(), ids=PYTHON)
def test_a_call_in_python_is_of_the_class_that_the_text_states(text: str) -> None:
    found = graph({"m.py": RUN, "shared.py": "from m import Foo\nx = Foo()\n", "a.py": text})
    calls = [found.calls.resolve("a.py", call) for call in found.outlines["a.py"].calls if call.name == "run"]
    assert [(one.certainty.value, [target.spelled for target in one.targets]) for one in calls] == [
        ("sure", ["m.py:Foo.run"])
    ]


GO = {
    "a literal": "d := C{}\n\td.Run()",
    "the address of a literal": "d := &C{}\n\td.Run()",
    "the declared result of a function": "d := NewC()\n\td.Run()",
    "the first of two results": "d, err := OpenC()\n\t_ = err\n\td.Run()",
    "new": "d := new(C)\n\td.Run()",
    "a declared variable": "var d C\n\td.Run()",
    "a declared pointer": "var d *C = other()\n\td.Run()",
    "a parameter": "p.Run()",
    "a field": "h.c.Run()",
    "a field of a field": "h.in.c.Run()",
    "an element": "h.all[0].Run()",
    "a value of a map": 'h.by["x"].Run()',
    "a range": "for _, d := range h.all {\n\t\td.Run()\n\t}",
    "an assertion": "if d, ok := any(h).(*C); ok {\n\t\td.Run()\n\t}",
    "a switch over types": "switch d := any(h).(type) {\n\tcase *C:\n\t\td.Run()\n\t}",
    "a function literal's parameter": "_ = func(d *C) { d.Run() }",
    "a call at once": "NewC().Run()",
    "an embedded field": "e := Outer{}\n\te.Run()",
    "an embedded field by its name": "e := Outer{}\n\te.C.Run()",
    "another package's type": "d := other.Make()\n\td.Run()",
    "a variable of the package": "shared.Run()",
    "the innermost of two": "d := D{}\n\tif true {\n\t\td := C{}\n\t\td.Run()\n\t}\n\t_ = d",
}


@pytest.mark.parametrize("body", GO.values(), ids=GO)
def test_a_call_in_go_is_of_the_declared_type(body: str) -> None:
    types = """package p
type C struct{}
func (c *C) Run() {}
type D struct{}
func (d D) Run() {}
type In struct { c *C }
type H struct { c *C; in In; all []*C; by map[string]C }
type Outer struct { *C }
var shared = NewC()
func NewC() *C { return &C{} }
func OpenC() (*C, error) { return nil, nil }
"""
    found = graph(
        {
            "p/types.go": types,
            "other/other.go": 'package other\nimport "x.org/m/p"\nfunc Make() *p.C { return nil }\n',
            "p/a.go": f'package p\nimport "x.org/m/other"\nfunc f(h *H, p *C) {{\n\t{body}\n}}\n',
        },
        {"x.org/m": ""},
    )
    calls = [found.calls.resolve("p/a.go", call) for call in found.outlines["p/a.go"].calls if call.name == "Run"]
    assert [(one.certainty.value, [target.spelled for target in one.targets]) for one in calls] == [
        ("sure", ["p/types.go:C.Run"])
    ]


TYPESCRIPT = {
    "new": "const x = new Foo()\nx.run()",
    "a declared constant": "const x: Foo = make()\nx.run()",
    "let, set later": "let x\nx = new Foo()\nx.run()",
    "new at once": "new Foo().run()",
    "a parameter": "function f(x: Foo) { x.run() }",
    "an optional parameter": "function f(x?: Foo | null) { x?.run() }",
    "an arrow function's parameter": "const f = (x: Foo) => x.run()",
    "a field of a class": "class C { x: Foo\n f() { this.x.run() } }",
    "a field that is set": "class C { x = new Foo()\n f() { this.x.run() } }",
    "a field that the constructor sets": "class C { constructor() { this.x = new Foo() }\n f() { this.x.run() } }",
    "a parameter that is a field": "class C { constructor(private x: Foo) {}\n f() { this.x.run() } }",
    "a field of an interface": "interface I { x: Foo }\nfunction f(i: I) { i.x.run() }",
    "a declared result": "function make(): Foo { return other() }\nmake().run()",
    "an inferred result": "const make = () => new Foo()\nconst x = make()\nx.run()",
    "a promise": "async function make(): Promise<Foo> { return other() }\n"
    "async function f() { const x = await make()\nx.run() }",
    "an element": "function f(xs: Foo[]) { for (const x of xs) { x.run() } }",
    "an assertion": "const x = other() as Foo\nx.run()",
    "a variable of another module": "import { shared } from './shared'\nshared.run()",
    "a default export that is an object": "import one from './one'\none.run()",
    "an alias of the type": "type X = Foo\nfunction f(x: X) { x.run() }",
}


@pytest.mark.parametrize("text", TYPESCRIPT.values(), ids=TYPESCRIPT)
def test_a_call_in_typescript_is_of_the_class_that_the_text_states(text: str) -> None:
    foo = "export class Foo { run() {} }\nexport class Bar { run() {} }\n"
    found = graph(
        {
            "foo.ts": foo,
            "shared.ts": "import { Foo } from './foo'\nexport const shared = new Foo()\n",
            "one.ts": "import { Foo } from './foo'\nexport default new Foo()\n",
            "a.ts": f"import {{ Foo }} from './foo'\n{text}\n",
        }
    )
    calls = [found.calls.resolve("a.ts", call) for call in found.outlines["a.ts"].calls if call.name == "run"]
    assert [(one.certainty.value, [target.spelled for target in one.targets]) for one in calls] == [
        ("sure", ["foo.ts:Foo.run"])
    ]


def test_a_variable_of_two_classes_is_open_with_both() -> None:
    text = "from m import Foo, Bar\ndef f(new):\n    x = Foo()\n    if new:\n        x = Bar()\n    x.run()\n"
    assert targets(graph({"m.py": RUN, "a.py": text}), "a.py", "x.run") == ("open", ["m.py:Foo.run", "m.py:Bar.run"])


def test_a_value_beside_unknown_ones_is_a_guess_and_says_so() -> None:
    text = "from m import Foo\ndef f(new):\n    x = Foo()\n    if new:\n        x = new.make[0]\n    x.run()\n"
    found = meant(graph({"m.py": RUN, "a.py": text}), "a.py", "x.run")
    assert (found.certainty.value, found.reason) == ("likely", "one of the values of `x`; others are unknown")


def test_a_name_that_a_function_sets_to_something_unknown_is_not_that_of_the_module() -> None:
    text = "from m import Foo\nx = Foo()\ndef f(rows):\n    for x in rows.all:\n        x.run()\n"
    assert targets(graph({"m.py": RUN, "a.py": text}), "a.py", "x.run")[0] == "open"


def test_an_object_from_outside_the_tree_has_no_method_of_the_tree() -> None:
    text = "from requests import Session\ndef f(s: Session):\n    t = Session()\n    s.run()\n    t.only()\n"
    found = graph({"m.py": "class Foo:\n    def run(self): pass\n    def only(self): pass\n", "a.py": text})
    assert meant(found, "a.py", "s.run").reason == meant(found, "a.py", "t.only").reason == "an object from requests"
    assert targets(found, "a.py", "t.only") == ("outside", [])


def test_a_call_through_an_interface_of_go_names_the_types_that_have_all_its_methods() -> None:
    text = """package p
type Store interface { Get(k string) string; Close() }
type Disk struct{}
func (d *Disk) Get(k string) string { return "" }
func (d *Disk) Close() {}
type Half struct{}
func (h *Half) Close() {}
func f(s Store) { s.Close() }
"""
    found = meant(graph({"p/a.go": text}), "p/a.go", "s.Close")
    assert (found.certainty.value, [one.qualified for one in found.targets]) == ("likely", ["Disk.Close"])
    assert found.reason == "through the interface `Store`; the only type with its methods"


def test_names_that_are_set_to_each_other_end() -> None:
    text = "def f(a):\n    x = a.b or y\n    y = x.c() or x\n    x.run()\n    y.run()\n"
    found = graph(
        {
            "m.py": RUN,
            "a.py": f"{text}class C:\n    def g(self):\n        self.p = self.q\n"
            "        self.q = self.p\n        self.p.run()\n",
        }
    )
    assert targets(found, "a.py", "self.p.run")[0] == "open"


@pytest.mark.parametrize("bases", ["(Base)", ""], ids=["derived", "only of its form"])
def test_a_call_through_a_base_or_a_protocol_is_an_open_caller_of_what_overrides_it(bases: str) -> None:
    text = f"""
        from typing import Protocol
        class Base(Protocol):
            def run(self): ...
        class Sub{bases}:
            def run(self): pass
        class Other:
            def walk(self): pass
        def f(x: Base): x.run()
    """
    found = graph({"a.py": text}).calls.calls_to(Symbol("a.py", "Sub.run"))
    assert [(one.certainty.value, one.reason) for one in found] == [
        ("open", "through `Base.run`, which it may override")
    ]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", f"def u(x):\n    y = x{'.a()' * 900}\n"),
        ("a.py", f"def u(x: {'A[' * 190}B{']' * 190}):\n    y = x\n"),
        ("a.ts", f"function u(x: A) {{ const y = x{'.a()' * 900} }}\n"),
        ("a.go", f"package a\n\nfunc u(x A) {{\n\ty := x{'.a()' * 900}\n\t_ = y\n}}\n"),
    ],
)
def test_a_chain_of_any_length_hides_no_definition(path: str, text: str) -> None:
    outline = parse_outline(path, text.encode())
    assert outline is not None
    assert "u" in {each.name for each in outline.definitions}


@pytest.mark.parametrize(
    ("base", "certainty", "found"),
    [
        ("class Base { constructor(x) {} }", "sure", ["a.ts:Base.constructor"]),
        ("class Base { run() {} }", "outside", []),
        ("import { Base } from 'elsewhere';", "outside", []),
    ],
)
def test_super_in_a_constructor_runs_the_constructor_of_the_base(base: str, certainty: str, found: list[str]) -> None:
    tree = graph({"a.ts": f"{base}\nclass Sub extends Base {{ constructor() {{ super(1); }} }}\n"})
    assert targets(tree, "a.ts", "super") == (certainty, found)


@pytest.mark.parametrize("name", ["URLSearchParams", "Headers", "AbortController", "Buffer", "TextEncoder", "WeakRef"])
def test_what_a_platform_brings_is_not_unresolved(name: str) -> None:
    tree = graph({"a.ts": f"export function f() {{ return new {name}(); }}\n"})
    assert meant(tree, "a.ts", name).built_in
