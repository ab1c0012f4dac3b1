"""A connector for the text protocol of a torque station."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from assay.plugins.contracts import Connector, ConnectorManifest, Text


class TorqueTextConfig(BaseModel):
    """How a protocol is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: str = Field(default="utf-8", description="Encoding of the protocol.")


def _make() -> Connector:
    from assay_torque_txt.connector import TorqueTextConnector

    return TorqueTextConnector()


MANIFEST = ConnectorManifest(
    id="torque-txt",
    version="0.1.0",
    title=Text(zh="拧紧工位文本记录", en="Torque station protocol"),
    description=Text(
        zh="读取拧紧工位的逐行文本记录。", en="Reads the line-based text protocol of a torque station."
    ),
    config=TorqueTextConfig,
    capabilities=frozenset({"file"}),
    formats=("torque-txt",),
    make=_make,
)
