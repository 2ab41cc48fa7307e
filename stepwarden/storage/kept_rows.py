"""What is kept with streams and shown to nobody, in an open transaction; imported lazily, since it loads SQLAlchemy."""

from collections.abc import Mapping

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    delete,
    func,
    insert,
    select,
)

from stepwarden.storage.records import Head, KeptSize
from stepwarden.storage.schema import heads, kept


class KeptRows:
    """What is kept with each stream by name, as the transaction of `connection` sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_stream(self, stream: str) -> dict[str, bytes]:
        """Return what is kept with `stream`, by name."""
        rows = self._connection.execute(select(kept.c.name, kept.c.data).where(kept.c.stream == stream))
        return {name: bytes(data) for name, data in rows}

    def keep(self, stream: str, items: Mapping[str, bytes]) -> None:
        """Keep `items` with `stream`; a name that is kept already stays as it is."""
        if not items:
            return
        named = select(kept.c.name).where(kept.c.stream == stream, kept.c.name.in_(items))
        known = set(self._connection.execute(named).scalars())
        rows = [{"stream": stream, "name": name, "data": data} for name, data in items.items() if name not in known]
        if rows:
            self._connection.execute(insert(kept), rows)

    def size_of(self, head: Head) -> KeptSize:
        """Return how much is kept with the stream of `head`."""
        sized = select(func.count(), func.coalesce(func.sum(func.length(kept.c.data)), 0))
        count, stored_bytes = self._connection.execute(sized.where(kept.c.stream == head.stream)).one()
        return KeptSize(head, count, stored_bytes)

    def delete(self, head: Head) -> bool:
        """Delete all that is kept with a stream; False where it moved on since, and nothing is deleted."""
        standing = select(heads.c.stream).where(heads.c.stream == head.stream, heads.c.version == head.version)
        if self._connection.execute(standing).first() is None:
            return False
        self._connection.execute(delete(kept).where(kept.c.stream == head.stream))
        return True
