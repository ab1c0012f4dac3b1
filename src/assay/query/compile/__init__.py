"""From the tree of a question to the program an engine runs."""

from assay.query.compile.question import Crossing, compile_question

__all__ = ["Crossing", "compile_question"]
