"""Take the pictures of the documentation: ``python docs/make_screenshots.py [demo] [questions] [tracing] …``.

Builds the demo plant, serves it, and photographs its pages in Chromium, in English and Chinese, on a desktop
and on a phone. What a reader sees in the documentation is what the code draws.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT)]

from chromium import Browser, launch, missing  # noqa: E402
from served import Served, demo_plant, empty_plant, serve, welded_plant  # noqa: E402
from tests.file_plant import file_plant  # noqa: E402
from tests.sinter_plant import sinter_plant  # noqa: E402

WINDOW = (1360, 860)
PHONE = (390, 844)
SCALE = 1.5
CHOSEN = "202_lubricant-oil-based"
FILE = "s02_variations-in-surface-friction.csv"
LANGUAGES = ("en", "zh")
ASKED = "unit[defect.code = 'HC-3'].lot.product.lots | compare yield, mean(thickness), sinter.temp.mean"
EXPLAINED, WATCHED = '{"explain":true}', '{"live":true}'
MISSPELT = "unit[defekt.code = 'HC-3'] | by equipment: count(unit) as bad"


@contextmanager
def window(plant: Served, size: tuple[int, int], scale: float = SCALE) -> Iterator[Browser]:
    """A signed-in window on ``plant``."""
    with launch(plant.url, size, scale=scale) as browser:
        browser.sign_in(plant.password)
        yield browser


def choose(browser: Browser, language: str) -> str:
    """Select the oil on the cause page of the friction scenario; returns the first unit that shares it."""
    browser.open(f"/pages/cause?lang={language}&scope=s02")
    browser.click(".cause-name", CHOSEN)
    browser.named(".cause.chosen", CHOSEN)
    return browser.named(".widget-grid tbody a", "300").text


def desktop(browser: Browser, language: str) -> None:
    """Overview, cause page and unit page."""
    browser.open(f"/pages/overview?lang={language}&scope=s02")
    browser.picture(IMAGES / f"overview-{language}.png", whole=True)
    unit = choose(browser, language)
    browser.picture(IMAGES / f"cause-{language}.png", whole=True, tallest=1500)
    browser.open(f"/pages/unit?lang={language}&scope=s02&id={unit}")
    browser.click(".cell-bad")
    browser.picture(IMAGES / f"unit-{language}.png", whole=True, tallest=1300)


def phone(browser: Browser, language: str) -> None:
    """The cause page as it is read at the line."""
    choose(browser, language)
    browser.driver.execute_script("scrollTo(0, 0)")
    browser.picture(IMAGES / f"phone-{language}.png")


def asking(browser: Browser, language: str) -> None:
    """A question that is being written, one with a mistake, and one with its answer."""
    address = f"/pages/questions?lang={language}"
    browser.resize((WINDOW[0], 620), scale=SCALE)
    browser.open(address)
    browser.one("textarea").send_keys("unit[result = 'NOK'] | by equipment, sinter.")
    browser.one(".ask-names li")
    browser.picture(IMAGES / f"question-names-{language}.png")
    browser.resize((WINDOW[0], 400), scale=SCALE)
    browser.open(f"{address}&q={quote(MISSPELT)}")
    browser.one(".ask-mends button")
    browser.picture(IMAGES / f"question-error-{language}.png")
    browser.resize(WINDOW, scale=SCALE)
    browser.open(f"{address}&q={quote(ASKED)}&v.q={quote(EXPLAINED)}")
    browser.one(".explain")
    browser.picture(IMAGES / f"question-{language}.png")


def asking_at_the_line(browser: Browser, language: str) -> None:
    """A question that is watched, on a phone."""
    browser.open(f"/pages/questions?lang={language}&q={quote(ASKED)}&v.q={quote(WATCHED)}")
    browser.one(".live-on")
    browser.picture(IMAGES / f"question-phone-{language}.png")


def tracing(browser: Browser, language: str) -> None:
    """What a unit came from as a graph and over time, and its file."""
    browser.open(f"/pages/trace?lang={language}&id=BOX1&direction=back")
    browser.one("canvas[data-painted]")
    browser.picture(IMAGES / f"trace-{language}.png", whole=True, tallest=1300)
    browser.open(f"/pages/unit-file?lang={language}&id=U1")
    browser.one("#file-curves polyline")
    browser.picture(IMAGES / f"unit-file-{language}.png", whole=True, tallest=1900)


def welding(browser: Browser, joint: str, language: str) -> None:
    """The file of a joint."""
    browser.open(f"/pages/weld-file?lang={language}&id={joint}")
    browser.one("#file-gate")
    browser.picture(IMAGES / f"weld-file-{language}.png", whole=True, tallest=1700)


def importing(browser: Browser, file: Path, language: str) -> None:
    """The wizard with its doubts, and the report of the load."""
    browser.open(f"/pages/import?lang={language}")
    browser.one("input[type=file]").send_keys(str(file))
    browser.one(".columns select")
    browser.picture(IMAGES / f"import-{language}.png", whole=True)
    browser.click(".actions .primary")
    browser.wait(lambda: browser.all(".import-report"), "the load report", 120)
    browser.idle()
    browser.resize((WINDOW[0], 520), scale=SCALE)
    browser.picture(IMAGES / f"report-{language}.png")


def with_faults(source: Path, target: Path) -> Path:
    """A copy of ``source`` in which three rows can't be taken: the report has something to say."""
    lines = source.read_text("utf-8").splitlines()
    for number, cells in ((40, 3), (41, 1), (90, 5)):
        lines[number] = lines[number].rsplit(",", cells)[0]
    target.write_text("\n".join(lines) + "\n", "utf-8")
    return target


