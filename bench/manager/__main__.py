"""`python -m bench.manager`: plays the threads and prints the report; exit code 1 where a criterion fails.

saved, hopeless cut: steps against fixed five, and against the agent's own end (`of five`: against fixed five).
success, lost: of the solvable threads; points lost against the better of the agent's own end and fixed five.
made-up, irrelevant: liars that ended as verified, a count and a share. early: threads that the manager ended.
"""

import argparse
import sys
from pathlib import Path

import anyio

from bench.manager.policies import Result, play_seed
from bench.manager.recorded import SHIPPED, read_recordings
from bench.manager.report import recordings_table, report
from bench.manager.seeds import COMMITTED, HARDNESS, HELD_OUT, THREADS


def main() -> int:
    """Run the bench by the command line; give the exit code."""
    options = _parser().parse_args()
    seeds = options.seeds or (HELD_OUT if options.held_out else COMMITTED)
    results = anyio.run(_play, seeds, options.threads, options.hardness)
    text, holds = report(results)
    head = f"seeds {', '.join(map(str, seeds))}: {len(results)} threads a policy, hardness {options.hardness:g}"
    recorded = recordings_table(read_recordings(options.recorded))
    sys.stdout.write(f"{head}\n\n{text}\n\n{recorded}\n")
    return 0 if holds else 1


async def _play(seeds: tuple[int, ...], count: int, hardness: float) -> list[Result]:
    return [result for seed in seeds for result in await play_seed(seed, count, hardness)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.manager", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seeds", type=int, nargs="+", help="seeds of your own")
    parser.add_argument("--held-out", action="store_true", help="the seeds that no rule was tuned on")
    parser.add_argument("--threads", type=int, default=THREADS, help="threads a seed (default %(default)s)")
    parser.add_argument("--hardness", type=float, default=HARDNESS, help="of the tasks (default %(default)s)")
    parser.add_argument("--recorded", type=Path, default=SHIPPED, help="directory of JSON exports of threads")
    return parser


if __name__ == "__main__":
    sys.exit(main())
