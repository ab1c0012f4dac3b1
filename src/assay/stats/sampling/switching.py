"""Switching rules between normal, tightened and reduced inspection, as a state machine.

ISO 2859-1:1999 and GB/T 2828.1-2012, clause 9.3: switching score for reduced inspection. ANSI/ASQ Z1.4
clause 8.3 (MIL-STD-105E 4.7): ten lots accepted in a row, with a limit number where one is agreed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from assay.stats.arrays import one_of
from assay.stats.errors import UnknownOption
from assay.stats.plot import Axis, Cells, Panel, Plot
from assay.stats.result import Result
from assay.stats.sampling.errors import CATALOGUE, Discontinued
from assay.stats.sampling.iso2859 import StandardPlan
from assay.stats.sampling.tables import STANDARDS, Standard

State = Literal["normal", "tightened", "reduced", "discontinued"]
STATES: tuple[State, ...] = ("normal", "tightened", "reduced", "discontinued")

SCORE_FOR_REDUCED = 30
LOTS_FOR_REDUCED = 10
LOTS_LOOKED_BACK = 5
TOO_MANY = 2
LOTS_TO_NORMAL = 5


@dataclass(frozen=True, kw_only=True)
class Switching(Result):
    """Where inspection stands; :meth:`after` gives the next state and never changes this one.

    Only the first inspection of a lot counts; resubmitted lots are left out, as both standards say.

    >>> state = Switching()
    >>> state.after(False).after(True).after(False).state
    'tightened'
    """

    standard: Standard = "iso2859-1"
    state: State = "normal"
    """``normal``, ``tightened``, ``reduced`` or ``discontinued``: how the next lot is inspected."""
    score: int = 0
    """Switching score of ISO 2859-1 (9.3.3.2); stays 0 under ANSI/ASQ Z1.4."""
    recent: tuple[bool, ...] = ()
    """Whether each of the last lots under the present state was accepted, oldest first; at most ten."""
    nonconforming: tuple[int, ...] = ()
    """Nonconforming items found in the samples of those lots; used with ``limit_number``."""
    not_accepted: int = 0
    """Lots not accepted since tightened inspection began."""
    limit_number: int | None = None
    """ANSI/ASQ Z1.4 table VIII: most nonconforming items in the last ten samples for reduced inspection; None
    where it isn't agreed (optional since Z1.4-2003)."""
    reduced_wanted: bool = True
    """Whether the responsible authority finds reduced inspection desirable."""
    discontinue_at: int = 5
    """Lots not accepted under tightened inspection at which sampling inspection stops (9.4)."""

    def __post_init__(self) -> None:
        one_of(self.standard, STANDARDS, "standard")
        one_of(self.state, STATES, "state")

    def after(
        self,
        accepted: bool,
        *,
        tighter: bool | None = None,
        nonconforming: int = 0,
        gap: bool = False,
        steady: bool = True,
    ) -> Switching:
        """The state after one more lot.

        Parameters
        ----------
        accepted
            Whether the lot was accepted.
        tighter
            ISO 2859-1 under normal inspection: would it also have been accepted at the next lower AQL (single
            sampling, Ac ≥ 2), was it accepted at the first sample (double) or by the third (multiple)? None
            with Ac 0 or 1. Yes adds 3 to the score, None adds 2, no sets it to 0.
        nonconforming
            Nonconforming items in the sample, for ``limit_number``.
        gap
            ANSI/ASQ Z1.4 under reduced inspection: the count fell between acceptance and rejection number.
        steady
            Whether production is steady. Without it reduced inspection isn't begun, and is left.

        Raises
        ------
        Discontinued
            Sampling inspection had been discontinued; see :meth:`resume`.
        """
        if self.state == "discontinued":
            raise Discontinued(count=self.not_accepted)
        seen = replace(
            self,
            recent=(*self.recent, bool(accepted))[-LOTS_FOR_REDUCED:],
            nonconforming=(*self.nonconforming, int(nonconforming))[-LOTS_FOR_REDUCED:],
        )
        if self.state == "normal":
            return _after_normal(_scored(seen, accepted, tighter), steady)
        if self.state == "tightened":
            return _after_tightened(replace(seen, not_accepted=self.not_accepted + (not accepted)))
        return _enter(seen, "normal") if not accepted or gap or not steady else seen

    def judge(
        self, plan: StandardPlan, nonconforming: Sequence[int] | int, *, steady: bool = True
    ) -> Switching:
        """The state after a lot inspected with ``plan``; ``nonconforming`` holds a count per sample drawn.

        Raises
        ------
        Discontinued, OutOfRange, LotTooLarge, UnknownOption
            The last when the plan is for another inspection than the present state, or another sample is
            needed.
        """
        one_of(plan.inspection, (self.state,), "plan.inspection")
        accepted = plan.accepts(nonconforming)
        if accepted is None:
            raise UnknownOption(name="nonconforming", value=nonconforming, known=plan.summary)
        drawn = [nonconforming] if isinstance(nonconforming, int) else list(nonconforming)
        total = sum(drawn)
        if plan.sampling == "single":
            tighter = None if plan.tighter_ac is None else total <= plan.tighter_ac
        else:
            tighter = accepted and len(drawn) <= (1 if plan.sampling == "double" else 3)
        return self.after(
            accepted,
            tighter=tighter,
            nonconforming=total,
            gap=len(drawn) == len(plan.sizes) and plan.ac < total < plan.re,
            steady=steady,
        )

    def plot(self) -> Plot:
        """A table of where inspection stands."""
        told = {
            "score": f"{self.score} / {SCORE_FOR_REDUCED}",
            "accepted": f"{sum(self.recent)} / {len(self.recent)}",
            "not-accepted": f"{self.not_accepted} / {self.discontinue_at}",
        }
        cells = Cells(
            heads=tuple(CATALOGUE.text(f"head.{key}") for key in told),
            rows=(tuple(told.values()),),
        )
        blank = Axis(title=CATALOGUE.text("panel.switching"))
        return Plot(
            title=CATALOGUE.text("title.switching", standard=self.standard),
            panels=(Panel(title=CATALOGUE.text(f"state.{self.state}"), x=blank, y=blank, layers=(cells,)),),
        )

    def resume(self) -> Switching:
        """Tightened inspection after a discontinuation, once the supplier has acted (9.4)."""
        return _enter(self, "tightened") if self.state == "discontinued" else self


