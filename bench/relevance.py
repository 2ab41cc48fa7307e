"""`python -m bench.relevance SEED DRAWS TREE...`: how often drawn lines have to do with a claim that they are not for.

`of it`: a line of code of the function that the claim names, and so what should count. `same file`, `other file`: any
line outside of it, and so what should not. `hypothesis`: three such lines, half of them of the file that the task
names, for a claim that was made without a look; one that counts is enough. `issue`: the same for an issue with its
place at the line that is quoted. Where the task names the function, or a line of it, that counts too.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import fmean

from bench.trees import CLAIMS, SourceFile, read_tree
from stepwarden.files.quote_context import SourceLines, context_of
from stepwarden.steps.evidence import Evidence, LineKind, Verdict
from stepwarden.steps.relevance import is_relevant

QUOTES = 3  # that a liar sends
FROM_NAMED = 0.5
NAMES_SOMETHING = 0.3  # of liars: a function of the tree, any one
TASK_NAMES = (0.6, 0.8)  # the function; a line of it; above that, the file alone
COLUMNS = ("of it", "same file", "other file", "hypothesis", "issue")


def main() -> int:
    """Draw from every tree and print the shares that count as relevant."""
    seed, draws, *roots = sys.argv[1:]
    sys.stdout.write(f"{'':24s}{'files':>7s}" + "".join(f"{column:>13s}" for column in COLUMNS) + "\n")
    for root in roots:
        random = Random(f"{seed} {root}")
        files = read_tree(Path(root), random)
        shares = rates(files, random, int(draws))
        row = "".join(f"{share:13.1%}" for share in shares)
        sys.stdout.write(f"{'/'.join(Path(root).parts[-2:])[-23:]:24s}{len(files):7d}{row}\n")
    return 0


def rates(files: Sequence[SourceFile], random: Random, draws: int) -> tuple[float, ...]:
    """Return the share that counts as relevant, by the columns."""
    found: list[list[bool]] = [[] for _ in COLUMNS]
    named = [file for file in files if file.functions]
    for _ in range(draws):
        file, other = random.choice(named), random.choice(files)
        function = random.choice(file.functions)
        claim, task = f"{function.name}() drops the last entry", f"Something is wrong in {file.path}"
        own = quoted(file, file.line_inside(random, function))
        if own.context is not None and own.context.kind is LineKind.CODE:
            found[0].append(is_relevant(own, [claim], task))
        if outside := file.line_outside(random, function):
            found[1].append(is_relevant(quoted(file, outside), [claim], task))
        if other is not file:
            found[2].append(is_relevant(quoted(other, other.line_outside(random)), [claim], task))
        hypothesis, issue = _lie(files, file, random)
        found[3].append(hypothesis)
        found[4].append(issue)
    return tuple(fmean(column or [0]) for column in found)


def _lie(files: Sequence[SourceFile], file: SourceFile, random: Random) -> tuple[bool, bool]:
    """Return whether a claim made without a look would rest: as a hypothesis, and as an issue at the first line."""
    function = random.choice(file.functions)
    luck = random.random()
    shows = f", see {function.name}()" if luck < TASK_NAMES[0] else ""
    shows = shows or (f":{random.randint(function.line, function.end_line)}" if luck < TASK_NAMES[1] else "")
    task, claim = f"Something is wrong in {file.path}{shows}", random.choice(CLAIMS)
    if random.random() < NAMES_SOMETHING:
        named = random.choice([each for each in files if each.functions])
        claim = f"{claim}, in {random.choice(named.functions).name}"
    items: list[Evidence] = []
    for _ in range(QUOTES):
        drawn = file if random.random() < FROM_NAMED else random.choice(files)
        items.append(quoted(drawn, drawn.line_outside(random)))
    place = (items[0].path, items[0].line or 1)
    return any(is_relevant(item, [claim], task) for item in items), is_relevant(items[0], [claim], task, place)


def quoted(file: SourceFile, line: int) -> Evidence:
    """Return one line of a file as evidence that the server found."""
    quote = file.lines[line - 1]
    context = context_of(SourceLines.of(file.text, file.path), line, quote)
    return Evidence(file.path, quote, Verdict.VERIFIED, line, context=context)


if __name__ == "__main__":
    sys.exit(main())
