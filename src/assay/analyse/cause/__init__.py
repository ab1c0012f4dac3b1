"""Root cause: what explains a target, with evidence and blast radius."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from assay.analyse.cause.blast import Mark, affected_units, carrying, evidence_rows
from assay.analyse.cause.report import Cause, CauseReport, Confounded, Dose, Effect
from assay.analyse.cause.study import Study, run
from assay.analyse.errors import CauseRefusal, listed
from assay.model.kinds import RecordKind
from assay.model.text import Text
from assay.plugins.contracts import OperatorManifest, Progress
from assay.store.workspace import Workspace

__all__ = [
    "MANIFEST",
    "Cause",
    "CauseArguments",
    "CauseReport",
    "Confounded",
    "Dose",
    "Effect",
    "affected",
    "cause",
    "evidence",
]

_KEPT_STUDIES = 4
_LARGEST_KEPT = 2_000_000
_studies: OrderedDict[tuple[Any, ...], Study] = OrderedDict()
_guard = Lock()


def cause(
    workspace: Workspace,
    target: str,
    *,
    where: str | None = None,
    scope: str | None = None,
    progress: Progress | None = None,
) -> CauseReport:
    """Rank what explains ``target`` over the factors recorded for its subjects.

    Parameters
    ----------
    target
        A condition over measured characteristics (``result = 'NOK'``, ``thickness > 1.2``) or a numeric
        characteristic (``thickness``; ``-thickness`` for what lowers it).
    where
        A condition on any recorded column that the subjects must fulfil.
    scope
        A process segment; an unambiguous beginning of its name is enough.

    Raises
    ------
    QueryError
        The target, condition or scope can't be read, or names something that isn't recorded.
    AnalysisError
        There is no subject to analyse.

    Notes
    -----
    How causes are tested, ordered and claimed: ``docs/explanation/causes.md``.
    """
    return _study(workspace, target, where, scope, progress).report


def evidence(
    workspace: Workspace,
    target: str,
    *,
    factor: str,
    value: str | None = None,
    where: str | None = None,
    scope: str | None = None,
    limit: int | None = 100,
    offset: int = 0,
) -> tuple[pa.Table, int]:
    """Rows behind a cause, bad ones first, and how many there are in all.

    ``factor`` and ``value`` are those of a reported cause, or any level of a recorded factor. The column
    ``evidence_refused`` says why the gate refused records of a subject, where it did of any shown.

    Raises
    ------
    AnalysisError
        The factor isn't recorded for the target's subjects.
    """
    study = _study(workspace, target, where, scope, None)
    group = _group(study, factor, value)
    rows = evidence_rows(study.frame, group, refused=study.refused, limit=limit, offset=offset)
    return rows, int(group.sum())


def affected(
    workspace: Workspace,
    target: str,
    *,
    factor: str,
    value: str | None = None,
    where: str | None = None,
    scope: str | None = None,
) -> pa.Table:
    """The blast radius of a cause: columns ``unit_id`` and ``inspected``, sorted by id.

    Raises
    ------
    AnalysisError
        The factor isn't recorded for the target's subjects.
    """
    study = _study(workspace, target, where, scope, None)
    group = _group(study, factor, value)
    mark = study.marks.get((factor, value), Mark(factor, value))
    units = affected_units(study.frame, mark, group)
    inspected = set(study.frame.all_inspected.cast(pa.string()).to_pylist())
    ids = sorted(units.to_pylist())
    return pa.table({"unit_id": ids, "inspected": [unit in inspected for unit in ids]})


class CauseArguments(BaseModel):
    """Arguments of the operator ``cause``."""

    model_config = ConfigDict(extra="forbid")

    target: str = Field(description="Condition or numeric characteristic, such as result = 'NOK'.")
    where: str | None = Field(default=None, description="Condition the subjects must fulfil.")
    scope: str | None = Field(default=None, description="Process segment to stay in.")


def _operate(workspace: Workspace, arguments: CauseArguments, progress: Progress | None) -> CauseReport:
    return cause(workspace, arguments.target, where=arguments.where, scope=arguments.scope, progress=progress)


MANIFEST = OperatorManifest(
    id="cause",
    version="0.1.0",
    title=Text(zh="原因排序", en="Ranked causes"),
    description=Text(
        zh="在已记录的人机料法环测因素中，对目标的原因排序并给出证据和波及范围。",
        en="Ranks what explains a target over all recorded 5M1E factors, with evidence and blast radius.",
    ),
    config=CauseArguments,
    capabilities=frozenset({"rank"}),
    run=_operate,
)


def _study(
    workspace: Workspace, target: str, where: str | None, scope: str | None, progress: Progress | None
) -> Study:
    """The study, kept for the plant's present state so that looking at its evidence doesn't repeat it."""
    state = (workspace.lake.mark(RecordKind.MEASUREMENT, RecordKind.MOVEMENT), workspace.refused.mark())
    key = (str(workspace.path), state, target, where or None, scope or None)
    with _guard:
        if key in _studies:
            _studies.move_to_end(key)
            return _studies[key]
    study = run(workspace, target, where or None, scope or None, progress)
    if study.frame.size <= _LARGEST_KEPT:
        with _guard:
            _studies[key] = study
            while len(_studies) > _KEPT_STUDIES:
                _studies.popitem(last=False)
    return study


def _group(study: Study, factor: str, value: str | None) -> Any:
    if (factor, value) in study.groups:
        return study.groups[factor, value]
    if factor not in study.frame.columns:
        raise CauseRefusal.of("factor", factor=factor, advice=listed(sorted(study.frame.columns)))
    if value is None:
        raise CauseRefusal.of("no-cause", factor=factor)
    return carrying(study.frame, Mark(factor, value))