def _scored(now: Switching, accepted: bool, tighter: bool | None) -> Switching:
    if now.standard == "ansi-z1.4":
        return now
    gain = 2 if tighter is None else 3
    return replace(now, score=now.score + gain if accepted and tighter is not False else 0)


def _after_normal(now: Switching, steady: bool) -> Switching:
    if now.recent[-LOTS_LOOKED_BACK:].count(False) >= TOO_MANY:
        return _enter(now, "tightened")
    return _enter(now, "reduced") if steady and now.reduced_wanted and _earned(now) else now


def _earned(now: Switching) -> bool:
    """Whether the lots so far allow reduced inspection."""
    if now.standard != "ansi-z1.4":
        return now.score >= SCORE_FOR_REDUCED
    few = now.limit_number is None or sum(now.nonconforming) <= now.limit_number
    return len(now.recent) == LOTS_FOR_REDUCED and all(now.recent) and few


def _after_tightened(now: Switching) -> Switching:
    if now.not_accepted >= now.discontinue_at:
        return replace(now, state="discontinued")
    run = now.recent[-LOTS_TO_NORMAL:]
    return _enter(now, "normal") if len(run) == LOTS_TO_NORMAL and all(run) else now


def _enter(now: Switching, state: State) -> Switching:
    return replace(now, state=state, score=0, recent=(), nonconforming=(), not_accepted=0)
