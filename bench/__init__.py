"""Benches that ship with the project: they measure the real code, and say what is simulated."""
