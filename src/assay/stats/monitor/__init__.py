"""Multivariate process monitoring: PCA, dynamic PCA and CVA with limits calibrated on training data.

``monitor.cva().fit(normal).score(rows)``: settings that aren't given are chosen from the training data.
"""

from __future__ import annotations

from assay.stats.monitor.alarm import FalseAlarms
from assay.stats.monitor.contributions import Contributions
from assay.stats.monitor.errors import ConstantColumns, NoResidualSpace, OtherColumns, WrongNames
from assay.stats.monitor.live import LiveMonitor, LiveRow
from assay.stats.monitor.model import Monitor
from assay.stats.monitor.score import Score
from assay.stats.monitor.settings import Cva, Dpca, LimitMethod, Pca
from assay.stats.monitor.watch import Watch, watch

__all__ = [
    "ConstantColumns",
    "Contributions",
    "Cva",
    "Dpca",
    "FalseAlarms",
    "LimitMethod",
    "LiveMonitor",
    "LiveRow",
    "Monitor",
    "NoResidualSpace",
    "OtherColumns",
    "Pca",
    "Score",
    "Watch",
    "WrongNames",
    "cva",
    "dpca",
    "pca",
    "watch",
]


def pca(
    components: float | None = None,
    *,
    alpha: float = 0.01,
    confidence: float = 0.9,
    limits: LimitMethod = "calibrated",
    smoothing: float = 0.3,
    blocks: int = 10,
) -> Pca:
    """Principal component analysis of rows that don't depend on the rows before them.

    Parameters
    ----------
    components
        How many components; below 1, the share of variance they hold; None keeps the eigenvalues that are
        above what independent variables give (parallel analysis in its large-sample form).
    alpha
        Nominal false-alarm rate of the combined alarm, per row; for ``limits="textbook"`` of each statistic.
    confidence
        How sure the nominal rate isn't exceeded: with few independent training rows the limits are wider.
    limits
        ``calibrated``: from training rows scored by models of other blocks. ``textbook``: F distribution for
        T² (Tracy, Young and Mason 1992) and Jackson and Mudholkar (1979) for SPE, without smoothing; they
        assume independent normal rows.
    smoothing
        Weight of the newest row in the moving average of T² and SPE; 1 is none.
    blocks
        Contiguous blocks of training rows that are left out in turn.

    Raises
    ------
    OutOfRange, UnknownOption, NotACount
    """
    return Pca(
        components=components,
        alpha=alpha,
        confidence=confidence,
        limits=limits,
        smoothing=smoothing,
        blocks=blocks,
    )


def dpca(
    lags: int | None = None,
    components: float | None = None,
    *,
    alpha: float = 0.01,
    confidence: float = 0.9,
    limits: LimitMethod = "calibrated",
    smoothing: float = 0.3,
    blocks: int = 10,
) -> Dpca:
    """Dynamic PCA: principal components of each row beside its ``lags`` rows before.

    Ku, Storer and Georgakis 1995, *Chemometrics and Intelligent Laboratory Systems* 30, 179-196.

    Parameters
    ----------
    lags
        Rows before the current one; None takes the fewest with which a CVA model predicts the next row as
        well as any, within one standard error of blocked cross-validation.
    components, alpha, confidence, limits, smoothing, blocks
        As for :func:`pca`.

    Raises
    ------
    OutOfRange, UnknownOption, NotACount
    """
    return Dpca(
        lags=lags,
        components=components,
        alpha=alpha,
        confidence=confidence,
        limits=limits,
        smoothing=smoothing,
        blocks=blocks,
    )


def cva(
    lags: int | None = None,
    states: int | None = None,
    *,
    alpha: float = 0.01,
    confidence: float = 0.9,
    limits: LimitMethod = "calibrated",
    smoothing: float = 0.3,
    memory: float = 0.1,
    watch: tuple[str, ...] = ("spe", "mewma"),
    blocks: int = 10,
) -> Cva:
    """Canonical variate analysis: states that predict the next row, and what they don't predict.

    Parameters
    ----------
    lags
        Rows the states are made from.
    states
        How many states. None for lags or states takes the fewest states, and then lags, that predict the next
        row as well as any, within one standard error of blocked cross-validation: up to 5 lags, with as many
        states as variables, twice as many, and so on.
    memory
        Weight of the newest prediction error in the MEWMA, which gathers small lasting shifts.
    watch
        The statistics behind the combined alarm: ``spe`` (one-step prediction error), ``mewma`` (its moving
        average) and ``t2`` (states). T² of the states is always computed; it is not watched by default, for
        the level of a running plant wanders further than a few hundred training rows show.
        ``limits="textbook"`` watches ``t2`` and ``spe``.
    alpha, confidence, limits, smoothing, blocks
        As for :func:`pca`.

    Raises
    ------
    OutOfRange, UnknownOption, NotACount
    """
    return Cva(
        lags=lags,
        states=states,
        alpha=alpha,
        confidence=confidence,
        limits=limits,
        smoothing=smoothing,
        memory=memory,
        watch=watch,
        blocks=blocks,
    )
