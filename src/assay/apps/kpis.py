"""Headline figures with their labels from the catalogue."""

from __future__ import annotations

from assay.apps.catalogue import told
from assay.apps.payloads import KpiItem, Tone
from assay.model.text import Text


def figure(
    key: str,
    value: float | str | None,
    *,
    tone: Tone = "neutral",
    unit: str | None = None,
    note: Text | None = None,
    digits: int | None = None,
) -> KpiItem:
    """A figure labelled by the text ``key`` (``kpi.bad``); what stands behind the point is its id."""
    return KpiItem(
        id=key.rpartition(".")[2],
        label=told(key),
        value=value,
        unit=unit,
        tone=tone,
        note=note,
        digits=digits,
    )
