"""Labels drawn, printed and read back: what is rendered as SVG, PDF and ZPL decodes to what was asked for."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pypdfium2
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from assay.exchange.labels import (
    RESOLUTIONS,
    SYMBOL_KINDS,
    Label,
    LabelFormat,
    Sheet,
    SymbolKind,
    captions,
    lay_out,
    make_symbol,
    read_codes,
    reading,
    to_pdf,
    to_svg,
    to_zpl,
)
from assay.model.codes.gs1 import ElementString, check_digit
from assay.model.codes.gs1.characters import CSET_82
from assay.model.errors import CodeError

GS1 = "(01)09506000134352(10)AB-1/2(21)S(21)9"
CONTENT: dict[SymbolKind, str] = {
    "gs1-datamatrix": GS1.replace("S(21)9", r"S\(21)9"),
    "gs1-qr": "(01)09506000134352(17)271231(10)A",
    "gs1-128": "(01)09506000134352(10)LOT-77",
    "digital-link": "https://example.com/p/01/09506000134352/21/A%2F1",
    "datamatrix": "SZ02260314-0ZZZ3",
    "qr": "工单 7788 / 泵",
    "code128": "SZ02260314-0ZZZ3",
}
IDENTIFIERS = {"gs1-datamatrix": "]d2", "gs1-qr": "]Q3", "gs1-128": "]C1", "digital-link": "]Q1"}
WIDE = LabelFormat(width=90, height=40)


def label(kind: SymbolKind, form: LabelFormat = WIDE) -> Label:
    symbol = make_symbol(kind, CONTENT[kind])
    return lay_out(symbol, ["产品：精密泵 A", *captions(symbol, "zh")], form)


def decoded(picture: Image.Image) -> list[tuple[str, str]]:
    held = io.BytesIO()
    picture.save(held, "PNG")
    return [(one.text, one.identifier) for one in read_codes(held.getvalue())]


def of_zpl(text: str) -> Iterator[Image.Image]:
    """What a printer makes of the graphic fields."""
    for found in re.finditer(
        r"\^XA\^PW(\d+)\^LL(\d+)\^LH0,0\^FO0,0\^GFA,(\d+),\3,(\d+),([0-9A-F]+)\^FS\^XZ\n", text
    ):
        wide, high, total, row = (int(found[n]) for n in range(1, 5))
        packed = np.frombuffer(bytes.fromhex(found[5]), np.uint8).reshape(-1, row)
        assert packed.size == total
        yield Image.fromarray(np.where(np.unpackbits(packed, axis=1)[:high, :wide], 0, 255).astype(np.uint8))


def of_pdf(data: bytes, dots: int = 300) -> list[Image.Image]:
    document = pypdfium2.PdfDocument(data)
    return [page.render(scale=dots / 72).to_pil() for page in document]


def of_svg(text: str, dots: float = 12) -> Image.Image:
    """The symbol's path of an SVG on pixels, ``dots`` to the millimetre; it is made of rectangles only."""
    width, height = (float(one) for one in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text).groups())  # type: ignore[union-attr]
    picture = Image.new("L", (round(width * dots), round(height * dots)), 255)
    draw = ImageDraw.Draw(picture)
    path = re.search(r'crispEdges" d="([^"]+)"', text)
    assert path
    for x, y, wide, high in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z", path[1]):
        box = [
            float(x) * dots,
            float(y) * dots,
            (float(x) + float(wide)) * dots,
            (float(y) + float(high)) * dots,
        ]
        draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=0)
    return picture


@pytest.mark.parametrize("kind", SYMBOL_KINDS)
def test_a_label_in_every_form_reads_as_what_was_asked(kind: SymbolKind) -> None:
    made = label(kind)
    wanted = [made.symbol.data]
    for picture in (of_svg(to_svg(made)), *of_pdf(to_pdf([made])), *of_zpl(to_zpl([made], 300))):
        read = decoded(picture)
        assert [text for text, _ in read] == wanted
        assert [one for _, one in read] == [IDENTIFIERS.get(kind, read[0][1])]
    if made.symbol.elements and kind != "digital-link":
        assert ElementString.parse(made.symbol.data, whole=False) == made.symbol.elements


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_every_printer_gets_whole_dots(resolution: int) -> None:
    made = [label("gs1-datamatrix"), label("gs1-128")]
    pictures = list(of_zpl(to_zpl(made, resolution)))
    assert [picture.size for picture in pictures] == [
        (round(90 * resolution / 25.4), round(40 * resolution / 25.4))
    ] * 2
    assert [decoded(one)[0][0] for one in pictures] == [one.symbol.data for one in made]


