"""How the public interface of a file changed: which definitions callers find gone or different."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stepwarden.source.outline import Definition, DefinitionKind, Outline

OTHERWISE = "has another signature"
_COMMENT = re.compile(r"\s*/\*.*?(?:\*/|$)|\s+(?:#|//)(?:\s.*)?$")


@dataclass(frozen=True, slots=True)
class InterfaceChange:
    """One public definition that changed for its callers; `line` is where it is now, or was."""

    qualified: str
    line: int
    how: str
    is_called: bool = False

    @property
    def name(self) -> str:
        """The name that other files mention: its last part, of a function with a parenthesis."""
        return self.qualified.rpartition(".")[2] + ("(" if self.is_called else "")


def find_broken_interface(before: Outline | None, after: Outline | None) -> tuple[InterfaceChange, ...]:
    """Return the public definitions of `before` that are gone, private, or have another signature in `after`.

    New definitions break nothing. Without `before` (a new file, or one in an unknown language) nothing can break; a
    file that is generated or does not parse is left out.
    """
    if before is None or before.generated or (after is not None and (after.generated or after.broken)):
        return ()
    old = _public(before.definitions)
    new = _public(after.definitions) if after is not None else {}
    private = {item.qualified for item in after.definitions} - new.keys() if after is not None else set[str]()
    broken: list[InterfaceChange] = []
    for qualified, items in old.items():
        now = new.get(qualified)
        if _parent_is_gone(qualified, old, new):
            continue
        if now is None:
            how = "is private now" if qualified in private else "is gone"
            broken.append(InterfaceChange(qualified, items[0].line, how, _is_called(items[0])))
        elif sorted(map(_form, items)) != sorted(map(_form, now)):
            broken.append(
                InterfaceChange(qualified, now[0].line, _describe_change(items[0], now[0]), _is_called(items[0]))
            )
    return tuple(sorted(broken, key=lambda item: (item.line, item.qualified)))


def _is_called(item: Definition) -> bool:
    # a property is accessed like an attribute
    return item.kind in {DefinitionKind.FUNCTION, DefinitionKind.METHOD} and not any(
        "property" in name for name in item.decorators
    )


def _public(definitions: Iterable[Definition]) -> dict[str, list[Definition]]:
    found: dict[str, list[Definition]] = {}
    for item in definitions:
        # nothing inside a function is public
        if item.public and item.qualified and item.kind is not DefinitionKind.MODULE:
            found.setdefault(item.qualified, []).append(item)
    return found


def _parent_is_gone(qualified: str, old: dict[str, list[Definition]], new: dict[str, list[Definition]]) -> bool:
    parent = qualified.rpartition(".")[0]
    return bool(parent) and parent in old and parent not in new


def _form(item: Definition) -> tuple[str, ...]:
    """Return what callers depend on: kind, signature, parameters, bases, and whether it is asynchronous."""
    return (
        item.kind.value,
        _COMMENT.sub("", item.signature).rstrip(" :{="),
        ",".join(item.parameters),
        ",".join(item.bases),
        str(item.asynchronous),
    )


def _describe_change(before: Definition, after: Definition) -> str:
    if before.kind is not after.kind:
        return f"is a {after.kind.value} now"
    if before.asynchronous is not after.asynchronous:
        return "is asynchronous now" if after.asynchronous else "is no longer asynchronous"
    if before.parameters != after.parameters:
        return _describe_parameters(before.parameters, after.parameters)
    return "has other bases" if before.bases != after.bases else OTHERWISE


def _describe_parameters(before: Sequence[str], after: Sequence[str]) -> str:
    """Return what other parameters mean for callers; one that comes before others moves what is passed by position."""
    gone = [name for name in before if name not in after]
    new = [name for name in after if name not in before]
    kept = [name for name in after if name in before]
    if gone:
        return f"no longer takes {', '.join(gone)}" + (f", takes {', '.join(new)}" if new else "")
    if kept != list(before):
        return "takes its parameters in another order"
    last = len(after) - len(new)
    moved = next((name for at, name in enumerate(after) if name in new and at < last), "")
    if moved:
        following = after[list(after).index(moved) + 1]
        return f"takes {moved} before {following}: arguments by position move"
    return f"takes {', '.join(new)} too"
