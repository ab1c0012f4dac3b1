"""From a Digital Link to a product or package of a plant, and to the unit or lot recorded under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from assay.model.codes.gs1 import DigitalLink, ElementString, parse_digital_link, to_digital_link
from assay.model.consumer import ConsumerPage, Shown
from assay.query.reading import reading
from assay.store.plant_codes import code_was_issued
from assay.store.scans import Standing

if TYPE_CHECKING:
    from assay.store.workspace import Workspace

LONGEST: Final = 1_000
"""Most characters of a Digital Link's path and query together."""
STEM: Final = "https://id.gs1.org"

_SQL: Final = """
SELECT subject AS id, material FROM movement WHERE subject_kind = $kind AND subject IN (SELECT unnest($ids))
UNION
SELECT subject AS id, NULL FROM measurement WHERE subject_kind = $kind AND subject IN (SELECT unnest($ids))
"""


@dataclass(frozen=True, slots=True)
class ScannedCode:
    """What a Digital Link names, without what only its query says."""

    gtin: str | None
    """The GTIN, 14 digits; None for a box or pallet."""
    kind: Literal["unit", "lot"] | None
    """``unit`` where it has a serial number, else ``lot`` where it has a lot; None: a product only."""
    number: str
    """The serial number, lot or SSCC; empty for a product."""

    @property
    def elements(self) -> ElementString:
        """As GS1 elements; a lot beside a serial number is not part of a unit's name."""
        if self.gtin is None:
            return ElementString.of(("00", self.number))
        pairs = [("01", self.gtin)]
        if self.kind is not None:
            pairs.append(("21" if self.kind == "unit" else "10", self.number))
        return ElementString.of(*pairs)

    def shown_by(self, page: ConsumerPage) -> Shown | None:
        """What the owner lets its page show; None where it has none."""
        return page.logistic_unit(self.number) if self.gtin is None else page.product(self.gtin)

    @property
    def path(self) -> str:
        """As it stands in an address: ``/01/09506000134352/21/17``."""
        return self.canonical.removeprefix(STEM)

    @property
    def canonical(self) -> str:
        """As a Digital Link on GS1's own host."""
        return to_digital_link(self.elements, STEM)

    @property
    def ids(self) -> tuple[str, ...]:
        """What the thing may be called in the plant's records, the likeliest first."""
        whole = self.elements
        return (self.number, self.canonical, whole.human(), whole.raw())


@dataclass(frozen=True, slots=True)
class Found:
    """What a code is in the plant."""

    standing: Standing
    subject: str | None
    """The id of the unit or lot; the number of one that was only given; None for an unknown one."""


def read_link(path: str) -> ScannedCode | None:
    """Take the path (and query) of a Digital Link apart.

    Parameters
    ----------
    path
        As in an address, still escaped: ``01/09506000134352/21/17?17=271231``.

    Returns
    -------
    ScannedCode or None
        None: it is valid, and the code of neither a product nor a package, such as that of a place.

    Raises
    ------
    CodeError
        It is no Digital Link, or one that is not valid; see :func:`assay.model.codes.gs1.parse_digital_link`.
    """
    link = parse_digital_link(f"{STEM}/{path.lstrip('/')}")
    return code_of(link) if link.stem == STEM else None


def code_of(link: DigitalLink) -> ScannedCode | None:
    """The product or package that a Digital Link on any host names; None for one of something else."""
    ai, key = link.key
    if ai == "00":
        return ScannedCode(None, "unit", key)
    if ai != "01":
        return None
    if (serial := link.elements.get("21")) is not None:
        return ScannedCode(key, "unit", serial)
    if (lot := link.elements.get("10")) is not None:
        return ScannedCode(key, "lot", lot)
    return ScannedCode(key, None, "")


def find_code(workspace: Workspace, code: ScannedCode, product: Shown) -> Found:
    """What is recorded under a code, or whether its number was given at least.

    A thing that is recorded as another material than the product's is not what the code says, and counts as
    unknown. The same is asked of the plant whatever the answer, so that the time it takes says nothing.
    """
    ids = list(code.ids)
    with reading(workspace) as connection:
        rows = connection.execute(_SQL, {"ids": ids, "kind": code.kind}).to_arrow_table().to_pylist()
    given = code_was_issued(workspace, code.number, str(code.kind), product.material)
    for id_ in ids:
        materials = {row["material"] for row in rows if row["id"] == id_}
        named = materials - {None}
        if materials and (product.material is None or not named or product.material in named):
            return Found("recorded", id_)
    if given and not rows:
        return Found("issued", code.number)
    return Found("unknown", None)
