"""Tests, in folders that mirror the packages; what several folders share is in `tests.support`."""
