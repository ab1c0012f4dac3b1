"""Codes read off images: PNG and JPEG of bounded size, several codes in one."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.exchange.labels.refusal import missing, refusal

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 20 << 20
"""Bytes of an image file at most."""

MOST_PIXELS = 50_000_000
"""Pixels of an image at most; a phone's camera has a quarter of that."""


@dataclass(frozen=True, slots=True)
class ReadCode:
    """One code of an image."""

    text: str
    """The data, with GS (ASCII 29) as separator."""
    symbology: str
    """The symbology, as zxing-cpp names it."""
    identifier: str
    """The symbology identifier of ISO/IEC 15424, such as ``]d2``."""
    corners: tuple[tuple[int, int], ...]
    """Its corners in pixels, x and y, clockwise from the upper left one."""

    @property
    def scanned(self) -> str:
        """What a scanner would have typed: identifier and data."""
        return self.identifier + self.text


def read_codes(image: bytes) -> list[ReadCode]:
    """Every code of a PNG or JPEG image, from above to below and from left to right.

    Raises
    ------
    CodeError
        The file is empty, too large, neither PNG nor JPEG, damaged, or has too many pixels; or the extra
        ``labels`` is not installed.
    """
    try:
        import zxingcpp
    except ImportError as error:
        raise missing(error) from error
    picture = _opened(image)
    found = zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)
    codes = [
        ReadCode(
            one.text,
            str(one.format),
            one.symbology_identifier,
            tuple(
                (corner.x, corner.y)
                for corner in (
                    one.position.top_left,
                    one.position.top_right,
                    one.position.bottom_right,
                    one.position.bottom_left,
                )
            ),
        )
        for one in found
    ]
    return sorted(codes, key=lambda one: (min(y for _, y in one.corners), min(x for x, _ in one.corners)))


def _opened(image: bytes) -> Image:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise missing(error) from error
    if not image:
        raise refusal("image-empty")
    if len(image) > MOST_BYTES:
        raise refusal("image-bytes", size=len(image), most=MOST_BYTES)
    try:
        with Image.open(io.BytesIO(image), formats=("PNG", "JPEG")) as file:
            pixels = file.width * file.height
            if pixels <= MOST_PIXELS:
                file.load()
                return _grey(file)
    except UnidentifiedImageError as error:
        raise refusal("image-kind") from error
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise refusal("image-damaged", said=str(error)) from error
    raise refusal("image-pixels", pixels=pixels, most=MOST_PIXELS)


def _grey(file: Image) -> Image:
    """The picture in grey, on white where it is transparent."""
    if file.mode not in {"LA", "PA", "RGBA"} and "transparency" not in file.info:
        return file.convert("L")
    over = file.convert("RGBA")
    ground = over.copy()
    ground.paste("white", (0, 0, *over.size))
    ground.alpha_composite(over)
    return ground.convert("L")
