"""The manifest: what a plugin says about itself before anything heavy is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from assay.model.errors import PluginError
from assay.model.text import Text

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_VERSION = re.compile(r"\d+(\.\d+){1,2}([a-z0-9.+-]*)\Z")


class NoConfig(BaseModel):
    """The config of a plugin that has nothing to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What every plugin declares; checked when it is made.

    Raises ``PluginError`` when the id is not lower-case words joined by ``-``, the version is not a
    version, or the config model accepts keys it does not know.
    """

    id: str
    """Name of the plugin, unique over everything installed: lower-case words joined by '-'."""
    version: str
    """Version of the plugin, such as '0.1.0'."""
    title: Text
    """Name for people, Chinese and English."""
    description: Text | None = None
    """One sentence on what it does, Chinese and English."""
    config: type[BaseModel] = NoConfig
    """Pydantic model (extra='forbid') of what can be set; its JSON Schema draws the form."""
    capabilities: frozenset[str] = frozenset()
    """Words saying what it can do, out of the contract's own list."""
    extra: str | None = None
    """Extra of the package that brings heavy dependencies, named when they are missing."""

    def __post_init__(self) -> None:
        if not _ID.match(self.id):
            raise PluginError(
                f"plugin id {self.id!r} must be lower-case words joined by '-'",
                hint="Use an id such as 'torque-txt'.",
            )
        if not _VERSION.match(self.version):
            raise PluginError(f"plugin {self.id!r}: {self.version!r} is not a version such as '0.1.0'")
        if self.config.model_config.get("extra") != "forbid":
            raise PluginError(
                f"plugin {self.id!r}: the config model {self.config.__name__} accepts unknown keys",
                hint='Give it model_config = ConfigDict(extra="forbid").',
            )

    def config_schema(self) -> dict[str, Any]:
        """JSON Schema of the config model."""
        return self.config.model_json_schema()
