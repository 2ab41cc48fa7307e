"""Certificates that are made for a test run, and a list of trusted ones that is quick to read."""

import datetime
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509  # noqa: TID253 - it makes certificates
from cryptography.hazmat.primitives import hashes, serialization  # noqa: TID253
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: TID253
from cryptography.x509.oid import NameOID  # noqa: TID253


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate of localhost that nobody trusts; return the files of the certificate and of its key."""
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
    certificate_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    return certificate_file, key_file


@contextmanager
def one_trusted_certificate(folder: Path) -> Generator[None]:
    """Let HTTP clients, here and in child processes, trust one certificate of ours alone.

    Each client reads the list of those it trusts: the public ones take 25 ms, and nothing here ever meets one.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SSL_CERT_FILE", str(self_signed(folder)[0]))
        yield
