"""Text as outlines, so that a label looks and prints the same on every machine, Chinese included.

Latin text is set in DejaVu Sans, which comes with matplotlib; text with other characters in a Chinese font of
this machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.exchange.labels.refusal import missing, refusal
from assay.stats.errors import MissingFont

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Step = tuple[str, tuple[float, ...]]
"""``M`` move, ``L`` line, ``C`` cubic curve, ``Z`` close, with coordinates; y grows upwards."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face of a font file."""

    path: Path
    """The file."""
    number: int
    """Which face of the file."""

    def sized(self, pixels: int) -> FreeTypeFont:
        """The face for drawing on pixels, ``pixels`` the height of the em."""
        from PIL import ImageFont

        return ImageFont.truetype(self.path, pixels, index=self.number)


def face_for(text: str) -> Face:
    """The face that has every character of ``text``.

    Raises
    ------
    CodeError
        No font of this machine has a character, or the extra ``labels`` is not installed.
    """
    faces = [_latin()]
    if not _lacking(faces[0], text):
        return faces[0]
    try:
        faces.append(_chinese())
    except MissingFont as error:
        raise refusal("no-font", characters=" ".join(_lacking(faces[0], text))) from error
    if wrong := _lacking(faces[-1], text):
        raise refusal("no-font", characters=" ".join(wrong))
    return faces[-1]


def width_of(text: str, face: Face) -> float:
    """The width of ``text`` in ems."""
    font, advances = _opened(face), 0
    characters, metrics = font.getBestCmap(), font["hmtx"]
    for one in text:
        advances += metrics[characters[ord(one)]][0]
    return float(advances / font["head"].unitsPerEm)


def outline(text: str, face: Face) -> list[Step]:
    """The outline of ``text``, an em being 1, beginning at the origin on the baseline."""
    from fontTools.pens.basePen import BasePen

    font = _opened(face)
    em, characters, metrics, glyphs = (
        font["head"].unitsPerEm,
        font.getBestCmap(),
        font["hmtx"],
        font.getGlyphSet(),
    )
    steps: list[Step] = []
    at = 0

    class Pen(BasePen):  # type: ignore[misc]
        """Notes what is drawn; quadratic curves come as cubic ones."""

        def _moveTo(self, pt: tuple[float, float]) -> None:  # noqa: N802 - names of fontTools
            steps.append(("M", placed(pt)))

        def _lineTo(self, pt: tuple[float, float]) -> None:  # noqa: N802
            steps.append(("L", placed(pt)))

        def _curveToOne(self, *points: tuple[float, float]) -> None:  # noqa: N802
            steps.append(("C", tuple(value for point in points for value in placed(point))))

        def _closePath(self) -> None:  # noqa: N802
            steps.append(("Z", ()))

    def placed(point: tuple[float, float]) -> tuple[float, float]:
        return (at + point[0]) / em, point[1] / em

    for one in text:
        name = characters[ord(one)]
        glyphs[name].draw(Pen(glyphs))
        at += metrics[name][0]
    return steps


def _lacking(face: Face, text: str) -> list[str]:
    known = _opened(face).getBestCmap()
    return sorted({one for one in text if ord(one) not in known})


@cache
def _latin() -> Face:
    try:
        from matplotlib import get_data_path
    except ImportError as error:
        raise missing(error) from error
    return Face(Path(get_data_path()) / "fonts/ttf/DejaVuSans.ttf", 0)


@cache
def _chinese() -> Face:
    from assay.stats.plot.static import chinese_font

    found = chinese_font()
    return Face(found.path, found.face)


@cache
def _opened(face: Face) -> Any:
    try:
        from fontTools.ttLib import TTFont
    except ImportError as error:
        raise missing(error) from error
    return TTFont(face.path, fontNumber=face.number, lazy=True)
