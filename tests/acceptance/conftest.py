"""Real processes: the directory of state that they share, and software from the npm registry."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conformance_suite import PACKAGES


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Node 22 and the conformance suite, once for all workers of a run."""
    from filelock import FileLock

    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on this machine, and the conformance suite is an npm package")
    base = tmp_path_factory.getbasetemp()
    folder = (base if os.environ.get("PYTEST_XDIST_WORKER") is None else base.parent) / "suite"
    with FileLock(f"{folder}.lock"):
        if not (folder / "installed").exists():
            folder.mkdir(exist_ok=True)
            subprocess.run([npm, "install", "--silent", *PACKAGES], cwd=folder, check=True, timeout=300)
            (folder / "installed").touch()
    return folder / "node_modules"
