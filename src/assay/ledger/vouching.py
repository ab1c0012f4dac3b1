"""Whom this machine believes, and who outside vouches for a log."""

from __future__ import annotations

from dataclasses import dataclass

from assay.ledger.cosigning import WitnessState, read_states, vouching
from assay.ledger.derived import Derived
from assay.ledger.place import Place, state_home
from assay.ledger.policy import Policy
from assay.ledger.standing import published_standing

POLICY = "policy"
"""File in :func:`assay.ledger.place.state_home` that says whom this machine believes."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Who vouches for a log.

    Parameters
    ----------
    known
        How many witnesses it names; without any, a split view would not show.
    cosigners
        Those that cosigned the published checkpoint.
    quorum
        Whether they are as many as the log asks for.
    states
        What each witness said last.
    """

    known: int
    cosigners: list[str]
    quorum: bool
    states: list[WitnessState]


def vouched(place: Place) -> Vouched:
    """Who vouches for the published checkpoint of a log, and what each of its witnesses said last."""
    published = Derived(place.folder).published()
    policy = published_standing(place).policy
    if policy is None:
        return Vouched(0, [], quorum=False, states=[])
    names = vouching(published[0], policy) if published else []
    states = [one for one in read_states(place.witnesses) if one.name in policy.witnesses]
    return Vouched(len(policy.witnesses), names, bool(names) and policy.reached(names), states)


def configured_policy() -> Policy | None:
    """The policy of this machine; None where none is configured, so that nothing is believed.

    Raises
    ------
    VerificationError
        A line of it is not valid.
    """
    path = state_home() / POLICY
    return Policy.parse(path.read_bytes()) if path.is_file() else None
