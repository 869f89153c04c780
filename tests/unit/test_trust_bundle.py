"""The bundle: one PEM file with everything that a box or device is born with."""

from __future__ import annotations

import pytest

from appliance.trust.bundle import ANCHOR_LABEL, MAX_BUNDLE, Bundle
from appliance.trust.purpose import Purpose
from media_format.refusal import Code, Refusal
from tests.trust_world import World, pem, refused


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def bundle(world: World) -> Bundle:
    leaf, ca = world.box.issued.identity
    release_ca = world.issuers[Purpose.RELEASE_CA].chain[0]
    crls = (world.crl(Purpose.BOX_CA, 3), world.crl(Purpose.RELEASE_CA, 4), world.crl(Purpose.DEVICE_CA, 5))
    return Bundle(world.anchor, (ca, release_ca, world.box.issued.encryption[0], leaf), crls)


def test_a_bundle_reads_back_as_it_was_written(bundle: Bundle) -> None:
    assert Bundle.from_pem(bundle.to_pem()) == bundle
    assert Bundle.from_pem(b"For box-1.\n\n" + bundle.to_pem().replace(b"\n", b"\r\n")) == bundle


def test_a_bundle_finds_the_chain_for_each_of_its_purposes(world: World, bundle: Bundle) -> None:
    assert bundle.chain(Purpose.BOX_IDENTITY) == world.box.issued.identity
    assert bundle.chain(Purpose.BOX_TRANSPORT) == world.box.issued.encryption
    assert bundle.verified(Purpose.BOX_TRANSPORT).encryption == world.box.enrolment.encryption


def test_a_bundle_without_the_one_leaf_is_refused(world: World, bundle: Bundle) -> None:
    with refused(Code.CHAIN_INVALID):
        bundle.chain(Purpose.DEVICE_IDENTITY)
    twice = Bundle(world.anchor, (*bundle.certificates, world.new_box("box-2").issued.identity[0]))
    with refused(Code.CHAIN_INVALID):
        twice.chain(Purpose.BOX_IDENTITY)
    alone = Bundle(world.anchor, world.box.issued.identity[:1])
    with refused(Code.CHAIN_INVALID):
        alone.verified(Purpose.BOX_IDENTITY)


def test_a_bundle_of_another_vendor_does_not_verify(bundle: Bundle) -> None:
    foreign = Bundle(World().anchor, bundle.certificates, bundle.crls)
    with refused(Code.CHAIN_INVALID):
        foreign.verified(Purpose.BOX_IDENTITY)
    assert foreign.lists().numbers() == ()


def test_a_bundle_brings_the_lists_whose_issuers_it_holds(world: World, bundle: Bundle) -> None:
    assert {entry.number for entry in bundle.lists().numbers()} == {3, 4}
    assert {issuer.id for issuer in bundle.issuers()} == {
        world.root.id,
        world.issuers[Purpose.BOX_CA].id,
        world.issuers[Purpose.RELEASE_CA].id,
    }


def test_what_is_no_bundle_is_refused(world: World, bundle: Bundle) -> None:
    good = bundle.to_pem()
    anchor = pem(world.anchor.to_bytes(), ANCHOR_LABEL)
    for data in (
        b"",
        b"\xff\x00" * 50,
        good + anchor,
        good.replace(b"TRUST ANCHOR", b"TRUST ANCHOM"),
        good.replace(b"-----BEGIN CERTIFICATE-----\n", b"-----BEGIN CERTIFICATE-----\nA", 1),
        anchor + pem(b"junk", "CERTIFICATE"),
        anchor + pem(b"junk", "PRIVATE KEY"),
        pem(b"junk", ANCHOR_LABEL),
    ):
        with refused(Code.MALFORMED):
            Bundle.from_pem(data)
    with refused(Code.TOO_LARGE):
        Bundle.from_pem(bytes(MAX_BUNDLE + 1))


def test_a_cut_bundle_never_raises_anything_but_a_refusal(bundle: Bundle) -> None:
    data = bundle.to_pem()
    for end in range(0, len(data), 97):
        try:
            Bundle.from_pem(data[:end])
        except Refusal as refusal:
            assert refusal.code is Code.MALFORMED
