"""Heat input, ranges of welders' tests, how a pass keeps to its procedure, and the ready gate policy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.analyse.welding import WeldingError
from assay.analyse.welding.heat import arc_energy, energy_over_length, heat_input, thermal_efficiency
from assay.analyse.welding.procedure import LISTS, WINDOWS, approved, kept_to
from assay.analyse.welding.qualification import FILLER_GROUPS, POSITIONS, qualified
from assay.ledger.gate.errors import GateError
from assay.ledger.gate.policy import parse_policy, ready_policies, ready_policy

INCH = 25.4


@pytest.mark.parametrize(
    ("voltage", "current", "speed", "wanted"),
    [
        # https://machinecalcs.com/welding-heat-input-calculator, k = 0.8: 24 V, 180 A, 300 mm/min
        (24.0, 180.0, 300 / 60, 0.691 / 0.8),
        # https://weldinginspections.net/t/heat-input-caculation/318, 29 V, 325 A, 25 in in 2 min: 45.24 kJ/in
        (29.0, 325.0, 25 * INCH / 120, 45.24 / INCH),
    ],
)
def test_arc_energy_is_that_of_published_examples(
    voltage: float, current: float, speed: float, wanted: float
) -> None:
    assert arc_energy(voltage, current, speed) == pytest.approx(wanted, rel=5e-4)


@pytest.mark.parametrize(
    ("process", "k"), [("121", 1.0), ("111", 0.8), ("135", 0.8), ("136", 0.8), ("141", 0.6), ("15", 0.6)]
)
def test_the_efficiency_is_that_of_table_1_of_en_1011_1(process: str, k: float) -> None:
    assert thermal_efficiency(process) == k
    assert heat_input(process, 1.25) == pytest.approx(1.25 * k)


@given(*[st.floats(1, 600)] * 3, st.floats(10, 5000))
def test_both_ways_to_the_arc_energy_agree(
    voltage: float, current: float, speed: float, length: float
) -> None:
    seconds = length / speed
    energy = voltage * current * seconds / 1000
    assert energy_over_length(energy, length) == pytest.approx(arc_energy(voltage, current, speed))


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_reading_gives_no_heat_input(bad: float) -> None:
    for call in (lambda: arc_energy(24, 180, bad), lambda: energy_over_length(bad, 1.0)):
        with pytest.raises(WeldingError) as problem:
            call()
        assert problem.value.reason == "not_positive"
    with pytest.raises(WeldingError, match="ISO 4063"):
        heat_input("999", 1.0)


@pytest.mark.parametrize(
    ("designation", "thickness", "positions"),
    [
        ("ISO 9606-1 135 P BW FM1 S s2.5 PA ss nb", (2.5, 5.0), ("PA",)),
        ("ISO 9606-1 135 P BW FM1 S s1 PA ss nb", (1.0, 3.0), ("PA",)),
        ("ISO 9606-1 135 P BW FM1 S s8 PF ss nb", (3.0, 16.0), ("PA", "PF")),
        ("EN ISO 9606-1:2017 135 P BW FM1 S s12 PE ss nb", (3.0, 1000.0), ("PA", "PC", "PE")),
        ("ISO 9606-1 111 P FW FM1 B t10 PB sl", (3.0, 1000.0), ("PA", "PB")),
        ("ISO 9606-1 136 P FW FM1 P t2 PF ml", (2.0, 4.0), ("PA", "PB", "PF")),
        ("ISO 9606-1 141 T BW FM5 S s3 D60 H-L045 ss nb", (3.0, 6.0), ("PA", "PC", "PE", "PF")),
    ],
)
def test_a_test_qualifies_for_thicknesses_and_positions(
    designation: str, thickness: tuple[float, float], positions: tuple[str, ...]
) -> None:
    found = qualified(designation)
    assert (found.thickness_min, found.thickness_max) == thickness
    assert found.positions == positions


def test_what_one_test_qualifies_for_beyond_itself() -> None:
    solid = qualified("ISO 9606-1 135 P BW FM1 S s12 PF ss nb")
    assert solid.processes == ("135", "138")
    assert solid.covers("138", "BW", "FM2", "PA", 20.0)
    assert not solid.covers("136", "BW", "FM1", "PA", 20.0)
    assert not solid.covers("135", "FW", "FM1", "PA", 20.0), "a butt weld does not qualify for fillets"
    assert not solid.covers("135", "BW", "FM1", "PC", 20.0)
    assert not solid.covers("135", "BW", "FM5", "PA", 20.0)
    assert not solid.covers("135", "BW", "FM1", "PA", 2.9)
    assert qualified("ISO 9606-1 141 T BW FM5 S s3 D20 PH ss nb").products == ("T",)
    assert qualified("ISO 9606-1 141 T BW FM5 S s3 D20 PH ss nb").diameter_min == 20
    assert qualified("ISO 9606-1 141 T BW FM5 S s3 D60 PH ss nb").diameter_min == 30
    assert qualified("ISO 9606-1 111 P FW FM1 B t10 PB sl").layers == ("sl",)


@pytest.mark.parametrize("joint", ["BW", "FW"])
def test_every_position_and_group_qualifies_for_itself(joint: str) -> None:
    assert all(
        position in found
        for position, found in POSITIONS[joint].items()
        if position[0] == "P" and position not in {"PH", "PJ"}
    )
    assert all(group in found for group, found in FILLER_GROUPS.items())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "level A",
        "ISO 9606-1 135 P BW FM9 S s12 PF ss nb",
        "ISO 9606-1 135 P BW FM1 S s12 PB ss nb",
        "ISO 9606-1 135 P BW FM1 S s0 PF ss nb",
        "ISO 9606-1 135 P BW FM1 S s12 D60 PF ss nb",
        "ISO 9606-1 135 T BW FM1 S s12 PH ss nb",
        "ISO 9606-1 311 P BW FM1 S s3 PF ss nb",
    ],
)
def test_what_is_no_designation_is_refused(text: str) -> None:
    with pytest.raises(WeldingError) as problem:
        qualified(text)
    assert problem.value.reason == "designation"


@given(
    st.from_regex(
        r"ISO 9606-1 1[1345][1-8] [PT] [BF]W FM[0-7] [SBPM] [st][0-9]{1,2} (D[0-9]{2} )?P[A-J]( [a-z]{2})?",
        fullmatch=True,
    )
)
def test_a_range_holds_what_was_tested_or_the_text_is_refused(text: str) -> None:
    try:
        found = qualified(text)
    except WeldingError:
        return
    _, _, process, _, joint, filler, _, thickness, *_ = text.split()
    assert process in found.processes
    assert found.joint_types == (joint,)
    assert filler in found.filler_groups
    assert found.thickness_min <= float(thickness[1:]) <= found.thickness_max


def test_how_a_pass_keeps_to_its_procedure() -> None:
    asked = {"processes": "135, 138", "current_min_a": 200.0, "current_max_a": 260.0, "wind_max_m_s": 2.0}
    values = {"process": "138", "current_a": 199.9, "wind_m_s": 2.0, "thickness_mm": 12.0}

    found = {one.name: one for one in kept_to(values, asked)}

    assert (found["process"].kept, found["process"].allowed) == (True, ["135", "138"])
    assert (found["current_a"].kept, found["wind_m_s"].kept) == (False, True)
    assert found["voltage_v"].kept is None, "not recorded"
    assert found["thickness_mm"].kept is None, "the procedure says nothing of it"
    assert approved(asked)["processes"] == ["135", "138"]


def test_the_ready_policy_asks_for_everything_that_a_procedure_bounds() -> None:
    assert ready_policies() == ["welding"]
    policy = ready_policy("welding").policy
    assert parse_policy(policy.canonical()) == policy
    asked = {
        (one.record or one.fact, other.fact or other.record)
        for one in policy.requirements["procedure"].must
        for other in one.comparisons().values()
    }
    wanted = {(listed, name) for name, listed in LISTS}
    for name, least, most, _ in WINDOWS:
        wanted |= {(name, end) for end in (least, most) if end}
    assert asked == wanted
    with pytest.raises(GateError) as problem:
        ready_policy("painting")
    assert problem.value.reason == "no_ready_policy"
    assert "welding" in problem.value.hint
