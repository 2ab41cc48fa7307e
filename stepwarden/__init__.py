"""Stepwarden: an MCP server that makes an AI agent work in steps, and makes the steps count."""

__version__ = "0.1.0"
