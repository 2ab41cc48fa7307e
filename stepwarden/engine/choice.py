"""Which dispatcher goes with a store: the embedded one with a SQLite file, DBOS with PostgreSQL."""

from stepwarden.engine.dbos import DbosDispatcher
from stepwarden.engine.dispatcher import Dispatcher
from stepwarden.engine.local import LocalDispatcher
from stepwarden.settings import Settings
from stepwarden.storage import Store
from stepwarden.storage.transactions import sqlite_path


def build_dispatcher(settings: Settings, store: Store) -> Dispatcher:
    """Return the dispatcher for `store`, which is the one of `settings`; nothing is opened or loaded yet."""
    file = sqlite_path(settings.store_url)
    if file is not None:
        return LocalDispatcher(store, file.with_name(f"{file.name}-drivers"))
    direct = settings.engine_database_url
    return DbosDispatcher(store, settings.store_url if direct is None else direct.get_secret_value())
