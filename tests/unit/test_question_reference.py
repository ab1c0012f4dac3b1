"""The reference of the language says what the parser does."""

import doctest
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.query.language.parser import parse
from assay.query.language.printer import write
from assay.query.language.words import is_reserved, meaning

PAGE = (Path(__file__).parents[2] / "docs/reference/questions.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
QUESTIONS = [
    (line, not title) for kind, title, body in BLOCKS if kind == "text" for line in body.splitlines()
]


@pytest.mark.parametrize(("text", "canonical"), QUESTIONS)
def test_every_question_on_the_page_is_read(text: str, canonical: bool) -> None:
    question = parse(text)
    assert parse(write(question)) == question
    assert (write(question) == text) is canonical


def test_the_python_on_the_page_runs() -> None:
    cells = "\n".join(body for kind, _, body in BLOCKS if kind == "pycon")
    test = doctest.DocTestParser().get_doctest(cells, {}, "questions.md", None, 0)
    assert len(test.examples) >= 10
    told: list[str] = []
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=told.append).failed == 0, told


def test_every_chinese_word_on_the_page_means_what_it_says() -> None:
    table = PAGE.split("| English | 中文 |")[1].split("\n\n")[0]
    pairs = re.findall(r"\| ((?:`[\w ]+`(?:, )?)+) \| ([^|`]+?) (?=\|)", table)
    meant = [(set(re.findall(r"`([\w ]+)`", english)), chinese.split()) for english, chinese in pairs]
    assert len(meant) == 20
    for english, chinese in meant:
        assert {meaning(word) for word in chinese} == english


def test_every_reserved_word_is_on_the_page() -> None:
    words = re.search(r"Reserved are `([a-z ]+)`", PAGE)
    assert words is not None
    assert all(map(is_reserved, words[1].split()))
    assert not any(map(is_reserved, ("where", "count", "start", "window", "ancestors", "unit")))


def rules() -> dict[str, list[str]]:
    """The productions of the grammar, each as its tokens."""
    (grammar,) = [body for kind, _, body in BLOCKS if kind == "ebnf"]
    made = {}
    for rule in filter(None, grammar.split(" ;\n")):
        name, equals, *tokens = re.findall(r'"[^"]+"|\w+|[=|(){}\[\]]', rule)
        assert equals == "="
        made[name] = tokens
    return made


LEAVES: dict[str, list[str]] = {
    "name": ["unit", "缺陷", '"zone 1.temp"', "count", "x_1"],
    "text": ["'HC-3'", "''", "'it''s'"],
    "number": ["12", "1.5", "2e-3"],
    "whole": ["1", "20"],
    "duration": ["10min", "1h30min", "500ms", "2周"],
    "time": ["@2026-03-01", "@2026-03-01T08:00:00Z"],
}


DEEP = 16


class Sentences:
    """Random sentences of the grammar, deeper ones kept short."""

    def __init__(self, seed: int) -> None:
        self.rules = rules()
        self.chance = random.Random(seed)
        self.used: set[str] = set()

    def of(self, name: str, depth: int = 0) -> Iterator[str]:
        if name in LEAVES:
            yield self.chance.choice(LEAVES[name])
            return
        self.used.add(name)
        yield from self.alternatives(list(self.rules[name]), depth)

    def alternatives(self, tokens: list[str], depth: int) -> Iterator[str]:
        options: list[list[str]] = [[]]
        level = 0
        for token in tokens:
            level += (token in {"(", "[", "{"}) - (token in {")", "]", "}"})
            if token == "|" and level == 0:
                options.append([])
            else:
                options[-1].append(token)
        if depth > DEEP:
            options = [min(options, key=len)] if options[0][0] != '"-"' else [["constant"]]
        yield from self.sequence(self.chance.choice(options), depth)

    def sequence(self, tokens: list[str], depth: int) -> Iterator[str]:
        while tokens:
            token = tokens.pop(0)
            if token[0] == '"':
                yield token[1:-1]
            elif token in {"(", "[", "{"}:
                inside = self.group(tokens)
                times = 1 if token == "(" else self.times(token, depth)
                for _ in range(times):
                    yield from self.alternatives(list(inside), depth)
            else:
                yield from self.of(token, depth + 1)

    def times(self, bracket: str, depth: int) -> int:
        """How often what may be left out is there."""
        return 0 if depth > DEEP else self.chance.choices((0, 1, 2), (7, 2, bracket == "{"))[0]

    @staticmethod
    def group(tokens: list[str]) -> list[str]:
        """What stands up to the closing bracket, which is taken too."""
        level, inside = 1, []
        while True:
            token = tokens.pop(0)
            level += (token in {"(", "[", "{"}) - (token in {")", "]", "}"})
            if level == 0:
                return inside
            inside.append(token)


def test_every_sentence_of_the_grammar_is_read() -> None:
    sentences = Sentences(seed=4)
    for _ in range(500):
        text = " ".join(sentences.of("question"))
        question = parse(text)
        assert parse(write(question)) == question
    assert sentences.used == set(sentences.rules)
