"""Text for people, in Chinese and English."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Language = Literal["zh", "en"]


class Text(BaseModel):
    """One sentence or label in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str
    en: str

    def said(self, language: Language) -> str:
        """The text in ``language``."""
        return self.zh if language == "zh" else self.en
