"""Features of a signal over an interval: the built-in ones, and those a plant makes of them.

Every built-in feature can be computed from parts of the readings that are merged later. A plant's own
feature is arithmetic over them (``rise: last - first``), evaluated on whole columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.model.errors import closest
from assay.model.questions import UserFeature
from assay.query.bind import kernel
from assay.query.bind.errors import BindRefusal, listed
from assay.query.bind.merge import Partials
from assay.query.language.parser import parse_expression
from assay.query.language.tree import Binary, Call, Expression, Name, Path, Unary, Value

DEFAULT = ("n", "mean", "std", "min", "max", "first", "last", "slope")
"""The features of a bind that names none."""

BUILT_IN: dict[str, str] = {
    "n": "Number of readings with a value.",
    "mean": "Arithmetic mean.",
    "std": "Sample standard deviation (n - 1); missing for one reading.",
    "min": "Smallest value.",
    "max": "Largest value.",
    "first": "Value of the earliest reading.",
    "last": "Value of the latest reading.",
    "slope": "Least-squares slope per second; missing where all readings have one time.",
    "sum": "Sum of the values.",
    "duration": "Length of the interval in seconds.",
    "max_gap": "Longest time in seconds without a reading, the edges of the interval included.",
    "n_uncertain": "Readings as near to an edge of the interval as the clocks are uncertain.",
}
"""Features by name, and what each is."""

BAND = "time_in_band"
"""The feature with arguments: ``time_in_band(low, high)`` or ``time_in_band(low, high, longest hold)``."""

FUNCTIONS: dict[str, Callable[[Any], Any]] = {"abs": pc.abs, "sqrt": pc.sqrt, "ln": pc.ln}
"""Functions in a formula; of a number they are not defined for, the result is missing."""

_COUNTS = frozenset({"n", "n_uncertain"})
_NAME = re.compile(r"[^\W\d]\w{0,62}")
_OWN = re.compile(rf"\s*({_NAME.pattern})\s*=(?!=)\s*(.+)", re.DOTALL)

Asked = str | UserFeature


@dataclass(frozen=True, slots=True)
class Band:
    """A range of values, both ends included, and the most seconds that a reading's value is held."""

    low: float
    high: float
    longest: float = float("inf")

    @property
    def name(self) -> str:
        """The feature's name as it is written in a formula and above its column."""
        limits = [self.low, self.high] + ([self.longest] if np.isfinite(self.longest) else [])
        return f"{BAND}({', '.join(f'{limit:.15g}' for limit in limits)})"


@dataclass(frozen=True)
class FeatureSet:
    """What is asked for.

    Attributes
    ----------
    columns
        The names of the features, in the order of the result.
    built_in
        The built-in features that are asked for or needed, in the order of :data:`BUILT_IN`.
    bands
        The bands that are asked for or needed.
    formulas
        The plant's own features that are asked for or needed, each after those that it needs.
    """

    columns: tuple[str, ...]
    built_in: tuple[str, ...]
    bands: tuple[Band, ...]
    formulas: Mapping[str, Expression]

    @property
    def limits(self) -> NDArray[np.float64]:
        """The bands as the kernel takes them, (B, 3)."""
        rows = [(band.low, band.high, band.longest) for band in self.bands]
        return np.array(rows, np.float64).reshape(len(rows), 3)

    @property
    def asks_uncertain(self) -> bool:
        """Whether the clock uncertainty of readings has to be read."""
        return "n_uncertain" in self.built_in

    @property
    def asks_edges(self) -> bool:
        """Whether start and end of the intervals are needed."""
        return bool(self.bands) or not {"duration", "max_gap"}.isdisjoint(self.built_in)

    def schema(self) -> pa.Schema:
        """The columns of the result that are features."""
        return pa.schema(
            [pa.field(name, pa.int64() if name in _COUNTS else pa.float64()) for name in self.columns]
        )

    def arranged(self, known: Mapping[str, pa.Array]) -> list[pa.Array]:
        """The columns asked for, from those of the built-in features and bands."""
        columns = dict(known)
        for name, formula in self.formulas.items():
            columns[name] = pc.cast(_evaluated(formula, columns), pa.float64())
        return [columns[name] for name in self.columns]