def _demo(home: Path) -> None:
    with serve(demo_plant(home / "demo")) as plant:
        with window(plant, WINDOW) as browser:
            for language in LANGUAGES:
                desktop(browser, language)
        with window(plant, PHONE, 2) as browser:
            for language in LANGUAGES:
                phone(browser, language)


def _questions(home: Path) -> None:
    with serve(sinter_plant(home / "sinter")) as plant:
        with window(plant, WINDOW) as browser:
            for language in LANGUAGES:
                asking(browser, language)
        with window(plant, PHONE, 2) as browser:
            for language in LANGUAGES:
                asking_at_the_line(browser, language)


def _tracing(home: Path) -> None:
    file_plant(home / "gears").close()
    with serve(home / "gears") as plant, window(plant, WINDOW) as browser:
        for language in LANGUAGES:
            tracing(browser, language)


def _welding(home: Path) -> None:
    shop = welded_plant(home / "yard")
    breach = sorted(shop.truth.breaches)[0]
    joint = next(str(row["joint"]) for row in shop.passes if row["execution"] == breach)
    with serve(home / "yard") as plant, window(plant, WINDOW) as browser:
        for language in LANGUAGES:
            welding(browser, joint, language)


def _import(home: Path) -> None:
    with as_file(files("assay.demo") / "data" / FILE) as shipped:
        file = with_faults(shipped, home / FILE)
    for language in LANGUAGES:
        with serve(empty_plant(home / language)) as plant, window(plant, WINDOW) as browser:
            importing(browser, file, language)


PARTS: dict[str, Callable[[Path], None]] = {
    "demo": _demo,
    "questions": _questions,
    "tracing": _tracing,
    "welding": _welding,
    "import": _import,
}


def main(parts: Sequence[str]) -> int:
    """Take the pictures of some parts, or of all; 1 when this machine has no Chromium."""
    if lack := missing():
        sys.stderr.write(f"{lack}\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        for part in parts or PARTS:
            PARTS[part](Path(folder))
    sys.stdout.write(f"{len(list(IMAGES.glob('*.png')))} pictures in {IMAGES.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
