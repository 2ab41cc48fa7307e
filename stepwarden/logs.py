"""Logs go to stderr, one JSON object a line: stdout belongs to the protocol."""

import json
import logging
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager


class JsonLines(logging.Formatter):
    """One JSON object a record: time, level, logger, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(level: str) -> None:
    """Send the records of all loggers from `level` on to stderr; before anything else sets up its own way."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    if level != "DEBUG":  # the SDK's client quotes what an upstream sent in tracebacks; we tell of it ourselves
        logging.getLogger("mcp.client").setLevel(logging.CRITICAL)


@contextmanager
def our_logging_alone() -> Generator[None]:
    """Keep what is built inside from importing rich, a twentieth of a start, for a log handler beside ours.

    The SDK's server takes rich where it can be imported, and a plain handler else; neither is used, since
    `configure_logging` was first.
    """
    module = "rich.console"
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # pyright: ignore[reportArgumentType] - what Python takes for "cannot be imported"
    try:
        yield
    finally:
        del sys.modules[module]
