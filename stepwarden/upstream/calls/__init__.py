"""Calls of upstreams' tools, as a caller makes them: checked, allowed by a person, signed in for, recorded."""
