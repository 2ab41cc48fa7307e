"""The calls of a tree by the body they stand in and by name, and the names that imports rename others to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property

from stepwarden.source.outline import CallSite, Outline


class CallIndex:
    """The calls of `outlines`, indexed when first asked for."""

    def __init__(self, outlines: Mapping[str, Outline]) -> None:
        self._outlines = outlines

    def in_body(self, path: str, inside: str) -> Sequence[CallSite]:
        """Return the calls in the body of the definition `inside`, nested definitions left out."""
        return self._by_body.get((path, inside), ())

    def named(self, name: str) -> Sequence[tuple[str, CallSite]]:
        """Return the calls of a name, each with its file."""
        return self._by_name.get(name, ())

    def with_aliases(self, names: set[str]) -> set[str]:
        """Return the names with all that imports and exports rename them to, directly or over several files."""
        waiting, found = list(names), set(names)
        while waiting:
            fresh = self._aliases.get(waiting.pop(), set()) - found
            found |= fresh
            waiting += fresh
        return found

    @cached_property
    def _by_body(self) -> Mapping[tuple[str, str], list[CallSite]]:
        found: dict[tuple[str, str], list[CallSite]] = defaultdict(list)
        for path, outline in self._outlines.items():
            for call in outline.calls:
                found[path, call.inside].append(call)
        return found

    @cached_property
    def _by_name(self) -> Mapping[str, list[tuple[str, CallSite]]]:
        found: dict[str, list[tuple[str, CallSite]]] = defaultdict(list)
        for path, outline in self._outlines.items():
            for call in outline.calls:
                found[call.name].append((path, call))
        return found

    @cached_property
    def _aliases(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for outline in self._outlines.values():
            for item in outline.imports:
                for name, alias in item.names:
                    if name != alias:
                        found[name].add(alias)
            for one in outline.variables:  # exports and other names at the top level
                for value in one.value.split("|") if not one.inside else ():
                    name, alias = value.rpartition(".")[2], one.name.rpartition(".")[2]
                    if name != alias and name.isidentifier():
                        found[name].add(alias)
        return found
