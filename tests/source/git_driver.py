"""Makes repositories the way people do, with the git program."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from stepwarden.source.git.command import Git
from stepwarden.source.git.discovery import git_dir_of
from stepwarden.source.git.repository import Repository

_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.invalid",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.invalid",
}


def until(seconds: float = 30.0) -> float:
    return time.monotonic() + seconds


def program() -> Git:
    git = Git.find()
    assert git is not None
    return git


@dataclass(frozen=True)
class Made:
    """A repository of a test."""

    top: Path

    @classmethod
    def at(cls, top: Path) -> "Made":
        top.mkdir(parents=True, exist_ok=True)
        made = cls(top)
        made.git("init", "-q", "-b", "main")
        return made

    def git(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.top, env=_ENVIRONMENT, check=check, capture_output=True, text=True, timeout=60
        )
        return done.stdout

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def commit(self, message: str = "change", **files: str) -> str:
        for name, text in files.items():
            self.write(name.replace("__", "/").replace("_dot_", "."), text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def opened(self, within: str = "") -> Repository:
        top = str(self.top.resolve())
        return Repository.open(program(), top, git_dir_of(top, top), until=until(), within=within)
