"""Random working trees, made with the git program, and what that program itself says of them."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NAMES = ("a.txt", "b.txt", "c d.txt", "dir/e.py", "dir/F.py", "é漢.txt", "tab\there", "-dash", "x.lock")
TEXTS = (
    "one\ntwo\nthree\nfour\nfive\nsix\nseven\n",
    "one\r\ntwo\r\nthree\r\nfour\r\nfive\r\nsix\r\nseven\r\n",
    "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n",
    "other\n" * 9,
    "",
    "$Id$\nno end",
    "nul\0inside\n",
    "grün\n",
)
LOCAL = (
    ("core.autocrlf", "true"),
    ("core.autocrlf", "input"),
    ("core.eol", "crlf"),
    ("core.fileMode", "false"),
    ("core.symlinks", "false"),
    ("core.ignoreCase", "true"),
    ("diff.renames", "copies"),
    ("diff.renames", "false"),
    ("status.renames", "copies"),
    ("status.renames", "false"),
    ("status.showUntrackedFiles", "no"),
    ("diff.algorithm", "patience"),
    ("diff.noprefix", "true"),
    ("diff.relative", "true"),
    ("core.quotePath", "true"),
    ("core.splitIndex", "true"),
    ("core.untrackedCache", "true"),
)
ATTRIBUTES = (
    "* text=auto\n",
    "*.txt text eol=crlf\n",
    "*.txt -text\n",
    "*.txt ident\n",
    "*.txt working-tree-encoding=UTF-16\n",
    "*.py binary\n",
    "*.lock -diff\n",
    "*.txt filter=none\n",
)
IGNORES = ("*.txt\n", "dir/\n", "*.py\n!dir/e.py\n", "/a.txt\n")


@dataclass(frozen=True, slots=True)
class Tree:
    """One repository and its user, whose configuration is the file `config` in their home."""

    top: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        return {**kept, **self.users}

    @property
    def users(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "xdg"),
            "GIT_CONFIG_GLOBAL": str(self.home / "config"),
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def git(self, *arguments: str) -> bytes:
        """Run git as its user does; what it refuses changes nothing."""
        done = subprocess.run(["git", *arguments], cwd=self.top, env=self.environment, capture_output=True, check=False)
        return done.stdout

    def write(self, name: str, text: str) -> None:
        path = self.top / name
        if path.is_dir() and not path.is_symlink():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        path.write_bytes(text.encode())


def new_tree(place: Path) -> Tree:
    """Return a repository with one commit, and a user."""
    tree = Tree(place / "work", place / "home")
    (tree.home / "xdg/git").mkdir(parents=True)
    (tree.home / "config").write_text(
        "[user]\n\tname = A\n\temail = a@example.invalid\n[init]\n\tdefaultBranch = main\n"
    )
    tree.top.mkdir()
    tree.git("init", "-q", "-b", "main", "--template=")
    for number, name in enumerate(NAMES[:6]):
        tree.write(name, TEXTS[number % 4])
    tree.git("add", "-A")
    tree.git("commit", "-q", "-m", "first")
    return tree


def _link(tree: Tree, name: str, number: int) -> None:
    path = tree.top / name
    if not path.is_dir():
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(("a.txt", "nowhere", "dir", "/etc")[number % 4])


def _delete(tree: Tree, name: str, number: int) -> None:
    (tree.top / name).unlink(missing_ok=True)


def _move(tree: Tree, name: str, number: int) -> None:
    tree.git("mv", "-f", "--", name, f"moved{number}")


def _copy(tree: Tree, name: str, number: int) -> None:
    path = tree.top / name
    if path.is_file():
        (tree.top / f"copy{number}").write_bytes(path.read_bytes())
        tree.git("add", "--", f"copy{number}")


def _change_case(tree: Tree, name: str, number: int) -> None:
    tree.git("mv", "-f", "--", name, name.swapcase())


def _mode(tree: Tree, name: str, number: int) -> None:
    path = tree.top / name
    if path.is_file() and not path.is_symlink():
        path.chmod(0o755 if number % 2 else 0o644)


def _conflict(tree: Tree, name: str, number: int) -> None:
    tree.git("stash", "-q")
    tree.git("checkout", "-q", "-b", f"other{number}")
    tree.write(name, "theirs\n")
    tree.git("add", "--", name)
    tree.git("commit", "-q", "-m", "theirs")
    tree.git("checkout", "-q", "-")
    tree.write(name, "ours\n")
    tree.git("add", "--", name)
    tree.git("commit", "-q", "-m", "ours")
    tree.git("merge", "-q", f"other{number}")


def _nested(tree: Tree, name: str, number: int) -> None:
    inner = tree.top / f"inner{number % 2}"
    if not inner.exists():
        inner.mkdir()
        tree.git("init", "-q", "--template=", str(inner))
        tree.git("-C", str(inner), "commit", "-q", "--allow-empty", "-m", "in")
    elif number % 3:
        tree.git("-C", str(inner), "commit", "-q", "--allow-empty", "-m", "in again")
    else:
        tree.git("-c", "advice.addEmbeddedRepo=false", "add", f"inner{number % 2}")


def _exclude(tree: Tree, name: str, number: int) -> None:
    place = (tree.top / ".gitignore", tree.top / ".git/info/exclude", tree.home / "xdg/git/ignore", tree.home / "mine")
    path = place[number % 4]
    path.parent.mkdir(exist_ok=True)
    path.write_text(IGNORES[number // 4 % 4])
    if path == place[3]:
        tree.git("config", "--global", "core.excludesFile", "~/mine")


def _attributes(tree: Tree, name: str, number: int) -> None:
    place = (
        tree.top / ".gitattributes",
        tree.top / ".git/info/attributes",
        tree.home / "xdg/git/attributes",
        tree.home / "my-attributes",
        tree.top / "local-attributes",
    )
    path = place[number % 5]
    path.parent.mkdir(exist_ok=True)
    path.write_text(ATTRIBUTES[number // 5 % len(ATTRIBUTES)])
    if path == place[3]:
        tree.git("config", "--global", "core.attributesFile", str(path))
    if path == place[4]:
        tree.git("config", "core.attributesFile", str(path))


def _configure(tree: Tree, name: str, number: int) -> None:
    key, value = LOCAL[number // 2 % len(LOCAL)]
    tree.git("config", "--global" if number % 2 else "--local", key, value)


def _sparse(tree: Tree, name: str, number: int) -> None:
    tree.git("sparse-checkout", "set", "--no-cone", "/a.txt", "/dir/")


Action = Callable[[Tree, str, int], object]
ACTIONS: Mapping[str, Action] = {
    "write": lambda tree, name, number: tree.write(name, TEXTS[number % len(TEXTS)]),
    "delete": _delete,
    "link": _link,
    "mode": _mode,
    "move": _move,
    "copy": _copy,
    "case": _change_case,
    "add": lambda tree, name, _: tree.git("add", "--", name),
    "add all": lambda tree, _, __: tree.git("add", "-A"),
    "intend": lambda tree, name, _: tree.git("add", "-N", "--", name),
    "unstage": lambda tree, name, _: tree.git("reset", "-q", "--", name),
    "forget": lambda tree, name, _: tree.git("rm", "-q", "--cached", "-f", "--", name),
    "commit": lambda tree, _, __: tree.git("commit", "-q", "-m", "more"),
    "assume": lambda tree, name, _: tree.git("update-index", "--assume-unchanged", "--", name),
    "skip": lambda tree, name, _: tree.git("update-index", "--skip-worktree", "--", name),
    "conflict": _conflict,
    "nested": _nested,
    "exclude": _exclude,
    "attributes": _attributes,
    "configure": _configure,
    "sparse": _sparse,
}


def names_by_status(listed: bytes) -> list[tuple[str, str, str]]:
    """Return (letter, path before, path) of each file in the output of `git diff --name-status -z`, sorted."""
    fields = [field.decode("utf-8", "surrogateescape") for field in listed.split(b"\0")[:-1]]
    found: list[tuple[str, str, str]] = []
    at = 0
    while at < len(fields):
        moved = fields[at][0] in "RC"
        found.append((fields[at][0], fields[at + 1] if moved else "", fields[at + 2 if moved else at + 1]))
        at += 3 if moved else 2
    unmerged = {path for letter, _, path in found if letter == "U"}
    return sorted({entry if entry[2] not in unmerged else ("U", "", entry[2]) for entry in found})


def counts(listed: bytes) -> dict[str, tuple[int, int] | None]:
    """Return the lines added and removed by path, of `git diff --numstat -z`; None for a binary."""
    fields = listed.split(b"\0")[:-1]
    found: dict[str, tuple[int, int] | None] = {}
    at = 0
    while at < len(fields):
        plus, minus, name = fields[at].split(b"\t", 2)
        if not name:
            name = fields[at + 2]
            at += 2
        path = name.decode("utf-8", "surrogateescape")
        found[path] = None if plus == b"-" else (int(plus), int(minus))
        at += 1
    return found


def kinds_of_status(listed: bytes) -> dict[str, Sequence[str]]:
    """Return the paths that are staged, unstaged, untracked and unmerged in `git status --porcelain -z`, sorted.

    It is the older format: a mistake in reading the newer one, as the product does, is not made here too.
    """
    found: dict[str, list[str]] = {"staged": [], "unstaged": [], "untracked": [], "unmerged": []}
    fields = iter(listed.decode("utf-8", "surrogateescape").split("\0")[:-1])
    for field in fields:
        letters, name = field[:2], field[3:]
        if set(letters) & {"R", "C"}:
            next(fields)  # the path before
        if letters == "??":
            found["untracked"].append(name)
        elif "U" in letters or letters in {"AA", "DD"}:
            found["unmerged"].append(name)
        else:
            for letter, kind in zip(letters, ("staged", "unstaged"), strict=True):
                if letter != " ":
                    found[kind].append(name)
    return {word: tuple(sorted(names)) for word, names in found.items()}
