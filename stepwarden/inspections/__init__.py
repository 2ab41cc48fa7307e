"""Inspections: what the server finds in the code itself at a step, one folder for each tool."""
