"""Attacks on a device's verifier: packages for others, without protection, or that answer another request."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.trust.verifier import PackageBytes
from media_format.objects import Answer, Cipher, DeviceBinding, Kem, Mode
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Code
from tests.attacks.pieces import UNREQUESTED
from tests.trust_world import NONCE, World, make_manifest, make_recipient, refused

# 4. Recipient, protection, answer


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "pump-18"},
        {"epoch": 2},
        {"key": RecipientKey(bytes(91), None)},
    ],
    ids=["another device", "another enrolment", "another key"],
)
def test_a_package_of_another_device_is_refused(world: World, changes: dict[str, Any]) -> None:
    with refused(Code.NOT_FOR_THIS_DEVICE):
        world.admit(view=world.view(**changes))


def test_an_envelope_offers_no_weaker_wrap_than_the_key_has(world: World) -> None:
    p256 = world.device.enrolment.encryption.p256
    key = RecipientKey(p256, bytes(1216))
    view = world.view(key=key)
    world.admit(world.package(recipients=(make_recipient(key, kems=(Kem.P256, Kem.XWING)),)), view)
    for kems in ((Kem.P256,), (Kem.XWING,), (Kem.XWING, Kem.P256)):
        with refused(Code.NOT_FOR_THIS_DEVICE):
            world.admit(world.package(recipients=(make_recipient(key, kems=kems),)), view)
    with refused(Code.NOT_FOR_THIS_DEVICE):
        world.admit(world.package(recipients=(world.recipient(kems=(Kem.P256, Kem.XWING)),)))


def test_several_devices_share_a_package_only_where_the_policy_says_so(world: World) -> None:
    other = make_recipient(RecipientKey(bytes(91), None), device=DeviceBinding(id="pump-18", epoch=1))
    shared = world.package(recipients=(other, world.recipient()))
    with refused(Code.NOT_FOR_THIS_DEVICE):
        world.admit(shared)
    plan = world.admit(shared, modes=(Mode.SEALED, Mode.SHARED))
    assert plan.recipient == world.recipient()


def signed_only(world: World, **envelope: Any) -> PackageBytes:
    manifest = make_manifest()
    recipient = world.recipient(wraps=(), wrapped_key=b"")
    fields = {"recipients": (recipient,), **envelope}
    return world.package(manifest, cipher=Cipher.NONE, payload_length=manifest.stored_size, **fields)


def test_a_package_without_encryption_is_taken_only_where_the_policy_says_so(world: World) -> None:
    with refused(Code.UNSUPPORTED_FORMAT):
        world.admit(signed_only(world))
    modes = (Mode.SEALED, Mode.SIGNED)
    assert world.admit(signed_only(world), modes=modes).recipient is not None
    assert world.admit(signed_only(world, recipients=()), modes=modes).recipient is None
    other = world.recipient(wraps=(), wrapped_key=b"", device=DeviceBinding(id="pump-18", epoch=1))
    with refused(Code.NOT_FOR_THIS_DEVICE):
        world.admit(signed_only(world, recipients=(other,)), modes=modes)


def test_a_fleet_that_shares_takes_no_package_for_one(world: World) -> None:
    with refused(Code.UNSUPPORTED_FORMAT):
        world.admit(modes=(Mode.SHARED,))


@pytest.mark.parametrize(
    "outstanding", [None, Answer(nonce=bytes(32), counter=7), Answer(nonce=NONCE, counter=6)]
)
def test_the_answer_to_another_request_is_refused(world: World, outstanding: Answer | None) -> None:
    with refused(Code.REQUEST_MISMATCH):
        world.admit(view=world.view(outstanding=outstanding))


def test_the_answer_to_an_earlier_writing_of_the_same_request_counts(world: World) -> None:
    world.admit(view=world.view(outstanding=Answer(nonce=NONCE, counter=9)))


def test_a_package_that_answers_nothing_needs_a_policy_and_a_clock(world: World) -> None:
    package = world.package(recipients=(world.recipient(device=UNREQUESTED),))
    world.admit(package)
    with refused(Code.REQUEST_MISMATCH):
        world.admit(package, unrequested=False)
    with refused(Code.TIME_UNTRUSTED):
        world.admit(package, readings=(("rtc", None),))
