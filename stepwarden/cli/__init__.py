"""The `stepwarden` command.

Hosts start `stepwarden serve` in any directory, also in one with a `tools` package of its own. A console script does
not put that directory on `sys.path`, so our packages are found; `python -m` would, so there is no `__main__`.
"""

import gc
import sys
from collections.abc import Sequence

from stepwarden.errors import SettingsError, StepwardenError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 2 for wrong settings or usage, 1 for other failures."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments == ["serve"]:  # hosts start this with every window; importing typer alone takes 40 ms
            gc.disable()  # until everything is imported: none of it becomes garbage, and collecting costs a tenth
            from stepwarden.cli.serve import serve

            serve()
        from stepwarden.cli.commands import app

        app(arguments, prog_name="stepwarden")
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StepwardenError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        gc.enable()
    return 0
