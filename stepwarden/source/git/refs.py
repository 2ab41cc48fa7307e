"""Finding commits by their refs."""

import re

from stepwarden.files.paths import shown
from stepwarden.source.git.command import GitFailed, GitSlow
from stepwarden.source.git.repository import Repository

REF_CHARACTERS = 250
_REF = re.compile(r"[^-\x00-\x20\x7f:?*\[\\][^\x00-\x20\x7f:?*\[\\]*")  # no range, no path, no option


def find_commit(repository: Repository, ref: str, *, until: float) -> str:
    """Return the full id of the commit that `ref` names, here or at origin.

    Raises GitFailed for what is not a ref, does not exist, or leads to no commit, with what to send instead.
    """
    if not _REF.fullmatch(ref) or len(ref) > REF_CHARACTERS or ".." in ref:
        raise GitFailed(
            f"compare_to: '{shown(ref, 60)}' is not a git ref. Send a branch, tag or commit such as main or HEAD~3."
        )
    for name in (ref, f"refs/remotes/origin/{ref}"):
        try:
            found = repository.run(
                ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"], until=until
            )
        except GitSlow:
            raise
        except GitFailed:
            continue
        return found.decode("ascii", "replace").strip()
    instead = _suggest_refs(repository, until)
    raise GitFailed(f"compare_to: no commit here is called '{shown(ref, 60)}'. {instead}")


def find_merge_base(repository: Repository, commit: str, *, until: float) -> str:
    """Return the last commit that `commit` and HEAD have in common; `commit` itself where they have none."""
    try:
        return repository.run(["merge-base", commit, "HEAD"], until=until).decode("ascii", "replace").strip()
    except GitFailed as error:
        if error.git_message:
            raise
        return commit


def hash_empty_tree(repository: Repository, *, until: float) -> str:
    """Return the id of the tree without files, to compare with where there is no commit yet."""
    return repository.run(["hash-object", "-t", "tree", "--stdin"], until=until).decode("ascii").strip()


def _suggest_refs(repository: Repository, until: float) -> str:
    try:
        refs = repository.run(
            ["for-each-ref", "--count=5", "--sort=-committerdate", "--format=%(refname:short)", "refs/heads"],
            until=until,
        )
    except GitFailed:
        return "Send a branch, tag or commit."
    names = refs.decode("utf-8", "replace").split()
    if not names:
        return "There is no commit yet: leave it out."
    return f"Send a branch, tag or commit, such as {', '.join(shown(name, 40) for name in names)}."
