"""The wheel: what is in it, and that it works where nothing of ours is but the wheel."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.calls import step
from tests.support.processes import ROOT, environment
from tests.support.stdio_server import served
from tools.catalogue import NAMES, WORKFLOWS

PACKAGES = ("stepwarden", "tools", "providers", "prompts")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    command = ["uv", "build", "--wheel", "--out-dir", str(directory), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return next(directory.glob("*.whl"))


def test_the_wheel_holds_every_source_and_prompt_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {"server.py"}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                expected.add(path.relative_to(ROOT).as_posix())
    assert names == expected
    assert {f"prompts/{name}.md" for name in ("instructions", "debug", "planner", "status")} <= names
    assert "stepwarden/py.typed" in names


def test_the_wheel_names_its_command_its_licence_and_no_path_of_this_machine(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        about = {name.partition(".dist-info/")[2]: archive.read(name).decode() for name in archive.namelist()}
    assert "stepwarden = stepwarden.cli:main" in about["entry_points.txt"]
    assert "licenses/LICENSE" in about
    assert re.search(r"^Requires-Python: >=3\.11$", about["METADATA"], re.MULTILINE)
    assert str(ROOT) not in "".join(about.values())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_works_from_a_directory_that_has_tools_of_its_own(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    for command in (
        ["uv", "venv", "--python", sys.executable, str(venv)],
        ["uv", "pip", "install", "--python", str(venv / "bin" / "python"), str(wheel)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    shop = tmp_path / "shop"
    for name in (*PACKAGES, "server"):
        (shop / name).mkdir(parents=True)
        (shop / name / "__init__.py").write_text("raise RuntimeError('the wrong one')\n")
    stepwarden = str(venv / "bin" / "stepwarden")
    version = subprocess.run(
        [stepwarden, "--version"],
        cwd=shop,
        env=environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert version.returncode == 0, version.stderr
    assert re.search(r"\d+\.\d+\.\d+", version.stdout)
    with served(tmp_path / "home", command=[stepwarden, "serve"], directory=shop, fresh=True) as (server,):
        assert [tool["name"] for tool in server.request("tools/list")["result"]["tools"]] == list(NAMES)
        assert len(server.request("prompts/list")["result"]["prompts"]) == len(WORKFLOWS)
        said = step(1, step="The total is wrong", working_directory=str(shop))
        result = server.call("debug", said)
        assert result["structuredContent"]["step_number"] == 1
        assert result["structuredContent"]["required_actions"]
        quote = {"file": "tools/__init__.py", "quote": "raise RuntimeError('the wrong one')"}
        thread = result["structuredContent"]["continuation_id"]
        second = server.call("debug", step(2, thread, evidence=[quote]))
        assert second["structuredContent"]["assessment"]["evidence"] == {"verified": 1}
