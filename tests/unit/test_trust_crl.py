"""Revocation lists: taken over when newer and valid, and what they say of a certificate."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust.chain import VerifiedCertificate, verify_chain
from appliance.trust.crl import RevocationLists
from appliance.trust.purpose import Purpose
from media_format import limits
from media_format.objects import CrlNumber
from media_format.refusal import Code
from media_format.wire import MAX_UINT
from tests.trust_world import DAY, NOW, POLICY, World, refused

BOX = Purpose.BOX_CA
AGED = dataclasses.replace(POLICY, crl_max_age=30 * DAY)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def box(world: World) -> VerifiedCertificate:
    return verify_chain(world.box.issued.identity, world.anchor, Purpose.BOX_IDENTITY)


@pytest.fixture(scope="module")
def empty(world: World) -> RevocationLists:
    return RevocationLists(world.anchor, (), tuple(ca.chain[0] for ca in world.issuers.values()))


def test_a_revoked_certificate_is_refused(
    world: World, box: VerifiedCertificate, empty: RevocationLists
) -> None:
    lists = empty.take([world.crl(BOX, 1, world.box.issued.identity[0])])
    with refused(Code.REVOKED):
        lists.judge(box, NOW, POLICY)
    empty.judge(box, NOW, POLICY)


def test_a_revoked_ca_revokes_what_it_issued(
    world: World, box: VerifiedCertificate, empty: RevocationLists
) -> None:
    with refused(Code.REVOKED):
        empty.take([world.crl(None, 1, world.issuers[BOX].chain[0])]).judge(box, NOW, POLICY)


def test_a_certificate_does_not_become_good_again_with_an_older_list(
    world: World, box: VerifiedCertificate, empty: RevocationLists
) -> None:
    newer, older = world.crl(BOX, 2, world.box.issued.identity[0]), world.crl(BOX, 1)
    for order in ((newer, older), (older, newer)):
        with refused(Code.REVOKED):
            empty.take(order).judge(box, NOW, POLICY)
    with refused(Code.REVOKED):
        empty.take([newer]).take([older, world.crl(BOX, 2)]).judge(box, NOW, POLICY)


def test_of_two_lists_with_one_number_the_later_counts(
    world: World, box: VerifiedCertificate, empty: RevocationLists
) -> None:
    """A vendor whose files were restored from a backup gives a number out again."""
    before = world.crl(BOX, 7)
    again = world.crl(BOX, 7, world.box.issued.identity[0], at=NOW)
    for order in ((before, again), (again, before)):
        with refused(Code.REVOKED):
            empty.take(order).judge(box, NOW, POLICY)
    known = empty.take([again])
    assert known.replaces(before)
    assert not empty.take([before]).replaces(again)


def test_the_lists_survive_being_stored(
    world: World, box: VerifiedCertificate, empty: RevocationLists
) -> None:
    lists = empty.take([world.crl(BOX, 2, world.box.issued.identity[0]), world.crl(None, 7)])
    stored = RevocationLists(world.anchor, lists.ders)
    assert stored.numbers() == lists.numbers()
    assert {entry.number for entry in stored.numbers()} == {2, 7}
    assert stored.dates == (NOW - DAY, NOW - DAY)
    with refused(Code.REVOKED):
        stored.judge(box, NOW, POLICY)


def forged_list(world: World) -> bytes:
    """A list that a stranger made in the name of an authority, newer than any that it will ever sign."""
    return world.crl(BOX, MAX_UINT, issuer=dataclasses.replace(world.issuers[BOX], key=World().root.key))


def test_a_stored_list_that_was_tampered_with_counts_as_missing(
    world: World, box: VerifiedCertificate
) -> None:
    forged = forged_list(world)
    lists = RevocationLists(world.anchor, [forged, world.crl(None, 1), b"junk"])
    lists.judge(box, NOW, POLICY)
    with refused(Code.REVOCATION_STALE):
        lists.judge(box, NOW, AGED)


def test_a_forged_list_that_is_stored_does_not_keep_the_genuine_ones_out(
    world: World, box: VerifiedCertificate, empty: RevocationLists
) -> None:
    genuine = world.crl(BOX, 2, world.box.issued.identity[0])
    unaware = RevocationLists(world.anchor, [forged_list(world)])
    for lists in (
        RevocationLists(world.anchor, [forged_list(world)], [world.issuers[BOX].chain[0]]).take([genuine]),
        unaware.take([genuine], box.issuers),
        unaware.joined(empty.take([genuine])),
        empty.take([genuine]).joined(unaware),
    ):
        assert [known.number for known in lists.numbers()] == [2]
        with refused(Code.REVOKED):
            lists.judge(box, NOW, POLICY)


def test_a_forged_list_is_neither_demanded_of_others_nor_a_date_that_has_passed(world: World) -> None:
    lists = RevocationLists(world.anchor, [forged_list(world)], [world.issuers[BOX].chain[0]])
    assert (lists.ders, lists.numbers(), lists.dates) == ((), (), ())


def test_lists_of_an_unknown_issuer_wait_until_it_is_known(world: World, box: VerifiedCertificate) -> None:
    lists, candidate = RevocationLists(world.anchor), world.crl(BOX, 1)
    assert lists.take([candidate]).numbers() == ()
    assert len(lists.take([candidate], box.issuers).numbers()) == 1


def _build(
    world: World, *extensions: tuple[x509.ExtensionType, bool], issuer: x509.Name | None = None
) -> bytes:
    ca = world.issuers[BOX]
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer or ca.certificate.subject)
        .last_update(datetime.fromtimestamp(NOW, UTC))
        .next_update(datetime.fromtimestamp(NOW + DAY, UTC))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(ca.key, hashes.SHA384()).public_bytes(Encoding.DER)


def test_candidates_that_do_not_follow_the_profile_are_left_out(world: World, empty: RevocationLists) -> None:
    number, authority = x509.CRLNumber(1), x509.AuthorityKeyIdentifier(world.issuers[BOX].id, None, None)
    good = [(number, False), (authority, False)]
    assert len(empty.take([_build(world, *good)]).numbers()) == 1
    bad = [
        b"",
        b"\x30\x00",
        bytes(limits.MAX_CRL + 1),
        _build(world, *good)[:-1],
        _build(world, (number, False)),
        _build(world, (authority, False)),
        _build(world, (number, False), (x509.AuthorityKeyIdentifier(b"short", None, None), False)),
        _build(world, *good, (x509.DeltaCRLIndicator(1), True)),
        _build(world, *good, (x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.9"), b""), True)),
        _build(world, (x509.CRLNumber(2**70), False), (authority, False)),
        _build(world, *good, issuer=world.root.certificate.subject),
        World().crl(BOX, 1),
    ]
    for candidate in bad:
        assert empty.take([candidate]).numbers() == ()


def test_every_flipped_byte_of_a_list_is_noticed(world: World, empty: RevocationLists) -> None:
    crl = world.crl(BOX, 1, world.box.issued.identity[0])
    # How many bits of the signature's last byte do not count: without meaning where these are zero.
    unused_bits = len(crl) - len(x509.load_der_x509_crl(crl).signature) - 1
    for position in set(range(len(crl))) - {unused_bits}:
        assert empty.take([crl[:position] + bytes([crl[position] ^ 4]) + crl[position + 1 :]]).numbers() == ()


def test_a_demanded_number_must_be_known(
    world: World, box: VerifiedCertificate, empty: RevocationLists
) -> None:
    demanded = [CrlNumber(issuer=world.issuers[BOX].id, number=3)]
    for lists in (empty, empty.take([world.crl(BOX, 2)])):
        with refused(Code.REVOCATION_STALE):
            lists.judge(box, NOW, POLICY, demanded)
    empty.take([world.crl(BOX, 3)]).judge(box, NOW, POLICY, demanded)


def test_a_demand_about_other_issuers_does_not_concern_a_certificate(
    world: World, box: VerifiedCertificate, empty: RevocationLists
) -> None:
    empty.judge(box, NOW, POLICY, [CrlNumber(issuer=world.issuers[Purpose.DEVICE_CA].id, number=3)])


def test_where_age_counts_a_list_of_every_issuer_must_be_there_and_fresh(
    world: World, box: VerifiedCertificate, empty: RevocationLists
) -> None:
    fresh, old = NOW - 30 * DAY, NOW - 31 * DAY
    empty.take([world.crl(BOX, 1, at=fresh), world.crl(None, 1, at=fresh)]).judge(box, NOW, AGED)
    for candidates in (
        [],
        [world.crl(BOX, 1)],
        [world.crl(None, 1)],
        [world.crl(BOX, 1, at=old), world.crl(None, 1)],
        [world.crl(BOX, 1), world.crl(None, 1, at=old)],
    ):
        with refused(Code.REVOCATION_STALE):
            empty.take(candidates).judge(box, NOW, AGED)


def test_only_an_issuers_own_older_list_is_replaced(world: World, empty: RevocationLists) -> None:
    old, same, newer = (world.crl(BOX, number) for number in (1, 2, 3))
    lists = empty.take([world.crl(BOX, 2, at=NOW - 2 * DAY)])
    assert lists.replaces(old)
    assert not lists.replaces(same)
    assert not lists.replaces(newer)
    forged = old[:-1] + bytes([old[-1] ^ 1])
    assert not lists.replaces(forged)
    assert not lists.replaces(b"no list")
    assert not lists.replaces(World().crl(BOX, 1))
    assert not empty.replaces(old)


@pytest.mark.parametrize("general_name", [b"\xa5\x04\xa1\x02\x0c\x00", b"\xa3\x02\x30\x00"])
def test_a_list_with_a_kind_of_name_that_the_library_does_not_know_is_left_out(
    world: World, empty: RevocationLists, general_name: bytes
) -> None:
    """RFC 5280, 4.2.1.6: ediPartyName and x400Address in an issuer's other names."""
    names = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("2.5.29.18"), b"\x30" + bytes([len(general_name)]) + general_name
    )
    authority = x509.AuthorityKeyIdentifier(world.issuers[BOX].id, None, None)
    strange = _build(world, (x509.CRLNumber(9), False), (authority, False), (names, False))
    assert empty.take([strange]).numbers() == ()
