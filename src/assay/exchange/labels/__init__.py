"""Labels and symbols as SVG, PDF and ZPL, and codes read off images (extra ``labels``)."""

from assay.exchange.labels.drawing import RESOLUTIONS, Sheet, to_pdf, to_svg, to_zpl
from assay.exchange.labels.layout import Label, LabelFormat, captions, lay_out
from assay.exchange.labels.reading import ReadCode, read_codes
from assay.exchange.labels.symbols import SYMBOL_KINDS, Symbol, SymbolKind, make_symbol

__all__ = [
    "RESOLUTIONS",
    "SYMBOL_KINDS",
    "Label",
    "LabelFormat",
    "ReadCode",
    "Sheet",
    "Symbol",
    "SymbolKind",
    "captions",
    "lay_out",
    "make_symbol",
    "read_codes",
    "to_pdf",
    "to_svg",
    "to_zpl",
]
