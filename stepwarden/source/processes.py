"""Child processes: killing one with all that it started."""

import os
import signal
import subprocess


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a session of its own, with all that it started."""
    if process.poll() is not None:
        return
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        process.kill()
