"""What devices send: requests and receipts, and whom a box believes."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from appliance.trust.crl import RevocationLists
from appliance.trust.purpose import Purpose
from appliance.trust.receipt import admit_receipt
from appliance.trust.request import admit_request
from appliance.trust.signer import KeySigner
from media_format import cose
from media_format.objects import (
    Cipher,
    DeviceKind,
    DeviceTime,
    Kem,
    Outcome,
    Receipt,
    ReceiptTime,
    Request,
    SlotReport,
)
from media_format.refusal import Code
from tests.trust_world import BIRTH, DAY, NONCE, NOW, World, make_anchor, new_key, refused

REQUEST = Request(
    format=1,
    device_id="pump-17",
    epoch=1,
    product="pump",
    line="stable",
    hardware="rev-b",
    slots=(SlotReport(slot="rootfs", bank=0, active=True, capacity=1 << 20),),
    security_floor=0,
    time_floor=0,
    counter=7,
    nonce=NONCE,
    time=DeviceTime(source="rtc", time=NOW),
    formats=(1,),
    ciphers=(int(Cipher.COBBLESTONE_256),),
    kems=(int(Kem.P256),),
    largest_chunk=1 << 16,
    free_space=0,
    crl_numbers=(),
    refusals=(),
    reuse=False,
)
RECEIPT = Receipt(
    format=1,
    device_id="pump-17",
    epoch=1,
    counter=3,
    outcome=Outcome.CONFIRMED,
    time=ReceiptTime(source="rtc", started=NOW, finished=NOW),
    duration_ms=12,
)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def signed(record: Request | Receipt, signer: cose.Signer) -> bytes:
    return cose.sign1(record.CONTENT_TYPE, record.to_bytes(), signer)


def request(world: World, signer: cose.Signer | None = None, **changes: Any) -> bytes:
    return signed(dataclasses.replace(REQUEST, **changes), signer or world.device.signer)


def receipt(world: World, signer: cose.Signer | None = None, **changes: Any) -> bytes:
    return signed(dataclasses.replace(RECEIPT, **changes), signer or world.device.plain_signer)


def admit(world: World, data: bytes, at: int = NOW, crls: tuple[bytes, ...] = (), **policy: Any) -> Any:
    anchor = make_anchor(dataclasses.replace(world.policy, **policy), world)
    return admit_request(data, anchor, RevocationLists(anchor), at, crls)


def admit_rcp(world: World, data: bytes, at: int = NOW, crls: tuple[bytes, ...] = ()) -> Any:
    return admit_receipt(data, world.anchor, RevocationLists(world.anchor), at, crls)


def test_a_devices_request_is_admitted_with_the_key_to_seal_for(world: World) -> None:
    verified = admit(world, request(world))
    assert verified.request == REQUEST
    assert verified.encryption.encryption == world.device.enrolment.encryption
    assert verified.digest == hashlib.sha256(REQUEST.to_bytes()).digest()


def test_a_devices_receipt_is_admitted(world: World) -> None:
    verified = admit_rcp(world, receipt(world))
    assert verified.receipt == RECEIPT
    assert verified.identity.identity.id == "pump-17"
    assert verified.digest == hashlib.sha256(RECEIPT.to_bytes()).digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"device_id": "pump-18"},
        {"epoch": 2},
        {"product": "valve"},
        {"line": "beta"},
        {"hardware": "rev-a"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_request_says_what_the_certificates_say(world: World, changes: dict[str, Any]) -> None:
    with refused(Code.PURPOSE_MISMATCH):
        admit(world, request(world, **changes))


def test_a_receipt_is_about_the_device_that_signed_it(world: World) -> None:
    for changes in ({"device_id": "pump-18"}, {"epoch": 2}):
        with refused(Code.PURPOSE_MISMATCH):
            admit_rcp(world, receipt(world, **changes))


def test_the_encryption_certificate_is_the_same_devices(world: World) -> None:
    kind = DeviceKind(product="valve", line="stable", hardware="rev-b")
    for other in (
        world.new_device("pump-18"),
        world.new_device("pump-17", epoch=2),
        world.new_device("pump-17", kind),
    ):
        signer = KeySigner(
            world.device.identity_key, world.device.issued.identity, other.issued.encryption[:1]
        )
        with refused(Code.PURPOSE_MISMATCH):
            admit(world, request(world, signer))


def test_a_request_carries_exactly_one_encryption_certificate(world: World) -> None:
    chain, extra = world.device.issued.identity, world.device.issued.encryption[0]
    for bag, code in (
        ((), Code.MALFORMED),
        ((extra, extra), Code.MALFORMED),
        ((chain[0],), Code.PURPOSE_MISMATCH),
    ):
        with refused(code):
            admit(world, request(world, KeySigner(world.device.identity_key, chain, bag)))


def test_a_receipt_carries_no_further_certificates(world: World) -> None:
    with refused(Code.MALFORMED):
        admit_rcp(world, receipt(world, world.device.signer))


def test_a_request_that_cannot_open_its_own_key_is_malformed(world: World) -> None:
    with refused(Code.MALFORMED):
        admit(world, request(world, kems=(int(Kem.XWING),)))
    admit(world, request(world, kems=(int(Kem.P256), 4711)))


def test_a_stolen_chain_without_its_key_is_refused(world: World) -> None:
    signer = KeySigner(new_key(), world.device.issued.identity, world.device.issued.encryption[:1])
    with refused(Code.SIGNATURE_INVALID):
        admit(world, request(world, signer))
    with refused(Code.SIGNATURE_INVALID):
        admit_rcp(world, receipt(world, KeySigner(new_key(), world.device.issued.identity)))


def test_a_box_is_no_device(world: World) -> None:
    with refused(Code.PURPOSE_MISMATCH):
        admit(world, request(world, world.box.signer))
    with refused(Code.PURPOSE_MISMATCH):
        admit_rcp(world, receipt(world, world.box.plain_signer))


def test_a_strangers_device_is_refused(world: World) -> None:
    stranger = World()
    with refused(Code.CHAIN_INVALID):
        admit(world, request(stranger))
    with refused(Code.CHAIN_INVALID):
        admit_rcp(world, receipt(stranger))


def test_a_receipt_is_no_request_and_the_other_way(world: World) -> None:
    with refused(Code.MALFORMED):
        admit(world, receipt(world))
    with refused(Code.MALFORMED):
        admit_rcp(world, request(world))


def test_a_revoked_device_is_refused_by_the_list_that_comes_along(world: World) -> None:
    for revoked in (world.device.issued.identity[0], world.device.issued.encryption[0]):
        with refused(Code.REVOKED):
            admit(world, request(world), crls=(world.crl(Purpose.DEVICE_CA, 1, revoked),))
    with refused(Code.REVOKED):
        crls = (world.crl(Purpose.DEVICE_CA, 1, world.device.issued.identity[0]),)
        admit_rcp(world, receipt(world), crls=crls)


def test_a_fleet_that_bounds_the_age_of_lists_needs_them(world: World) -> None:
    with refused(Code.REVOCATION_STALE):
        admit(world, request(world), crl_max_age=30 * DAY)
    crls = (world.crl(Purpose.DEVICE_CA, 1), world.crl(None, 1))
    assert len(admit(world, request(world), crls=crls, crl_max_age=30 * DAY).lists.numbers()) == 2


def test_a_certificate_is_not_valid_before_it_was_made(world: World) -> None:
    with refused(Code.CERTIFICATE_NOT_YET_VALID):
        admit(world, request(world), at=BIRTH - DAY)
    with refused(Code.CERTIFICATE_NOT_YET_VALID):
        admit_rcp(world, receipt(world), at=BIRTH - DAY)


def test_every_flipped_byte_is_noticed(world: World) -> None:
    for data, judge in ((request(world), admit), (receipt(world), admit_rcp)):
        for position in range(0, len(data), 5):
            flipped = data[:position] + bytes([data[position] ^ (1 << position % 8)]) + data[position + 1 :]
            with refused(
                Code.MALFORMED,
                Code.SIGNATURE_INVALID,
                Code.CHAIN_INVALID,
                Code.UNSUPPORTED_FORMAT,
                Code.PURPOSE_MISMATCH,
            ):
                judge(world, flipped)
