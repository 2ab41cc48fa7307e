"""The official conformance suite of the protocol, which is an npm package, against a server."""

import os
import re
import subprocess
from pathlib import Path

PACKAGES = ("node@22", "@modelcontextprotocol/conformance@0.2.0-alpha.12")


def run_scenario(suite: Path, address: str, scenario: str, *options: str) -> str:
    """Let the suite in these node modules run a scenario, and return what it says."""
    path = f"{suite / 'node' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    command = [str(suite / ".bin" / "conformance"), "server", "--url", address, "--scenario", scenario, *options]
    done = subprocess.run(
        command, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout + done.stderr


def passed_checks(said: str) -> int:
    """Return how many checks passed, where all of them did; else -1."""
    verdict = re.search(r"Passed: (\d+)/(\d+), 0 failed", said)
    return int(verdict[1]) if verdict and verdict[1] == verdict[2] else -1
