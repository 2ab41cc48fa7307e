"""Runs: work that the server does by itself. Pure: a run is the fold of its events; what is next is decided of it."""
