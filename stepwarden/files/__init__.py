"""Files: roots, safe opening, names of secrets, and the look-up of quotes."""

from stepwarden.files.roots import RootPolicy
from stepwarden.files.workspace import FileFact, Workspace, open_workspace

__all__ = ["FileFact", "RootPolicy", "Workspace", "open_workspace"]
