"""Who signs: a private key with its X.509 certificate, in one PEM file that only its owner can read.

The key is ECDSA on P-256 with SHA-256: PDF readers check it, and so does any TLS library. The certificate is
self-signed unless the file holds one issued by somebody else; either way it's the fingerprint that a customer
compares.
"""

from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from assay.report.errors import ReportError
from assay.stats.errors import MissingExtra

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, KeyUsage

_YEARS = 10
PASSWORD = "ASSAY_SIGNING_PASSWORD"  # noqa: S105 - the name of the variable
"""Environment variable with the password of an encrypted key."""


@dataclass(frozen=True)
class Identity:
    """A signing key and its certificate."""

    key: EllipticCurvePrivateKey
    certificate: Certificate

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as pairs of hexadecimal digits."""
        return fingerprint(self.certificate)

    @property
    def subject(self) -> str:
        """The certificate's subject, as text."""
        return self.certificate.subject.rfc4514_string()

    @classmethod
    def default_path(cls) -> Path:
        """Where this user's own key is kept: below XDG_CONFIG_HOME, or ``~/.config``."""
        home = os.environ.get("XDG_CONFIG_HOME")
        return (Path(home) if home else Path.home() / ".config") / "assay" / "report-signing.pem"

    @classmethod
    def open(cls, path: Path) -> Identity:
        """The identity in a PEM file.

        Raises
        ------
        ReportError
            The file can't be read, its password is wrong, it lacks the key or the certificate, the key isn't
            on P-256, or the two don't belong together.
        """
        _need_cryptography()
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificate

        try:
            held = path.read_bytes()
        except OSError as error:
            raise ReportError("key-unreadable", path=path, detail=error.strerror or error) from error
        password = os.environ.get(PASSWORD)
        try:
            key = load_pem_private_key(held, password.encode() if password else None)
            certificate = load_pem_x509_certificate(held)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ReportError("key-broken", path=path, detail=error) from error
        if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
            raise ReportError("key-kind", path=path)
        if key.public_key() != certificate.public_key():
            raise ReportError("key-foreign", path=path)
        return cls(key, certificate)

    @classmethod
    def create(cls, path: Path, *, name: str | None = None) -> Identity:
        """A new key with a self-signed certificate, written to ``path`` (mode 600); never overwrites.

        Raises
        ------
        ReportError
            The file exists or can't be written.
        """
        _need_cryptography()
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID

        key = ec.generate_private_key(ec.SECP256R1())
        called = name or f"Assay on {socket.gethostname()}"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called[:64])])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=365 * _YEARS))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_for_signing(), critical=True)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = certificate.public_bytes(serialization.Encoding.PEM)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
                file.write(private + public)
        except OSError as error:
            raise ReportError("key-unwritable", path=path, detail=error.strerror or error) from error
        return cls(key, certificate)

    @classmethod
    def of_user(cls) -> Identity:
        """This user's own identity, made when first asked for."""
        path = cls.default_path()
        return cls.open(path) if path.exists() else cls.create(path)


def fingerprint(certificate: Certificate) -> str:
    """SHA-256 of a certificate, as pairs of hexadecimal digits joined by colons."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest().hex(":").upper()


def _for_signing() -> KeyUsage:
    from cryptography.x509 import KeyUsage

    return KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _need_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise MissingExtra(library="cryptography", extra="report") from error
