"""Names and values with a namespace: may this one be used in this document?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from assay.exchange.epcis.context import Context
from assay.exchange.epcis.faults import Fault, Path, fault, shown
from assay.exchange.epcis.identifiers import check_identifier
from assay.exchange.epcis.reading import DEEPEST
from assay.exchange.epcis.vocabulary import Vocabulary

_SCHEMES: Final = frozenset(
    [
        "urn",
        "http",
        "https",
        "tag",
        "did",
        "doi",
        "info",
        "ni",
        "nih",
        "data",
        "geo",
        "mailto",
        "tel",
        "ftp",
        "ftps",
        "sftp",
        "file",
        "ldap",
        "cid",
        "mid",
        "uuid",
        "oid",
        "ark",
        "hdl",
        "iris",
        "ipfs",
        "ipns",
        "magnet",
        "news",
        "sip",
        "sips",
        "xmpp",
        "coap",
        "coaps",
        "ws",
        "wss",
        "opc.tcp",
        "mqtt",
        "mqtts",
        "git",
        "ssh",
        "example",
        "about",
        "acct",
        "crid",
        "gopher",
        "imap",
        "jdbc",
        "nfs",
        "openid",
        "payto",
        "pkcs11",
        "pop",
        "rtsp",
        "s3",
        "sms",
        "snmp",
        "soap.beep",
        "stun",
        "swh",
        "turn",
        "view-source",
    ]
) - {"example"}
"""Schemes by which a name without ``//`` is a URI in full; before any other colon stands a prefix."""

_RESERVED: Final = ("https://ref.gs1.org/epcis/", "https://ref.gs1.org/cbv/")
"""Namespaces of the standard's own fields and values: nobody else names a field in them."""


def undeclared(name: str, context: Context) -> str | None:
    """The prefix of ``name`` when the document does not declare it; None when the name stands in full."""
    prefix, colon, local = name.partition(":")
    if not colon:
        return name
    if prefix in context.prefixes or local.startswith("//") or prefix.lower() in _SCHEMES:
        return None
    return prefix


def check_name(name: str, context: Context, faults: list[Fault], at: Path) -> None:
    """The name of a field that the standard does not have needs a declared prefix, or to be a whole URI."""
    if ":" not in name:
        faults.append(fault(at, "field-unknown", name=shown(name)))
        return
    prefix = undeclared(name, context)
    if prefix is not None:
        faults.append(fault(at, "prefix-undeclared", prefix=prefix, value=shown(name)))
    elif not name.partition(":")[2] or context.expand(name).startswith(_RESERVED):
        faults.append(fault(at, "field-unknown", name=shown(name)))


def check_extension(value: Any, context: Context, faults: list[Fault], at: Path) -> None:
    """What stands in a user extension: the prefixes of names below it are declared too."""
    if len(at) > DEEPEST:
        faults.append(fault(at[:DEEPEST], "depth", limit=DEEPEST))
        return
    if isinstance(value, Mapping):
        for name, inside in value.items():
            if ":" in name and undeclared(name, context) is not None:
                prefix = name.partition(":")[0]
                faults.append(fault((*at, name), "prefix-undeclared", prefix=prefix, value=shown(name)))
            if isinstance(inside, Mapping | list):
                check_extension(inside, context, faults, (*at, name))
    elif isinstance(value, list):
        for number, inside in enumerate(value):
            if isinstance(inside, Mapping | list):
                check_extension(inside, context, faults, (*at, number))


def check_term(
    value: str, vocabulary: Vocabulary, context: Context, faults: list[Fault], at: Path, *, lax: bool = False
) -> None:
    """A value of a vocabulary: a standard word, or another value's URI; nothing new in GS1's own namespaces.

    A URI that claims to be a GS1 key has to be one here too.

    ``lax``: a prefix need not be declared, since the name before the colon can be a scheme.
    """
    if value in vocabulary.known:
        return
    full = context.expand(value)
    if vocabulary.word_of(full) is not None:
        return
    if full.startswith(("https://ref.gs1.org/cbv/", "http://ref.gs1.org/cbv/", "https://gs1.org/voc/")):
        faults.append(fault(at, "vocabulary", field=vocabulary.name, value=shown(value)))
    elif not lax:
        prefix = undeclared(value, context)
        if prefix is not None:
            faults.append(fault(at, "prefix-undeclared", prefix=prefix, value=shown(value)))
        else:
            check_identifier(full, "any", faults, at)
