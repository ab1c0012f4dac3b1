"""The arguments several verbs share. A ``help`` here is a key of the message catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Plant = Annotated[Path, typer.Argument(metavar="DIR", help="argument.plant", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="option.json")]
OfRefused = Annotated[bool, typer.Option("--refused", help="option.of_refused")]
"""The evidence log of what the gate refused, instead of the main one (:func:`log_of`)."""
Target = Annotated[str, typer.Option("--target", metavar="EXPR", help="option.target", show_default=False)]
Where = Annotated[
    str | None, typer.Option("--where", metavar="EXPR", help="option.where", show_default=False)
]
Scope = Annotated[
    str | None, typer.Option("--scope", metavar="SEGMENT", help="option.scope", show_default=False)
]
