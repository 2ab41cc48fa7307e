"""Our own MCP client: upstream servers with their connections, tools and calls.

Nothing here is imported at a start without upstreams, and the MCP client only when the first connection is made. Read
`config` (what a server is), `servers` (the servers of a process) and `calls.guarded_call` (one call, from its check to
its record) first.
"""
