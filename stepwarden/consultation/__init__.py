"""Asking models about a thread: requests in the background, the expert, the panel of a consensus."""
