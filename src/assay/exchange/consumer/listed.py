"""The scans of a plant's codes as its owner sees them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from assay.exchange.consumer.known import code_of
from assay.model.codes.gs1 import parse_digital_link
from assay.model.consumer import ScanPolicy
from assay.store.scans import Scan, ScanLog

if TYPE_CHECKING:
    from assay.store.workspace import Workspace


class ScanCard(BaseModel):
    """One scan."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(description="The code as a Digital Link on GS1's own host.")
    time: datetime
    standing: str = Field(description="What the code was then: recorded, issued or unknown.")
    kind: str | None = Field(description="unit or lot.")
    subject: str | None = Field(description="Id of the unit or lot.")
    device: str | None = Field(description="A hash that tells devices apart; none once it was taken away.")
    country: str | None = Field(description="ISO 3166-1 alpha-2.")
    latitude: float | None = Field(description="Degrees, rounded to a tenth.")
    longitude: float | None = Field(description="Degrees, rounded to a tenth.")
    hints: list[str] = Field(description="unknown, often, far-apart, outside.")

    @classmethod
    def of(cls, scan: Scan) -> ScanCard:
        """A kept scan as a card."""
        return cls(
            code=scan.code,
            time=scan.moment,
            standing=scan.standing,
            kind=scan.kind,
            subject=scan.subject,
            device=scan.device,
            country=scan.where.country,
            latitude=scan.where.latitude,
            longitude=scan.where.longitude,
            hints=list(scan.hints),
        )


class ScanList(BaseModel):
    """Scans, the latest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kept: int = Field(description="How many scans of the plant are kept in all.")
    scans: list[ScanCard]

    def to_dict(self) -> dict[str, Any]:
        """The list as plain JSON values; times in ISO 8601 UTC."""
        return self.model_dump(mode="json")


def scans_of(
    workspace: Workspace,
    of: str | None = None,
    *,
    hints: bool = False,
    since: datetime | None = None,
    limit: int = 1_000,
) -> ScanList:
    """The kept scans of a plant's codes, the latest first.

    Parameters
    ----------
    workspace
        The plant.
    of
        Only those of this unit or lot, or of this Digital Link on whatever host.
    hints
        Only those with a hint.
    since
        Only those from this moment on, with its zone.
    limit
        How many at most.

    Raises
    ------
    CodeError
        ``of`` is a Digital Link that is not valid.
    ValueError
        ``since`` has no zone.
    """
    page = workspace.model.consumer_page
    log = ScanLog(workspace.registry, ScanPolicy() if page is None else page.scans)
    code = None if of is None else _code(of)
    found = log.latest(
        code=code, subject=None if code is not None else of, hinted=hints, since=since, limit=limit
    )
    return ScanList(kept=log.count(), scans=[ScanCard.of(one) for one in found])


def _code(text: str) -> str | None:
    """The canonical form of a product's or package's Digital Link; None for what is an id."""
    if not text.lower().startswith(("http://", "https://")):
        return None
    code = code_of(parse_digital_link(text))
    return None if code is None else code.canonical
