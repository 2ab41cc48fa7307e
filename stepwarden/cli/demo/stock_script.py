"""What is asked for in `stepwarden demo run`, and what the model answers there: a script, not a model.

A process that goes on begins the script anew, so each answer says by `when` what the conversation has to contain.
"""

import json
import sys
from pathlib import Path
from typing import Any

from stepwarden.cli.demo.host import DemoPaths

REQUEST = "Find what is below its minimum in the stock room, and order what is missing."
STOP = {"any": [{"state": {"phase": "ordered"}}, {"max_steps": 8}]}
STEPS = 10
SERVER_FILE = Path(__file__).with_name("stock_room.py")
THINK_S = 0.3  # that an answer takes
REFUSED_S = 2.5  # that the answer to a refusal takes: time enough to be killed in

ORDER = {"part": "M4 screws", "quantity": 28}
ORDERED = "M4 screws were below their minimum, 12 of 40: 28 are ordered. Washers and lock nuts are enough."
NOT_ORDERED = "M4 screws are below their minimum, 12 of 40. You did not want them ordered, so nothing is."


def write_scripts(paths: DemoPaths) -> Path:
    """Write what configures the upstream server, and the script of the model, whose path is returned."""
    paths.home.mkdir(parents=True)
    paths.program.mkdir()
    entry = {"command": sys.executable, "args": ["-P", str(SERVER_FILE), str(paths.directory)]}
    (paths.home / "upstreams.json").write_text(json.dumps({"upstreams": {"stock": entry}}), "utf-8")
    script = paths.directory / "script.json"
    script.write_text(json.dumps({"replies": _replies()}), "utf-8")
    return script


def _replies() -> list[dict[str, Any]]:
    """Return the answers, the latest of the conversation first: the first that fits is given."""
    done = [_call("update_state", phase="ordered", progress=1)]
    counts = [_call("stock/count_part", part=part) for part in ("M4 screws", "washers", "lock nuts")]
    begun = [_call("stock/list_parts"), _call("update_state", phase="counting", progress=0.2)]
    return [
        _reply("refused this call", NOT_ORDERED, done, latency_s=REFUSED_S),
        _reply("says that it was carried out", ORDERED, done),
        _reply("ordered 28 M4 screws", ORDERED, done),
        _reply("counted 12 M4 screws", "M4 screws are too few; I order 28.", [_call("stock/order_part", **ORDER)]),
        _reply("M4 screws (at least 40)", "I count all three at once.", counts),
        _reply("", "I look at what there should be.", begun),
    ]


def _reply(when: str, text: str, calls: list[dict[str, Any]], latency_s: float = THINK_S) -> dict[str, Any]:
    usage = [400, 40]
    return {"when": when, "text": text, "calls": calls, "latency_s": latency_s, "times": None, "usage": usage}


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}
