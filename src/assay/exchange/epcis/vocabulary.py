"""The words of the Core Business Vocabulary (GS1 CBV 2.0) and of the GS1 Web Vocabulary that events use.

In JSON a standard value is a bare word (``shipping``). The same value has a Web URI
(``https://ref.gs1.org/cbv/BizStep-shipping``), and had a URN in EPCIS 1
(``urn:epcglobal:cbv:bizstep:shipping``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

CBV = "https://ref.gs1.org/cbv/"
EPCIS = "https://ref.gs1.org/epcis/"
GS1_VOC = "https://gs1.org/voc/"


@dataclass(frozen=True)
class Vocabulary:
    """One list of standard values."""

    name: str
    """What the list holds, as error messages call it."""
    words: tuple[str, ...]
    """The standard values, as JSON has them."""
    base: str
    """The Web URI of a value is this and the word."""
    urn: str | None = None
    """The URN of a value in EPCIS 1 is this and the word; None: it had none."""

    @cached_property
    def known(self) -> frozenset[str]:
        """The words, for look-ups."""
        return frozenset(self.words)

    def web_uri(self, word: str) -> str:
        """The Web URI of a standard value."""
        return self.base + word

    def word_of(self, value: str) -> str | None:
        """The bare word of a standard value in any of its three forms; None for any other value."""
        for start in ("", self.base, self.urn):
            if start is not None and value.startswith(start) and value[len(start) :] in self.known:
                return value[len(start) :]
        return None


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


BIZ_STEPS = Vocabulary(
    "bizStep",
    _words(
        "accepting arriving assembling collecting commissioning consigning creating_class_instance "
        "cycle_counting decommissioning departing destroying disassembling dispensing encoding "
        "entering_exiting holding inspecting installing killing loading other packing picking "
        "receiving removing repackaging repairing replacing reserving retail_selling sampling "
        "sensor_reporting shipping staging_outbound stock_taking stocking storing transporting "
        "unloading unpacking void_shipping"
    ),
    f"{CBV}BizStep-",
    "urn:epcglobal:cbv:bizstep:",
)
"""Business steps: CBV 2.0, section 7.1."""

DISPOSITIONS = Vocabulary(
    "disposition",
    _words(
        "active available completeness_inferred completeness_verified conformant container_closed "
        "container_open damaged destroyed dispensed disposed encoded expired in_progress in_transit "
        "inactive mismatch_class mismatch_instance mismatch_quantity needs_replacement "
        "no_pedigree_match non_conformant non_sellable_other partially_dispensed recalled reserved "
        "retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown"
    ),
    f"{CBV}Disp-",
    "urn:epcglobal:cbv:disp:",
)
"""Dispositions, persistent ones too: CBV 2.0, section 7.2."""
RETURNED = "returned"
"""The disposition of what was sent back, sellable or not."""


BIZ_TRANSACTION_TYPES = Vocabulary(
    "bizTransaction type",
    _words("bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt"),
    f"{CBV}BTT-",
    "urn:epcglobal:cbv:btt:",
)
"""Types of business transactions: CBV 2.0, section 7.3."""

SOURCE_DESTINATION_TYPES = Vocabulary(
    "source or destination type",
    _words("location owning_party possessing_party"),
    f"{CBV}SDT-",
    "urn:epcglobal:cbv:sdt:",
)
"""Types of sources and destinations: CBV 2.0, section 7.4."""

ERROR_REASONS = Vocabulary(
    "reason of an errorDeclaration",
    _words("did_not_occur incorrect_data"),
    f"{CBV}ER-",
    "urn:epcglobal:cbv:er:",
)
"""Why an event is declared wrong: CBV 2.0, section 7.5."""

COMPONENTS = Vocabulary(
    "component of a sensorReport",
    _words(
        "altitude axial_distance azimuth easting elevation_angle height latitude longitude northing "
        "polar_angle spherical_radius x y z"
    ),
    f"{CBV}Comp-",
)
"""Components of vectors and coordinates: CBV 2.0, section 7.6."""

MEASUREMENT_TYPES = Vocabulary(
    "type of a sensorReport",
    _words(
        "AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance "
        "AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity "
        "Area Capacitance Conductance Conductivity Count Density Dimensionless DoseEquivalent "
        "DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent ElectricCurrentDensity "
        "ElectricFieldStrength Energy Exposure Force Frequency Illuminance Inductance Irradiance "
        "KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity "
        "MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate "
        "MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power "
        "Pressure RadiantFlux RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity "
        "SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time Torque "
        "Voltage Volume VolumeFlowRate VolumeFraction VolumetricFlux Wavenumber"
    ),
    GS1_VOC,
)
"""What a sensor measures: GS1 Web Vocabulary, MeasurementType."""

SENSOR_ALERTS = Vocabulary("exception of a sensorReport", _words("ALARM_CONDITION ERROR_CONDITION"), GS1_VOC)
"""Why a sensor raises an alarm: GS1 Web Vocabulary, SensorAlertType."""

EVENT_TYPES = Vocabulary(
    "event type",
    _words("AggregationEvent AssociationEvent ObjectEvent TransactionEvent TransformationEvent"),
    EPCIS,
)
"""The five kinds of event: EPCIS 2.0, section 7.4."""

ACTIONS = ("ADD", "OBSERVE", "DELETE")
"""How an event relates to the life of what it speaks of: EPCIS 2.0, section 7.3.2."""
