"""What codes refuse, said in both languages from a catalogue."""

from __future__ import annotations

from assay.model.catalogue import Catalogue
from assay.model.errors import CodeError


class Refusals:
    """Makes the errors of a catalogue: ``refusal("length", value=…)`` has the rule ``length``.

    Parameters
    ----------
    catalogue
        Holds ``error.<rule>`` and, where there is advice, ``hint.<rule>``.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def __call__(self, rule: str, **values: object) -> CodeError:
        """The error of a broken rule; ``values`` fill its texts."""
        advice = f"hint.{rule}"
        known = advice in self.catalogue.keys("en")
        return CodeError(
            self.catalogue.text(f"error.{rule}", **values),
            self.catalogue.text(advice, **values) if known else None,
            rule=rule,
        )


CATALOGUE = Catalogue("assay.model.codes")
refusal = Refusals(CATALOGUE)
"""The errors of codes."""
