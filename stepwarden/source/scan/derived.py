"""What was derived from the files of a tree, kept by the content of all that it rests on."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

MOST_DERIVED = 8  # values that a process keeps

T = TypeVar("T")


class DerivedValues:
    """The values derived last; a value is used again only for the very files it was derived from."""

    def __init__(self) -> None:
        self._values: OrderedDict[bytes, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes, derive: Callable[[], T]) -> T:
        """Return the value of `key`, a `content_key` for one kind of value; derived where it is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return cast("T", self._values[key])
        value = derive()
        with self._lock:
            self._values[key] = value
            while len(self._values) > MOST_DERIVED:
                self._values.popitem(last=False)
        return value

    def clear(self) -> None:
        """Forget every value."""
        with self._lock:
            self._values.clear()


def content_key(kind: str, hashes: Mapping[str, str], paths: Iterable[str], more: object) -> bytes:
    """Return a key for a value that rests on `paths`, each with its hash in `hashes`, and on `more`, by its repr."""
    digest = hashlib.sha256(f"{kind} {more!r}".encode("utf-8", "surrogatepass"))
    for path in paths:
        digest.update(f"\0{path}\0{hashes[path]}".encode("utf-8", "surrogatepass"))
    return digest.digest()
