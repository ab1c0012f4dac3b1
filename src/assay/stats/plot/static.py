"""A plot drawn with matplotlib, for reports and notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.model.text import Language
from assay.stats.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from assay.stats.plot.spec import Plot


def draw(plot: Plot, *, language: Language = "en") -> Figure:
    """The plot as a matplotlib figure with its texts in ``language``.

    Raises
    ------
    MissingExtra
        matplotlib isn't installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(library="matplotlib", extra="report") from error
    figure = Figure(layout="constrained")
    figure.suptitle(plot.title.said(language))
    return figure