@settings(max_examples=25, deadline=None)
@given(
    st.text("0123456789", min_size=13, max_size=13).filter(lambda one: one[1:5].isdecimal()),
    st.text(st.sampled_from(CSET_82), min_size=1, max_size=20),
    st.text(st.sampled_from(CSET_82), min_size=1, max_size=20),
    st.sampled_from(["gs1-datamatrix", "gs1-qr", "digital-link"]),
)
def test_any_lot_and_serial_fit_a_symbol_and_come_back(
    body: str, lot: str, serial: str, kind: SymbolKind
) -> None:
    elements = ElementString.of(("01", body + check_digit(body)), ("10", lot), ("21", serial))
    symbol = make_symbol(kind, elements, stem="https://example.com")
    picture = np.kron(np.pad(~symbol.modules, symbol.quiet + 2, constant_values=True), np.ones((3, 3)))
    read = decoded(Image.fromarray((picture * 255).astype(np.uint8)))
    assert read == [(symbol.data, IDENTIFIERS[kind])]


def test_labels_fill_sheets_row_by_row() -> None:
    one = lay_out(make_symbol("datamatrix", "A1"), ["A1"], LabelFormat(width=62, height=40))
    pages = of_pdf(to_pdf([one] * 22, Sheet()), 150)
    assert [len(decoded(page)) for page in pages] == [18, 4]
    assert pages[0].size == pytest.approx((210 / 25.4 * 150, 297 / 25.4 * 150), abs=1)
    with pytest.raises(CodeError, match="sheet"):
        to_pdf([one], Sheet(width=60, height=100))


def test_the_same_label_is_the_same_file() -> None:
    made = label("gs1-datamatrix")
    assert to_pdf([made]) == to_pdf([made])
    assert to_svg(made) == to_svg(made)


def test_chinese_text_is_drawn_and_nothing_else_needs_a_font() -> None:
    made = label("datamatrix")
    page = np.asarray(of_pdf(to_pdf([made]), 300)[0].convert("L"))
    printed = np.asarray(next(of_zpl(to_zpl([made], 300))))
    line = made.lines[0]
    for picture in (page, printed):
        dots = 300 / 25.4
        rows = slice(int((line.baseline - line.size) * dots), int((line.baseline + 0.3 * line.size) * dots))
        written = picture[rows, int(line.x * dots) :] < 128
        assert 0.04 < written.mean() < 0.5
        assert len(np.flatnonzero(written.any(axis=0))) > 5 * line.size * dots
    assert b"/Font " not in re.sub(rb"/Font 1 0 R", b"", to_pdf([made]))
    assert "产品：精密泵 A" in to_svg(made)


def test_captions_say_what_an_element_is() -> None:
    symbol = make_symbol("gs1-128", CONTENT["gs1-128"])
    assert captions(symbol) == ["(01) 09506000134352", "(10) LOT-77"]
    assert captions(symbol, "en")[1] == "Lot (10) LOT-77"
    assert captions(symbol, "zh")[1] == "批号 (10) LOT-77"
    assert captions(make_symbol("code128", "A1")) == ["A1"]


@pytest.mark.parametrize(
    ("kind", "content", "rule"),
    [
        ("gs1-datamatrix", "(01)09506000134353", "check-digit"),
        ("gs1-128", "(01)09506000134352(240)" + "A" * 30, "symbol-long"),
        ("digital-link", "https://example.com/01/09506000134353", "check-digit"),
        ("digital-link", "https://example.com/x", "dl-key"),
        ("code128", "泵", "code128-characters"),
        ("code128", "A" * 81, "symbol-long"),
        ("qr", "A" * 5000, "symbol-refused"),
        ("datamatrix", "", "no-data"),
    ],
)
def test_what_a_symbol_can_not_hold_is_refused(kind: SymbolKind, content: str, rule: str) -> None:
    with pytest.raises(CodeError) as caught:
        make_symbol(kind, content)
    assert caught.value.rule == rule
    assert caught.value.said.zh != caught.value.said.en


@pytest.mark.parametrize(
    ("kind", "lines", "form", "rule"),
    [
        ("gs1-128", [], LabelFormat(width=25, height=20), "symbol-no-room"),
        ("gs1-datamatrix", [], LabelFormat(width=8, height=6, margin=1), "symbol-no-room"),
        ("gs1-datamatrix", ["A" * 200], LabelFormat(), "text-no-room"),
        ("gs1-128", ["A"] * 9, LabelFormat(width=80, height=20), "text-no-room"),
        ("datamatrix", ["\U0001f9ff"], LabelFormat(), "no-font"),
        ("datamatrix", [], LabelFormat(module=3), "symbol-no-room"),
    ],
)
def test_what_does_not_fit_is_refused(
    kind: SymbolKind, lines: list[str], form: LabelFormat, rule: str
) -> None:
    symbol = make_symbol(kind, CONTENT[kind])
    with pytest.raises(CodeError) as caught:
        lay_out(symbol, lines, form)
    assert caught.value.rule == rule


