"""Stores as released versions wrote them: see fixtures/README.md."""

import lzma
from pathlib import Path

import psycopg

from tests.support.store import raw

FIXTURES = Path(__file__).with_name("fixtures")
RELEASED = ("schema-1", "schema-2", "before-renames", "schema-3")


def put_released(name: str, url: str) -> None:
    """Make the database at `url`, which is empty, the store `name`."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(lzma.decompress((FIXTURES / f"{name}.db.xz").read_bytes()))
        return
    dump = lzma.decompress((FIXTURES / f"{name}.sql.xz").read_bytes()).decode()
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT current_schema()").fetchone()
        assert found is not None
        connection.execute(dump.replace("public.stepwarden", f"{found[0]}.stepwarden").encode())


def rows(url: str, sql: str) -> list[tuple[object, ...]]:
    """Give what a statement gives, run beside the store, whatever its schema."""
    if url.startswith("sqlite"):
        connection = raw(Path(url.removeprefix("sqlite:///")))
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()
    with psycopg.connect(url) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []
