"""The operator contract: a question a plant can be asked, with its arguments as a pydantic model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from assay.model.errors import PluginError
from assay.model.kinds import RecordKind
from assay.plugins.manifest import Manifest

OPERATOR_CAPABILITIES = frozenset({"rank", "trace", "chart", "table"})
"""The capabilities an operator may state: what shape of answer it gives."""


class Progress(Protocol):
    """Told how far a long piece of work is."""

    def __call__(self, done: float, total: float, what: str) -> None:
        """``done`` out of ``total`` (same unit), and the step at work in one English word or two."""


@runtime_checkable
class OperatorResult(Protocol):
    """What an operator returns."""

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain JSON values, the same over CLI, REST and pages."""


@dataclass(frozen=True, kw_only=True)
class OperatorManifest(Manifest):
    """The manifest of an operator; ``config`` is the model of its arguments."""

    run: Callable[[Any, Any, Progress | None], OperatorResult]
    """Answer the question: called with the open workspace, a validated config, and progress or None."""
    reads: frozenset[RecordKind] = frozenset(RecordKind)
    """The kinds of record an answer rests on: it is kept and given again until some of these arrive."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if unknown := self.capabilities - OPERATOR_CAPABILITIES:
            raise PluginError(
                f"operator {self.id!r} states unknown capabilities {sorted(unknown)}",
                hint=f"Known: {', '.join(sorted(OPERATOR_CAPABILITIES))}.",
            )

    def __call__(
        self, workspace: Any, arguments: dict[str, Any] | BaseModel, progress: Progress | None = None
    ) -> OperatorResult:
        """Validate ``arguments`` and run; ``pydantic.ValidationError`` when they do not fit the config."""
        given = arguments if isinstance(arguments, self.config) else self.config.model_validate(arguments)
        return self.run(workspace, given, progress)
