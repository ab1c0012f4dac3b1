"""The plugin registry: entry points, loaded when first asked for; a broken one never blocks the rest."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from assay.model.errors import PluginError, did_you_mean
from assay.plugins.connector import ConnectorManifest
from assay.plugins.contract import ContractManifest
from assay.plugins.manifest import Manifest
from assay.plugins.operator import OperatorManifest

M = TypeVar("M", bound=Manifest)


@dataclass(frozen=True)
class PluginState:
    """One installed plugin as ``assay plugins`` lists it."""

    group: str
    """Entry-point group: 'assay.connectors', 'assay.contracts' or 'assay.operators'."""
    id: str
    """The entry point's name, which is the manifest's id."""
    distribution: str
    """Name and version of the package that brought it."""
    object: str
    """Where the manifest lives, as 'module:attribute'."""
    manifest: Manifest | None
    """The manifest, or None when it failed to load."""
    problem: str | None
    """The traceback or the reason when it failed to load."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, the config's JSON Schema among them."""
        shown = self.manifest
        return {
            "group": self.group,
            "id": self.id,
            "distribution": self.distribution,
            "object": self.object,
            "version": shown.version if shown else None,
            "title": shown.title.model_dump() if shown else None,
            "description": shown.description.model_dump() if shown and shown.description else None,
            "capabilities": sorted(shown.capabilities) if shown else [],
            "extra": shown.extra if shown else None,
            "config_schema": shown.config_schema() if shown else None,
            "problem": self.problem,
        }


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "(no distribution)"


class PluginRegistry(Generic[M]):
    """The plugins of one entry-point group, imported one by one when asked for."""

    def __init__(self, group: str, manifest_type: type[M]) -> None:
        self.group = group
        self._type = manifest_type
        self._points: dict[str, list[EntryPoint]] = {}
        self._loaded: dict[str, M] = {}
        seen: set[tuple[str, str, str]] = set()
        for point in entry_points(group=group):
            mark = (point.name, point.value, _distribution(point))
            if mark not in seen:  # one installation can be found twice on sys.path
                seen.add(mark)
                self._points.setdefault(point.name, []).append(point)

    def ids(self) -> list[str]:
        """Ids of everything installed, also of what would fail to load."""
        return sorted(self._points)

    def get(self, plugin_id: str) -> M:
        """The manifest of ``plugin_id``; ``PluginError`` when unknown, claimed twice or failing to import."""
        if plugin_id in self._loaded:
            return self._loaded[plugin_id]
        points = self._points.get(plugin_id)
        if points is None:
            raise PluginError(
                f"no plugin {plugin_id!r} in {self.group}",
                hint=did_you_mean(plugin_id, self.ids()) or f"Installed: {', '.join(self.ids()) or 'none'}.",
            )
        if len(points) > 1:
            raise PluginError(
                f"{self.group}: the id {plugin_id!r} is claimed by "
                + " and ".join(sorted(_distribution(point) for point in points)),
                hint="Uninstall one of them.",
            )
        manifest = self._load(points[0])
        self._loaded[plugin_id] = manifest
        return manifest

    def _load(self, point: EntryPoint) -> M:
        where = f"{point.value} of {_distribution(point)}"
        try:
            manifest = point.load()
        except (Exception, SystemExit) as error:  # a module may call sys.exit when imported
            raise PluginError(
                f"plugin {point.name!r} ({where}) failed to import: {type(error).__name__}: {error}",
                hint="`assay plugins` shows the traceback.",
            ) from error
        if not isinstance(manifest, self._type):
            raise PluginError(
                f"plugin {point.name!r}: {where} is a {type(manifest).__name__}, not a {self._type.__name__}"
            )
        if manifest.id != point.name:
            raise PluginError(
                f"plugin {point.name!r}: {where} says its id is {manifest.id!r}",
                hint="The entry point's name and the manifest's id must be the same.",
            )
        return manifest

    def states(self) -> list[PluginState]:
        """Every installed plugin with its manifest or its traceback; never raises for a broken one."""
        return [state for plugin_id in self.ids() for state in self._states_of(plugin_id)]

    def _states_of(self, plugin_id: str) -> list[PluginState]:
        manifest: M | None = None
        problem: str | None = None
        try:
            manifest = self.get(plugin_id)
        except PluginError as error:
            cause = error.__cause__
            problem = "".join(traceback.format_exception(cause)) if cause else str(error)
        return [
            PluginState(self.group, plugin_id, _distribution(point), point.value, manifest, problem)
            for point in self._points[plugin_id]
        ]

    def working(self) -> list[M]:
        """The manifests that load."""
        return [state.manifest for state in self.states() if isinstance(state.manifest, self._type)]


@cache
def connectors() -> PluginRegistry[ConnectorManifest]:
    """The installed connectors (entry points ``assay.connectors``)."""
    return PluginRegistry("assay.connectors", ConnectorManifest)


@cache
def operators() -> PluginRegistry[OperatorManifest]:
    """The installed operators (entry points ``assay.operators``)."""
    return PluginRegistry("assay.operators", OperatorManifest)


@cache
def contracts() -> PluginRegistry[ContractManifest]:
    """The installed contract templates (entry points ``assay.contracts``)."""
    return PluginRegistry("assay.contracts", ContractManifest)


def describe() -> list[dict[str, Any]]:
    """Every installed plugin as plain JSON values, broken ones with their traceback."""
    groups = (connectors(), contracts(), operators())
    return [state.to_dict() for registry in groups for state in registry.states()]
