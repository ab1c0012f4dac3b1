"""Signatures on reports: put on, and checked again.

A PDF carries a CMS signature as PDF readers know it (ETSI PAdES baseline B). An HTML file ends with one
comment line that holds the signer's certificate and an ECDSA signature over every byte before it; nothing
may follow.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assay.report.errors import ReportError
from assay.report.identity import Identity, fingerprint

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Verdict = Literal["valid", "broken", "missing"]
FIELD = "Verification"
_COMMENT = re.compile(rb"<!-- assay-signature (\{[^\n]*\}) -->\n\Z")
_LARGEST = 64 * 2**20


@dataclass(frozen=True)
class SignatureCheck:
    """What a report's signature says."""

    file: str
    signature: Verdict
    """``valid``: made by the named key over the whole file; ``broken``: the file isn't what was signed."""
    fingerprint: str | None
    """SHA-256 of the signer's certificate."""
    subject: str | None
    trusted: bool | None
    """Whether the fingerprint is the one that was named as trusted; None when none was named."""
    problem: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the signature is valid, and by the trusted key where one was named."""
        return self.signature == "valid" and self.trusted is not False


def sign_html(text: str, identity: Identity) -> bytes:
    """The file's bytes with the signature line at the end."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    body = text.encode("utf-8")
    if not body.endswith(b"\n"):
        body += b"\n"
    told = {
        "algorithm": "ecdsa-p256-sha256",
        "certificate": base64.b64encode(identity.certificate.public_bytes(Encoding.DER)).decode(),
        "signature": base64.b64encode(identity.key.sign(body, ECDSA(SHA256()))).decode(),
    }
    return body + f"<!-- assay-signature {json.dumps(told, sort_keys=True)} -->\n".encode()


def sign_pdf(document: bytes, identity: Identity, *, reason: str) -> bytes:
    """The PDF with a signature over all of it; any later change shows."""
    from asn1crypto import keys, x509
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers
    from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    private = identity.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = signers.SimpleSigner(
        signing_cert=x509.Certificate.load(identity.certificate.public_bytes(Encoding.DER)),
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
    )
    told = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        reason=reason,
        name=identity.subject,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        subfilter=SigSeedSubFilter.PADES,
    )
    written = signers.sign_pdf(IncrementalPdfFileWriter(BytesIO(document)), told, signer=signer)
    return bytes(written.getbuffer())


def check_file(path: Path, *, trusted: str | None = None) -> SignatureCheck:
    """Check the signature of a report.

    Parameters
    ----------
    path
        An HTML or PDF report.
    trusted
        Fingerprint of the certificate that is trusted; colons, spaces and case don't matter.

    Raises
    ------
    ReportError
        The file can't be read, or is neither HTML nor PDF.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise ReportError("too-large", path=path, most=_LARGEST // 2**20)
        held = path.read_bytes()
    except OSError as error:
        raise ReportError("unreadable", path=path, detail=error.strerror or error) from error
    if held.startswith(b"%PDF-"):
        verdict, certificate, problem = _check_pdf(held)
    elif held.lstrip()[:15].lower().startswith(b"<!doctype html"):
        verdict, certificate, problem = _check_html(held)
    else:
        raise ReportError("unknown-kind", path=path)
    found = fingerprint(certificate) if certificate else None
    return SignatureCheck(
        file=str(path),
        signature=verdict,
        fingerprint=found,
        subject=certificate.subject.rfc4514_string() if certificate else None,
        trusted=None if trusted is None else found is not None and _bare(trusted) == _bare(found),
        problem=problem,
    )


def _bare(text: str) -> str:
    return re.sub(r"[:\s]", "", text).lower()


_Found = tuple[Verdict, "Certificate | None", str | None]


def _check_html(held: bytes) -> _Found:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509 import load_der_x509_certificate

    line = _COMMENT.search(held)
    if line is None:
        missing = b"<!-- assay-signature" not in held
        return ("missing", None, None) if missing else ("broken", None, "the signature is not at the end")
    try:
        told: dict[str, Any] = json.loads(line[1])
        certificate = load_der_x509_certificate(base64.b64decode(told["certificate"], validate=True))
        signature = base64.b64decode(told["signature"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        return "broken", None, f"the signature line can't be read: {error}"
    key = certificate.public_key()
    if not isinstance(key, EllipticCurvePublicKey):
        return "broken", certificate, "the certificate's key is of another kind"
    try:
        key.verify(signature, held[: line.start()], ECDSA(SHA256()))
    except InvalidSignature:
        return "broken", certificate, "the file is not what was signed"
    return "valid", certificate, None


def _check_pdf(held: bytes) -> _Found:
    from cryptography.x509 import load_der_x509_certificate
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.diff_analysis import SuspiciousModification
    from pyhanko.sign.general import SigningError
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    try:
        signatures = PdfFileReader(BytesIO(held)).embedded_signatures
        if not signatures:
            return "missing", None, None
        signer = signatures[0].signer_cert
        context = ValidationContext(trust_roots=[signer], allow_fetching=False)
        status = validate_pdf_signature(signatures[0], context)
    except (PdfError, SigningError, SignatureValidationError, SuspiciousModification, ValueError) as error:
        return "broken", None, str(error)
    certificate = load_der_x509_certificate(signer.dump())
    if not (status.intact and status.valid):
        return "broken", certificate, "the file is not what was signed"
    if status.coverage is not SignatureCoverageLevel.ENTIRE_FILE:
        return "broken", certificate, "something was added after the signature"
    return "valid", certificate, None