def feature_set(
    asked: Iterable[Asked] | Mapping[str, str], declared: Sequence[UserFeature] = ()
) -> FeatureSet:
    """Check and resolve what is asked for.

    Parameters
    ----------
    asked
        Names of built-in or declared features, ``time_in_band(180, 220)``, ``rise = last - first``, or
        :class:`~assay.model.questions.UserFeature`; or names with their formulas.
    declared
        The features of the plant's ``model.yaml``.

    Raises
    ------
    QueryError
        A name isn't known, occurs twice or is a built-in one's; a formula can't be read or needs itself.
    """
    items: list[Asked] = (
        [UserFeature(name=name, formula=formula) for name, formula in asked.items()]
        if isinstance(asked, Mapping)
        else [asked]
        if isinstance(asked, str)
        else list(asked)
    )
    own = {feature.name: feature.formula for feature in declared}
    names: list[str] = []
    for item in items:
        match = _OWN.fullmatch(item) if isinstance(item, str) else None
        if isinstance(item, UserFeature):
            own[item.name] = item.formula
            names.append(item.name)
        elif match:
            own[match[1]] = match[2]
            names.append(match[1])
        else:
            names.append(str(item).strip())
    if not names:
        raise BindRefusal.of("no-feature", advice=listed(", ".join([*BUILT_IN, *own])))
    return _Resolver(own).resolve(names)


class _Resolver:
    """Follows names to built-in features; finds circles and unknown names."""

    def __init__(self, own: Mapping[str, str]) -> None:
        taken = next((name for name in own if name in BUILT_IN or name == BAND or name in FUNCTIONS), None)
        if taken is not None:
            raise BindRefusal.of("taken", name=taken)
        self._own = own
        self._built_in: set[str] = set()
        self._bands: dict[str, Band] = {}
        self._formulas: dict[str, Expression] = {}
        self._open: list[str] = []

    def resolve(self, names: Sequence[str]) -> FeatureSet:
        """The whole set for these columns."""
        columns = []
        for name in names:
            if name in self._own or name in BUILT_IN:
                column = name
                self._need(name)
            else:
                column = self._called(name)
            if column in columns:
                raise BindRefusal.of("twice", name=column)
            columns.append(column)
        ordered = tuple(name for name in BUILT_IN if name in self._built_in)
        return FeatureSet(tuple(columns), ordered, tuple(self._bands.values()), self._formulas)

    def _called(self, text: str) -> str:
        """The canonical name of a feature with arguments."""
        tree = parse_expression(text)
        match tree:
            case Call(function=function) if function == BAND:
                return self._band(tree)
            case Path(hops=(Name(name=name),)):
                self._unknown(name)
        raise BindRefusal.of("no-name", text=text)

    def _need(self, name: str) -> None:
        if name in BUILT_IN:
            self._built_in.add(name)
            return
        if name not in self._own:
            self._unknown(name)
        if name in self._open:
            circle = " → ".join([*self._open[self._open.index(name) :], name])
            raise BindRefusal.of("circle", name=name, circle=circle)
        if name in self._formulas:
            return
        self._open.append(name)
        formula = parse_expression(self._own[name])
        self._walk(formula, name)
        self._open.pop()
        self._formulas[name] = formula

    def _walk(self, node: Expression, of: str) -> None:
        match node:
            case Value(value=bool()):
                self._refuse(of)
            case Value(value=int() | float() | timedelta()):
                return
            case Path(hops=(Name(name=name, condition=None),)):
                self._need(name)
            case Unary(operator="-"):
                self._walk(node.operand, of)
            case Binary(operator="+" | "-" | "*" | "/"):
                self._walk(node.left, of)
                self._walk(node.right, of)
            case Call(function=function) if function == BAND:
                self._band(node)
            case Call(function=function, arguments=(only,)) if function in FUNCTIONS:
                self._walk(only, of)
            case Call(function=function):
                known = [BAND, *FUNCTIONS]
                advice = listed(", ".join(known), closest(function, known))
                raise BindRefusal.of("function", name=of, function=function, advice=advice)
            case _:
                self._refuse(of)

    def _refuse(self, of: str) -> None:
        functions = ", ".join(FUNCTIONS)
        raise BindRefusal.of("arithmetic", name=of, formula=self._own[of], functions=functions, band=BAND)

    def _band(self, call: Call) -> str:
        limits = [_number(argument) for argument in call.arguments]
        if len(limits) not in {2, 3} or any(limit is None for limit in limits):
            raise BindRefusal.of("band", band=BAND)
        band = Band(*[limit for limit in limits if limit is not None])
        if band.low > band.high or band.longest < 0:
            raise BindRefusal.of("limits", band=band.name)
        self._bands[band.name] = band
        return band.name

    def _unknown(self, name: str) -> None:
        known = [*BUILT_IN, f"{BAND}(low, high)", *self._own]
        close = closest(name, [*BUILT_IN, BAND, *self._own])
        raise BindRefusal.of("feature", name=name, advice=listed(", ".join(known), close))


