"""Our own MCP client: upstream servers with their connections, tools and calls.

Nothing here is imported at a start without upstreams, and the MCP client only when the first connection is made. Begin
with `config` (what a server is), `loading` (the file it is read from) and `gateway` (what tools and commands use).
"""
