"""Prints what jedi says that calls run; run by `bench.source.calls` with a Python that has jedi."""

import ast
import json
import sys
from pathlib import Path

import jedi  # pyright: ignore[reportMissingImports]

root = Path(sys.argv[1])
project = jedi.Project(root)
wanted: dict[str, set[tuple[int, str]]] = {}
for text in sys.stdin:
    path, line, name = json.loads(text)
    wanted.setdefault(path, set()).add((line, name))

for path, sites in wanted.items():
    source = (root / path).read_text(errors="replace")
    try:
        tree = ast.parse(source)
    except SyntaxError:
        continue
    script = jedi.Script(source, path=root / path, project=project)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        if (node.lineno, name) not in sites or node.func.end_lineno is None or node.func.end_col_offset is None:
            continue
        text = source.splitlines()[node.func.end_lineno - 1].encode()[: node.func.end_col_offset].decode()
        try:
            found = script.goto(node.func.end_lineno, len(text) - 1, follow_imports=True)
        except Exception as error:  # noqa: BLE001 - jedi raises anything on code it cannot read
            print(path, node.lineno, error, file=sys.stderr)
            continue
        places = {(one.module_path, one.line, one.type) for one in found}
        if len(places) != 1:
            continue
        module, first, kind = places.pop()
        if kind not in {"function", "class"} or module is None:
            continue
        inside = module.is_relative_to(root)
        to = module.relative_to(root).as_posix() if inside else ""
        item = {"path": path, "line": node.lineno, "name": name, "to": to, "first": first, "last": first}
        print(json.dumps({**item, "abstract": False}))
