"""Scans: which files a tree has, their outlines, worker processes, and what is cached between scans."""
