"""What answers on a port and is no HTTP server at all."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def closed_port() -> Iterator[int]:
    """Return a port that refuses connections, and keep it so."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, and never listened on
        yield held.getsockname()[1]


@contextmanager
def answering(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept connections and hand each to `handle`; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()
        kept: list[socket.socket] = []

        def serve() -> None:
            while not ended.is_set():
                with suppress(OSError):
                    connection, _ = listener.accept()
                    kept.append(connection)
                    handle(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            with suppress(OSError), socket.create_connection(listener.getsockname(), timeout=1):
                pass  # so that accept returns
            thread.join()
            for connection in kept:
                connection.close()


def closes_at_once(connection: socket.socket) -> None:
    """Break every connection as soon as it is made."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def never_answers(connection: socket.socket) -> None:
    """Accept, and say nothing ever."""
    del connection


def speaks_another_language(connection: socket.socket) -> None:
    """Greet as an SSH server does."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    connection.close()