def test_a_printer_that_is_too_coarse_is_refused() -> None:
    with pytest.raises(CodeError) as caught:
        to_zpl([label("datamatrix")], 250)
    assert caught.value.rule == "resolution"
    with pytest.raises(CodeError) as caught:
        to_zpl([lay_out(make_symbol("datamatrix", "A"), [], LabelFormat(module=0.1, least_module=0.1))], 152)
    assert caught.value.rule == "module-dots"
    with pytest.raises(CodeError) as caught:
        to_pdf([])
    assert caught.value.rule == "no-labels"


# -- images ---------------------------------------------------------------------------------------


def saved(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    held = io.BytesIO()
    picture.save(held, form, **options)
    return held.getvalue()


@pytest.fixture(scope="module")
def several() -> Image.Image:
    """A photograph of sorts: three codes, one of them turned, one on its side."""
    ground = Image.new("RGB", (1400, 1000), (235, 240, 238))
    kinds: list[tuple[SymbolKind, int, tuple[int, int]]] = [
        ("gs1-datamatrix", 17, (60, 60)), ("gs1-128", 90, (900, 40)), ("digital-link", 180, (120, 560)),
    ]  # fmt: skip
    for kind, turn, place in kinds:
        symbol = lay_out(make_symbol(kind, CONTENT[kind]), [], LabelFormat(width=70, height=30))
        picture = next(of_zpl(to_zpl([symbol], 300))).convert("RGB")
        ground.paste(
            picture.rotate(turn, expand=True, fillcolor=(255, 255, 255)).resize((480, 420))
            if turn == 17
            else picture.rotate(turn, expand=True),
            place,
        )
    return ground


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_all_codes_of_a_picture_are_read(several: Image.Image, form: str) -> None:
    read = read_codes(saved(several, form))
    wanted = {make_symbol(kind, CONTENT[kind]).data for kind in ("gs1-datamatrix", "gs1-128", "digital-link")}  # type: ignore[arg-type]
    assert {one.text for one in read} == wanted
    assert all(len(one.corners) == 4 for one in read)
    assert {one.scanned[:3] for one in read} == {"]d2", "]C1", "]Q1"}


def test_a_transparent_picture_is_on_white() -> None:
    symbol = make_symbol("datamatrix", "A1")
    dark = np.kron(np.pad(symbol.modules, 4), np.ones((4, 4)))
    pixels = np.zeros((*dark.shape, 4), np.uint8)
    pixels[..., 3] = dark * 255
    assert [one.text for one in read_codes(saved(Image.fromarray(pixels)))] == ["A1"]


def test_a_picture_without_a_code_has_none() -> None:
    assert read_codes(saved(Image.new("L", (300, 200), 255))) == []


def test_bad_pictures_are_refused(several: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = saved(several)
    monkeypatch.setattr(reading, "MOST_BYTES", len(whole) + 10)
    for data, rule in (
        (b"", "image-empty"),
        (b"not an image", "image-kind"),
        (saved(Image.new("L", (9, 9)), "GIF"), "image-kind"),
        (saved(Image.new("L", (9, 9)), "BMP"), "image-kind"),
        (whole[: len(whole) // 2], "image-damaged"),
        (whole + b"0" * 11, "image-bytes"),
        (saved(Image.new("1", (10_000, 5_001))), "image-pixels"),
    ):
        with pytest.raises(CodeError) as caught:
            read_codes(data)
        assert caught.value.rule == rule


def test_without_the_extra_the_error_names_it() -> None:
    script = (
        "import sys\nsys.modules['zxingcpp'] = None\n"
        "from assay.exchange.labels import make_symbol\nfrom assay.model.errors import CodeError\n"
        "try: make_symbol('qr', 'A')\nexcept CodeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "assay-quality[labels]" in done.stdout


def test_the_reader_is_one_that_fails_when_it_should() -> None:
    broken = np.pad(~make_symbol("datamatrix", "A1").modules, 4, constant_values=True)
    broken[6:12, 6:12] = False
    assert not zxingcpp.read_barcodes((np.kron(broken, np.ones((4, 4))) * 255).astype(np.uint8))
