"""The HTTP server: one app for both protocol eras and old SSE hosts, with its own guards.

Stands on `stepwarden.runtime` and the MCP SDK, below `stepwarden.cli`, which runs it. It is handed the MCP server;
of the tools it knows the request of `execute`, which starts runs here in the same words.
"""
