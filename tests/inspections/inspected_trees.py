"""Source for inspections: the graph of files given as text, and functions of outlines."""

from textwrap import dedent

from stepwarden.inspections.analyze.structure import Structure, find_structure
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.file_summary import summarize
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.outline import Definition, DefinitionKind

LAYERED = {
    "app/__init__.py": "",
    "app/__main__.py": "from app.web import pages\npages.show(1)\n",
    "app/web/__init__.py": "",
    "app/web/pages.py": """
        from app.core import orders
        from app.store.files import save as keep

        def show(number, hook=None):
            if number:
                order = orders.load(number)
                hook(order)
                order.check()
                order.check()
            keep(number)
            show(number - 1)
            getattr(orders, "x")()
    """,
    "app/core/__init__.py": "",
    "app/core/orders.py": """
        from app.store import files
        from app.core import rules
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from app.web import pages

        class Order:
            def check(self): rules.apply(self)

        def load(number) -> Order:
            files.read(number)
            return Order()
    """,
    "app/core/rules.py": "from app.core import orders\ndef apply(order): return callbacks[order](order)\n",
    "app/store/__init__.py": "",
    "app/store/files.py": "import os\ndef read(number): return os.read(number, 1)\ndef save(number): pass\n",
    "tests/test_pages.py": "from app.web.pages import show\ndef test_it(): show(1)\n",
}


def function(name: str, line: int, lines: int, complexity: int = 1) -> Definition:
    """Return what an outline says of a function of so many lines."""
    return Definition(
        name,
        name,
        DefinitionKind.FUNCTION,
        line,
        line + lines - 1,
        public=True,
        documented=False,
        complexity=complexity,
    )


def graph_of(files: dict[str, str]) -> CodeGraph:
    found = {path: parse_outline(path, dedent(text).lstrip("\n").encode()) for path, text in files.items()}
    return CodeGraph({path: one for path, one in found.items() if one is not None})


def structure_of(files: dict[str, str]) -> Structure:
    """Return the structure of files given as text."""
    texts = {path: dedent(text).lstrip("\n").encode() for path, text in files.items()}
    found = {path: (parse_outline(path, data), data) for path, data in texts.items()}
    return find_structure({path: summarize(one, data) for path, (one, data) in found.items() if one is not None})
