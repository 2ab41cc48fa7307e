"""The git command, run so that no repository can make it start programs, use a network, prompt or write."""

import os
import re
import shutil
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stepwarden.errors import StepwardenError
from stepwarden.files.paths import shown
from stepwarden.settings.inherited import inherited
from stepwarden.source.processes import kill_session

OUTPUT_BYTES = 64 * 1024 * 1024  # read of one command's output; the rest is not
MOST_INDEX_BYTES = 256 * 1024 * 1024  # of an index that is copied before git reads it
OLDEST = (2, 32)  # the first version that can be configured by the environment alone
BIG_FILE = "4m"  # git compares larger files as binaries, without holding them in memory

_INHERITED = ("PATH", "HOME", "XDG_CONFIG_HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
_USERS_FILES = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "GIT_OPTIONAL_LOCKS": "0",
    # Overrides protocol.<name>.allow of a repository, so that a partial clone fetches nothing either.
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PAGER": "",
    "GIT_EDITOR": "false",
    "GIT_SSH_COMMAND": "false",
}
# Every documented key that names a program or a place and that the commands used here could read.
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
    "safe.directory": "*",  # repositories of other users, as in containers: they can do nothing here
    "status.submoduleSummary": "false",
    "submodule.recurse": "false",
}
# Keys with a free middle part that name a program; with these values git does not run it.
_PROGRAM_KEYS = (
    (re.compile(r"filter\..*\.(clean|smudge|process)", re.DOTALL), ""),
    (re.compile(r"filter\..*\.required", re.DOTALL), "false"),
    (re.compile(r"hook\..*\.enabled", re.DOTALL), "false"),
)
# Values of the user's own configuration that decide what git calls changed; none of them names a program.
_USERS_VALUES = frozenset(
    {"core.autocrlf", "core.eol", "core.excludesfile", "core.attributesfile", "core.filemode", "core.symlinks"}
    | {"core.ignorecase", "core.checkstat", "core.trustctime", "core.precomposeunicode", "diff.algorithm"}
    | {"diff.indentheuristic", "diff.renames", "diff.renamelimit", "status.renames", "status.renamelimit"}
    | {"status.showuntrackedfiles"}
)
_OF_USER = frozenset({"system", "global"})
_SCOPES = _OF_USER | {"local", "worktree"}
_ALWAYS_NAMED = frozenset({"core.attributesfile", "status.showuntrackedfiles"})
"""Keys that are handed on also where the repository sets them: one is set here otherwise, one is asked for here."""
_NOT_FETCHED = re.compile(r"lazy fetching disabled|promisor remote")
_CHUNK_BYTES = 1 << 16
_STDERR_BYTES = 4096


class GitFailed(StepwardenError):
    """Git could not do what was asked; the text says what to send instead. `git_message` is what git wrote."""

    def __init__(self, text: str, git_message: str = "") -> None:
        super().__init__(text)
        self.git_message = git_message


class GitSlow(GitFailed):
    """Git did not answer in the time that was left, so nothing else should be asked of it in this step."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command wrote; `cut` says that there was more than was read."""

    data: bytes
    cut: bool = False


@dataclass(frozen=True, slots=True)
class GitPlace:
    """Where a command works: both directories are named, so that a repository's `core.worktree` has no effect.

    `settings` override the repository's own: those of `Git.guards`.
    """

    git_dir: str
    work_tree: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True)
