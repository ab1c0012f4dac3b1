"""Message catalogues: the texts of a package, in Chinese and English, in two TOML files beside its code."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.model.text import Language, Text

LANGUAGES: tuple[Language, ...] = ("zh", "en")
"""The languages every text exists in."""


class Catalogue:
    """The texts of ``package``, read from ``messages/zh.toml`` and ``messages/en.toml`` when first asked.

    Parameters
    ----------
    package
        Dotted name of the package that ships the ``messages`` folder.
    """

    def __init__(self, package: str) -> None:
        self.package = package

    def keys(self, language: Language) -> dict[str, str]:
        """Every text by its dotted key, placeholders unfilled."""
        return _read(self.package, language)

    def say(self, key: str, language: Language, **values: object) -> str:
        """The text ``key`` in ``language`` with its ``{placeholders}`` filled."""
        return self.keys(language)[key].format(**values)

    def text(self, key: str, **values: object) -> Text:
        """The text ``key`` in both languages."""
        from assay.model.text import Text

        return Text(zh=self.say(key, "zh", **values), en=self.say(key, "en", **values))


@cache
def _read(package: str, language: Language) -> dict[str, str]:
    source = files(package).joinpath("messages", f"{language}.toml").read_text(encoding="utf-8")
    return _flat(tomllib.loads(source), "")


def _flat(table: dict[str, Any], prefix: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            texts.update(_flat(value, f"{prefix}{name}."))
        else:
            texts[prefix + name] = value.strip("\n")
    return texts
