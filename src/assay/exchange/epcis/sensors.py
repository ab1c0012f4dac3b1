"""Sensor data of events (EPCIS 2.0, section 7.3.7)."""

from __future__ import annotations

from typing import Any, Final

from assay.exchange.epcis.context import Context
from assay.exchange.epcis.faults import Fault, Path, fault, shown
from assay.exchange.epcis.identifiers import check_identifier
from assay.exchange.epcis.names import check_extension, check_name, check_term
from assay.exchange.epcis.times import parse_time
from assay.exchange.epcis.units import common_codes, measures
from assay.exchange.epcis.vocabulary import COMPONENTS, MEASUREMENT_TYPES, SENSOR_ALERTS

_IDENTIFIERS: Final = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
_TIMES: Final = ("time", "startTime", "endTime")
_METADATA: Final = frozenset({*_IDENTIFIERS, *_TIMES})
_NUMBERS: Final = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
_REPORT: Final = frozenset(
    {
        *_IDENTIFIERS,
        *_NUMBERS,
        "type",
        "exception",
        "time",
        "microorganism",
        "chemicalSubstance",
        "coordinateReferenceSystem",
        "component",
        "stringValue",
        "booleanValue",
        "hexBinaryValue",
        "uriValue",
        "uom",
    }
)
_ELEMENT: Final = frozenset({"sensorMetadata", "sensorReport"})


def check_sensors(elements: list[dict[str, Any]], context: Context, faults: list[Fault], at: Path) -> None:
    """Check a ``sensorElementList``; what is wrong is appended to ``faults``."""
    for number, element in enumerate(elements):
        here = (*at, number)
        if "sensorMetadata" in element:
            _check_metadata(element["sensorMetadata"], context, faults, (*here, "sensorMetadata"))
        for place, report in enumerate(element["sensorReport"]):
            _check_report(report, context, faults, (*here, "sensorReport", place))
        _check_others(element, _ELEMENT, context, faults, here)


def _check_metadata(metadata: dict[str, Any], context: Context, faults: list[Fault], at: Path) -> None:
    _check_sources(metadata, faults, at)
    moments = {}
    for name in _TIMES:
        if name in metadata:
            try:
                moments[name] = parse_time(metadata[name])
            except (ValueError, OverflowError):
                faults.append(fault((*at, name), "time", value=shown(metadata[name])))
    start, end = moments.get("startTime"), moments.get("endTime")
    if start is not None and end is not None and end < start:
        faults.append(
            fault((*at, "endTime"), "sensor-interval", start=metadata["startTime"], end=metadata["endTime"])
        )
    _check_others(metadata, _METADATA, context, faults, at)


def _check_report(report: dict[str, Any], context: Context, faults: list[Fault], at: Path) -> None:
    measured = report["type"]
    check_term(measured, MEASUREMENT_TYPES, context, faults, (*at, "type"))
    if "exception" in report:
        check_term(report["exception"], SENSOR_ALERTS, context, faults, (*at, "exception"))
    if "component" in report:
        check_term(report["component"], COMPONENTS, context, faults, (*at, "component"), lax=True)
    _check_sources(report, faults, at)
    if "time" in report:
        try:
            parse_time(report["time"])
        except (ValueError, OverflowError):
            faults.append(fault((*at, "time"), "time", value=shown(report["time"])))
    for name in ("microorganism", "chemicalSubstance", "coordinateReferenceSystem", "uriValue"):
        if name in report:
            check_identifier(report[name], "any", faults, (*at, name))
    _check_unit(report, measured, context, faults, at)
    _check_figures(report, faults, at)
    _check_others(report, _REPORT, context, faults, at)


def _check_unit(
    report: dict[str, Any], measured: str, context: Context, faults: list[Fault], at: Path
) -> None:
    unit = report.get("uom")
    if unit is None:
        return
    if unit not in common_codes():
        faults.append(fault((*at, "uom"), "unit", value=shown(unit)))
        return
    word = MEASUREMENT_TYPES.word_of(context.expand(measured))
    if word is not None and not measures(unit, word):
        faults.append(fault((*at, "uom"), "sensor-unit", value=shown(unit), type=word))


def _check_figures(report: dict[str, Any], faults: list[Fault], at: Path) -> None:
    least, most = report.get("minValue"), report.get("maxValue")
    if least is not None and most is not None and least > most:
        faults.append(fault((*at, "minValue"), "sensor-range", least=shown(least), most=shown(most)))
    deviation = report.get("sDev")
    if deviation is not None and deviation < 0:
        faults.append(fault((*at, "sDev"), "sensor-deviation", value=shown(deviation)))
    rank = report.get("percRank")
    if rank is not None and not 0 <= rank <= 100:
        faults.append(fault((*at, "percRank"), "sensor-rank", value=shown(rank)))
    digits = report.get("hexBinaryValue")
    if digits is not None and len(digits) % 2:
        faults.append(fault((*at, "hexBinaryValue"), "sensor-hex", value=shown(digits)))


def _check_sources(part: dict[str, Any], faults: list[Fault], at: Path) -> None:
    for name in _IDENTIFIERS:
        if name in part:
            check_identifier(part[name], "any", faults, (*at, name))


def _check_others(
    part: dict[str, Any], known: frozenset[str], context: Context, faults: list[Fault], at: Path
) -> None:
    if part.keys() <= known:
        return
    for name, value in part.items():
        if name not in known:
            check_name(name, context, faults, (*at, name))
            if type(value) in {dict, list}:
                check_extension(value, context, faults, (*at, name))
