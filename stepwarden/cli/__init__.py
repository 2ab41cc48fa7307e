"""The `stepwarden` command.

Hosts start `stepwarden serve` in any directory, also in one that has a `tools` package of its own. A console script
does not put that directory on `sys.path`, so ours are found; `python -m` would, which is why there is no `__main__`.
"""

import gc
import sys
from collections.abc import Sequence

from stepwarden.errors import SettingsError, StepwardenError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 2 for wrong settings or usage, 1 for what else went wrong."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments == ["serve"]:  # what hosts start with every window: typer alone would take 40 ms
            gc.disable()  # until all is imported: none of it becomes garbage, and to look for some takes a tenth of it
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
