"""Running git so that no repository can make it run anything, reach a network, ask somebody or write."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stepwarden.errors import StepwardenError
from stepwarden.files.paths import shown
from stepwarden.settings.inherited import inherited

OUTPUT_BYTES = 64 * 1024 * 1024  # of one command; what comes after is not read
OLDEST = (2, 32)  # the first that takes its configuration from the environment alone
BIG_FILE = "4m"  # git compares larger files as binaries, without holding them in memory

_INHERITED = ("PATH", "HOME", "XDG_CONFIG_HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_OPTIONAL_LOCKS": "0",
    # Wins over protocol.<name>.allow of a repository, so that a partial clone fetches nothing either.
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PAGER": "",
    "GIT_EDITOR": "false",
    "GIT_SSH_COMMAND": "false",
}
# Every key of git's documentation that names a program or a place, and that the commands used here could come upon.
_SETTINGS = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.untrackedCache": "false",
    "core.alternateRefsCommand": "",
    "core.askPass": "",
    "core.editor": "false",
    "core.gitProxy": "",
    "core.pager": "",
    "core.sshCommand": "false",
    "core.bigFileThreshold": BIG_FILE,
    "core.quotePath": "false",
    "core.logAllRefUpdates": "false",
    "credential.helper": "",
    "diff.external": "",
    "diff.ignoreSubmodules": "dirty",
    "diff.orderFile": os.devnull,
    "diff.submodule": "short",
    "gc.auto": "0",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "safe.directory": "*",  # a repository of somebody else's, as in containers: here it can do nothing
    "status.submoduleSummary": "false",
    "submodule.recurse": "false",
}
# Keys whose middle part anybody may name; empty or false, git leaves the program alone.
_NAMED = (
    (re.compile(r"filter\..*\.(clean|smudge|process)", re.DOTALL), ""),
    (re.compile(r"filter\..*\.required", re.DOTALL), "false"),
    (re.compile(r"hook\..*\.enabled", re.DOTALL), "false"),
)
_CHUNK = 1 << 16
_STDERR = 4096


class GitFailed(StepwardenError):
    """Git could not do what was asked; the text says what to send instead. `said` is git's own first line."""

    def __init__(self, text: str, said: str = "") -> None:
        super().__init__(text)
        self.said = said


class GitSlow(GitFailed):
    """Git did not answer in the time that was left: asking it for something else is of no use now."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command wrote, as far as it was read; `cut` says that there was more."""

    data: bytes
    cut: bool = False


@dataclass(frozen=True, slots=True)
class GitPlace:
    """Where a command works: both named, so that a repository's `core.worktree` leads nowhere."""

    git_dir: str
    work_tree: str | None = None


@dataclass(frozen=True)
class Git:
    """The git program at `path`."""

    path: str
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def find(cls) -> "Git | None":
        """Find git on the search path; None where there is none, or one that is too old to be told what not to do."""
        path = shutil.which("git")
        if path is None or not os.path.isabs(path):  # noqa: PTH117 - a relative one would be the repository's own
            return None
        git = cls(path, {**inherited(_INHERITED), **_ENVIRONMENT})
        return git if git.version() >= OLDEST else None

    def run(
        self,
        place: GitPlace,
        arguments: Sequence[str],
        *,
        until: float,
        sent: bytes = b"",
        settings: Mapping[str, str] | None = None,
        limit: int = OUTPUT_BYTES,
    ) -> Output:
        """Run one command in `place`, ended at `until` (time.monotonic) at the latest.

        `settings` are further ones that win over the repository's: those of `guards`. `sent` goes to its input.
        Raises GitFailed where it fails or does not end in time.
        """
        left = until - time.monotonic()
        if left <= 0:
            raise GitSlow("git was not asked any more: the time for this step is used up. Send a narrower path.")
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as said:
            said.write(sent)
            said.seek(0)
            process = subprocess.Popen(  # noqa: S603 - an absolute program, a list of arguments, no shell
                [self.path, "--no-pager", *arguments],
                cwd=place.work_tree or place.git_dir,
                env=self._environment(place, settings or {}),
                stdin=said if sent else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            output, expired = _collected(process, left, limit)
            errors.seek(0)
            complaint = errors.read(_STDERR).decode("utf-8", "replace").strip()
        if expired:
            raise GitSlow("git did not answer in time here. Send a narrower path, or a ref that is nearer.")
        if process.returncode != 0 and not output.cut:
            raise GitFailed(f"git {arguments[0]}: {shown(complaint) or 'failed'}", complaint)
        return output

    def guards(self, place: GitPlace, *, until: float) -> dict[str, str]:
        """Return the settings that switch off the programs which the configuration of a repository names.

        Reading a configuration runs nothing. Raises GitFailed where it cannot be read.
        """
        listed = self.run(place, ["config", "--list", "--name-only", "-z"], until=until).data
        keys = listed.decode("utf-8", "surrogateescape").split("\0")
        return {key: value for key in keys for pattern, value in _NAMED if pattern.fullmatch(key)}

    def _environment(self, place: GitPlace, settings: Mapping[str, str]) -> dict[str, str]:
        pairs = list({**_SETTINGS, **settings}.items())
        environment = {**self.environment, "GIT_DIR": place.git_dir, "GIT_CONFIG_COUNT": str(len(pairs))}
        if place.work_tree is not None:
            environment["GIT_WORK_TREE"] = place.work_tree
        for number, (key, value) in enumerate(pairs):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        return environment

    def version(self) -> tuple[int, ...]:
        """Ask for the version of the program, such as (2, 39, 5); () where it does not say."""
        try:
            said = subprocess.run(  # noqa: S603 - as above
                [self.path, "--version"], env=dict(self.environment), capture_output=True, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return ()
        return tuple(int(part) for part in re.findall(rb"\d+", said.stdout)[:3])


def _collected(process: subprocess.Popen[bytes], seconds: float, limit: int) -> tuple[Output, bool]:
    """Read what the process writes until it ends, has written `limit` bytes, or `seconds` are over (then True)."""
    expired = threading.Event()

    def give_up() -> None:
        expired.set()
        end(process)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    assert process.stdout is not None
    parts: list[bytes] = []
    size = 0
    try:
        while size < limit and (part := process.stdout.read(_CHUNK)):
            parts.append(part)
            size += len(part)
    finally:
        cut = size >= limit
        if cut:
            end(process)
        process.stdout.close()
        process.wait()
        timer.cancel()
    return Output(b"".join(parts), cut), expired.is_set()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session of its own, with all it started."""
    if process.poll() is not None:
        return
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        process.kill()
