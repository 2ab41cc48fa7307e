"""The names that one file binds, those it uses without binding them, and the members of its classes."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FileNames:
    """The names of one file.

    `top` has what its top level binds, and "Class.member", with the lines. `missing` has the plain names that no scope
    around their use binds, "Class.member" for members of the own object, and where each is used first. `inner` are
    names that are bound below the top level too. An `open` file may bind more than is written.
    """

    top: Mapping[str, int] = field(default_factory=dict[str, int])
    missing: Mapping[str, int] = field(default_factory=dict[str, int])
    inner: frozenset[str] = frozenset()
    open: bool = False

    def provides(self, name: str) -> bool:
        """Whether others may get `name` from the file."""
        return self.open or name in self.top


@dataclass(eq=False, slots=True)
class Scope:
    """The names bound in one function, class or file; names of a class are seen by its own statements alone."""

    around: "Scope | None" = None
    is_class: bool = False
    bound: dict[str, int] = field(default_factory=dict[str, int])

    def sees(self, name: str) -> bool:
        """Whether a use of `name` in this scope finds it here, or in one around."""
        if name in self.bound:
            return True
        scope = self.around
        while scope is not None:
            if name in scope.bound and not scope.is_class:
                return True
            scope = scope.around
        return False


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that a file of a tree uses and that the tree does not have.

    `name` is missing in all of `sources`, files that could have it; "" for a file that is missing itself. `what` says
    it in words, the same in each tree; `needs` that another tree has to have `name`.
    """

    path: str
    line: int
    what: str
    name: str = ""
    sources: tuple[str, ...] = ()
    needs: bool = True
