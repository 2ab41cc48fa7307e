"""What the text around a call says about it: parameters, the class it stands in, declared types."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stepwarden.source.graph.name_resolver import NameResolver
from stepwarden.source.graph.resolution import Certainty, Resolution
from stepwarden.source.graph.symbols import Symbol
from stepwarden.source.graph.variable_index import Place
from stepwarden.source.outline import CallSite, Definition, Language


@dataclass(frozen=True, slots=True)
class CallScope:
    """One call of the file `path`; `nearby` are the calls of the same body, itself included."""

    names: NameResolver
    path: str
    call: CallSite
    nearby: Sequence[CallSite]

    @property
    def language(self) -> Language:
        """The language of the file."""
        return self.names.table.language(self.path)

    @property
    def place(self) -> Place:
        """The line of the call."""
        return Place(self.path, self.call.inside, self.call.line)

    @property
    def body(self) -> Definition | None:
        """The definition that the call stands in, None at module level."""
        return self.names.table.definitions[self.path].get(self.call.inside)

    def outcome(self, certainty: Certainty, targets: Sequence[Symbol] = (), reason: str = "") -> Resolution:
        """Return a resolution of this call."""
        return Resolution(self.path, self.call, certainty, self.names.table.with_bodies(targets), reason)

    def built_in(self) -> Resolution:
        """Return the resolution of a call of the language's own functions."""
        return Resolution(self.path, self.call, Certainty.OUTSIDE, (), "built in", built_in=True)

    def has_parameter(self, name: str) -> bool:
        """Whether a definition around the call has a parameter of this name."""
        definitions = self.names.table.definitions[self.path]
        inside = self.call.inside
        while inside and (around := definitions.get(inside)) is not None:
            if name in around.parameters:
                return True
            inside = around.parent
        return False

    def own_class(self) -> Symbol | None:
        """Return the class whose method the call stands in, None where it stands in none."""
        return self.names.own_class(self.path, self.call.inside)

    def self_name(self) -> str:
        """Return the name by which the method around the call names its own object: in Go, its receiver."""
        body = self.body
        if body is None or self.language is not Language.GO:
            return "self"
        match = re.match(r"func \((\w+) ", body.signature)
        return match[1] if match else "self"

    def follows_super(self) -> bool:
        """Whether the call is made on `super(...)`: both stand on one line."""
        return any(
            other.name == "super" and not other.receiver and other.line == self.call.line for other in self.nearby
        )
