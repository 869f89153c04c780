"""Attacks on a device's verifier: what is no package, and which of several faults is named."""

from __future__ import annotations

import dataclasses

import pytest

from appliance.device.judging import devices, read_unverified
from appliance.trust.clock import SKEW, TrustedTime
from appliance.trust.device_view import SlotSpace
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner
from appliance.trust.verifier import PackageBytes
from media_format import cose, limits
from media_format.objects import ChainHead, Envelope, EnvelopeKind, Manifest
from media_format.refusal import Code
from tests.attacks.pieces import UNREQUESTED, head
from tests.trust_world import (
    DEVICE,
    NOW,
    World,
    make_component,
    make_manifest,
    make_pages,
    make_recipient,
    refused,
)

# The package that everything below departs from


def test_a_good_package_is_admitted_with_everything_that_an_install_needs(world: World) -> None:
    plan = world.admit()
    assert plan.manifest == make_manifest()
    assert plan.manifest_digest == plan.envelope.manifest_digest
    assert plan.recipient == world.recipient()
    assert plan.time == TrustedTime(NOW, "rtc")
    assert plan.time_floor == NOW - SKEW
    assert plan.head == ChainHead(line="stable", index=5, manifest_digest=plan.manifest_digest)
    assert plan.warnings == ()
    assert plan.sealer.identity.id == "box-1"
    assert [plan.page(number, data).number for number, data in enumerate(make_pages())] == [0, 1]
    with refused(Code.DIGEST_MISMATCH):
        plan.page(0, make_pages()[1])


# 1. Bounds and encoding


@pytest.mark.parametrize(
    "junk", [b"", b"\0", b"\xd2\x84", b"\x9f\xff", b"\x81" * 200, bytes(100), b"\xa1\x01"]
)
def test_junk_is_malformed(world: World, junk: bytes) -> None:
    good = world.package()
    for package in (PackageBytes(junk, good.envelope), PackageBytes(good.manifest, junk)):
        with refused(Code.MALFORMED):
            world.admit(package)


def test_what_is_too_large_is_not_decoded(world: World) -> None:
    good, huge = world.package(), bytes(4 * limits.MAX_MANIFEST)
    for package in (PackageBytes(huge, good.envelope), PackageBytes(good.manifest, huge)):
        with refused(Code.TOO_LARGE):
            world.admit(package)


def test_a_manifest_is_no_envelope(world: World) -> None:
    good = world.package()
    for package in (PackageBytes(good.envelope, good.manifest), PackageBytes(good.manifest, good.manifest)):
        with refused(Code.MALFORMED):
            world.admit(package)


def test_certificates_belong_into_chains(world: World) -> None:
    signer = world.release_signer()
    extra = world.box.issued.encryption[:1]
    with refused(Code.MALFORMED):
        world.admit(world.package(signers=[KeySigner(signer.key, signer.chain, extra)]))
    with refused(Code.MALFORMED):
        world.admit(world.package(sealer=world.box.signer))


@pytest.mark.parametrize("length", [0, 1, 4106, 2**62])
def test_a_payload_of_a_length_that_the_manifest_rules_out_is_malformed(world: World, length: int) -> None:
    with refused(Code.MALFORMED):
        world.admit(world.package(payload_length=length, segment_size=limits.MAX_SEGMENT_SIZE))


# The order of the checks


def test_what_is_said_of_a_package_is_the_first_thing_wrong_with_it(world: World) -> None:
    """Break everything, then mend one thing after the other, in the order of the verifier's docstring."""
    stranger = World()
    signer = world.release_signer()
    crl = world.crl(Purpose.RELEASE_CA, 1, signer.chain[0])
    far = make_component(slot="certificates", offset=1 << 40)
    bad = make_manifest(
        make_pages()[:1], components=(far,), stored_size=0, hardware=("rev-z",), install_by=NOW - 1
    )
    view = world.view(id="pump-18", head=head(6))
    clock: tuple[tuple[str, int | None], ...] = (("rtc", 0),)

    def check(code: Code, package: PackageBytes) -> None:
        with refused(code):
            world.admit(package, view, clock)

    check(Code.MALFORMED, PackageBytes(b"junk", b"junk"))
    check(Code.CHAIN_INVALID, world.package(bad, signers=[stranger.release_signer()], crls=(crl,)))
    check(Code.PURPOSE_MISMATCH, world.package(bad, signers=[world.box.plain_signer], crls=(crl,)))
    unasked = (world.recipient(device=UNREQUESTED),)
    package = world.package(bad, signers=[signer], crls=(crl,), recipients=unasked)
    check(Code.NOT_FOR_THIS_DEVICE, package)
    view = dataclasses.replace(view, id="pump-17")
    check(Code.TIME_BEFORE_FLOOR, package)
    clock = (("rtc", NOW),)
    check(Code.PACKAGE_EXPIRED, package)
    bad = dataclasses.replace(bad, install_by=None)
    check(Code.REVOKED, world.package(bad, signers=[signer], crls=(crl,), recipients=unasked))
    package = world.package(bad, recipients=unasked)
    check(Code.ROLLBACK, package)
    view = dataclasses.replace(view, head=None)
    check(Code.INCOMPATIBLE_HARDWARE, package)
    view = dataclasses.replace(view, hardware="rev-z")
    check(Code.REGION_FORBIDDEN, package)
    view = dataclasses.replace(view, slots={"certificates": SlotSpace(4096)})
    check(Code.NO_SPACE, package)
    view = dataclasses.replace(view, slots={"certificates": SlotSpace(1 << 41)})
    world.admit(package, view, clock)


# Whose refusal it is


def test_only_an_envelope_that_names_the_device_concerns_it(world: World) -> None:
    assert devices(read_unverified(world.package().envelope)) == ("pump-17",)
    assert devices(read_unverified(b"junk")) == ()
    recipient = make_recipient(world.device.enrolment.encryption, device=None)
    release = world.package(kind=EnvelopeKind.RELEASE, recipients=(recipient,))
    assert devices(read_unverified(release.envelope)) == ()


def test_a_key_does_not_stand_in_a_views_repr(world: World) -> None:
    assert DEVICE.id in repr(world.view())
    assert "key=" not in repr(world.view())


def test_a_signature_over_an_envelope_is_none_over_a_manifest(world: World) -> None:
    signer = world.release_signer()
    payload = make_manifest().to_bytes()
    cross = cose.sign(Envelope.CONTENT_TYPE, payload, [signer])
    with refused(Code.MALFORMED):
        world.admit(PackageBytes(cross, world.package().envelope))
    assert Manifest.from_bytes(payload) == make_manifest()
