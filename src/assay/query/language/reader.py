"""The position in a question while it is read, and what is said when something else stands there."""

from __future__ import annotations

from assay.model.text import Text
from assay.query.language.errors import QuestionError, at, likely, told, write_instead
from assay.query.language.lexer import Token, tokens
from assay.query.language.tree import Place
from assay.query.language.words import OPERATORS, meaning, quoted, run_together, spellings

DEEPEST = 64
"""Levels of brackets and operators inside each other."""


class Reader:
    """The tokens of a text, read one after another."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens(text)
        self._next = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        """What stands here."""
        return self._tokens[self._next]

    @property
    def following(self) -> Token:
        """What stands behind it."""
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    @property
    def meaning(self) -> str | None:
        """What the word that stands here means in the language; None for a name or anything else."""
        return meaning(self.token.text) if self.token.kind == "word" else None

    def take(self) -> Token:
        """What stands here; the next one stands here afterwards."""
        token = self.token
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def is_at(self, sign: str) -> bool:
        """Whether this sign stands here."""
        return self.token.kind == "sign" and self.token.text == sign

    def takes(self, sign: str) -> bool:
        """Whether this sign stands here; it is taken."""
        found = self.is_at(sign)
        if found:
            self.take()
        return found

    def takes_word(self, wanted: str) -> bool:
        """Whether a word of this meaning stands here; it is taken."""
        found = self.meaning == wanted
        if found:
            self.take()
        return found

    def needs(self, sign: str) -> Token:
        """Take this sign.

        Raises
        ------
        QuestionError
            Something else stands here.
        """
        if not self.is_at(sign):
            raise self.unexpected(Text(zh=f"“{sign}”", en=f"'{sign}'"))
        return self.take()

    def since(self, start: Place) -> Place:
        """The place from ``start`` to what was taken last."""
        return Place(start.start, self._tokens[max(self._next - 1, 0)].place.end)

    def enter(self) -> None:
        """Begin an expression inside another one.

        Raises
        ------
        QuestionError
            There are too many levels.
        """
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.error(told("error.too-deep"), told("hint.too-deep"))

    def leave(self) -> None:
        """End the expression begun last."""
        self._depth -= 1

    def finish(self, expected: str) -> None:
        """Check that the end stands here.

        Raises
        ------
        QuestionError
            Something is left.
        """
        if self.token.kind != "end":
            raise self.unexpected(told(expected))

    def error(self, said: Text, advice: Text | None = None) -> QuestionError:
        """An error about what stands here."""
        return at(self.text, self.token.place, said, advice)

    def unexpected(self, expected: Text, advice: Text | None = None) -> QuestionError:
        """An error that names what stands here and what was expected in its place."""
        return self.error(
            told("error.unexpected", found=self.found(), expected=expected), advice or self._misspelt()
        )

    def found(self) -> Text:
        """What stands here, as it was written."""
        if self.token.kind == "end":
            return told("found.end")
        place = self.token.place
        written = self.text[place.start : place.end]
        shown = written if len(written) <= 40 else f"{written[:39]}…"
        return Text(zh=f"“{shown}”", en=f"'{shown}'" if "'" not in shown else shown)

    def _misspelt(self) -> Text | None:
        """Advice for a word where an operator or the end of an expression was expected."""
        if self.token.kind not in {"word", "name"}:
            return None
        word = self.token.text
        if parts := run_together(word):
            return write_instead(told("hint.space", first=parts[0], second=parts[1]), " ".join(parts))
        if own := meaning(word):
            is_name = self.token.kind == "word" and own in _NAMES
            return write_instead(told("hint.reserved", word=word), quoted(word)) if is_name else None
        return likely(word, spellings((*OPERATORS, "as", "by", "desc")))


_NAMES = frozenset({"as", "by", "asc", "desc", "offset", "cross", "like", "is"})
"""Words of the language that a plant may well use as names."""
