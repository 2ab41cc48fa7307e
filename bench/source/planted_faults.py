"""Faults that a script writes into Python: of each kind, all the places of a file where it could stand."""

import ast
import re
from collections.abc import Callable, Iterator

Lines = list[str]
Fault = tuple[int, Lines]  # the line where it is, from 1, and the file with it
Plant = Callable[[Lines, ast.Module], Iterator[Fault]]
_KEY = "AKIA" + "Q4ZPLR7WXY2MNB3K"  # put together here, so that no scanner takes this file for a leak


def leave_lock_out(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.With) or "lock" not in ast.unparse(node.items[0].context_expr).lower():
            continue
        body = range(node.body[0].lineno - 1, (node.end_lineno or node.lineno))
        indent = len(lines[body[0]]) - len(lines[node.lineno - 1].rstrip("\n")) + len(lines[node.lineno - 1].strip())
        shift = node.body[0].col_offset - node.col_offset
        if indent and node.body[0].lineno > node.lineno:
            inside = [lines[at][shift:] if lines[at].strip() else lines[at] for at in body]
            yield node.lineno, [*lines[: node.lineno - 1], *inside, *lines[body[-1] + 1 :]]


def leave_guard_out(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    """Yield the locks left out round a change of an attribute that two more places of the class change under it."""
    for owner in ast.walk(tree):
        guarded: dict[tuple[str, str], list[tuple[ast.With, int]]] = {}
        for node in ast.walk(owner) if isinstance(owner, ast.ClassDef) else ():
            lock = ast.unparse(node.items[0].context_expr) if isinstance(node, ast.With) else ""
            for inner in ast.walk(node) if isinstance(node, ast.With) and "lock" in lock.lower() else ():
                if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
                    guarded.setdefault((lock, ast.unparse(inner)), []).append((node, inner.lineno))
        for places in guarded.values():
            for node, line in places if len({id(node) for node, _ in places}) > 2 else ():
                rest = ast.Module([node], [])
                for _, after in leave_lock_out(lines, rest):
                    yield line - (node.body[0].lineno - node.lineno), after


def widen_except(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name) and node.type.id != "Exception":
            row = lines[node.lineno - 1]
            yield node.lineno, _with(lines, node.lineno, row.replace(node.type.id, "Exception", 1))


def change_default(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in _functions(tree):
        for default in node.args.defaults:
            if isinstance(default, ast.Constant) and isinstance(default.value, int) and default.value > 1:
                row, start, end = lines[default.lineno - 1], default.col_offset, default.end_col_offset
                yield node.lineno, _with(lines, default.lineno, f"{row[:start]}{default.value + 7}{row[end:]}")


def remove_public_name(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not node.decorator_list:
            yield node.lineno, [*lines[: node.lineno - 1], *lines[(node.end_lineno or node.lineno) :]]


def insert_parameter(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in _functions(tree):
        first = next((each for each in node.args.args if each.arg not in {"self", "cls"}), None)
        if first is not None and not node.args.posonlyargs:
            row = lines[first.lineno - 1]
            yield node.lineno, _with(lines, first.lineno, f"{row[: first.col_offset]}extra, {row[first.col_offset :]}")


def contradict_docs(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in _functions(tree):
        text = ast.get_docstring(node) or ""
        names = node.args.args[len(node.args.args) - len(node.args.defaults) :]
        for name, default in zip(names, node.args.defaults, strict=True):
            if not isinstance(default, ast.Constant) or not isinstance(default.value, bool | int | str):
                continue
            said = rf"\b{name.arg}\b[^\n]*(?:\n[^\n]+)?\bdefaults?\W+(?:to\W+|is\W+)?{re.escape(repr(default.value))}"
            if re.search(said, text):
                value = default.value
                other = str(not value) if isinstance(value, bool) else '"other"' if isinstance(value, str) else "77"
                row, start, end = lines[default.lineno - 1], default.col_offset, default.end_col_offset
                yield default.lineno, _with(lines, default.lineno, f"{row[:start]}{other}{row[end:]}")


def shorten_exports(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in tree.body:
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "__all__"
            and isinstance(node.value, ast.List)
        ):
            for name in node.value.elts:
                if name.lineno == name.end_lineno and name.lineno > node.lineno:
                    yield node.lineno, [*lines[: name.lineno - 1], *lines[name.lineno :]]


def add_untested(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    del tree
    yield len(lines) + 3, [*lines, "\n", "\n", "def weigh_parcel(parcel, scale):\n", "    return scale.read(parcel)\n"]


def move_bound(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    signs: dict[type[ast.cmpop], tuple[str, str]] = {
        ast.Lt: ("<", "<="),
        ast.LtE: ("<=", "<"),
        ast.Gt: (">", ">="),
        ast.GtE: (">=", ">"),
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in signs:
            was, now = signs[type(node.ops[0])]
            row, end = lines[node.lineno - 1], node.left.end_col_offset or 0
            if node.left.end_lineno == node.lineno and was in row[end : end + 4]:
                yield node.lineno, _with(lines, node.lineno, row[:end] + row[end:].replace(was, now, 1))


def swallow_errors(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.body[0].lineno > node.lineno:
            head = f"{' ' * node.col_offset}except Exception:\n"
            rest = lines[(node.end_lineno or node.lineno) :]
            yield node.lineno, [*lines[: node.lineno - 1], head, f"{' ' * node.body[0].col_offset}pass\n", *rest]


def share_default(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in _functions(tree):
        last = node.args.args[-1] if node.args.args else None
        if last is None or node.args.vararg or node.args.kwonlyargs or node.args.kwarg or last.annotation:
            continue
        row, end = lines[last.lineno - 1], last.end_col_offset or 0
        at = node.body[0]
        if not node.args.defaults and last.arg != "self" and at.lineno > last.lineno:
            changed = _with(lines, last.lineno, f"{row[:end]}, seen=[]{row[end:]}")
            yield (
                last.lineno,
                [*changed[: at.lineno - 1], f"{' ' * at.col_offset}seen.append(1)\n", *changed[at.lineno - 1 :]],
            )


def leave_open(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and len(node.items) == 1 and isinstance(node.items[0].optional_vars, ast.Name):
            call, name = ast.unparse(node.items[0].context_expr), node.items[0].optional_vars.id
            if re.match(r"(?:io\.|gzip\.|codecs\.|tarfile\.)?open\(", call) and node.body[0].lineno > node.lineno:
                shift = node.body[0].col_offset - node.col_offset
                inside = [
                    row[shift:] if row.strip() else row for row in lines[node.body[0].lineno - 1 : node.end_lineno]
                ]
                head = f"{' ' * node.col_offset}{name} = {call}\n"
                yield node.lineno, [*lines[: node.lineno - 1], head, *inside, *lines[(node.end_lineno or 0) :]]


def leave_something(lines: Lines, tree: ast.Module) -> Iterator[Fault]:
    for number, node in enumerate(_functions(tree)):
        at = node.body[0].lineno
        if at > node.lineno:
            text = ["breakpoint()", f'key = "{_KEY}"', 'print("here", locals())'][number % 3]
            yield at, [*lines[: at - 1], f"{' ' * node.body[0].col_offset}{text}\n", *lines[at - 1 :]]


KINDS: dict[str, Plant] = {
    "lock left out": leave_lock_out,
    "except widened": widen_except,
    "default changed": change_default,
    "public name removed": remove_public_name,
    "parameter inserted": insert_parameter,
    "secret or leftover": leave_something,
    "default against docstring": contradict_docs,
    "exports shortened": shorten_exports,
    "new without a test": add_untested,
    "bound moved": move_bound,
    "error swallowed": swallow_errors,
    "default shared": share_default,
    "file left open": leave_open,
}
SHOWN_BY_FILES: dict[str, Plant] = {  # without a change
    "lock left out": leave_guard_out,
    "parameter inserted": insert_parameter,
    "default against docstring": contradict_docs,
    "error swallowed": swallow_errors,
    "default shared": share_default,
    "file left open": leave_open,
}


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def _with(lines: Lines, number: int, row: str) -> Lines:
    return [*lines[: number - 1], row, *lines[number:]]