def _number(node: Expression) -> float | None:
    match node:
        case Value(value=bool()):
            return None
        case Value(value=int() | float() as number):
            return float(number)
        case Value(value=timedelta() as length):
            return length.total_seconds()
        case Unary(operator="-", operand=inner):
            below = _number(inner)
            return None if below is None else -below
    return None


def _evaluated(node: Expression, columns: Mapping[str, pa.Array]) -> Any:
    match node:
        case Value():
            return pa.scalar(_number(node), pa.float64())
        case Path(hops=(Name(name=name), *_)):
            return columns[name].cast(pa.float64())
        case Unary():
            return pc.negate(_evaluated(node.operand, columns))
        case Call(function=function) if function == BAND:
            limits = [limit for argument in node.arguments if (limit := _number(argument)) is not None]
            return columns[Band(*limits).name]
        case Call():
            return _finite(FUNCTIONS[node.function](_evaluated(node.arguments[0], columns)))
        case Binary():
            left, right = _evaluated(node.left, columns), _evaluated(node.right, columns)
            if node.operator == "/":
                return _finite(pc.divide(left, right))
            work = {"+": pc.add, "-": pc.subtract, "*": pc.multiply}[node.operator]
            return work(left, right)
    raise AssertionError(node)  # the resolver lets nothing else through


def _finite(values: Any) -> Any:
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))


def computed(
    asked: FeatureSet, found: Partials, begun: NDArray[np.int64], over: NDArray[np.int64]
) -> list[pa.Array]:
    """The columns asked for, of groups whose readings have all been seen.

    ``begun`` and ``over`` are start and end of each group's interval, in microseconds; they are looked at
    where ``asked.asks_edges``. The columns share no memory with what they were computed from.
    """
    n, floats = found.n, found.floats
    one, still = n < 2, (n < 2) | (floats[kernel.TT] <= 0.0)
    length = after = np.empty(0)
    if asked.asks_edges:
        # The end of an instant was moved by a microsecond.
        length = np.where(over - begun == 1, 0.0, np.maximum(over - begun, 0) * 1e-6)
        after = (over - found.times[1]) * 1e-6
    makers: dict[str, Callable[[], pa.Array]] = {
        "n": lambda: pa.array(n.copy()),
        "mean": lambda: pa.array(floats[kernel.FIRST] + floats[kernel.ABOVE]),
        "std": lambda: _where(~one, np.sqrt(floats[kernel.M2] / np.maximum(n - 1, 1))),
        "min": lambda: pa.array(floats[kernel.LOW].copy()),
        "max": lambda: pa.array(floats[kernel.HIGH].copy()),
        "first": lambda: pa.array(floats[kernel.FIRST].copy()),
        "last": lambda: pa.array(floats[kernel.LAST].copy()),
        "slope": lambda: _where(~still, floats[kernel.TV] / np.where(still, 1.0, floats[kernel.TT])),
        "sum": lambda: pa.array((floats[kernel.FIRST] + floats[kernel.ABOVE]) * n),
        "duration": lambda: pa.array(length),
        "max_gap": lambda: pa.array(
            np.where(
                length == 0.0,
                0.0,
                np.maximum(np.maximum(floats[kernel.GAP], after), (found.times[0] - begun) * 1e-6),
            )
        ),
        "n_uncertain": lambda: pa.array(found.doubtful.copy()),
    }
    known = {name: makers[name]() for name in asked.built_in}
    for place, band in enumerate(asked.bands):
        inside = (floats[kernel.LAST] >= band.low) & (floats[kernel.LAST] <= band.high)
        tail = np.where(inside, np.minimum(after, band.longest), 0.0)
        known[band.name] = pa.array(np.where(length == 0.0, 0.0, found.held[place] + tail))
    return asked.arranged(known)


def _where(known: NDArray[np.bool_], values: NDArray[np.float64]) -> pa.Array:
    """The values, missing where they aren't known."""
    return pa.array(values) if known.all() else pa.array(values, mask=~known)


def split_features(text: str) -> list[str]:
    """``mean,time_in_band(180, 220),rise = last - first`` as a list; commas in brackets don't divide.

    Examples
    --------
    >>> split_features("mean, time_in_band(180, 220), rise = last - first")
    ['mean', 'time_in_band(180, 220)', 'rise = last - first']
    """
    pieces, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += {"(": 1, "（": 1, ")": -1, "）": -1}.get(letter, 0)
        if letter in ",，" and depth <= 0:
            pieces.append(text[start:place])
            start = place + 1
    pieces.append(text[start:])
    return [piece.strip() for piece in pieces if piece.strip()]
