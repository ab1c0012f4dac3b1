"""Assay: from a bad part to its ranked causes, with evidence and blast radius.

>>> import assay
>>> plant = assay.open("demo-plant")  # doctest: +SKIP
>>> plant.cause("result = 'NOK'")  # doctest: +SKIP
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.plant import Plant
    from assay.plant import open_plant as open  # noqa: A004 - `assay.open` is the door

try:
    __version__ = version("assay-quality")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

__all__ = ["Plant", "__version__", "open"]

_DOOR = {"open": "open_plant", "Plant": "Plant"}


def __getattr__(name: str) -> object:
    """Import the door when it is first used, so that ``import assay`` costs nothing."""
    if name in _DOOR:
        from assay import plant

        return getattr(plant, _DOOR[name])
    raise AttributeError(f"module 'assay' has no attribute {name!r}")