class Git:
    """The git program at `path`."""

    path: str
    environment: Mapping[str, str] = field(repr=False)
    users_files: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @classmethod
    def find(cls) -> "Git | None":
        """Find git on the search path; None where there is none, or one that is too old to be restricted."""
        path = shutil.which("git")
        if path is None or not os.path.isabs(path):  # noqa: PTH117 - a relative one would be the repository's own
            return None
        git = cls(path, {**inherited(_INHERITED), **_ENVIRONMENT}, inherited(_USERS_FILES))
        return git if git.version() >= OLDEST else None

    def run(
        self,
        place: GitPlace,
        arguments: Sequence[str],
        *,
        until: float,
        stdin: bytes = b"",
        limit: int = OUTPUT_BYTES,
    ) -> Output:
        """Run one command in `place` and return its output; it is killed at `until` (time.monotonic).

        `stdin` is its input, `limit` the bytes of output to read.
        Raises GitFailed where it fails, GitSlow where it does not end in time.
        """
        left = until - time.monotonic()
        if left <= 0:
            raise GitSlow("git was not run: the time for this step is used up. Send a narrower path.")
        with (
            tempfile.TemporaryFile() as errors,
            tempfile.TemporaryFile() as stdin_file,
            tempfile.TemporaryDirectory() as scratch,
        ):
            index = _copy_index(place, scratch) if arguments[0] == "diff" else {}
            stdin_file.write(stdin)
            stdin_file.seek(0)
            process = subprocess.Popen(  # noqa: S603 - an absolute program, a list of arguments, no shell
                [self.path, "--no-pager", *arguments],
                cwd=place.work_tree or place.git_dir,
                env={**self._environment(place), **index},
                stdin=stdin_file if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            output, expired = _collect(process, left, limit)
            errors.seek(0)
            message = errors.read(_STDERR_BYTES).decode("utf-8", "replace").strip()
        if expired:
            raise GitSlow("git did not answer in time here. Send a narrower path, or a ref that is nearer.")
        if process.returncode != 0 and not output.cut:
            raise GitFailed(_explain(arguments[0], message), message)
        return output

    def guards(self, place: GitPlace, *, until: float) -> dict[str, str]:
        """Return the settings that switch off the programs named in the configuration of a repository.

        Reading a configuration runs nothing. Raises GitFailed where it cannot be read.
        """
        listed = self.run(place, ["config", "--list", "--name-only", "-z"], until=until).data
        keys = listed.decode("utf-8", "surrogateescape").split("\0")
        return {key: value for key in keys for pattern, value in _PROGRAM_KEYS if pattern.fullmatch(key)}

    def users_values(self, place: GitPlace, *, until: float) -> dict[str, str]:
        """Return the values of the user's configuration that apply to a repository: line ends, ignores, renames ...

        The repository's own values stay in force. Raises GitFailed where the configuration cannot be read.
        """
        kept = {key: value for key, value in self.environment.items() if key not in _USERS_FILES}
        reader = Git(self.path, {**kept, **self.users_files})
        fields = reader.run(place, ["config", "--list", "--show-scope", "-z"], until=until).data.split(b"\0")
        values = {"core.attributesfile": self._attributes_file()}
        for scope, entry in zip(fields[::2], fields[1::2], strict=False):
            key, given, value = entry.decode("utf-8", "surrogateescape").partition("\n")
            if key not in _USERS_VALUES or scope.decode() not in _SCOPES:
                continue
            if scope.decode() in _OF_USER or key in _ALWAYS_NAMED:
                values[key] = value if given else "true"  # a key without `=`
            else:
                values.pop(key, None)
        if not self._is_file(place, values["core.attributesfile"]):
            values["core.attributesfile"] = os.devnull  # where git would wait for a pipe
        return values

    def _is_file(self, place: GitPlace, name: str) -> bool:
        home = self.environment.get("HOME", "")
        path = f"{home}{name[1:]}" if name.startswith("~/") else name
        return Path(place.work_tree or place.git_dir, path).is_file()

    def _attributes_file(self) -> str:
        """Return where git looks for a user's attributes, where no setting names the file."""
        home = self.environment.get("XDG_CONFIG_HOME") or f"{self.environment.get('HOME', '')}/.config"
        return f"{home}/git/attributes" if home.startswith("/") and home != "/.config" else os.devnull

    def _environment(self, place: GitPlace) -> dict[str, str]:
        named = {key.lower() for key in place.settings}
        pairs = [*((key, value) for key, value in _SETTINGS.items() if key.lower() not in named)]
        pairs += place.settings.items()
        environment = {**self.environment, "GIT_DIR": place.git_dir, "GIT_CONFIG_COUNT": str(len(pairs))}
        if place.work_tree is not None:
            environment["GIT_WORK_TREE"] = place.work_tree
        for number, (key, value) in enumerate(pairs):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        return environment

    def version(self) -> tuple[int, ...]:
        """Return the version of the program, such as (2, 39, 5); () where it does not say."""
        try:
            done = subprocess.run(  # noqa: S603 - as above
                [self.path, "--version"], env=dict(self.environment), capture_output=True, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return ()
        return tuple(int(part) for part in re.findall(rb"\d+", done.stdout)[:3])


def _copy_index(place: GitPlace, directory: str) -> dict[str, str]:
    """Return the variable that names a copy of the index: `git diff` writes one where only time stamps differ."""
    index, copy = f"{place.git_dir}/index", f"{directory}/index"
    try:
        found = os.lstat(index)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_INDEX_BYTES:
            return {}
        shutil.copy2(index, copy)  # with its time: git tells by it which files may have changed since
    except OSError:
        return {}
    return {"GIT_INDEX_FILE": copy}


def _explain(command: str, message: str) -> str:
    if _NOT_FETCHED.search(message):
        return (
            "This is a partial clone: it lacks the old contents of some files, and nothing is fetched here. Run "
            "`git diff` with the same ref once yourself, which fetches them, or send a nearer ref."
        )
    return f"git {command}: {shown(message) or 'failed'}"


def _collect(process: subprocess.Popen[bytes], seconds: float, limit: int) -> tuple[Output, bool]:
    """Return what the process writes until it ends or has written `limit` bytes, and whether it ran out of time."""
    expired = threading.Event()

    def give_up() -> None:
        expired.set()
        kill_session(process)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    assert process.stdout is not None
    parts: list[bytes] = []
    size = 0
    try:
        while size < limit and (part := process.stdout.read(_CHUNK_BYTES)):
            parts.append(part)
            size += len(part)
    finally:
        cut = size >= limit
        if cut:
            kill_session(process)
        process.stdout.close()
        process.wait()
        timer.cancel()
    return Output(b"".join(parts), cut), expired.is_set()
