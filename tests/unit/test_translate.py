"""Sentences of the rooms below, said in Chinese."""

from __future__ import annotations

import pytest

from assay.apps.translate import in_chinese, note_in_chinese
from assay.model.catalogue import Catalogue

SOURCES = Catalogue("assay.query.federation")
NOTES = [key for key in SOURCES.keys("en") if key.startswith("note.")]


@pytest.mark.parametrize("key", NOTES)
def test_every_note_on_a_source_is_said_in_chinese(key: str) -> None:
    values = {"table": "orders", "source": "mes", "rows": 12, "keys": 7, "statements": 2, "seconds": "30"}
    assert note_in_chinese(SOURCES.say(key, "en", **values)) == SOURCES.say(key, "zh", **values)


def test_what_no_catalogue_has_stays_as_it_is() -> None:
    assert note_in_chinese("someone else's note") is None
    assert in_chinese("orders: nothing can match, mes was not asked") is None, "a note is no error"
