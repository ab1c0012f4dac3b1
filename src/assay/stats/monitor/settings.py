"""Settings of the three kinds of model; each fits itself to training data.

What isn't set is chosen from the training data by a rule, as :func:`assay.stats.monitor.pca` and its siblings
say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.arrays import Floats, between, one_of
from assay.stats.errors import NotACount, OutOfRange, TooFewPoints
from assay.stats.monitor.canonical import variates
from assay.stats.monitor.core import Core
from assay.stats.monitor.fitting import LEAST_ROWS, Plan, fitted
from assay.stats.monitor.model import Monitor
from assay.stats.monitor.order import order_by_prediction
from assay.stats.monitor.principal import principal, share_of_variance
from assay.stats.monitor.textbook import spe_limit, t2_limit
from assay.stats.monitor.training import Training, full_rank, trained
from assay.stats.monitor.windows import Moments, moments

LimitMethod = Literal["calibrated", "textbook"]
METHODS: tuple[LimitMethod, ...] = ("calibrated", "textbook")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all kinds share."""

    kind: ClassVar[str]
    alpha: float = 0.01
    confidence: float = 0.9
    limits: LimitMethod = "calibrated"
    smoothing: float = 0.3
    blocks: int = 10

    def __post_init__(self) -> None:
        between(self.alpha, "alpha", 1e-6, 0.5)
        between(self.confidence, "confidence", 0.5, 0.9999)
        one_of(self.limits, METHODS, "limits")
        between(self.smoothing, "smoothing", 1e-3, 1.0)
        _whole(self.blocks, "blocks", 2, LEAST_ROWS // 2)


@dataclass(frozen=True, kw_only=True)
class Pca(Settings):
    """Settings of a PCA model; see :func:`assay.stats.monitor.pca`."""

    kind: ClassVar[str] = "pca"
    components: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_components(self.components)

    def fit(self, values: ArrayLike, names: Sequence[str] | None = None) -> Monitor:
        """A model of normal operation from rows ``(N, P)``; ``names`` of the columns, else those of a frame.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape, TooFewPoints, ConstantColumns, WrongNames, OutOfRange
        """
        least = LEAST_ROWS if self.limits == "calibrated" else 3
        training = trained(values, names, least=least, what=self.kind)
        return _principal_model(self, training, 0, self.components)


@dataclass(frozen=True, kw_only=True)
class Dpca(Settings):
    """Settings of a dynamic PCA model; see :func:`assay.stats.monitor.dpca`."""

    kind: ClassVar[str] = "dpca"
    lags: int | None = None
    components: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_components(self.components)
        if self.lags is not None:
            _whole(self.lags, "lags", 1, 1000)

    def fit(self, values: ArrayLike, names: Sequence[str] | None = None) -> Monitor:
        """A model of normal operation from rows ``(N, P)`` in the order of time.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape, TooFewPoints, ConstantColumns, WrongNames, OutOfRange
        """
        training = trained(values, names, least=LEAST_ROWS * (self.lags or 1), what=self.kind)
        lags = self.lags or order_by_prediction(training.rows, self.blocks)[0]
        return _principal_model(self, training, lags, self.components)


@dataclass(frozen=True, kw_only=True)
class Cva(Settings):
    """Settings of a CVA model; see :func:`assay.stats.monitor.cva`."""

    kind: ClassVar[str] = "cva"
    lags: int | None = None
    states: int | None = None
    memory: float = 0.1
    watch: tuple[str, ...] = ("spe", "mewma")

    def __post_init__(self) -> None:
        super().__post_init__()
        between(self.memory, "memory", 1e-3, 1.0)
        if not self.watch or len(set(self.watch)) < len(self.watch):
            raise OutOfRange(name="watch", value=", ".join(self.watch), low=1, high=3)
        for name in self.watch:
            one_of(name, ("t2", "spe", "mewma"), "watch")
        for value, name in ((self.lags, "lags"), (self.states, "states")):
            if value is not None:
                _whole(value, name, 1, 1000)

    def fit(self, values: ArrayLike, names: Sequence[str] | None = None) -> Monitor:
        """A model of normal operation from rows ``(N, P)`` in the order of time.

        Raises
        ------
        NotFinite, NotNumeric, WrongShape, TooFewPoints, ConstantColumns, WrongNames, OutOfRange,
        SingularCovariance
        """
        training = trained(values, names, least=LEAST_ROWS, what=self.kind)
        count, width = training.rows.shape
        # What a block leaves has to be enough for covariances of the past that can be inverted.
        least = max(LEAST_ROWS, 2 * (width + 2)) * (self.lags or 1)
        if count < least:
            raise TooFewPoints(what=self.kind, count=count, least=least)
        full_rank(training.rows)
        if self.states is not None and self.lags is not None:
            between(self.states, "states", 1, self.lags * width)
        lags, states = order_by_prediction(training.rows, self.blocks, self.lags, self.states)
        textbook = self.limits == "textbook"
        tops = np.array([t2_limit(states, count, self.alpha), t2_limit(width, count, self.alpha)])
        return fitted(
            training,
            Plan(
                kind=self.kind,
                build=lambda found: variates(found, lags).core(states),
                window=2 * lags,
                watched=("t2", "spe") if textbook else self.watch,
                alpha=self.alpha,
                confidence=self.confidence,
                blocks=self.blocks,
                smoothing=self.smoothing,
                memory=self.memory,
                tops=tops if textbook else None,
            ),
        )


def _principal_model(settings: Pca | Dpca, training: Training, lags: int, asked: float | None) -> Monitor:
    """PCA of rows with ``lags`` rows before them."""
    rows, window = training.rows, lags + 1
    found = moments(rows, window, 0, len(rows) - lags)
    if asked is not None and asked >= 1:
        between(asked, "components", 1, min(rows.shape[1] * window, found.count - 1))
    elif asked is not None:
        asked = share_of_variance(found.covariance, asked)
    core = principal(found, window, None if asked is None else int(asked))
    kept = core.loadings.shape[1]
    tops: Floats | None = None
    if settings.limits == "textbook":
        between(kept, "components", 1, found.count - 1)
        tops = np.array(
            [t2_limit(kept, found.count, settings.alpha)]
            + ([spe_limit(core.residual, settings.alpha)] if "spe" in core.statistics else [])
        )

    def build(rest: Moments) -> Core:
        return principal(rest, window, kept)

    return fitted(
        training,
        Plan(
            kind=settings.kind,
            build=build,
            window=window,
            watched=core.statistics,
            alpha=settings.alpha,
            confidence=settings.confidence,
            blocks=settings.blocks,
            smoothing=settings.smoothing,
            memory=1.0,
            tops=tops,
        ),
    )


def _whole(value: float, name: str, low: int, high: int) -> None:
    """Refuse what isn't a whole number in ``[low, high]``."""
    between(value, name, low, high)
    if value != int(value):
        raise NotACount(name=name, value=value, index=0)


def _check_components(components: float | None) -> None:
    """A whole number from 1 on, or a share between 0 and 1."""
    if components is not None and not 0 < components < 1:
        _whole(components, "components", 1, 1_000_000)
