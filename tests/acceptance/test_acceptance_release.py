"""What a release rests on: one version, a dated change log, checks before a commit, a wheel and an sdist."""

import datetime
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml

from stepwarden import __version__
from tests.support.processes import ROOT, environment

CHANGES = (ROOT / "CHANGELOG.md").read_text("utf-8")
HEADINGS = re.findall(r"^## (.+)$", CHANGES, re.MULTILINE)


def test_the_version_stands_in_one_place_only() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "version" not in project["project"]
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "stepwarden/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_the_change_log_is_dated_newest_first_and_its_newest_release_is_this_version() -> None:
    released = HEADINGS[1:] if HEADINGS[0] == "Unreleased" else HEADINGS
    entries = [re.fullmatch(r"(\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})", heading) for heading in released]
    assert all(entries), released
    versions = [entry[1] for entry in entries if entry]
    dates = [datetime.date.fromisoformat(entry[2]) for entry in entries if entry]
    assert versions[0] == __version__
    assert dates == sorted(dates, reverse=True)
    assert len(set(versions)) == len(versions)


def test_a_commit_is_checked_by_the_commands_of_ci() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in config["repos"]} == {"local"}, "a hook of another repository needs the network"
    before_commit = {hook["entry"] for hook in hooks if hook.get("stages", config["default_stages"]) == ["pre-commit"]}
    before_tests = (ROOT / ".ci/run").read_text("utf-8").partition('\nstep "tests')[0].splitlines()
    quick = {line for line in before_tests if line.startswith("uv ")}
    quick -= {line for line in quick if line.startswith(("uv sync", "uv run coverage"))}  # they check nothing
    assert before_commit == quick
    assert all(hook["language"] == "system" and not hook["pass_filenames"] for hook in hooks)


def built(kind: str, directory: Path) -> Path:
    command = ["uv", "build", f"--{kind}", "--out-dir", str(directory), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(path for path in directory.iterdir() if path.suffix in {".whl", ".gz"})


def test_the_sdist_has_the_version_and_all_that_a_wheel_is_built_from(tmp_path: Path) -> None:
    sdist = built("sdist", tmp_path)
    assert sdist.name == f"stepwarden-{__version__}.tar.gz"
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"server.py", "pyproject.toml", "CHANGELOG.md", "prompts/debug.md", "providers/catalogue.json"} <= names
    assert not any(name.endswith(".pyc") or name.startswith((".venv", ".git/")) for name in names)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_what_is_released_works_where_nothing_else_of_ours_is(kind: str, tmp_path: Path) -> None:
    package = built(kind, tmp_path)
    venv, home = tmp_path / "venv", tmp_path / "home"
    program = str(venv / "bin" / "stepwarden")
    commands = (
        ["uv", "venv", "--python", sys.executable, str(venv)],
        ["uv", "pip", "install", "--python", str(venv / "bin" / "python"), str(package)],
        [program, "demo"],
        [program, "demo", "run"],
        [program, "--version"],
    )
    for command in commands:
        variables = environment(home) if command[0] == program else dict(os.environ)  # uv keeps its own cache
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == f"stepwarden {__version__}\n"
