"""What statistics return: frozen results that turn into plain values and draw themselves."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.model.text import Language, Text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from assay.stats.plot.spec import Plot


class Result:
    """Base of every result; subclasses are frozen dataclasses.

    Field names are the same in Python, JSON, on the command line and over REST.
    """

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values by field name: arrays as lists, NaN and infinity as None, texts as {zh, en}."""
        found = plain(self)
        assert isinstance(found, dict)  # noqa: S101 - a dataclass becomes a dictionary
        return found

    def plot(self) -> Plot:
        """The picture as data: panels of layers, drawn alike by matplotlib and by the browser."""
        raise NotImplementedError(f"{type(self).__name__} has no picture")

    def figure(self, *, language: Language = "en") -> Figure:
        """The picture as a matplotlib figure, for reports and notebooks.

        Raises
        ------
        MissingExtra
            matplotlib isn't installed.
        """
        from assay.stats.plot.static import draw

        return draw(self.plot(), language=language)

    def _repr_png_(self) -> bytes | None:
        """The picture in a notebook; None where there is none, or no matplotlib."""
        from assay.stats.errors import MissingExtra
        from assay.stats.plot.static import image

        try:
            return image(self.plot())
        except (NotImplementedError, MissingExtra):
            return None


def plain(value: object) -> Any:
    """``value`` in the types JSON knows; fields whose names start with ``_`` are left out."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Text):
        return value.model_dump()
    if hasattr(value, "_asdict"):
        return {name: plain(item) for name, item in value._asdict().items()}
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if not field.name.startswith("_")]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return [plain(item) for item in value]
    return str(value)


def _array(value: np.ndarray[Any, Any]) -> Any:
    listed = value.tolist()
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        return plain(listed)
    return listed if value.dtype.kind in "fiub" else plain(listed)
