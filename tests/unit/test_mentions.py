"""An id is found where it stands as a word, and nowhere else."""

from __future__ import annotations

import json

import duckdb
import pyarrow as pa
import pytest

from assay.store.mentions import Mentions, Written

BY = "erased-1"


@pytest.mark.parametrize(
    ("id_", "text", "left"),
    [
        ("U-3", "U-3", BY),
        ("U-3", "scratch on U-3.", f"scratch on {BY}."),
        ("U-3", "U-3 U-3,U-3", f"{BY} {BY},{BY}"),
        ("U-3", "urn:x-assay:unit:U-3", f"urn:x-assay:unit:{BY}"),
        ("U-3", "U-30, XU-3, U-3-1, U-3.1, line-U-3", None),
        ("Li Wei", "told by Li Wei\nat night", f"told by {BY}\nat night"),
        ("李伟", "由李伟更换了模具", f"由{BY}更换了模具"),
        ("a.b(c)", "axb(c) or a.b(c)?", f"axb(c) or {BY}?"),
    ],
)
def test_an_id_is_replaced_as_a_word(id_: str, text: str, left: str | None) -> None:
    mentions = Mentions(id_)
    assert (text in mentions) == (left is not None)
    assert mentions.replaced(text, BY) == (left or text)
    engine = duckdb.execute("SELECT regexp_matches(?, ?)", [text, mentions.pattern]).fetchone()
    assert engine == (left is not None,), "the lake's engine finds the same"
    column = pa.array([None, text])
    assert mentions.found(column, Written.TEXT).tolist() == [False, left is not None]


def test_in_json_texts_and_names_change_and_numbers_do_not() -> None:
    mentions = Mentions("17")
    document = {"by": "17", "count": 17, "17": [17, "seen by 17"], "at": "17.5"}
    column = pa.array([json.dumps(document), json.dumps({"count": 17}), None])
    found = mentions.found(column, Written.JSON)
    assert found.tolist() == [True, False, False]
    changed = mentions.without(column, found, Written.JSON, BY).to_pylist()
    assert json.loads(changed[0]) == {"by": BY, "count": 17, BY: [17, f"seen by {BY}"], "at": "17.5"}
    assert changed[1:] == column.to_pylist()[1:]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_in_json_an_id_is_found_however_its_letters_are_written(ascii_only: bool) -> None:
    text = json.dumps({"note": 'by "李伟" today'}, ensure_ascii=ascii_only)
    for id_ in ("李伟", '"李伟"'):
        assert Mentions(id_).named_by(text, Written.JSON)
    assert not Mentions("李").named_by(None, Written.JSON)
