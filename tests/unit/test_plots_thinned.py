"""Pictures for the browser stay small however long the series: nothing that shows is lost."""

import numpy as np
import pytest

from assay.apps.plots import MOST_FLAGS, plot_payload
from assay.model.text import Text
from assay.stats import charts
from assay.stats.plot import Axis, Band, Flag, Flags, Line, Panel, Plot, Points

NAME = Text(zh="名", en="name")
WIDTH = 300
RNG = np.random.default_rng(5)


def drawn(*layers: object, columns: int = 1, categories: tuple[str, ...] | None = None) -> dict[str, object]:
    axis = Axis(NAME, categories=categories)
    plot = Plot(NAME, (Panel(NAME, axis, Axis(NAME), layers),), columns=columns)  # type: ignore[arg-type]
    return plot_payload(plot, WIDTH).model_dump(by_alias=True)


def layer(document: dict[str, object], at: int = 0) -> dict[str, list[float]]:
    found: dict[str, list[float]] = document["panels"][0]["layers"][at]  # type: ignore[index]
    return found


def test_a_chart_of_a_million_points_fits_into_a_page() -> None:
    values = RNG.normal(10, 1, 1_000_000)
    values[123_456] = 25.0
    document = plot_payload(charts.imr(values, rules="nelson").plot(), WIDTH)
    assert len(document.model_dump_json()) < 1_500_000
    for panel in document.panels:
        for one in panel.layers:
            if one["kind"] == "points":
                assert len(one["x"]) <= 4 * WIDTH
    first = document.panels[0]
    points = next(one for one in first.layers if one["kind"] == "points")
    flags = next(one for one in first.layers if one["kind"] == "flags")["flags"]
    assert 25.0 in points["y"]
    assert len(flags) <= MOST_FLAGS
    assert any(flag["x"] == 123_457 for flag in flags), "the furthest flagged point is drawn"
    assert document.note is not None
    assert "flagged points are drawn" in document.note.en
    assert "被标记点" in document.note.zh


def test_flags_below_the_bound_are_all_drawn() -> None:
    flags = tuple(Flag(float(at), 0.0, ("nelson1",)) for at in range(MOST_FLAGS))
    document = drawn(Flags(NAME, flags))
    assert len(layer(document)["flags"]) == MOST_FLAGS
    assert document["note"] is None


def test_labels_stay_with_their_points() -> None:
    x = np.arange(10_000.0)
    labels = tuple(f"lot {at}" for at in range(10_000))
    kept = layer(drawn(Points(NAME, x, RNG.normal(size=x.size), labels=labels)))
    assert len(kept["x"]) <= 4 * WIDTH
    assert kept["labels"] == [f"lot {at:.0f}" for at in kept["x"]]


def test_a_band_keeps_both_its_edges() -> None:
    x = np.arange(10_000.0)
    low, high = -np.ones(x.size), np.ones(x.size)
    low[777], high[888] = -9, 9
    kept = layer(drawn(Band(NAME, x, low, high)))
    assert len(kept["x"]) == len(kept["low"]) == len(kept["high"]) <= 8 * WIDTH
    assert (min(kept["low"]), max(kept["high"])) == (-9, 9)


def test_a_curve_that_turns_back_keeps_its_course() -> None:
    turn = np.linspace(0, 2 * np.pi, 20_000)
    kept = layer(drawn(Line(NAME, np.cos(turn), np.sin(turn))))
    assert len(kept["x"]) == 4 * WIDTH
    assert (kept["x"][0], kept["x"][-1]) == (1.0, 1.0)
    assert min(kept["x"]) == pytest.approx(-1, abs=1e-4)


def test_scattered_points_keep_their_extremes() -> None:
    x, y = RNG.normal(size=20_000), RNG.normal(size=20_000)
    kept = layer(drawn(Points(NAME, x, y)))
    assert len(kept["x"]) <= 4 * WIDTH
    assert (min(kept["x"]), max(kept["x"])) == (x.min(), x.max())
    assert (min(kept["y"]), max(kept["y"])) == (y.min(), y.max())


def test_panels_side_by_side_share_the_width() -> None:
    x = np.arange(10_000.0)
    kept = layer(drawn(Points(NAME, x, x), columns=2))
    assert len(kept["x"]) <= 4 * WIDTH // 2


def test_categories_are_never_left_out() -> None:
    names = tuple(f"c{at}" for at in range(2000))
    x = np.arange(2000.0)
    assert len(layer(drawn(Points(NAME, x, x), categories=names))["x"]) == 2000
