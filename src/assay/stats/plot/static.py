"""A plot drawn with matplotlib, for reports and notebooks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.model.text import Language, Text
from assay.stats.errors import MissingExtra, MissingFont
from assay.stats.plot.spec import (
    Axis,
    Band,
    Bars,
    Cells,
    Flags,
    Layer,
    Level,
    Line,
    Panel,
    Plot,
    Points,
    Role,
    Upright,
    Words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: dict[Role, str] = {
    "data": "#1f4e79",
    "centre": "#2e7d32",
    "limit": "#c62828",
    "warning": "#bdbdbd",
    "specification": "#6a1b9a",
    "target": "#00838f",
    "fit": "#ef6c00",
    "reference": "#757575",
    "muted": "#9e9e9e",
    "other": "#5d8aa8",
}
FLAGGED = "#d50000"
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "PingFang SC",
    "Heiti SC",
    "SimHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Noto Sans CJK JP",
    "Arial Unicode MS",
)
_REGULAR = {400, "regular", "normal", "book"}
_LATIN = "DejaVu Sans"  # ships with matplotlib
_MOST_VECTOR_POINTS = 5_000
_MOST_FLAG_TEXTS = 40


def draw(plot: Plot, *, language: Language = "en") -> Figure:
    """The plot as a matplotlib figure with its texts in ``language``.

    Raises
    ------
    MissingExtra
        matplotlib isn't installed.
    MissingFont
        The language is Chinese and no font on this machine has its characters.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra(library="matplotlib", extra="report") from error
    family = _family(language)
    rows = -(-len(plot.panels) // plot.columns)
    width = 9.0 if plot.columns == 1 else 5.2 * plot.columns
    with rc_context({"font.family": family, "axes.unicode_minus": False, "font.size": 9}):
        figure = Figure(figsize=(width, 0.8 + 2.9 * rows), layout="constrained")
        figure.suptitle(plot.title.said(language), fontsize=12, fontweight="bold")
        grid = figure.subplots(rows, plot.columns, squeeze=False).ravel()
        for axes, panel in zip(grid, plot.panels, strict=False):
            _panel(axes, panel, language, family)
        for axes in grid[len(plot.panels) :]:
            axes.set_axis_off()
        if plot.note:
            figure.supxlabel(plot.note.said(language), fontsize=8, color="#616161", x=0.01, ha="left")
    return figure


def image(plot: Plot, *, language: Language = "en", form: str = "png", dpi: int = 110) -> bytes:
    """The drawn plot as a file's bytes: ``png``, ``svg`` or ``pdf``, the same bytes for the same plot.

    Raises
    ------
    MissingExtra, MissingFont
    """
    figure = draw(plot, language=language)
    from matplotlib import rc_context

    held = BytesIO()
    dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with rc_context({"svg.hashsalt": "assay"}):
        figure.savefig(held, format=form, dpi=dpi, metadata=dated.get(form))
    return held.getvalue()


@dataclass(frozen=True)
class Font:
    """A font of this machine."""

    name: str
    path: Path

    @cached_property
    def face(self) -> int:
        """Which font of its file it is; of a collection, the one for simplified Chinese if there is one."""
        if self.path.suffix.lower() not in {".ttc", ".otc"}:
            return 0
        from fontTools.ttLib import TTCollection

        names = [one["name"].getDebugName(1) or "" for one in TTCollection(self.path, lazy=True).fonts]
        return next((n for n, name in enumerate(names) if name.endswith(" SC")), 0)


@cache
def chinese_font() -> Font:
    """A font of this machine that has Chinese characters.

    Raises
    ------
    MissingFont
    """
    from matplotlib.font_manager import findSystemFonts, fontManager

    # matplotlib keeps a list of fonts from its first use; what was installed since is added here.
    known = {entry.fname for entry in fontManager.ttflist}
    for path in findSystemFonts():
        if path not in known:
            fontManager.addfont(path)
    plain = [entry for entry in fontManager.ttflist if entry.weight in _REGULAR and entry.style == "normal"]
    here = {entry.name: Path(entry.fname) for entry in (*fontManager.ttflist, *plain)}
    found = next((name for name in CHINESE_FONTS if name in here), None)
    if found is None:
        raise MissingFont(known=", ".join(CHINESE_FONTS[:5]))
    return Font(found, here[found])


def _family(language: Language) -> list[str]:
    """The fonts of a language."""
    return [_LATIN] if language == "en" else [_LATIN, chinese_font().name]


def _panel(axes: Axes, panel: Panel, language: Language, family: list[str]) -> None:
    axes.set_title(panel.title.said(language), fontsize=10, loc="left")
    if panel.layers and isinstance(panel.layers[0], Cells):
        _cells(axes, panel.layers[0], language)
        return
    for layer in panel.layers:
        _DRAWN[type(layer)](axes, layer, language)
    _axis(axes.xaxis, panel.x, language, family)
    _axis(axes.yaxis, panel.y, language, family)
    axes.set_xlim(left=panel.x.low, right=panel.x.high)
    axes.set_ylim(bottom=panel.y.low, top=panel.y.high)
    axes.spines[["top", "right"]].set_visible(False)
    named = [layer for layer in panel.layers if isinstance(layer, (Line, Band)) and not _is_limit(layer)]
    if len(named) > 1:
        axes.legend(fontsize=8, frameon=False)


def _is_limit(layer: Line | Band) -> bool:
    return layer.role in {"centre", "limit", "warning"}


def _axis(axis: Any, told: Axis, language: Language, family: list[str]) -> None:
    title = told.title.said(language)
    axis.set_label_text(f"{title} / {told.unit}" if told.unit else title)
    if told.categories is not None:
        names = [name.said(language) if isinstance(name, Text) else name for name in told.categories]
        axis.set_ticks(range(len(names)), labels=names, fontfamily=family)
    elif told.ticks is not None:
        axis.set_ticks([place for place, _ in told.ticks], labels=[label for _, label in told.ticks])


def _points(axes: Axes, layer: Points, language: Language) -> None:
    many = layer.x.size > _MOST_VECTOR_POINTS
    axes.plot(
        layer.x,
        layer.y,
        linestyle="-" if layer.joined else "none",
        linewidth=0.8,
        marker="x" if layer.role == "muted" else "o",
        markersize=2 if many else 4,
        color=COLOURS[layer.role],
        label=layer.name.said(language),
        rasterized=many,
        zorder=3,
    )


def _line(axes: Axes, layer: Line, language: Language) -> None:
    x, y = (_stepped(layer.x, layer.y)) if layer.steps else (layer.x, layer.y)
    axes.plot(
        x,
        y,
        linestyle="--" if layer.dashed else "-",
        linewidth=0.7 if layer.role == "warning" else 1.2,
        color=COLOURS[layer.role],
        label=layer.name.said(language),
        rasterized=layer.x.size > _MOST_VECTOR_POINTS,
        zorder=2,
    )


def _stepped(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """Each value held from half way before its place to half way behind it."""
    if x.size < 2:
        return x, y
    middle = (x[1:] + x[:-1]) / 2
    edges = np.concatenate([[2 * x[0] - middle[0]], middle, [2 * x[-1] - middle[-1]]])
    return np.repeat(edges, 2)[1:-1], np.repeat(y, 2)


def _band(axes: Axes, layer: Band, language: Language) -> None:
    axes.fill_between(
        layer.x,
        layer.low,
        layer.high,
        color=COLOURS[layer.role],
        alpha=0.18,
        linewidth=0,
        label=layer.name.said(language),
        zorder=1,
    )


def _bars(axes: Axes, layer: Bars, language: Language) -> None:
    axes.bar(
        layer.x,
        layer.height,
        width=layer.width,
        color=COLOURS[layer.role],
        alpha=0.75,
        edgecolor="white",
        linewidth=0.5,
        label=layer.name.said(language),
        zorder=2,
    )


def _level(axes: Axes, layer: Level, language: Language) -> None:
    del language
    colour = COLOURS[layer.role]
    axes.axhline(layer.y, color=colour, linewidth=0.7 if layer.role == "warning" else 1.2, zorder=2)
    if layer.label:
        axes.annotate(
            layer.label,
            (1.0, layer.y),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=colour,
            annotation_clip=False,
        )


def _upright(axes: Axes, layer: Upright, language: Language) -> None:
    del language
    colour = COLOURS[layer.role]
    axes.axvline(layer.x, color=colour, linewidth=1, linestyle="--", zorder=2)
    if layer.label:
        axes.annotate(
            layer.label,
            (layer.x, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, -2),
            textcoords="offset points",
            va="top",
            fontsize=8,
            color=colour,
        )


def _flags(axes: Axes, layer: Flags, language: Language) -> None:
    if not layer.flags:
        return
    axes.plot(
        [flag.x for flag in layer.flags],
        [flag.y for flag in layer.flags],
        linestyle="none",
        marker="s",
        markersize=6,
        markerfacecolor="none",
        markeredgecolor=FLAGGED,
        label=layer.name.said(language),
        zorder=4,
    )
    if len(layer.flags) <= _MOST_FLAG_TEXTS:
        family = layer.family
        for flag in layer.flags:
            axes.annotate(
                " ".join(rule.removeprefix(family) for rule in flag.rules),
                (flag.x, flag.y),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=7,
                color=FLAGGED,
            )


def _words(axes: Axes, layer: Words, language: Language) -> None:
    axes.text(layer.x, layer.y, layer.text.said(language), fontsize=8, color="#424242")


def _cells(axes: Axes, layer: Cells, language: Language) -> None:
    axes.set_axis_off()
    if not layer.rows:
        return
    from matplotlib.transforms import Bbox

    height = min(1.0, 0.1 * (len(layer.rows) + 1))
    shown = axes.table(
        cellText=[list(row) for row in layer.rows],
        colLabels=[head.said(language) for head in layer.heads],
        loc="upper left",
        cellLoc="left",
        bbox=Bbox.from_bounds(0.0, 1 - height, 1.0, height),
    )
    shown.auto_set_font_size(False)
    shown.set_fontsize(8)
    for (row, _), cell in shown.get_celld().items():
        cell.set_linewidth(0.3)
        cell.set_edgecolor("#bdbdbd")
        if row == 0:
            cell.set_text_props(fontweight="bold")


_DRAWN: dict[type[Layer], Callable[[Any, Any, Language], None]] = {
    Points: _points,
    Line: _line,
    Band: _band,
    Bars: _bars,
    Level: _level,
    Upright: _upright,
    Flags: _flags,
    Words: _words,
}
