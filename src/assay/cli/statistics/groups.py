"""The groups of statistics on the command line; a group is filled when one of its commands is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.cli.statistics.command import Command
    from assay.model.text import Text


@dataclass(frozen=True)
class Group:
    """A verb with a kind after it: ``assay chart xbar_r FILE``."""

    commands: Callable[[], Iterable[Command]]
    default: str | None = None
    """The kind meant where a file stands in its place."""


def _charts() -> Iterable[Command]:
    from assay.cli.statistics.command import Command, Input
    from assay.stats.charts.kinds import CHARTS

    value = Input("value", "values", "numbers")
    wide = Input("value", "values", "matrix")
    count, size = Input("value", "counts", "numbers"), Input("n", "sizes", "sizes")
    part = Input("part", "part", "words")
    label = Input("label", "labels", "words", required=False)
    stage = Input("stage", "stages", "stages", required=False)
    subgroup = (
        Input("subgroup", "subgroup", "subgroup", required=False),
        Input("n", "subgroup", "subgroup", required=False),
    )
    inputs: dict[str, tuple[Input, ...]] = {
        "subgroups": (wide, *subgroup),
        "individuals": (value, label),
        "series": (wide, *subgroup),
        "counts": (count, label),
        "counts_sizes": (count, size, label),
        "events": (value, label),
        "pairs": (value, Input("use", "use", "numbers")),
        "parts": (value, part),
        "parts_subgroups": (value, part, *subgroup),
        "parts_counts": (count, size, part),
        "multivariate": (wide, *subgroup),
        "profiles": (
            Input("value", "profiles", "profiles"),
            Input("x", "x", "numbers"),
            Input("profile", "profile", "words", required=False),
        ),
    }
    for kind in CHARTS.values():
        columns = inputs[kind.takes]
        if "stages" in kind.options:
            columns = (*columns, stage)
        taken = {one.parameter for one in columns} | {"labels"}
        options = tuple(name for name in kind.options if name not in taken)
        yield Command(kind.id, kind.title, kind.make, columns, options)


def _capability() -> Iterable[Command]:
    from assay.cli.statistics.command import Command, Input
    from assay.stats import capability, distributions

    value = Input("value", "values", "numbers")
    wide = Input("value", "values", "matrix")
    size = Input("n", "size", "sizes")
    subgroup = (
        Input("subgroup", "subgroup", "subgroup", required=False),
        Input("n", "subgroup", "subgroup", required=False),
    )
    yield Command("normal", _titled("capability.normal"), capability.normal, (wide, *subgroup))
    yield Command(
        "sixpack",
        _titled("capability.sixpack"),
        capability.sixpack,
        (wide, *subgroup),
        added=capability.normal,
    )
    yield Command("nonnormal", _titled("capability.nonnormal"), capability.nonnormal, (value,))
    yield Command("transformed", _titled("capability.transformed"), capability.transformed, (wide, *subgroup))
    yield Command("percentile", _titled("capability.percentile"), capability.percentile, (value,))
    yield Command("machine", _titled("capability.machine"), capability.machine, (value,))
    yield Command("time_model", _titled("capability.time_model"), capability.time_model, (wide, *subgroup))
    yield Command(
        "positional",
        _titled("capability.positional"),
        capability.positional,
        (Input("x", "x", "numbers"), Input("y", "y", "numbers")),
    )
    yield Command(
        "censored",
        _titled("capability.censored"),
        capability.censored,
        (Input("low", "low", "low"), Input("high", "high", "high")),
    )
    yield Command(
        "binomial",
        _titled("capability.binomial"),
        capability.binomial,
        (Input("value", "defectives", "numbers"), size),
    )
    yield Command(
        "poisson",
        _titled("capability.poisson"),
        capability.poisson,
        (Input("value", "defects", "numbers"), Input("n", "size", "sizes", required=False)),
    )
    yield Command("frozen", _titled("capability.frozen"), capability.from_parameters)
    for name in ("identify", "normality", "grubbs", "dixon", "generalised_esd", "tukey_fences"):
        yield Command(name, _titled(f"capability.{name}"), getattr(distributions, name), (value,))


def _msa() -> Iterable[Command]:
    from assay.cli.statistics.command import Command, Input
    from assay.stats import msa

    part, value = Input("part", "part", "words"), Input("value", "value", "numbers")
    trials = Input("value", "value", "numbers", several=True)
    operator = Input("operator", "operator", "words")
    values = Input("value", "values", "numbers")
    yield Command(
        "gauge_rr",
        _titled("msa.gauge_rr"),
        msa.gauge_rr,
        (part, Input("operator", "operator", "words", required=False), trials),
        framed=True,
    )
    yield Command(
        "gauge_rr_nested",
        _titled("msa.gauge_rr_nested"),
        msa.gauge_rr_nested,
        (part, operator, trials),
        framed=True,
    )
    yield Command("type1", _titled("msa.type1"), msa.type1, (values,))
    yield Command("bias", _titled("msa.bias"), msa.bias, (values,))
    yield Command(
        "linearity",
        _titled("msa.linearity"),
        msa.linearity,
        (
            Input("part", "part", "words", required=False),
            Input("reference", "reference", "numbers"),
            value,
        ),
        framed=True,
    )
    yield Command(
        "stability",
        _titled("msa.stability"),
        msa.stability,
        (values, Input("subgroup", "subgroup", "subgroup", required=False)),
    )
    yield Command(
        "attribute_agreement",
        _titled("msa.attribute_agreement"),
        msa.attribute_agreement,
        (
            part,
            Input("appraiser", "appraiser", "words"),
            Input("rating", "rating", "words", several=True),
            Input("standard", "standard", "words", required=False),
        ),
        framed=True,
    )
    yield Command(
        "signal_detection",
        _titled("msa.signal_detection"),
        msa.signal_detection,
        (part, Input("rating", "rating", "words"), Input("reference", "reference", "numbers")),
        framed=True,
    )
    yield Command("test_retest", _titled("msa.test_retest"), msa.test_retest, (part, trials), framed=True)
    yield Command("vda5", _titled("msa.vda5"), msa.vda5)


def _sampling() -> Iterable[Command]:
    from assay.cli.statistics.command import Command, Input
    from assay.stats import sampling

    for name in (
        "attributes",
        "double",
        "plan",
        "curves",
        "variables",
        "variables_plan",
        "iso2859",
        "iso3951",
    ):
        yield Command(name, _titled(f"sampling.{name}"), getattr(sampling, name))
    yield Command(
        "tolerance",
        _titled("sampling.tolerance"),
        sampling.tolerance_interval,
        (Input("value", "values", "numbers"),),
    )
    yield Command("factor", _titled("sampling.factor"), sampling.tolerance_factor, names="factor")
    sizes = [name for name in sampling.sample_size.__all__ if name.islower()]
    for name in sizes:
        title = _titled(f"sampling.size_{name}")
        yield Command(f"size_{name}", title, getattr(sampling.sample_size, name))


def _arl() -> Iterable[Command]:
    from assay.cli.statistics.command import Command
    from assay.stats import arl

    for name in ("shewhart", "ewma", "cusum", "mewma"):
        yield Command(name, _titled(f"arl.{name}"), getattr(arl, name), names="arl")
    for name, limit in (("design_ewma", "L"), ("design_cusum", "h"), ("design_mewma", "h")):
        yield Command(name, _titled(f"arl.{name}"), getattr(arl, name), names=limit)
    for name in ("best_ewma", "best_cusum", "best_mewma", "run_length_ewma", "run_length_cusum"):
        yield Command(name, _titled(f"arl.{name}"), getattr(arl, name))


def _monitor() -> Iterable[Command]:
    from functools import partial

    from assay.cli.statistics.command import Command, Input
    from assay.stats import monitor

    values = (Input("value", "values", "frame"),)
    for name in ("pca", "dpca", "cva"):
        make = getattr(monitor, name)
        function = partial(monitor.watch, make)
        yield Command(name, _titled(f"monitor.{name}"), function, values, ("phase1",), added=make)


def _titled(key: str) -> Text:
    from assay.cli.speech import CATALOGUE

    return CATALOGUE.text(f"stat.title.{key}")


GROUPS: dict[str, Group] = {
    "chart": Group(_charts),
    "capability": Group(_capability, default="normal"),
    "msa": Group(_msa),
    "sampling": Group(_sampling),
    "arl": Group(_arl),
    "monitor": Group(_monitor),
}
"""Groups by verb."""
