"""What is kept with streams and shown to nobody, in an open transaction; imported lazily, since it loads SQLAlchemy."""

from collections.abc import Mapping

from sqlalchemy import (  # noqa: TID253 - this module is itself imported lazily
    Connection,
    insert,
    select,
)

from stepwarden.storage.schema import kept


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
