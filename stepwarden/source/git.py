"""A git repository as it is read here: where it stands, what changed, how often its files did."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stepwarden.files.paths import shown
from stepwarden.source.change import WITHHELD, FileChange, read_patch, read_raw
from stepwarden.source.hardened import OUTPUT_BYTES, Git, GitFailed, GitPlace, GitSlow, Output

REF_CHARACTERS = 250
CHURN_COMMITS = 10_000
MENTION_BYTES = 4 * 1024 * 1024
BLOB_BYTES = 2 * 1024 * 1024

_DIFF = (
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "--ignore-submodules=dirty",
    "--find-renames",
    "-l2000",
    "--abbrev=64",
    "-z",
)
_PATCH = ("--patch", "--unified=0", "--inter-hunk-context=0", "--submodule=short", "--src-prefix=a/", "--dst-prefix=b/")
_EXCLUDED = 500  # as many files as fit on a command line with room to spare
_REF = re.compile(r"[^-\x00-\x20\x7f:?*\[\\][^\x00-\x20\x7f:?*\[\\]*")  # no range, no path, no option


@dataclass(frozen=True, slots=True)
class Status:
    """Where a repository stands; `head` is "" before the first commit, `branch` "" where none is checked out."""

    branch: str = ""
    head: str = ""
    staged: tuple[str, ...] = ()
    unstaged: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    unmerged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repository:
    """One repository with a work tree at `top`, an absolute path; paths are relative to it.

    `within` bounds what is looked at: a directory in it, "" for all. Every method takes the `time.monotonic` by which
    it has to be over, and raises GitFailed where git refuses or is too slow.
    """

    git: Git
    top: str
    git_dir: str
    within: str = ""
    guards: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @classmethod
    def at(cls, git: Git, top: str, git_dir: str, *, until: float, within: str = "") -> "Repository":
        """Open the repository of `git_dir` for its work tree `top`; raises GitFailed where it is broken."""
        place = GitPlace(git_dir, top)
        try:
            guards = git.guards(place, until=until)
            git.run(place, ["rev-parse", "--git-dir"], until=until, settings=guards)
        except GitFailed as error:
            if not error.said:
                raise
            raise GitFailed(
                f"The git repository at '{shown(top)}' is broken ({shown(error.said, 80)}). Repair it (git fsck), "
                "or send `path` of another.",
                error.said,
            ) from None
        return cls(git, top, git_dir, within, guards)

    def status(self, *, until: float) -> Status:
        """Return the branch, and which files are staged, unstaged, not tracked, or in conflict."""
        arguments = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignore-submodules=dirty"]
        return _read_status(self._run([*arguments, "--no-renames", *self._paths()], until=until))

    def listed(self, under: str = "", *, until: float) -> tuple[tuple[str, ...], bool]:
        """List the files below `under` that are tracked, or are not and not ignored; True: there are more.

        A repository inside is listed as one name: its directory, with or without a slash at its end.
        """
        output = self._output(
            ["ls-files", "-z", "--cached", "--others", "--exclude-standard", *_literal([under or self.within])],
            until=until,
        )
        names = output.data.split(b"\0")[:-1]  # after the last there is nothing, or half a name
        return tuple(dict.fromkeys(name.decode("utf-8", "surrogateescape") for name in names)), output.cut

    def commit(self, ref: str, *, until: float) -> str:
        """Return the full id of the commit that `ref` names.

        Raises GitFailed for what is no ref, is none here, or leads to no commit, with what to send instead.
        """
        if not _REF.fullmatch(ref) or len(ref) > REF_CHARACTERS or ".." in ref:
            raise GitFailed(
                f"compare_to: '{shown(ref, 60)}' is no git ref. Send a branch, tag or commit such as main or HEAD~3."
            )
        for name in (ref, f"refs/remotes/origin/{ref}"):
            try:
                found = self._run(
                    ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"], until=until
                )
            except GitSlow:
                raise
            except GitFailed:
                continue
            return found.decode("ascii", "replace").strip()
        raise GitFailed(f"compare_to: no commit here is called '{shown(ref, 60)}'.{self._refs_instead(until)}")

    def empty_tree(self, *, until: float) -> str:
        """Return the id of the tree without files, for a repository without commits."""
        return self._run(["hash-object", "-t", "tree", "--stdin"], until=until).decode("ascii").strip()

    def fork(self, commit: str, *, until: float) -> str:
        """Return the last commit that `commit` and HEAD have in common; `commit` itself where they have none."""
        try:
            return self._run(["merge-base", commit, "HEAD"], until=until).decode("ascii", "replace").strip()
        except GitFailed as error:
            if error.said:
                raise
            return commit

    def diff(
        self, base: str | None, *, staged: bool, worktree: bool, until: float, unread: Iterable[str] = ()
    ) -> list[FileChange]:
        """Return what changed, without what is not tracked.

        Compared are `base` (a commit; None: the index) and the work tree, the index (`staged` alone), or HEAD
        (neither). Files of `unread` are named, but nothing of them is read.
        """
        compared = self._compared(base, staged=staged, worktree=worktree)
        raw = read_raw(self._run([*_DIFF, "--raw", *compared, *self._paths()], until=until))
        changes, held_back = _merged(raw), set(unread)
        shut = [name for change in changes for name in (change.path, change.before) if name in held_back]
        if len(shut) > _EXCLUDED:
            return [replace(change, why="too many secret files in this change to read any of it") for change in changes]
        patch = [*_DIFF, *_PATCH, *compared, *self._paths(shut)]
        return _refused(read_patch(self._run(patch, until=until), changes), held_back)

    def named(self, base: str | None, *, staged: bool, worktree: bool, until: float) -> list[FileChange]:
        """Return which files `diff` would tell of, without reading any."""
        compared = self._compared(base, staged=staged, worktree=worktree)
        raw = self._run([*_DIFF, "--raw", "--no-renames", *compared, *self._paths()], until=until)
        return _merged(read_raw(raw))

    def reread(
        self, changes: Sequence[FileChange], base: str | None, *, staged: bool, worktree: bool, until: float
    ) -> list[FileChange]:
        """Read as text what `.gitattributes` told git to take for binaries; real binaries stay what they are."""
        compared = self._compared(base, staged=staged, worktree=worktree)
        names = [name for change in changes for name in (change.path, change.before) if name]
        patch = [*_DIFF, *_PATCH, "--text", *compared, *_literal(names)]
        return read_patch(self._run(patch, until=until), list(changes))

    def blobs(self, ids: Sequence[str], *, until: float) -> dict[str, bytes]:
        """Read blobs by their ids; those that are missing, or larger than 2 MiB, are left out."""
        if not ids:
            return {}
        asked = "".join(f"{blob}\n" for blob in dict.fromkeys(ids)).encode()
        sizes = self._run(["cat-file", "--batch-check"], until=until, sent=asked).decode("ascii", "replace")
        known = [line.split(" ") for line in sizes.splitlines()]
        small = [line[0] for line in known if len(line) == 3 and line[1] == "blob" and int(line[2]) <= BLOB_BYTES]
        if not small:
            return {}
        sent = "".join(f"{blob}\n" for blob in small).encode()
        return _read_blobs(self._run(["cat-file", "--batch"], until=until, sent=sent))

    def churn(self, days: int = 180, *, until: float) -> dict[str, int]:
        """Count the commits of the last `days` that touched each file, of the newest 10,000; merges do not count."""
        log = ["log", "--no-merges", f"--since={days}.days.ago", f"--max-count={CHURN_COMMITS}", "--format="]
        plain = ["--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "-z"]
        names = self._run([*log, *plain, "HEAD", *self._paths()], until=until).split(b"\0")
        return dict(Counter(name.decode("utf-8", "surrogateescape") for name in names if name))

    def mentions(self, names: Sequence[str], *, until: float) -> dict[str, tuple[str, ...]]:
        """Return the tracked text files that have each of the names as a word, sorted; `total(`: as a call."""
        found: dict[str, set[str]] = {name: set() for name in names}
        if not found:
            return {}
        words = [part for name in found for part in ("-e", _word_pattern(name))]
        fixed = ["grep", "-z", "-o", "-I", "-E", "--no-color", "--full-name", "--no-recurse-submodules"]
        try:
            output = self._output([*fixed, *words, "--", ":(top)"], until=until, limit=MENTION_BYTES).data
        except GitSlow:
            raise
        except GitFailed:  # also where there is none
            return dict.fromkeys(names, ())
        for line in output.split(b"\n"):
            path, _, text = line.partition(b"\0")
            word = re.sub(r"^[^\w$]|\s|(?<!\()[^\w$(]$", "", text.decode("utf-8", "replace"))
            found.get(word, set()).add(path.decode("utf-8", "surrogateescape"))
        return {name: tuple(sorted(paths)) for name, paths in found.items()}

    def _compared(self, base: str | None, *, staged: bool, worktree: bool) -> list[str]:
        if worktree:
            return [base] if base else ["-2"]  # of a conflict: against ours
        return ["--cached", base or "HEAD"] if staged else [base or "HEAD", "HEAD"]

    def _paths(self, without: Sequence[str] = ()) -> list[str]:
        return [*_literal([self.within]), *(f":(exclude,top,literal){name}" for name in without)]

    def _refs_instead(self, until: float) -> str:
        try:
            refs = self._run(
                ["for-each-ref", "--count=5", "--sort=-committerdate", "--format=%(refname:short)", "refs/heads"],
                until=until,
            )
        except GitFailed:
            return " Send a branch, tag or commit."
        names = refs.decode("utf-8", "replace").split()
        return (
            f" Send a branch, tag or commit, such as {', '.join(shown(name, 40) for name in names)}."
            if names
            else (" There is no commit yet: leave it out.")
        )

    def _run(self, arguments: Sequence[str], *, until: float, sent: bytes = b"") -> bytes:
        return self._output(arguments, until=until, sent=sent).data

    def _output(
        self, arguments: Sequence[str], *, until: float, sent: bytes = b"", limit: int = OUTPUT_BYTES
    ) -> Output:
        place = GitPlace(self.git_dir, self.top)
        return self.git.run(place, arguments, until=until, settings=self.guards, sent=sent, limit=limit)


def _word_pattern(name: str) -> str:
    """Return the extended regular expression of a name as a whole word, of a call where it ends in a parenthesis."""
    word = re.sub(r"[^\w]", r"\\\g<0>", name.removesuffix("("))
    after = "[[:space:]]*\\(" if name.endswith("(") else "($|[^[:alnum:]_$])"
    return f"(^|[^[:alnum:]_$]){word}{after}"


def _literal(names: Sequence[str]) -> list[str]:
    return ["--", *(f":(top,literal){name}" if name else ":(top)" for name in names)]


def _merged(changes: list[FileChange]) -> list[FileChange]:
    """Fold the two entries of a file in conflict into one, that says so."""
    unmerged = {change.path for change in changes if change.status == "U"}
    others = [change for change in changes if change.status != "U"]
    told = {change.path for change in others}
    alone = [change for change in changes if change.status == "U" and change.path not in told]
    return [replace(change, status="U") if change.path in unmerged else change for change in others] + alone


def _refused(changes: list[FileChange], held_back: set[str]) -> list[FileChange]:
    return [replace(change, why=WITHHELD) if {change.path, change.before} & held_back else change for change in changes]


def _read_status(data: bytes) -> Status:
    branch = head = ""
    kinds: dict[str, list[str]] = {"staged": [], "unstaged": [], "untracked": [], "unmerged": []}
    for line in data.decode("utf-8", "surrogateescape").split("\0"):
        if line.startswith("# branch.oid "):
            head = "" if line.endswith("(initial)") else line[13:]
        elif line.startswith("# branch.head "):
            branch = "" if line.endswith("(detached)") else line[14:]
        elif line.startswith("1 "):
            place, name = line[2:4], line.split(" ", 8)[8]
            if place[0] != ".":
                kinds["staged"].append(name)
            if place[1] != ".":
                kinds["unstaged"].append(name)
        elif line.startswith("u "):
            kinds["unmerged"].append(line.split(" ", 10)[10])
        elif line.startswith("? "):
            kinds["untracked"].append(line[2:])
    return Status(branch, head, **{kind: tuple(names) for kind, names in kinds.items()})


def _read_blobs(data: bytes) -> dict[str, bytes]:
    blobs: dict[str, bytes] = {}
    place = 0
    while (end := data.find(b"\n", place)) >= 0:
        header = data[place:end].decode("ascii", "replace").split(" ")
        if len(header) != 3:
            place = end + 1
            continue
        size = int(header[2])
        if end + 1 + size > len(data):
            break  # cut
        blobs[header[0]] = data[end + 1 : end + 1 + size]
        place = end + size + 2
    return blobs
