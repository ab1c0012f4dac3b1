"""What a welder may weld: the range of qualification of a designation by ISO 9606-1:2012.

A designation such as ``ISO 9606-1 135 P BW FM1 S s12 PF ss nb`` says what was welded at the test: process,
plate or pipe, butt or fillet weld, filler group, form of the filler, thickness, outside diameter, position,
and details. What it qualifies for follows from the standard's tables, which are data here: compare them with
the edition you work by. Backing and gas welding (311) are not judged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay.analyse.welding.words import WeldingError

_EQUAL_PROCESSES = (frozenset({"135", "138"}), frozenset({"121", "125"}), frozenset({"141", "143", "145"}))
"""Processes of which one qualifies for the others (5.2)."""

FILLER_GROUPS = {
    "FM1": ("FM1", "FM2"),
    "FM2": ("FM1", "FM2"),
    "FM3": ("FM1", "FM2", "FM3"),
    "FM4": ("FM1", "FM2", "FM3", "FM4"),
    "FM5": ("FM5",),
    "FM6": ("FM5", "FM6"),
}
"""Groups of filler material by that of the test piece (Table 3)."""

POSITIONS = {
    "BW": {
        "PA": ("PA",),
        "PC": ("PA", "PC"),
        "PE": ("PA", "PC", "PE"),
        "PF": ("PA", "PF"),
        "PG": ("PG",),
        "PH": ("PA", "PE", "PF"),
        "PJ": ("PA", "PE", "PG"),
        "H-L045": ("PA", "PC", "PE", "PF"),
        "J-L045": ("PA", "PC", "PE", "PG"),
    },
    "FW": {
        "PA": ("PA",),
        "PB": ("PA", "PB"),
        "PC": ("PA", "PB", "PC"),
        "PD": ("PA", "PB", "PC", "PD", "PE"),
        "PE": ("PA", "PB", "PC", "PD", "PE"),
        "PF": ("PA", "PB", "PF"),
        "PG": ("PG",),
        "PH": ("PA", "PB", "PC", "PD", "PE", "PF"),
        "PJ": ("PA", "PB", "PD", "PE", "PG"),
    },
}
"""Positions by that of the test piece, for butt (Table 9) and fillet welds (Table 10)."""

UNLIMITED = 1000.0
"""Millimetres that stand for a range without an upper end."""

_DESIGNATION = re.compile(
    r"(?:EN\s+)?(?:ISO|GB/T)\s*[0-9-]+(?::\d{4})?\s+(?P<processes>\d{2,3}(?:/\d{2,3})*)(?:-[A-Z])?\s+"
    r"(?P<product>[PT])\s+(?P<joint>BW|FW)\s+(?P<filler>FM[1-6])\s+(?P<form>[A-Z]{1,2})\s+"
    r"[st](?P<thickness>\d+(?:\.\d+)?)\s+(?:D(?P<diameter>\d+(?:\.\d+)?)\s+)?"
    r"(?P<position>[HJ]-L045|P[A-HJ])(?:\s+(?P<details>[a-z]{2}(?:\s+[a-z]{2})*))?"
)


@dataclass(frozen=True, slots=True)
class Qualified:
    """The range of qualification of one test.

    Attributes
    ----------
    processes
        Processes by their numbers in ISO 4063.
    joint_types
        ``BW`` or ``FW``: a butt weld does not qualify for fillets (5.4).
    products
        ``P`` for plates, ``T`` for pipes.
    filler_groups, positions
        What may be welded.
    thickness_min, thickness_max
        Deposited thickness of butt welds, thickness of the parts of fillet welds; mm.
    diameter_min
        The least outside diameter of pipes, mm.
    layers
        Layers of fillet welds: ``sl``, ``ml`` (Table 12).
    """

    processes: tuple[str, ...]
    joint_types: tuple[str, ...]
    products: tuple[str, ...]
    filler_groups: tuple[str, ...]
    positions: tuple[str, ...]
    thickness_min: float
    thickness_max: float
    diameter_min: float
    layers: tuple[str, ...]

    def covers(
        self, process: str, joint_type: str, filler_group: str, position: str, thickness: float
    ) -> bool:
        """Whether a weld of plates lies within it; thickness in mm."""
        return (
            process in self.processes
            and joint_type in self.joint_types
            and filler_group in self.filler_groups
            and position in self.positions
            and self.thickness_min <= thickness <= self.thickness_max
        )


def qualified(designation: str) -> Qualified:
    """What a designation qualifies for.

    Raises
    ------
    WeldingError
        It is no designation by ISO 9606-1, or names a position in which its weld can't be tested.
    """
    found = _DESIGNATION.fullmatch(designation.strip())
    if found is None:
        raise WeldingError.of("designation", text=designation)
    joint, position, pipe = found["joint"], found["position"], found["product"] == "T"
    positions = POSITIONS[joint].get(position)
    diameter = float(found["diameter"]) if found["diameter"] else None
    if positions is None or pipe != (diameter is not None):
        raise WeldingError.of("designation", text=designation)
    thickness = float(found["thickness"])
    processes = set(found["processes"].split("/"))
    if thickness <= 0 or "311" in processes:
        raise WeldingError.of("designation", text=designation)
    for group in _EQUAL_PROCESSES:
        if processes & group:
            processes |= group
    low, high = _butt(thickness) if joint == "BW" else _fillet(thickness)
    details = (found["details"] or "").split()
    return Qualified(
        processes=tuple(sorted(processes)),
        joint_types=(joint,),
        products=("P", "T") if not pipe or (diameter or 0) > 25 else ("T",),
        filler_groups=FILLER_GROUPS[found["filler"]],
        positions=positions,
        thickness_min=low,
        thickness_max=high,
        diameter_min=_diameter(diameter),
        layers=("sl",) if joint == "FW" and "sl" in details else ("sl", "ml"),
    )


def _butt(deposited: float) -> tuple[float, float]:
    """Deposited thickness of butt welds (Table 6)."""
    if deposited < 3:
        return deposited, max(3.0, 2 * deposited)
    return 3.0, 2 * deposited if deposited < 12 else UNLIMITED


def _fillet(thickness: float) -> tuple[float, float]:
    """Thickness of the parts of fillet welds (Table 8)."""
    return (thickness, max(3.0, 2 * thickness)) if thickness < 3 else (3.0, UNLIMITED)


def _diameter(outside: float | None) -> float:
    """The least outside diameter of pipes (Table 7); a plate qualifies for those of 500 mm and more (5.3)."""
    if outside is None:
        return 500.0
    return outside if outside <= 25 else max(25.0, outside / 2)
