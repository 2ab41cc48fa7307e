"""Software that none of us wrote, installed by the tests that need it, or skipped with the reason."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NODE_PACKAGES = ("node@22", "oidc-provider@9.13.3", "@modelcontextprotocol/conformance@0.2.0-alpha.12")


def _shared(factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all workers of a run share."""
    base = factory.getbasetemp()
    return base if os.environ.get("PYTEST_XDIST_WORKER") is None else base.parent


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Node 22, the OpenID provider and the conformance suite from the npm registry, once for a run."""
    from filelock import FileLock

    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on this machine, and these are npm packages: " + ", ".join(NODE_PACKAGES))
    folder = _shared(tmp_path_factory) / "node"
    with FileLock(f"{folder}.lock"):
        if not (folder / "installed").exists():
            folder.mkdir(exist_ok=True)
            command = [npm, "install", "--silent", "--no-audit", "--no-fund", *NODE_PACKAGES]
            done = subprocess.run(command, cwd=folder, timeout=300, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"npm could not install {', '.join(NODE_PACKAGES)}: {(done.stderr or done.stdout)[-300:]}")
            (folder / "installed").touch()
    return folder / "node_modules"
