"""Compares the routes of a file: which lacks a check that the others have."""
