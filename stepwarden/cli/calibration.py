"""`stepwarden calibration`: what the manager learned of how long threads take."""

import statistics
from collections.abc import Sequence

import typer  # noqa: TID253 - this module is itself imported lazily

from stepwarden.cli.opened import with_journal
from stepwarden.cli.output import show_table
from stepwarden.threads.journal import Journal
from tools.catalogue import WORKFLOWS


def show() -> None:
    """Show for every tool how many threads finished, and with how many steps."""
    finished = with_journal(_finished)
    columns = ("tool", "finished", "median", "p10", "p90")
    show_table(columns, [(tool, str(len(steps)), *_spread(steps)) for tool, steps in finished.items()])


def reset() -> None:
    """Let the manager learn only from threads that finish from now on."""
    with_journal(lambda journal: journal.store.calibration.reset())
    typer.echo("The manager now learns only from threads that finish from here on.")


async def _finished(journal: Journal) -> dict[str, list[int]]:
    calibration = journal.store.calibration
    return {workflow.name: await calibration.steps_of_finished(workflow.name) for workflow in WORKFLOWS}


def _spread(steps: Sequence[int]) -> tuple[str, str, str]:
    if not steps:
        return ("-", "-", "-")
    # As in manager/size_estimate.py; one thread alone has no spread.
    tenths = statistics.quantiles([*steps, *steps] if len(steps) == 1 else steps, n=10, method="inclusive")
    return (f"{statistics.median(steps):g}", f"{tenths[0]:g}", f"{tenths[8]:g}")
