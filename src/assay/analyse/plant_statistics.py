"""Statistics of a plant's records, as methods of the plant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.analyse.statistics import PlantCapability, PlantChart, PlantGaugeRR, PlantMonitor
    from assay.analyse.statistics.monitoring import Method
    from assay.store.workspace import Workspace


class PlantStatistics:
    """What :class:`assay.plant.Plant` can say by statistics."""

    workspace: Workspace

    def chart(
        self,
        target: str,
        *,
        kind: str | None = None,
        subgroup: str | int | None = None,
        where: str | None = None,
        scope: str | None = None,
        **options: Any,
    ) -> PlantChart:
        """A control chart of a characteristic, or of the share that meets a condition, in order of time.

        ``subgroup`` is a number of results, ``hour``, ``day``, ``week``, ``month`` or a recorded column;
        ``options`` are those of the chart (``rules``, ``phase1``, ``constants`` …).
        """
        from assay.analyse.statistics import chart

        by = None if subgroup is None else str(subgroup)
        return chart(self.workspace, target, kind=kind, subgroup=by, where=where, scope=scope, **options)

    def capability(
        self,
        characteristic: str,
        *,
        lsl: float | None = None,
        usl: float | None = None,
        target: float | None = None,
        subgroup: str | int | None = None,
        where: str | None = None,
        scope: str | None = None,
        **options: Any,
    ) -> PlantCapability:
        """Capability of a characteristic; its specification is the master data's where none is given."""
        from assay.analyse.statistics import capability

        by = None if subgroup is None else str(subgroup)
        return capability(
            self.workspace,
            characteristic,
            lsl=lsl,
            usl=usl,
            target=target,
            subgroup=by,
            where=where,
            scope=scope,
            **options,
        )

    def gauge_rr(
        self, characteristic: str, *, operator: str = "person", part: str = "subject", **options: Any
    ) -> PlantGaugeRR:
        """Gauge R&R of a characteristic that several people measured on the same subjects."""
        from assay.analyse.statistics import plant_gauge_rr

        return plant_gauge_rr(self.workspace, characteristic, operator=operator, part=part, **options)

    def monitor(self, characteristics: list[str], *, method: Method = "pca", **options: Any) -> PlantMonitor:
        """T² and SPE of several characteristics of the same subjects, by a model of phase I."""
        from assay.analyse.statistics import monitor

        return monitor(self.workspace, characteristics, method=method, **options)
