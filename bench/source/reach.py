"""What testgen calls untested, against the lines that a project's own tests ran.

    coverage run --source=src -m pytest && coverage json   # in the project
    python -m bench.source.reach TREE TREE/coverage.json SUBJECT

SUBJECT is the folder of the code in TREE, such as src.
"""

import json
import sys
from pathlib import Path

from stepwarden.inspections.shared.subject import is_function
from stepwarden.inspections.testgen.code_index import CodeIndex, Key
from stepwarden.inspections.testgen.inspector import find_untested
from stepwarden.inspections.testgen.passed_on import PassedOn
from stepwarden.inspections.testgen.reachability import follow_calls, reached_from
from stepwarden.inspections.testgen.test_uses import find_test_uses
from stepwarden.source.file_parser import parse_outline
from stepwarden.source.outline import Outline
from stepwarden.source.testfiles import is_test_file


def outlines_of(tree: Path) -> dict[str, Outline]:
    read = (parse_outline(path.relative_to(tree).as_posix(), path.read_bytes()) for path in sorted(tree.rglob("*.py")))
    return {outline.path: outline for outline in read if outline is not None}


def never_ran(outlines: dict[str, Outline], report: Path) -> set[Key]:
    """Return the functions of which no line but the heading ran; one on a single line ran with its file."""
    files = json.loads(report.read_text())["files"]
    found: set[Key] = set()
    for path, lines in files.items():
        ran, missed = set(lines["executed_lines"]), set(lines["missing_lines"])
        for item in outlines[path].definitions:
            body = set(range(item.line + 1, item.end_line + 1))
            if is_function(item) and body & missed and not body & ran:
                found.add((path, item.qualified))
    return found


def main() -> None:
    tree, report, subject = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    outlines = outlines_of(tree)
    index = CodeIndex(outlines, frozenset(filter(is_test_file, outlines)))
    targets = {path: found for path, found in outlines.items() if path.startswith(f"{subject}/")}

    def read(path: str) -> str:
        return (tree / path).read_text()

    reached = reached_from(index, find_test_uses(index, targets, read).tested, read)
    missed = find_untested(targets, reached)
    handed = PassedOn(index, read).find(missed)
    doubtful = follow_calls(index, handed, reached | handed)
    keys = [(path, item.qualified) for path, item in missed]
    named, doubted = ({key for key in keys if (key in doubtful) is doubt} for doubt in (False, True))
    truth = never_ran(outlines, report)
    functions = sum(is_function(item) for found in targets.values() for item in found.definitions)
    sys.stdout.write(
        f"{tree.name}: {functions} functions, {len(truth)} never ran; named {len(named)}, {len(named & truth)} of them"
        f" never ran; in doubt {len(doubted)}, {len(doubted & truth)} of them\n"
    )
    sys.stdout.writelines(f"  ran, but named: {path} {name}\n" for path, name in sorted(named - truth))


if __name__ == "__main__":
    main()
