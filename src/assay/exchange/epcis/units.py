"""Units of measure in events: the common codes of UN/ECE Recommendation 20, and what they measure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final


@cache
def common_codes() -> frozenset[str]:
    """Every common code of Recommendation 20 in use, such as ``KGM`` and ``CEL``."""
    text = files("assay.exchange.epcis").joinpath("rec20.txt").read_text("ascii")
    return frozenset(text.split())


_UCUM: Final = """
KGM=kg GRM=g MGM=mg MC=ug TNE=t LBR=[lb_av] ONZ=[oz_av]
MTR=m CMT=cm MMT=mm DMT=dm KMT=km 4H=um C45=nm INH=[in_i] FOT=[ft_i] YRD=[yd_i]
MTK=m2 CMK=cm2 MMK=mm2 DMK=dm2 KMK=km2
MTQ=m3 CMQ=cm3 MMQ=mm3 DMQ=dm3 LTR=L MLT=mL CLT=cL DLT=dL HLT=hL
SEC=s MIN=min HUR=h DAY=d C26=ms B98=us
CEL=Cel KEL=K FAH=[degF]
PAL=Pa KPA=kPa MPA=MPa HBA=hbar BAR=bar MBR=mbar A97=hPa
MTS=m/s KMH=km/h 2M=cm/s MSK=m/s2
NEW=N B47=kN NU=N.m JOU=J KJO=kJ KWH=kW.h WHR=W.h WTT=W KWT=kW MAW=MW
VLT=V KVT=kV 2Z=mV AMP=A 4K=mA OHM=Ohm KO=kOhm FAR=F
HTZ=Hz KHZ=kHz MHZ=MHz RPM={revolutions}/min
P1=% A93=g/m3 KMQ=kg/m3 23=g/cm3 GL=g/L C36=mol/m3 C35=mol/dm3
LUX=lx LUM=lm CDL=cd DD=deg C81=rad D61='
C62=1 H87=1 EA=1 NMP={pack}
"""

UCUM: Final[Mapping[str, str]] = {
    code: unit for pair in _UCUM.split() for code, _, unit in [pair.partition("=")]
}
"""The UCUM unit of the common codes a plant meets; a code that is not here is kept as ``{code}``."""

_MEASURED: Final = """
Temperature CEL FAH KEL A48
Mass KGM GRM MGM MC TNE LBR ONZ DTN DJ HGM
Length,Altitude MTR CMT MMT DMT KMT 4H C45 A11 INH FOT YRD SMI NMI
Area MTK CMK MMK DMK KMK HAR FTK INK YDK
Volume MTQ CMQ MMQ DMQ LTR MLT CLT DLT HLT MAL FTQ INQ YDQ GLL GLI
Time SEC MIN HUR DAY WEE MON ANN C26 B98 C47
Speed MTS KMH 2M HM FS FR KNT
Acceleration MSK A76 K40
Pressure PAL KPA MPA HBA BAR MBR A97 ATM PS 74 B8
Force NEW B47 B73
Energy,Torque JOU KJO KWH WHR 3B GWH MWH NU
Power WTT KWT MAW D46 BHP
Voltage VLT KVT 2Z D82
ElectricCurrent AMP 4K B84 H38
Resistance OHM KO B75
Capacitance FAR 4O 4T
Frequency HTZ KHZ MHZ A86
Illuminance LUX
LuminousFlux LUM
LuminousIntensity CDL
Angle DD C81 D61 D62 C25
AbsoluteHumidity,Density,MassConcentration A93 KMQ 23 GL GP
DoseEquivalent C28 D13
DoseEquivalentRate P65 P66 P67 P68 P69 P70 P71 P72 P73 P74
AmountOfSubstance C34 B45 C18 FH
AmountOfSubstancePerUnitVolume C35 C36 C38 B46 M33
"""


def _measured() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _MEASURED.split("\n"):
        if line:
            properties, *codes = line.split()
            for code in codes:
                found.setdefault(code, set()).update(properties.split(","))
    return {code: frozenset(properties) for code, properties in found.items()}


_PROPERTIES: Final = _measured()
_CHECKED: Final = frozenset().union(*_PROPERTIES.values())


def measures(code: str, property_: str) -> bool:
    """Whether a unit can be that of a measured property; True wherever either is not known well enough."""
    known = _PROPERTIES.get(code)
    return known is None or property_ not in _CHECKED or property_ in known


def ucum_unit(code: str | None) -> str:
    """The UCUM unit of a common code; no code is a count."""
    if code is None:
        return "1"
    return UCUM.get(code, f"{{{code}}}")
