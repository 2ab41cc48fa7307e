"""A database for tests alone, postgresql://user@host/name; `.ci/postgres` starts one."""

import os
import uuid

import psycopg
import pytest

POSTGRES = os.environ.get("STEPWARDEN_TEST_POSTGRES", "")
NEEDS_POSTGRES = pytest.mark.skipif(not POSTGRES, reason="STEPWARDEN_TEST_POSTGRES names no database")


def postgres_schema() -> str:
    """Make an empty schema, and give the address at which it is all there is."""
    schema = f"t{uuid.uuid4().hex}"
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    return f"{POSTGRES}?options=-csearch_path%3D{schema}"
