"""The evidence log as pages show it: how far it is, what to know of it, what it has of a unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from assay.apps.catalogue import told
from assay.apps.grids import moment
from assay.apps.kpis import figure
from assay.apps.payloads import EvidenceItem, EvidencePayload, KpiItem, KpiPayload, MarkdownPayload
from assay.ledger.commit import trouble_of
from assay.ledger.derived import CHECKPOINT, Derived
from assay.ledger.errors import LogError
from assay.ledger.gate.verdict import Verdict
from assay.ledger.place import MAIN, REFUSED, Place
from assay.ledger.vouching import Vouched, configured_policy, vouched
from assay.model.catalogue import LANGUAGES
from assay.model.errors import SpokenError
from assay.model.text import Text
from assay.store.evidence_about import LoggedAbout, logged_about
from assay.store.log import from_micros
from assay.store.people import named_in
from assay.store.workspace import Workspace


def log_state(workspace: Workspace) -> KpiPayload:
    """The log's name, its entries signed and when, its witnesses, and rows that wait for the notariser."""
    evidence = workspace.evidence
    if not evidence.on:
        return KpiPayload(items=[])
    place = Place.of(workspace.path)
    published = Derived(place.folder).published()
    vouching = vouched(place)
    items: list[KpiItem] = [
        figure("kpi.log_origin", place.public_key().name),
        figure("kpi.log_size", published[1].size if published else 0),
    ]
    if published is not None:
        written = datetime.fromtimestamp((place.folder / CHECKPOINT).stat().st_mtime, UTC)
        items.append(figure("kpi.log_signed", moment(written.replace(microsecond=0))))
    items.append(_cosigned("kpi.log_cosigners", vouching))
    if refused := _refused(workspace):
        items.append(figure("kpi.log_refused", _signed(refused)))
        items.append(_cosigned("kpi.log_refused_cosigners", vouched(refused)))
    if evidence.state.why is None:
        lag = evidence.index.lag().rows
        items.append(figure("kpi.log_lag", lag, tone="neutral" if lag else "good"))
    return KpiPayload(items=items)


def _cosigned(label: str, vouching: Vouched) -> KpiItem:
    """How many of a log's witnesses have cosigned, and which."""
    names = vouching.cosigners
    return figure(
        label,
        f"{len(names)} / {vouching.known}",
        tone="good" if vouching.quorum else "bad",
        note=Text(zh="、".join(names), en=", ".join(names)) if names else None,
    )


def _refused(workspace: Workspace) -> Place | None:
    """The log of what the gate refused; None where nothing was refused yet, so that it says nothing."""
    folder = workspace.path / "ledger" / REFUSED
    place = Place.of(workspace.path, REFUSED) if folder.is_dir() else None
    return place if place is not None and _signed(place) else None


def _signed(place: Place) -> int:
    """How many entries of a log are signed."""
    published = Derived(place.folder).published()
    return published[1].size if published else 0


def log_remarks(workspace: Workspace) -> MarkdownPayload:
    """What has to be known before the log is believed; what keeps it from being signed, and what to do."""
    said = list(_remarks(workspace))
    zh, en = ("\n\n".join(one.said(tongue) for one in said) for tongue in LANGUAGES)
    return MarkdownPayload(text=Text(zh=zh, en=en))


def unit_evidence(workspace: Workspace, wanted: str | None) -> EvidencePayload:
    """What the log holds about a unit or lot (a name with ``unit:`` or ``lot:`` before it is one, too).

    Raises
    ------
    LedgerError
        The plant has no log, or its log's files are not on this machine.
    """
    subject = (wanted or "").removeprefix("unit:").removeprefix("lot:")
    evidence = workspace.evidence
    if not evidence.on:
        raise LogError.of("no_log", path=workspace.path / "ledger" / MAIN)
    published = Derived(Place.of(workspace.path).folder).published()
    if not subject:
        return EvidencePayload(id="", items=[], total=0, size=0, cosigners=[], provable=False)
    found, total = logged_about(evidence, workspace.lake, subject)
    names = evidence.names()
    return EvidencePayload(
        id=subject,
        items=[evidence_item(one, names) for one in found],
        total=total,
        size=published[1].size if published else 0,
        cosigners=vouched(evidence.place).cosigners,
        provable=bool(found) and all(one.signed and one.by_itself for one in found),
    )


def evidence_item(one: LoggedAbout, names: Mapping[str, str]) -> EvidenceItem:
    """An entry as the page lists it, with the gate's verdict and its reasons in words, people by name."""
    verdict = Verdict.parse(one.verdict) if one.verdict else None
    verdict = named_in(verdict, names) if verdict else None
    return EvidenceItem(
        index=one.index,
        kind=one.kind,
        record=one.record,
        time=moment(from_micros(one.time)),
        issuer=one.issuer.hex(),
        verdict=verdict.outcome if verdict else None,
        reasons=[reason.said for reason in verdict.reasons] if verdict else [],
        signed=one.signed,
        provable=one.signed and one.by_itself and one.record is not None,
    )


def _remarks(workspace: Workspace) -> Iterator[Text]:
    evidence = workspace.evidence
    if not evidence.on:
        yield told("evidence.off")
        return
    place = Place.of(workspace.path)
    if (why := evidence.state.why) is not None:
        yield _with_advice(why)
    if trouble := trouble_of(place):
        yield told("evidence.trouble", why=Text(zh=trouble["zh"], en=trouble["en"]))
    yield from _unvouched(vouched(place))
    if refused := _refused(workspace):
        for one in _unvouched(vouched(refused)):
            yield told("evidence.of_refused", what=one)
    policy = configured_policy()
    if policy is None:
        yield told("evidence.no_policy")
    else:
        yield told("evidence.policy", logs=", ".join(key.name for key in policy.logs))


def _unvouched(vouching: Vouched) -> Iterator[Text]:
    if not vouching.known:
        yield told("evidence.unwitnessed")
    elif not vouching.quorum:
        yield told("evidence.no_quorum", known=vouching.known, cosigned=len(vouching.cosigners))
    for one in vouching.states:
        if one.contradicts:
            yield told("evidence.contradicts", name=one.name, size=one.size)
        elif one.state not in {"ok", "new"}:
            yield told("evidence.witness", name=one.name, state=one.state, detail=one.detail or "–")


def _with_advice(problem: SpokenError) -> Text:
    if problem.advice is None:
        return problem.said
    return Text(zh=f"{problem.said.zh}{problem.advice.zh}", en=f"{problem.said.en} {problem.advice.en}")
