"""The verification report as HTML or PDF, signed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assay.model.text import Language
from assay.report.errors import CATALOGUE, ReportError
from assay.report.signing import sign_html, sign_pdf

if TYPE_CHECKING:
    from assay.report.identity import Identity
    from assay.stats.verify import Verification


def write_verification(
    verification: Verification, path: Path, identity: Identity, *, language: Language = "en"
) -> None:
    """Write the signed report; the ending of ``path`` says which form: ``.html`` or ``.pdf``.

    Raises
    ------
    ReportError
        Another ending, or a file that can't be written.
    MissingExtra
        A library of the extra ``report`` isn't installed.
    """
    form = path.suffix.lower()
    if form in {".html", ".htm"}:
        held = sign_html(as_html(verification, identity, language), identity)
    elif form == ".pdf":
        from assay.report.verification_pdf import as_pdf

        reason = CATALOGUE.say("verification.title", language)
        held = sign_pdf(as_pdf(verification, identity, language), identity, reason=reason)
    else:
        raise ReportError("form", path=path)
    try:
        path.write_bytes(held)
    except OSError as error:
        raise ReportError("unwritable", path=path, detail=error.strerror or error) from error


def as_html(verification: Verification, identity: Identity, language: Language) -> str:
    """The report as one HTML file that asks for nothing else; not yet signed."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("assay.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("verification.html.j2")
    return template.render(
        report=verification.to_dict(),
        subject=identity.subject,
        fingerprint=identity.fingerprint,
        language=language,
        say=lambda key, **values: CATALOGUE.say(f"verification.{key}", language, **values),
        figure=figure,
    )


def figure(value: float | None) -> str:
    """A number as the tables show it: ten significant digits, no trailing zeros."""
    return "–" if value is None else f"{value:.10g}"
