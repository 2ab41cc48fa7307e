"""Figures of the client of upstream servers."""
