"""What answers on a port and is no HTTP server at all, and a certificate that nobody trusts."""

import datetime
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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


def self_signed(folder: Path) -> dict[str, str]:
    """Make a certificate that nobody trusts; give the options by which `hosting` serves with it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return {"ssl_certfile": str(folder / "cert.pem"), "ssl_keyfile": str(folder / "key.pem")}
