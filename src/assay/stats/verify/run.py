"""Run the checks and sum up: what was compared, with what, on which machine."""

from __future__ import annotations

import importlib
import pkgutil
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from assay.stats.arrays import one_of
from assay.stats.result import Result, plain
from assay.stats.verify.check import Check, Outcome, Tolerance

Told = Callable[[float, float, str], None]
"""How far the run is: done, total, and the family at work."""


@dataclass(frozen=True)
class Environment:
    """What the figures were computed with."""

    assay: str
    python: str
    numpy: str
    scipy: str
    system: str
    machine: str

    @classmethod
    def here(cls) -> Environment:
        """This process."""
        return cls(
            assay=version("assay-quality"),
            python=platform.python_version(),
            numpy=version("numpy"),
            scipy=version("scipy"),
            system=f"{platform.system()} {platform.release()}",
            machine=platform.machine(),
        )


@dataclass(frozen=True)
class FamilySummary:
    """How one family of statistics did."""

    family: str
    checks: int
    passed: int
    sources: int
    """How many different sources the references come from."""


@dataclass(frozen=True, kw_only=True)
class Verification(Result):
    """A run of the verification: every statistic with its reference."""

    at: datetime
    """When, UTC."""
    seconds: float
    environment: Environment
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> int:
        """How many checks passed."""
        return sum(outcome.passed for outcome in self.outcomes)

    @property
    def failed(self) -> int:
        """How many did not."""
        return len(self.outcomes) - self.passed

    @property
    def families(self) -> tuple[FamilySummary, ...]:
        """One line per family, in the order of the run."""
        names = list(dict.fromkeys(outcome.check.family for outcome in self.outcomes))
        return tuple(self._summary(name) for name in names)

    def _summary(self, family: str) -> FamilySummary:
        found = [outcome for outcome in self.outcomes if outcome.check.family == family]
        sources = {outcome.check.source for outcome in found}
        return FamilySummary(family, len(found), sum(outcome.passed for outcome in found), len(sources))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; ``checks`` holds a line per statistic and reference."""
        return {
            "passed": self.passed,
            "failed": self.failed,
            "at": self.at.isoformat().replace("+00:00", "Z"),
            "seconds": round(self.seconds, 3),
            "environment": plain(self.environment),
            "families": plain(self.families),
            "checks": [_line(outcome) for outcome in self.outcomes],
        }


def _line(outcome: Outcome) -> dict[str, Any]:
    check = outcome.check
    told = {
        "id": check.id,
        "family": check.family,
        "statistic": check.statistic,
        "reference": check.reference,
        "computed": outcome.computed,
        "difference": outcome.difference,
        "tolerance": spoken_tolerance(check.tolerance),
        "passed": outcome.passed,
        "origin": check.origin,
        "source": check.source,
        "note": check.note,
        "problem": outcome.problem,
    }
    found: dict[str, Any] = plain(told)
    return found


def spoken_tolerance(tolerance: Tolerance) -> str:
    """The tolerance as the table shows it: printed decimals, relative, absolute; any of them is enough."""
    ways = []
    if tolerance.digits is not None:
        ways.append(f"{tolerance.digits} dec.")
    if tolerance.relative is not None:
        ways.append(f"{tolerance.relative:g} rel.")
    if tolerance.absolute is not None:
        ways.append(f"±{tolerance.absolute:g}")
    return " / ".join(ways) or "equal"


def checks(families: Sequence[str] | None = None) -> Iterator[Check]:
    """Every check of this package, or those of ``families``, in the order of their modules.

    Raises
    ------
    UnknownOption
        A family has no checks.
    """
    found = list(_all())
    if families is not None:
        known = list(dict.fromkeys(check.family for check in found))
        wanted = {one_of(family, known, "family") for family in families}
        found = [check for check in found if check.family in wanted]
    yield from found


def _all() -> Iterator[Check]:
    import assay.stats.verify as package

    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        if loaded.__name__ != __name__ and hasattr(loaded, "checks"):
            yield from loaded.checks()


def run(families: Sequence[str] | None = None, *, progress: Told | None = None) -> Verification:
    """Compute every statistic that has a reference and compare.

    Parameters
    ----------
    families
        Families to keep to; all when None.

    Raises
    ------
    UnknownOption
        A family has no checks.
    ValueError
        Two checks share an id.
    """
    wanted = list(checks(families))
    twice = [name for name, count in Counter(check.id for check in wanted).items() if count > 1]
    if twice:
        raise ValueError(f"several checks are called {', '.join(twice)}")
    at, began = datetime.now(UTC).replace(microsecond=0), time.perf_counter()
    outcomes = []
    for done, check in enumerate(wanted):
        if progress is not None:
            progress(done, len(wanted), check.family)
        outcomes.append(check.run())
    return Verification(
        at=at,
        seconds=time.perf_counter() - began,
        environment=Environment.here(),
        outcomes=tuple(outcomes),
    )
