"""Heat input of arc welding, in kJ/mm.

Arc energy is what the arc spends for each length of weld: U·I/v (EN 1011-1:2009, 3.2), or, where a monitor
adds up the instantaneous power u·i, that energy over the length (ISO/TR 18491:2015, 5), which also holds for
pulsed arcs. Heat input is the thermal efficiency k of the process times the arc energy
(EN 1011-1:2009, Table 1).
"""

from __future__ import annotations

from math import isfinite

from assay.analyse.welding.words import WeldingError

THERMAL_EFFICIENCY: dict[str, float] = {
    "121": 1.0,
    "122": 1.0,
    "125": 1.0,
    "111": 0.8,
    "114": 0.8,
    "131": 0.8,
    "135": 0.8,
    "136": 0.8,
    "137": 0.8,
    "138": 0.8,
    "139": 0.8,
    "141": 0.6,
    "142": 0.6,
    "143": 0.6,
    "145": 0.6,
    "15": 0.6,
}
"""k by the process's number in ISO 4063 (EN 1011-1:2009, Table 1); 122 and 125 as 121, 142 to 145 as 141."""


def thermal_efficiency(process: str) -> float:
    """k of a process, by its number in ISO 4063.

    Raises
    ------
    WeldingError
        No efficiency is known for it.
    """
    try:
        return THERMAL_EFFICIENCY[process]
    except KeyError:
        known = ", ".join(sorted(THERMAL_EFFICIENCY))
        raise WeldingError.of("process", process=process, known=known) from None


def arc_energy(voltage: float, current: float, speed: float) -> float:
    """Arc energy in kJ/mm of a voltage in V, a current in A and a travel speed in mm/s.

    Raises
    ------
    WeldingError
        One is not a finite number above 0.
    """
    _positive(voltage=voltage, current=current, speed=speed)
    return voltage * current / speed / 1000


def energy_over_length(energy: float, length: float) -> float:
    """Arc energy in kJ/mm of the energy of an arc in kJ and the length of its weld in mm.

    Raises
    ------
    WeldingError
        One is not a finite number above 0.
    """
    _positive(energy=energy, length=length)
    return energy / length


def heat_input(process: str, energy: float) -> float:
    """Heat input in kJ/mm of an arc energy in kJ/mm.

    Raises
    ------
    WeldingError
        No efficiency is known for the process, or the energy is not a finite number above 0.
    """
    _positive(energy=energy)
    return thermal_efficiency(process) * energy


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not isfinite(value) or value <= 0:
            raise WeldingError.of("not_positive", name=name, value=value)
