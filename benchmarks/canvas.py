"""The page Trace with 10,000 nodes in Chromium: first picture after the data, and frames while it is moved.

One powder in 20 blends, each pressed to 249 parts, of which the nearest 10,000 nodes are drawn. A frame is
the time between two pictures that the browser shows (``requestAnimationFrame``) while the wheel turns or the
pointer drags; the browser draws in software.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.browser.chromium import DESKTOP, Browser, launch
from tests.browser.served import serve
from tests.integration.test_trace import store

from assay.apps.trace_page import MOST_DRAWN
from assay.model.kinds import RecordKind
from assay.store.workspace import Workspace
from benchmarks.figures import Figure

BLENDS, PRESSED = 20, 249
FRAMES = 120
FIRST_MS = 1_000.0
FRAME_MS = 16.7
Told = Callable[[float, str], None]


@dataclass
class Moved:
    """Of each round, in ms: the median frame, the slowest in twenty, the median of the time to draw."""

    frames: list[float] = field(default_factory=list)
    slow: list[float] = field(default_factory=list)
    drawing: list[float] = field(default_factory=list)


_BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)
_WATCH = """
new MutationObserver((changes) => {
  const drawn = changes.some(({ target }) => target.matches('.trace-graph canvas'));
  if (drawn) window.paintedAt ??= performance.now();
}).observe(document, { attributes: true, attributeFilter: ['data-painted'], subtree: true });
"""
_FIRST = """
const asked = performance.getEntriesByType('resource');
return window.paintedAt - asked.findLast(({ name }) => name.endsWith('/pages/trace/data')).responseEnd;
"""
_OPENED = """
const done = arguments[arguments.length - 1];
window.paintedAt = undefined;
const began = performance.now();
arguments[0].click();
const waiting = () => window.paintedAt === undefined;
const look = () => (waiting() ? requestAnimationFrame(look) : done(window.paintedAt - began));
look();
"""
_MOVED = """
const [canvas, how, count, done] = arguments;
const { left, top, width, height } = canvas.getBoundingClientRect();
const at = { bubbles: true, cancelable: true, pointerId: 1 };
Object.assign(at, { clientX: left + width / 2, clientY: top + height / 2 });
const frames = [], paints = [];
if (how === 'pan') canvas.setPointerCapture = () => {};
if (how === 'pan') canvas.dispatchEvent(new PointerEvent('pointerdown', at));
let turn = 0, before;
const step = (now) => {
  if (before !== undefined) frames.push(now - before), paints.push(Number(canvas.dataset.painted));
  before = now;
  if (turn === count) {
    canvas.dispatchEvent(new PointerEvent('pointercancel', at));
    return done([frames, paints]);
  }
  const way = turn++ % 40 < 20 ? 1 : -1;
  if (how === 'pan') {
    at.clientX += 9 * way;
    at.clientY += 5 * way;
    canvas.dispatchEvent(new PointerEvent('pointermove', at));
  } else canvas.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY: -24 * way, ctrlKey: true }));
  requestAnimationFrame(step);
};
requestAnimationFrame(step);
"""


def run(*, repeats: int = 5, scale: float = 1.0, progress: Told | None = None) -> list[Figure]:
    """Open the page ``repeats`` times; each time read the first picture and the frames of every view."""
    told = progress or (lambda done, what: None)
    pressed = max(round(PRESSED * scale), 20)
    first: list[float] = []
    opened: list[float] = []
    moved: dict[str, Moved] = {}
    with tempfile.TemporaryDirectory() as folder:
        plant = _plant(Path(folder) / "plant", pressed)
        with serve(plant) as served, launch(served.url, DESKTOP) as browser:
            browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _WATCH})
            browser.driver.set_script_timeout(120)
            browser.sign_in(served.password)
            for number in range(repeats):
                told(number / repeats, "page")
                first.append(_open(browser))
                _moves(browser, "in groups", "", moved)
                opened.append(_unfolded(browser))
                _moves(browser, "all open, near", "", moved)
                _moves(browser, "all open, half way", "0" + 12 * "+", moved)
                _moves(browser, "all open, whole", "0", moved)
                _timeline(browser)
                _moves(browser, "timeline", "", moved)
    nodes = min(1 + BLENDS * (2 + 2 * pressed), MOST_DRAWN)
    figures = [
        _figure(f"{nodes:,} nodes: first picture after the data, in groups", first, FIRST_MS),
        _figure("all groups opened, until they are drawn", opened, FIRST_MS),
    ]
    for name, one in moved.items():
        drawing, slow = statistics.median(one.drawing), statistics.median(one.slow)
        said = f"{name}: median frame; {drawing:.1f} ms of it draw, one in twenty takes {slow:.1f} ms"
        figures.append(_figure(said, one.frames, FRAME_MS))
    return figures


def _figure(name: str, values: list[float], most: float) -> Figure:
    value = statistics.median(values)
    # Frames come at the screen's pace: the clock that counts them is a tenth of a millisecond coarse.
    met = value <= most + 0.1
    spread = f"{min(values):.1f} to {max(values):.1f}"
    return Figure(
        name=name,
        value=value,
        unit="ms",
        peer=None,
        ratio=None,
        spread=spread,
        target=f"at most {most:g} ms",
        met=met,
    )


def _open(browser: Browser) -> float:
    browser.open("/pages/trace?lang=en&id=P1")
    browser.one(".trace-graph canvas.graph[data-painted]")
    return float(browser.driver.execute_script(_FIRST))


def _unfolded(browser: Browser) -> float:
    button = browser.named(".trace-tools button", "Open all groups")
    return float(browser.driver.execute_async_script(_OPENED, button))


def _timeline(browser: Browser) -> None:
    browser.click(".trace-tools button", "Timeline")
    browser.one("canvas.timeline[data-painted]")


def _moves(browser: Browser, view: str, keys: str, moved: dict[str, Moved]) -> None:
    """Turn the wheel, then drag, and note the frames of each."""
    canvas = browser.one(".trace-graph canvas[data-painted]")
    if keys:
        canvas.send_keys(keys)
    for how in ("zoom", "pan"):
        frames, paints = browser.driver.execute_async_script(_MOVED, canvas, how, FRAMES)
        kept = moved.setdefault(f"{view}, {how}", Moved())
        kept.frames.append(statistics.median(frames))
        kept.slow.append(statistics.quantiles(frames, n=20)[-1])
        kept.drawing.append(statistics.median(paints))


def _plant(directory: Path, pressed: int) -> Path:
    with Workspace.create(directory) as workspace:
        store(workspace, RecordKind.MOVEMENT, list(_movements(pressed)))
    return directory


def _movements(pressed: int) -> Iterator[dict[str, Any]]:
    for blend in range(BLENDS):
        began = _BEGAN + timedelta(hours=blend)
        mixed: dict[str, Any] = {
            "execution": f"mix-{blend}",
            "segment": "mix",
            "equipment": "MX1",
            "started": began,
        }
        mixed["ended"] = began + timedelta(minutes=20)
        yield mixed | {"role": "consumed", "subject": "P1", "subject_kind": "lot"}
        yield mixed | {"role": "produced", "subject": f"B{blend}", "subject_kind": "lot"}
        for part in range(pressed):
            at = began + timedelta(minutes=30, seconds=6 * part)
            made: dict[str, Any] = {
                "execution": f"press-{blend}-{part}",
                "segment": "press",
                "equipment": f"PR{part % 4}",
            }
            made |= {"started": at, "ended": at + timedelta(seconds=20)}
            yield made | {"role": "consumed", "subject": f"B{blend}", "subject_kind": "lot"}
            yield made | {"role": "produced", "subject": f"U{blend}-{part}", "subject_kind": "unit"}
