"""What a sampling plan does over all qualities: the OC, ASN, AOQ and ATI curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.stats.arrays import Floats
from assay.stats.plot import Axis, Level, Line, Panel, Plot, Upright
from assay.stats.plot.spec import Layer
from assay.stats.result import Result
from assay.stats.sampling.errors import CATALOGUE


@dataclass(frozen=True, kw_only=True)
class OperatingCurves(Result):
    """The curves of one plan; all arrays have shape ``(P,)``.

    Sources: Montgomery, *Introduction to Statistical Quality Control*, 8th ed., §15.2-15.3; Schilling &
    Neubauer, 3rd ed., ch. 5-6.
    """

    p: Floats
    """Fraction nonconforming, or nonconformities per item."""
    acceptance: Floats
    """OC curve: probability of acceptance."""
    asn: Floats
    """Average sample number."""
    aoq: Floats
    """Average outgoing quality, when rejected lots are screened and nonconforming items replaced."""
    ati: Floats | None
    """Average total inspection per lot, when rejected lots are screened; None without a lot size."""
    aoql: float
    """The largest average outgoing quality."""
    aoql_at: float
    """The incoming quality at which it occurs."""
    p1: float | None = None
    """Producer's risk quality, where one was asked for."""
    p2: float | None = None
    """Consumer's risk quality, where one was asked for."""
    plan: str = ""
    """The plan in short: ``n = 89, Ac = 2``."""

    def plot(self) -> Plot:
        """Panels for OC, AOQ and ASN, and for ATI where the lot size is known."""
        marks: list[Layer] = [
            Upright(name=CATALOGUE.text(f"layer.{key}"), x=value, role="reference", label=key)
            for key, value in (("p1", self.p1), ("p2", self.p2))
            if value is not None
        ]
        panels = [
            self._panel("oc", self.acceptance, marks, high=1.0),
            self._panel(
                "aoq",
                self.aoq,
                [
                    Level(
                        name=CATALOGUE.text("layer.aoql"), y=self.aoql, role="limit", label=f"{self.aoql:.4g}"
                    )
                ],
            ),
            self._panel("asn", self.asn, []),
        ]
        if self.ati is not None:
            panels.append(self._panel("ati", self.ati, []))
        return Plot(
            title=CATALOGUE.text("title.curves", plan=self.plan),
            panels=tuple(panels),
            columns=2,
            note=CATALOGUE.text("note.curves"),
        )

    def _panel(self, key: str, y: Floats, extra: list[Layer], high: float | None = None) -> Panel:
        return Panel(
            title=CATALOGUE.text(f"panel.{key}"),
            x=Axis(title=CATALOGUE.text("axis.p"), low=0.0),
            y=Axis(title=CATALOGUE.text(f"axis.{key}"), low=0.0, high=high),
            layers=(Line(name=CATALOGUE.text(f"panel.{key}"), x=self.p, y=y), *extra),
        )


def grid(low: float, high: float, points: int = 201) -> Floats:
    """An even grid of qualities from ``low`` to ``high``."""
    return np.linspace(low, high, points)
