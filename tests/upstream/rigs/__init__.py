"""Upstream servers that misbehave, on loopback: `faulty` over HTTP, `command` over pipes, `sockets` that are no HTTP.

Hand-written on purpose: the SDK's server refuses to do most of this.

    with hosting() as host:
        server = host.serve(Fault.DROPS)        # tools/call drops its answer; server.url
        server = host.serve(Fault.LIMITED, times=2, retry_after="1")
        server.fault = None                     # it is well again
        server.did                              # the tool calls that took effect, in order
        server.heard                            # every message, with its method and headers
"""
