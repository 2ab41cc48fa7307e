"""A git repository: its status, its files and its blobs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stepwarden.files.paths import shown
from stepwarden.source.git.command import OUTPUT_BYTES, Git, GitFailed, GitPlace, Output

BLOB_BYTES = 2 * 1024 * 1024  # of one blob that is read


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
    """One repository with a work tree; paths are relative to its top directory.

    `within` restricts what is read to a directory in it, "" for all. Every method takes the `time.monotonic` by which
    it has to be over, and raises GitFailed where git refuses or is too slow.
    """

    git: Git
    top: str
    place: GitPlace
    within: str = ""

    @classmethod
    def open(cls, git: Git, top: str, git_dir: str, *, until: float, within: str = "") -> "Repository":
        """Open the repository of `git_dir` for its work tree `top`, an absolute path; GitFailed where it is broken."""
        place = GitPlace(git_dir, top)
        try:
            settings = {**git.users_values(place, until=until), **git.guards(place, until=until)}
            place = replace(place, settings=settings)
            git.run(place, ["rev-parse", "--git-dir"], until=until)
        except GitFailed as error:
            if not error.git_message:
                raise
            raise GitFailed(
                f"The git repository at '{shown(top)}' is broken ({shown(error.git_message, 80)}). "
                "Repair it (git fsck), or send `path` of another.",
                error.git_message,
            ) from None
        return cls(git, top, place, within)

    def status(self, *, until: float) -> Status:
        """Return the branch, and which files are staged, unstaged, untracked, or in conflict."""
        untracked = "no" if self.hides_untracked else "all"
        arguments = ["status", "--porcelain=v2", "--branch", "-z", f"--untracked-files={untracked}"]
        return _parse_status(self.run([*arguments, "--ignore-submodules=dirty", *self.pathspecs()], until=until))

    @property
    def hides_untracked(self) -> bool:
        """Whether the configuration says that `git status` shows no untracked files."""
        return self.place.settings.get("status.showuntrackedfiles", "").lower() in {"no", "false", "off", "0"}

    def list_files(self, under: str = "", *, until: float) -> tuple[tuple[str, ...], bool]:
        """List the files below `under`, tracked or untracked but not ignored; True: there are more.

        A repository inside is listed as one name: its directory, with or without a slash at its end.
        """
        output = self.output(
            ["ls-files", "-z", "--cached", "--others", "--exclude-standard", *literal([under or self.within])],
            until=until,
        )
        names = output.data.split(b"\0")[:-1]  # after the last NUL there is nothing, or half a name
        return tuple(dict.fromkeys(name.decode("utf-8", "surrogateescape") for name in names)), output.cut

    def read_blobs(self, ids: Sequence[str], *, until: float) -> dict[str, bytes]:
        """Read blobs by their ids; those that are missing or larger than BLOB_BYTES are left out."""
        if not ids:
            return {}
        asked = "".join(f"{blob}\n" for blob in dict.fromkeys(ids)).encode()
        sizes = self.run(["cat-file", "--batch-check"], until=until, stdin=asked).decode("ascii", "replace")
        rows = [line.split(" ") for line in sizes.splitlines()]
        small = [row[0] for row in rows if len(row) == 3 and row[1] == "blob" and int(row[2]) <= BLOB_BYTES]
        if not small:
            return {}
        asked = "".join(f"{blob}\n" for blob in small).encode()
        return dict(_parse_blobs(self.run(["cat-file", "--batch"], until=until, stdin=asked)))

    def run(self, arguments: Sequence[str], *, until: float, stdin: bytes = b"") -> bytes:
        """Run a git command on the repository and return what it writes."""
        return self.output(arguments, until=until, stdin=stdin).data

    def output(
        self, arguments: Sequence[str], *, until: float, stdin: bytes = b"", limit: int = OUTPUT_BYTES
    ) -> Output:
        """Run a git command on the repository; reads at most `limit` bytes of its output."""
        return self.git.run(self.place, arguments, until=until, stdin=stdin, limit=limit)

    def pathspecs(self, without: Sequence[str] = ()) -> list[str]:
        """Return the arguments that restrict a command to `within`, leaving out the files `without`."""
        return [*literal([self.within]), *(f":(exclude,top,literal){name}" for name in without)]


def literal(names: Sequence[str]) -> list[str]:
    """Return the arguments that restrict a command to these paths, with no letter of them taken as a pattern."""
    return ["--", *(f":(top,literal){name}" if name else ":(top)" for name in names)]


def _parse_status(data: bytes) -> Status:
    branch = head = ""
    kinds: dict[str, list[str]] = {"staged": [], "unstaged": [], "untracked": [], "unmerged": []}
    lines = iter(data.decode("utf-8", "surrogateescape").split("\0"))
    for line in lines:
        if line.startswith("# branch.oid "):
            head = "" if line.endswith("(initial)") else line[13:]
        elif line.startswith("# branch.head "):
            branch = "" if line.endswith("(detached)") else line[14:]
        elif line.startswith(("1 ", "2 ")):
            letters, name = line[2:4], line.split(" ", 8 if line[0] == "1" else 9)[-1]
            if line[0] == "2":
                next(lines)  # the path before
            if letters[0] != ".":
                kinds["staged"].append(name)
            if letters[1] != ".":
                kinds["unstaged"].append(name)
        elif line.startswith("u "):
            kinds["unmerged"].append(line.split(" ", 10)[10])
        elif line.startswith("? "):
            kinds["untracked"].append(line[2:])
    return Status(branch, head, **{kind: tuple(names) for kind, names in kinds.items()})


def _parse_blobs(data: bytes) -> Iterator[tuple[str, bytes]]:
    offset = 0
    while (end := data.find(b"\n", offset)) >= 0:
        header = data[offset:end].decode("ascii", "replace").split(" ")
        if len(header) != 3:
            offset = end + 1
            continue
        size = int(header[2])
        if end + 1 + size > len(data):
            return  # cut
        yield header[0], data[end + 1 : end + 1 + size]
        offset = end + size + 2
