"""Event hashes of GS1's example documents, as the reference implementation of CBV 2.0 computes them.

The values are what ``epcis-event-hash-generator`` 1.9.3 (PyPI, MIT) printed for the documents. On the other
19 documents that it reads it leaves the rules of the standard, which are kept here: it puts the type of a
transaction, source or destination before its id (rule 13), takes ``certificationInfo`` into the order, moves
fields of one's own out of ``sensorMetadata`` (rule 21), repeats the name of a list (rule 11), writes ``True``
and rounds texts that look like long numbers.
"""

from __future__ import annotations

import json

import pytest
from tests.shared import data_set

from assay.exchange.epcis import validate
from assay.exchange.epcis.event_hash import event_hash

EXPECTED = {
    "AssociationEvent/AssociationEvent-a.jsonld": [
        "39141606ab0b3f7839735303d670b16acdd6faf573d27564ebb3f76ad23e4ff7"
    ],
    "AssociationEvent/AssociationEvent-b.jsonld": [
        "2a4801ee770582c1952504052703f6ccca6b6a11ddd85936365bd7d01c6729c7"
    ],
    "AssociationEvent/AssociationEvent-c.jsonld": [
        "847bbfc737fe2de2af46f2f334225a53ce680361a5ba2a0269e4a50fc4923429"
    ],
    "AssociationEvent/AssociationEvent-d.jsonld": [
        "b9350b16fd98c704364d0b37fc39bb7816459c42e46fb1fd1ccd4f2135b9b8d3"
    ],
    "AssociationEvent/AssociationEvent-e.jsonld": [
        "2820137e367df426b0eb62660bb1baf8f2f06d5306a0e1568230067b526c4566"
    ],
    "AssociationEvent/AssociationEvent-g.jsonld": [
        "b9350b16fd98c704364d0b37fc39bb7816459c42e46fb1fd1ccd4f2135b9b8d3"
    ],
    "AssociationEvent/AssociationEvent-h.jsonld": [
        "2fff9bed44a912a5905b5ea660b1fe0fd695bde66997304afaa9774fc2a5a877"
    ],
    "Example_9.6.3-AggregationEvent.jsonld": [
        "96b6bf98742a60dbfaa2dda08b63435ce67079d224ea27d63e55e62a7843b878"
    ],
    "Example_9.6.4-TransformationEvent.jsonld": [
        "c794227acf3a4d9be9ba1f8340425782f88a0f4e3f35b533a8bf8f1bc206a379"
    ],
    "WithDigitalLinkID/Example_9.6.3-AggregationEventWithDigitalLink.jsonld": [
        "c6d04a3b2879ee8b89a595053f328830b802fb76f7d148909c574174561465e4"
    ],
    "WithDigitalLinkID/Example_9.6.4-TransformationEventWithDigitalLink.jsonld": [
        "c794227acf3a4d9be9ba1f8340425782f88a0f4e3f35b533a8bf8f1bc206a379"
    ],
    "WithErrorDeclaration/ErrorDeclarationAndCorrectiveEvent.jsonld": [
        "db50dd61ad0309f0f727d7b1f9335728d77c07b2ba13f82fe58a87f42e943a2a",
        "e74d8397fb06e337c3a9ffdf00effff305de5fc8ec6f0fbae28b036f4320cfda",
    ],
    "WithSensorData/SensorDataExample1.jsonld": [
        "4eea934e9e0b466884b4b444a5924cabb9e649cdff0447b97e1b688c802a91bb"
    ],
    "WithSensorData/SensorDataExample10.jsonld": [
        "6dfb6e940ab80102b951989a22129949b0e54c43d2764a55b48586dba271599c"
    ],
    "WithSensorData/SensorDataExample13.jsonld": [
        "f92619eaba7f682e700b1e21fd69a7e5981357798cc4e5be5662302f778a3adb"
    ],
    "WithSensorData/SensorDataExample14.jsonld": [
        "f53077e26dc7387e3c91a15e2d6dd777626846ede13c3f53c5d441f747b2a325"
    ],
    "WithSensorData/SensorDataExample15.jsonld": [
        "fcb10e73fec55b657dfb734b81b949a00a0bb311a603199425b9476ae7d9f287"
    ],
    "WithSensorData/SensorDataExample16.jsonld": [
        "e1c13af8c5c9ca254ba231326fa81b27066cd55b190a64ec6450481baa2e3be6"
    ],
    "WithSensorData/SensorDataExample17.jsonld": [
        "78f7ce4e3410f59ac8156943982d59d088aa5c9900397b3e3723a70a5e712f24"
    ],
    "WithSensorData/SensorDataExample1b.jsonld": [
        "08beb681e36b670e24a69332ab88df84145346c7bb33bbf36709c45d7764dc25"
    ],
    "WithSensorData/SensorDataExample2.jsonld": [
        "45a15b4a53f34e18dbb331bcc291c51ccefe5313fd7567a92ab2536deba59598"
    ],
    "WithSensorData/SensorDataExample3.jsonld": [
        "de0c28e7a5ec2b32a349f0fa46146d7b75777442c18bfbd8c3835a07d86c0250"
    ],
    "WithSensorData/SensorDataExample4.jsonld": [
        "eeb655259427b5adef79f56d50fefbbdce790e306bf46ddf92f0965ba2f2a792"
    ],
    "WithSensorData/SensorDataExample5.jsonld": [
        "b1755d5ed79d53b1e968b9e884ad353fe1cc77892f0ca1d99bd264cf715bb92a"
    ],
    "WithSensorData/SensorDataExample6.jsonld": [
        "dc553ea18db2298361835392506762b14b1a09c1f7e082c5733f6efeaa373076"
    ],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_hash_is_that_of_the_reference_implementation(name: str) -> None:
    document = json.loads((data_set("epcis") / "JSON" / name).read_text("utf-8"))
    verdict = validate(document)
    found = [event_hash(*one) for one in zip(verdict.events, verdict.contexts, strict=True)]
    assert sorted(found) == [f"ni:///sha-256;{digest}?ver=CBV2.0" for digest in EXPECTED[name]]
