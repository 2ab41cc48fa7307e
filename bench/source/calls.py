"""What `stepwarden.source.graph` says that calls run, against programs that infer types.

    python -m bench.source.calls python PYTHON TREE SITES   # PYTHON has jedi; at most so many call sites, a sample
    python -m bench.source.calls scripts NODE_DIR TREE      # the TypeScript compiler, also for JavaScript
    python -m bench.source.calls go GO TREE                 # go/types

NODE_DIR is a directory where `npm i typescript` ran, GO the Go command. A call is compared where the other program
names one function, method or type that the tree defines: it is right where our target stands at that place. Calls that
the other program finds to leave the tree are counted where we claim a definition of the tree for them.

The trees of the second table in docs/reports.md, chosen before anything was tuned: `scrapy` of scrapy 2026-08, `lib` of
nodemailer 6.9.16, `packages` of vuejs/core 2026-08 without its tests, esbuild 2026-08.
"""

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stepwarden.inspections.shared.manifests import read_package_names
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.graph.code_graph import CodeGraph
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.languages import language_of
from stepwarden.source.outline import Outline

ORACLES = Path(__file__).parent / "oracles"
SHOWN = 25
Site = tuple[str, int, str]


def graph_of(tree: Path) -> CodeGraph:
    """Return the graph of a tree, with the names that its manifests give its packages."""
    names = [path.relative_to(tree).as_posix() for path in sorted(tree.rglob("*")) if path.is_file()]
    names = [name for name in names if "node_modules/" not in name and not name.startswith(".git/")]
    found: dict[str, Outline] = {}
    for name in names:
        if language_of(name) is not None:
            read = parse_outline(name, (tree / name).read_bytes())
            if read is not None:
                found[name] = read
    return CodeGraph(found, read_package_names(str(tree), names))


def sites_of(graph: CodeGraph, suffixes: tuple[str, ...]) -> dict[Site, Resolution]:
    """Return the calls that are the only ones of their name on their line, resolved."""
    counts = Counter((path, call.line, call.name) for path, one in graph.outlines.items() for call in one.calls)
    return {
        (path, call.line, call.name): graph.calls.resolve(path, call)
        for path, one in graph.outlines.items()
        if path.endswith(suffixes)
        for call in one.calls
        if counts[path, call.line, call.name] == 1
    }


def ask(command: list[str], wanted: Iterable[Site], tree: Path) -> dict[Site, dict[str, Any]]:
    """Return by call what another program says: JSON lines of path, line, name, to, first, last, abstract."""
    run = subprocess.run(
        command,
        input="\n".join(json.dumps(one) for one in wanted),
        capture_output=True,
        check=True,
        text=True,
        cwd=tree,
    )
    found: dict[Site, dict[str, Any]] = {}
    twice: set[Site] = set()
    for line in run.stdout.splitlines():
        item = json.loads(line)
        site = (item["path"], item["line"], item["name"])
        if site in found and found[site] != item:
            twice.add(site)
        found[site] = item
    return {site: item for site, item in found.items() if site not in twice}


def is_right(graph: CodeGraph, resolution: Resolution, item: dict[str, Any]) -> bool:
    """Whether one of the targets of a call stands where the other program says."""
    for target in resolution.targets:
        definition = graph.symbols.definition(target)
        line = definition.line if definition else 1
        if target.path == item["to"] and item["first"] - 1 <= line <= item["last"]:
            return True
    return False


def defines(graph: CodeGraph, item: dict[str, Any]) -> bool:
    """Whether what the other program names is a definition of our outlines."""
    return any(
        item["first"] - 1 <= one.line <= item["last"] for one in graph.symbols.definitions.get(item["to"], {}).values()
    )


def compare(graph: CodeGraph, ours: dict[Site, Resolution], theirs: dict[Site, dict[str, Any]], label: str) -> None:
    """Print the figures of one table row, and examples of what is not right."""
    counts: Counter[str] = Counter()
    shown: list[str] = []
    for site, item in theirs.items():
        if site not in ours:
            continue
        resolution = ours[site]
        inside = bool(item["to"])
        if inside and not defines(graph, item):
            continue
        right = inside and is_right(graph, resolution, item)
        kind = resolution.certainty.value
        if not inside:
            counts["outside"] += 1
            counts[f"outside, {kind}"] += bool(resolution.targets)
            continue
        counts["calls"] += 1
        counts[f"{kind}, {'right' if right else 'wrong'}"] += 1
        if not right:
            told = [target.spelled for target in resolution.targets]
            shown.append(f"{kind} {site} {item['to']}:{item['first']} {told} {resolution.text} {resolution.reason}")
    total = max(1, counts["calls"])
    known = counts["sure, right"] + counts["likely, right"]
    print(label, dict(sorted(counts.items())))
    print(f"  found {known / total:.1%}, or open {(known + counts['open, right']) / total:.1%}")
    random.Random(1).shuffle(shown)
    print("\n".join(f"    {line}" for line in shown[:SHOWN]))


def main(kind: str, program: str, tree: Path, sites: int = 0) -> None:
    """Compare one tree."""
    graph = graph_of(tree)
    if kind == "python":
        ours = sites_of(graph, (".py",))
        wanted = random.Random(7).sample(sorted(ours), min(sites or len(ours), len(ours)))
        theirs = ask([program, str(ORACLES / "jedi_calls.py"), str(tree)], wanted, tree)
    elif kind == "scripts":
        ours = sites_of(graph, (".ts", ".tsx", ".js", ".jsx", ".cjs", ".mjs"))
        command = ["node", str(ORACLES / "typescript_calls.cjs"), str(Path(program) / "node_modules"), str(tree)]
        theirs = ask(command, ours, tree)
    else:
        ours = sites_of(graph, (".go",))
        theirs = ask([program, "run", "-mod=mod", str(ORACLES / "go_calls.go"), str(tree)], (), tree)
        compare(graph, ours, {site: item for site, item in theirs.items() if item["abstract"]}, "through interfaces")
        theirs = {site: item for site, item in theirs.items() if not item["abstract"]}
    compare(graph, ours, theirs, str(tree))
    if Certainty.LIKELY not in {one.certainty for one in ours.values()}:
        print("nothing is likely")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).resolve(), int(sys.argv[4]) if len(sys.argv) > 4 else 0)
