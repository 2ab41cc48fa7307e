"""Serves a script as a model, and says where: `python script_server.py SCRIPT`."""

import os
import sys
from pathlib import Path

from providers.scripted_server import serve_script


def ready(url: str) -> None:
    os.write(1, f"{url}\n".encode())


if __name__ == "__main__":
    serve_script(Path(sys.argv[1]), "127.0.0.1", 0, ready)
