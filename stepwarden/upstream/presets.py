"""Upstream servers known by a name: one row each, with what an entry of the file need not say itself."""

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # The endpoint with resource metadata and dynamic registration; `/v1/sse` is no longer served since 30 June 2026.
    "atlassian": {"url": "https://mcp.atlassian.com/v1/mcp/authv2", "auth": {"type": "oauth"}},
}
"""The keys of an entry, by the name of the preset; what an entry says itself wins."""
