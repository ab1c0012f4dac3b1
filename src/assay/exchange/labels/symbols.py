"""Symbols: data as dark and light modules, made by zxing-cpp (Zint) and read back before they leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from assay.exchange.labels.refusal import missing, refusal
from assay.model.codes.gs1 import ElementString, parse_digital_link, to_digital_link
from assay.model.codes.gs1.digital_link import CANONICAL

SymbolKind = Literal["gs1-datamatrix", "gs1-qr", "gs1-128", "digital-link", "datamatrix", "qr", "code128"]
"""The kinds of symbol: three GS1 symbols, a QR code with a Digital Link, three symbols of any text."""

SYMBOL_KINDS: tuple[SymbolKind, ...] = get_args(SymbolKind)

_FORMATS = {
    "gs1-datamatrix": "DataMatrix", "gs1-qr": "QRCode", "gs1-128": "Code128", "digital-link": "QRCode",
    "datamatrix": "DataMatrix", "qr": "QRCode", "code128": "Code128",
}  # fmt: skip
_QUIET = {"DataMatrix": 1, "QRCode": 4, "Code128": 10}
_LONGEST_GS1_128 = 48  # GS1 General Specifications, section 5.4: AIs, data and separators
_LONGEST_CODE_128 = 80  # longer bars can't be read at one sweep
_DARK = 128


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """One symbol."""

    kind: SymbolKind
    """What kind it is."""
    data: str
    """What a reader sends, without symbology identifier; GS (ASCII 29) as separator."""
    elements: ElementString | None
    """The application identifiers it holds."""
    modules: NDArray[np.bool_]
    """Dark modules, shape (rows, columns); one row where it is bars."""
    quiet: int
    """How many modules around it stay light; above and below bars none."""

    @property
    def bars(self) -> bool:
        """Whether it is linear, so that its height is free."""
        return len(self.modules) == 1


def make_symbol(kind: SymbolKind, content: str | ElementString, *, stem: str = CANONICAL) -> Symbol:
    """Make a symbol.

    Parameters
    ----------
    kind
        What kind.
    content
        For GS1 kinds an element string, as such or as text in either form; for ``digital-link`` that or the
        URI; for the others any text (``code128``: printable ASCII).
    stem
        What a Digital Link made of an element string begins with.

    Raises
    ------
    CodeError
        The content is not valid for the kind, too long for it, or the extra ``labels`` is not installed.
    """
    elements = None
    if isinstance(content, ElementString) or kind.startswith("gs1-"):
        given = ElementString.parse(content, whole=False) if isinstance(content, str) else content
        elements = given.for_symbol() if kind.startswith("gs1-") else given
        data = to_digital_link(elements, stem) if kind == "digital-link" else elements.raw()
    elif kind == "digital-link":
        if content.startswith(("http:", "https:")):
            elements, data = parse_digital_link(content).elements, content
        else:
            elements = ElementString.parse(content)
            data = to_digital_link(elements, stem)
    else:
        data = content
    _check(kind, data)
    modules = _encoded(kind, data, elements)
    return Symbol(kind, data, elements, modules, _QUIET[_FORMATS[kind]])


def _check(kind: SymbolKind, data: str) -> None:
    if not data:
        raise refusal("no-data", kind=kind)
    if kind == "code128":
        wrong = sorted({one for one in data if not " " <= one <= "~"})
        if wrong:
            raise refusal("code128-characters", wrong=" ".join(repr(one) for one in wrong))
    most = {"code128": _LONGEST_CODE_128, "gs1-128": _LONGEST_GS1_128}.get(kind)
    if most is not None and len(data) > most:
        raise refusal("symbol-long", kind=kind, length=len(data), most=most)


def _encoded(kind: SymbolKind, data: str, elements: ElementString | None) -> NDArray[np.bool_]:
    try:
        import zxingcpp
    except ImportError as error:
        raise missing(error) from error
    form = zxingcpp.BarcodeFormat[_FORMATS[kind]]
    options: dict[str, object] = {"gs1": True} if kind.startswith("gs1-") else {}
    text = data
    if kind.startswith("gs1-") and elements is not None:
        # Square brackets are outside character set 82, so that no data can be taken for an AI.
        text = "".join(f"[{ai}]{value}" for ai, value in elements)
    elif not data.isascii():
        options["eci"] = "UTF-8"
    if form == zxingcpp.BarcodeFormat.QRCode:
        options["ecLevel"] = "M"
    if form == zxingcpp.BarcodeFormat.DataMatrix:
        options["forceSquare"] = True
    try:
        made = zxingcpp.create_barcode(text, form, **options)
    except (ValueError, RuntimeError) as error:
        raise refusal("symbol-refused", kind=kind, said=str(error)) from error
    _prove(made, data)
    image = np.asarray(made.to_image(scale=1, add_quiet_zones=False))
    dark = image < _DARK
    return dark[:1] if form == zxingcpp.BarcodeFormat.Code128 else dark


def _prove(made: object, data: str) -> None:
    """Read the symbol back: nothing leaves that says something else than was asked."""
    import zxingcpp

    picture = np.asarray(made.to_image(scale=3))  # type: ignore[attr-defined]
    read = zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)
    if [one.text for one in read] != [data]:
        raise refusal("symbol-unproved", data=data, read=", ".join(one.text for one in read) or "–")
