"""``assay verify-statistics``: every statistic against its reference, and a signed report of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.options import AsJson
from assay.cli.output import show, table
from assay.cli.progress import bar
from assay.cli.speech import say, spoken

if TYPE_CHECKING:
    from rich.console import Console

    from assay.report import Identity, SignatureCheck

Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="option.report", show_default=False)
]
Key = Annotated[Path | None, typer.Option("--key", metavar="PEM", help="option.key", show_default=False)]
Family = Annotated[
    list[str] | None, typer.Option("--family", metavar="NAME", help="option.family", show_default=False)
]
CheckFile = Annotated[
    Path | None, typer.Option("--check", metavar="FILE", help="option.check", show_default=False)
]
Trust = Annotated[
    str | None, typer.Option("--trust", metavar="FINGERPRINT", help="option.trust", show_default=False)
]


def verify_statistics(
    *,
    report: Report = None,
    key: Key = None,
    family: Family = None,
    check: CheckFile = None,
    trust: Trust = None,
    as_json: AsJson = False,
) -> None:
    """Compare every statistic with its reference; the exit code is 1 when one differs."""
    if check is not None:
        _check(check, trust, as_json=as_json)
        return
    from assay.stats.verify import run

    identity = _identity(key) if report or key else None
    with bar() as progress:
        verification = run(family, progress=progress)
    document = verification.to_dict()
    if report is not None and identity is not None:
        from assay.report import write_verification

        write_verification(verification, report, identity, language=spoken())
        document["report"] = {
            "file": str(report),
            "subject": identity.subject,
            "fingerprint": identity.fingerprint,
        }
    show(document, lambda to: _print(to, document), as_json=as_json)
    if verification.failed:
        raise typer.Exit(1)


def _identity(key: Path | None) -> Identity:
    from assay.report import Identity

    return Identity.of_user() if key is None else Identity.open(key)


def _print(to: Console, document: dict[str, Any]) -> None:
    from assay.report.verification import figure

    heads = ["statistic", "reference", "computed", "difference", "tolerance", "verdict", "source"]
    rows = [
        [
            check["statistic"],
            figure(check["reference"]),
            figure(check["computed"]),
            "" if check["difference"] is None else f"{check['difference']:.2g}",
            check["tolerance"],
            say("verify.pass" if check["passed"] else "verify.fail"),
            "; ".join(part for part in (check["source"], check["note"], check["problem"]) if part),
        ]
        for check in document["checks"]
    ]
    table(to, [say(f"verify.{head}") for head in heads], rows, right=[1, 2, 3])
    to.print(say("verify.sum", passed=document["passed"], failed=document["failed"]))
    if told := document.get("report"):
        to.print(say("verify.written", **told))


def _check(file: Path, trust: str | None, *, as_json: bool) -> None:
    from assay.report import check_file

    found = check_file(file, trusted=trust)
    show(asdict(found) | {"accepted": found.accepted}, lambda to: _print_check(to, found), as_json=as_json)
    if not found.accepted:
        raise typer.Exit(1)


def _print_check(to: Console, found: SignatureCheck) -> None:
    to.print(say(f"verify.signature.{found.signature}", file=found.file, problem=found.problem))
    if found.fingerprint:
        to.print(say("verify.signer", subject=found.subject, fingerprint=found.fingerprint))
        trust = {None: "unknown", True: "yes", False: "no"}[found.trusted]
        to.print(say(f"verify.trust.{trust}"))
