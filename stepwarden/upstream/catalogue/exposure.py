"""Which tools of upstreams hosts see as tools of ours, and under which names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stepwarden.upstream.catalogue.registry import Registry
from stepwarden.upstream.catalogue.tool import UpstreamTool
from stepwarden.upstream.config import UpstreamConfig, matches

NAME_CHARS = 64  # what every host accepts


@dataclass(frozen=True, slots=True)
class Exposure:
    """A tool that is shown, and the server it belongs to."""

    config: UpstreamConfig
    tool: UpstreamTool

    @property
    def name(self) -> str:
        """How it is called here."""
        return f"{self.config.name}/{self.tool.name}"


@dataclass(frozen=True)
class Exposures:
    """The tools that are shown, by the names hosts call them by, sorted; and why others are not, by `upstream/tool`."""

    shown: Mapping[str, Exposure] = field(default_factory=dict[str, Exposure])
    hidden: Mapping[str, str] = field(default_factory=dict[str, str])


def exposures(registries: Iterable[Registry]) -> Exposures:
    """Choose what is shown, by the patterns of each server; of two with one name the first of the file is."""
    shown: dict[str, Exposure] = {}
    hidden: dict[str, str] = {}
    for registry in registries:
        config = registry.config
        for tool in registry.tools.values():
            if not matches(tool.name, config.expose):
                continue
            found = Exposure(config, tool)
            name = f"{config.tool_prefix}_{tool.name}".replace(".", "_").replace("/", "_")
            if registry.drift(tool.name):
                hidden[found.name] = "it changed and is barred"
            elif len(name) > NAME_CHARS:
                hidden[found.name] = f"{name} is over {NAME_CHARS} characters"
            elif tool.shown_schema is None:
                hidden[found.name] = "hosts would refuse the names or the size of its arguments; call it by upstream"
            elif name in shown:
                hidden[found.name] = f"{name} is the name of {shown[name].name} already"
            else:
                shown[name] = found
    return Exposures(dict(sorted(shown.items())), hidden)
