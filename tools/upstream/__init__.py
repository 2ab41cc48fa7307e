"""`upstream`, one small tool before all tools of upstream servers, and those of them that hosts see as tools of ours.

`tool` is what the server imports at its start; the rest loads the client of upstreams and comes with the first call.
"""
