"""`stepwarden demo`: the real server, a real client and a scripted agent debug a real program; all is checked.

`stepwarden demo run`: two real workers carry out a run with a scripted model and a real upstream server.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from stepwarden.cli.demo.checks import DemoChecks
    from stepwarden.cli.demo.host import DemoPaths


def run(command: Sequence[str] | None = None) -> int:
    """Run the demo; return 0 if every expectation was met, else 1.

    `command` starts the server over stdio; None: this installation.
    """
    import tempfile
    from pathlib import Path

    from stepwarden.cli.demo.host import SERVER, DemoPaths
    from stepwarden.cli.demo.runner import run_demo

    server = tuple(command or SERVER)
    paths = DemoPaths(Path(tempfile.mkdtemp(prefix="stepwarden-demo-")))
    return _show(lambda checks: run_demo(checks, paths, server), paths)


def run_a_run() -> int:
    """Run the demo of a run, and leave nothing behind; return 0 if every expectation was met, else 1."""
    import tempfile
    from pathlib import Path

    from stepwarden.cli.demo.host import DemoPaths
    from stepwarden.cli.demo.runner import run_run_demo

    with tempfile.TemporaryDirectory(prefix="stepwarden-demo-", ignore_cleanup_errors=True) as directory:
        paths = DemoPaths(Path(directory))
        return _show(lambda checks: run_run_demo(checks, paths), paths)


def _show(demo: "Callable[[DemoChecks], Awaitable[None]]", paths: "DemoPaths") -> int:
    """Run a demo and sum it up; return its exit code."""
    from subprocess import SubprocessError

    import anyio
    from mcp.shared.exceptions import MCPError

    from stepwarden.cli.demo.checks import DemoChecks
    from stepwarden.cli.demo.console import DemoConsole
    from stepwarden.errors import StepwardenError

    checks = DemoChecks(DemoConsole())
    try:
        anyio.run(demo, checks)
    except* (
        MCPError,  # the server does not answer, or not by the protocol
        StepwardenError,  # the store cannot be read back
        OSError,  # the server cannot be started, a file cannot be written, time is up
        SubprocessError,  # the sample program does not end
        LookupError,  # a file of the sample program is not what the script was written for
        RuntimeError,  # the client's word for a reply that breaks the tool's schema; a worker that ended
        ValueError,  # a reply that is not one
    ) as group:
        checks.break_off("; ".join(_causes(group.exceptions)), paths.last_message())
    checks.sum_up()
    return 0 if checks.passed else 1


def _causes(errors: Iterable[BaseException]) -> Iterator[str]:
    for error in errors:
        if isinstance(error, BaseExceptionGroup):
            yield from _causes(cast("BaseExceptionGroup[BaseException]", error).exceptions)
        else:
            yield f"{type(error).__name__}: {error}"
