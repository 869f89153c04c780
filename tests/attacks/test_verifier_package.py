"""Attacks on a device's verifier: every rule of its docstring, with packages that break just this rule."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa

from appliance.device.judging import devices, read_unverified
from appliance.trust.clock import BOX, SKEW, TrustedTime
from appliance.trust.crl import RevocationLists
from appliance.trust.device_view import SlotSpace
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner
from appliance.trust.verifier import PackageBytes, admit_package
from media_format import cose, limits
from media_format.objects import (
    Answer,
    ChainHead,
    Cipher,
    CrlNumber,
    DeviceBinding,
    Envelope,
    EnvelopeKind,
    Family,
    Kem,
    Manifest,
    Mode,
    Present,
    Run,
    SignatureRule,
)
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Code
from tests.trust_world import (
    BIRTH,
    DAY,
    DEVICE,
    NONCE,
    NOW,
    POLICY,
    YEAR,
    World,
    make_anchor,
    make_component,
    make_manifest,
    make_pages,
    make_recipient,
    new_key,
    refused,
)

RULE = SignatureRule(family=Family.ECDSA, count=1)
QUANTUM_RULE = SignatureRule(family=Family.ML_DSA, count=1)
UNREQUESTED = DeviceBinding(id="pump-17", epoch=1)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def quantum() -> World:
    return World(family=Family.ML_DSA)


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


# 2. Signatures and chains


def test_a_package_re_signed_by_a_stranger_is_refused(world: World) -> None:
    stranger = World()
    with refused(Code.CHAIN_INVALID):
        world.admit(world.package(signers=[stranger.release_signer()]))
    with refused(Code.CHAIN_INVALID):
        world.admit(world.package(sealer=stranger.box.plain_signer))


def test_a_chain_without_its_key_signs_nothing(world: World) -> None:
    with refused(Code.SIGNATURE_INVALID):
        world.admit(world.package(signers=[KeySigner(new_key(), world.release_signer().chain)]))
    with refused(Code.SIGNATURE_INVALID):
        world.admit(world.package(sealer=KeySigner(new_key(), world.box.issued.identity)))


def test_a_signature_without_a_chain_is_refused(world: World) -> None:
    with refused(Code.CHAIN_INVALID):
        world.admit(world.package(signers=[KeySigner(new_key())]))
    with refused(Code.CHAIN_INVALID):
        world.admit(world.package(sealer=KeySigner(new_key())))


def test_one_wrong_signature_among_right_ones_refuses_the_manifest(world: World) -> None:
    good, thief = world.release_signer(), KeySigner(new_key(), world.release_signer().chain)
    with refused(Code.SIGNATURE_INVALID):
        world.admit(world.package(signers=[good, thief]))
    with refused(Code.CHAIN_INVALID):
        world.admit(world.package(signers=[good, World().release_signer()]))


def test_an_envelope_moved_to_another_package_is_refused(world: World) -> None:
    other = world.package(make_manifest(notes="Something else."))
    with refused(Code.SIGNATURE_INVALID):
        world.admit(PackageBytes(other.manifest, world.package().envelope))


def test_adding_a_signature_does_not_make_another_manifest(world: World) -> None:
    one = world.package()
    two = world.package(signers=[world.release_signer(), world.release_signer()])
    assert (
        world.admit(PackageBytes(two.manifest, one.envelope)).manifest_digest
        == world.admit(one).manifest_digest
    )


def test_as_many_different_signers_as_the_policy_demands_must_have_signed(world: World) -> None:
    demand = (SignatureRule(family=Family.ECDSA, count=2),)
    signer, same_key = world.release_signer(), world.release_signer
    with refused(Code.THRESHOLD_NOT_MET):
        world.admit(world.package(signers=[signer]), signatures=demand)
    with refused(Code.THRESHOLD_NOT_MET):
        world.admit(world.package(signers=[signer, signer]), signatures=demand)
    with refused(Code.THRESHOLD_NOT_MET):
        world.admit(world.package(signers=[signer, same_key(key=signer.key)]), signatures=demand)
    world.admit(world.package(signers=[signer, world.release_signer()]), signatures=demand)


def hybrid(world: World, quantum: World, package: PackageBytes, *rules: SignatureRule) -> None:
    anchor = make_anchor(dataclasses.replace(POLICY, signatures=rules), world, quantum)
    admit_package(package, world.view(), anchor, RevocationLists(anchor), (("rtc", NOW),))


def test_a_hybrid_release_needs_a_signature_of_each_family(world: World, quantum: World) -> None:
    classical, post = world.release_signer(), quantum.release_signer(key=mldsa.MLDSA65PrivateKey.generate())
    hybrid(world, quantum, world.package(signers=[classical, post]), RULE, QUANTUM_RULE)
    hybrid(world, quantum, world.package(signers=[post]), QUANTUM_RULE)
    for alone in (classical, post):
        with refused(Code.THRESHOLD_NOT_MET):
            hybrid(world, quantum, world.package(signers=[alone]), RULE, QUANTUM_RULE)


def test_a_classical_root_does_not_make_a_signature_post_quantum(world: World, quantum: World) -> None:
    fake = world.release_signer(key=mldsa.MLDSA65PrivateKey.generate())
    with refused(Code.CHAIN_INVALID):
        hybrid(world, quantum, world.package(signers=[world.release_signer(), fake]), RULE, QUANTUM_RULE)


def test_a_signature_under_a_chain_of_the_other_family_is_refused(world: World, quantum: World) -> None:
    post = quantum.release_signer(key=mldsa.MLDSA65PrivateKey.generate())
    with refused(Code.CHAIN_INVALID):
        hybrid(world, quantum, world.package(signers=[KeySigner(new_key(), post.chain)]), RULE)


def test_signatures_of_a_family_without_a_root_do_not_count(world: World, quantum: World) -> None:
    post = quantum.release_signer(key=mldsa.MLDSA65PrivateKey.generate())
    world.admit(world.package(signers=[world.release_signer(), post]))
    with refused(Code.THRESHOLD_NOT_MET):
        world.admit(world.package(signers=[post]))


# 3. Purposes


def test_a_key_of_another_purpose_signs_neither_manifest_nor_envelope(world: World) -> None:
    others = [world.box.plain_signer, world.device.plain_signer, world.release_sealer()]
    for signer in others:
        with refused(Code.PURPOSE_MISMATCH):
            world.admit(world.package(signers=[signer]))
    for sealer in [world.device.plain_signer, world.release_sealer(), world.release_signer()]:
        with refused(Code.PURPOSE_MISMATCH):
            world.admit(world.package(sealer=sealer))


def test_an_encryption_certificate_signs_nothing(world: World) -> None:
    box = KeySigner(world.box.encryption_key, world.box.issued.encryption)
    with refused(Code.PURPOSE_MISMATCH):
        world.admit(world.package(sealer=box))


@pytest.mark.parametrize(
    ("bound", "code"),
    [
        ({"product": "valve"}, Code.PURPOSE_MISMATCH),
        ({"line": "beta"}, Code.PURPOSE_MISMATCH),
        ({"index": 6}, Code.PURPOSE_MISMATCH),
        ({"index": 4}, Code.SIGNER_SUPERSEDED),
    ],
    ids=["another product", "another line", "a newer release", "an older release"],
)
def test_a_signer_of_something_else_does_not_count(world: World, bound: dict[str, Any], code: Code) -> None:
    for signers in ([world.release_signer(**bound)], [world.release_signer(), world.release_signer(**bound)]):
        with refused(code):
            world.admit(world.package(signers=signers))


def test_a_box_cannot_pass_a_release_for_boxes_on_to_a_device(world: World) -> None:
    recipient = make_recipient(world.device.enrolment.encryption, device=None)
    release = world.package(kind=EnvelopeKind.RELEASE, recipients=(recipient,), sealer=world.release_sealer())
    with refused(Code.PURPOSE_MISMATCH):
        world.admit(release)
    with refused(Code.PURPOSE_MISMATCH):
        world.admit(world.package(kind=EnvelopeKind.RELEASE, recipients=(recipient,)))


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


# 5. Trusted time


def test_clocks_that_cannot_be_believed_refuse_everything(world: World) -> None:
    for reading, code in (
        (None, Code.TIME_UNTRUSTED),
        (world.view().time_floor - 1, Code.TIME_BEFORE_FLOOR),
        (make_manifest().created + POLICY.clock_horizon + 1, Code.TIME_UNTRUSTED),
    ):
        with refused(code):
            world.admit(readings=(("rtc", reading),), box_time=False)


def test_a_device_that_lay_longer_than_its_horizon_believes_its_clock_by_the_date_of_the_release(
    world: World,
) -> None:
    view = world.view(time_floor=NOW - POLICY.clock_horizon - YEAR)
    assert world.admit(view=view).time == TrustedTime(NOW, "rtc")


def test_a_clock_behind_a_date_that_the_vendor_signed_does_not_hide_the_right_one(world: World) -> None:
    readings = (("rtc", make_manifest().created - SKEW - 1), ("gpsd", NOW))
    assert world.admit(readings=readings).time == TrustedTime(NOW, "gpsd")


def test_a_device_without_a_clock_takes_the_time_from_the_answer_to_its_own_request(world: World) -> None:
    plan = world.admit(readings=(("rtc", None),))
    assert plan.time == TrustedTime(NOW - DAY, BOX)


def test_a_box_is_asked_last(world: World) -> None:
    assert world.admit(readings=(("rtc", None), ("gpsd", NOW))).time.source == "gpsd"


def test_box_time_needs_policy_and_a_young_nonce(world: World) -> None:
    with refused(Code.TIME_UNTRUSTED):
        world.admit(readings=(), box_time=False)
    with refused(Code.TIME_UNTRUSTED):
        world.admit(view=world.view(proves_time=False), readings=())


def test_a_subverted_box_moves_the_floor_no_further_than_the_vendor_did(world: World) -> None:
    late = NOW + YEAR
    package = world.package(issued_at=late, expires=late + DAY)
    plan = world.admit(package, readings=())
    assert plan.time == TrustedTime(late, BOX)
    assert plan.time_floor == make_manifest().created - SKEW
    far = NOW + POLICY.clock_horizon
    with refused(Code.TIME_UNTRUSTED):
        world.admit(world.package(issued_at=far, expires=far, sealer=world.box.plain_signer), readings=())


def test_a_box_that_sets_its_clock_back_is_not_believed(world: World) -> None:
    with refused(Code.TIME_BEFORE_FLOOR):
        world.admit(world.package(issued_at=NOW - 101 * DAY), readings=())


def test_a_clock_behind_a_date_that_the_vendor_signed_is_wrong(world: World) -> None:
    created = make_manifest().created
    world.admit(world.package(issued_at=created), readings=(("rtc", created - SKEW),))
    with refused(Code.TIME_BEFORE_FLOOR):
        readings = (("rtc", created - SKEW - 1),)
        world.admit(world.package(issued_at=created), readings=readings, box_time=False)
    crl = world.crl(Purpose.BOX_CA, 1, at=NOW + SKEW + 1)
    with refused(Code.TIME_BEFORE_FLOOR):
        world.admit(world.package(crls=(crl,)), box_time=False)


# 6. Dates


def test_a_package_is_not_taken_before_its_issue_nor_after_its_expiry(world: World) -> None:
    world.admit(world.package(issued_at=NOW + SKEW))
    with refused(Code.CERTIFICATE_NOT_YET_VALID):
        world.admit(world.package(issued_at=NOW + SKEW + 1))
    world.admit(world.package(expires=NOW))
    with refused(Code.PACKAGE_EXPIRED):
        world.admit(world.package(expires=NOW - 1))


def test_a_release_is_not_installed_after_its_install_by_date(world: World) -> None:
    world.admit(world.package(make_manifest(install_by=NOW)))
    with refused(Code.PACKAGE_EXPIRED):
        world.admit(world.package(make_manifest(install_by=NOW - 1)))


def test_an_envelope_is_not_older_than_its_manifest(world: World) -> None:
    with refused(Code.TIME_BEFORE_FLOOR):
        world.admit(world.package(issued_at=make_manifest().created - SKEW - 1))


def test_a_signer_must_be_valid_when_the_release_was_created(world: World) -> None:
    with refused(Code.CERTIFICATE_NOT_YET_VALID):
        world.admit(world.package(signers=[world.release_signer(now=NOW - DAY)]))
    with refused(Code.CERTIFICATE_EXPIRED):
        world.admit(world.package(signers=[world.release_signer(now=NOW - 3 * YEAR)]))


def test_a_box_must_be_valid_when_it_sealed_and_may_expire_in_transit(world: World) -> None:
    ends = BIRTH + 3 * YEAR
    late = (("rtc", ends + DAY),)
    package = world.package(issued_at=ends - DAY, expires=ends + 30 * DAY)
    plan = world.admit(package, readings=late)
    assert plan.time.time > ends
    with refused(Code.CERTIFICATE_EXPIRED):
        world.admit(world.package(issued_at=ends + 1, expires=ends + 30 * DAY), readings=late)


def test_a_box_certificate_that_ends_soon_is_mentioned(world: World) -> None:
    moment = BIRTH + 3 * YEAR - 20 * DAY
    package = world.package(issued_at=moment, expires=moment + DAY)
    assert [warning.within for warning in world.admit(package, readings=(("rtc", moment),)).warnings] == [30]


# 7. Revocation


def test_a_revoked_signer_box_or_ca_is_refused_by_the_list_that_comes_along(world: World) -> None:
    signer = world.release_signer()
    for crl in (
        world.crl(Purpose.RELEASE_CA, 1, signer.chain[0]),
        world.crl(Purpose.BOX_CA, 1, world.box.issued.identity[0]),
        world.crl(None, 1, world.issuers[Purpose.RELEASE_CA].chain[0]),
        world.crl(None, 1, world.issuers[Purpose.BOX_CA].chain[0]),
    ):
        with refused(Code.REVOKED):
            world.admit(world.package(signers=[signer], crls=(crl,)))


def test_deleting_the_list_from_the_medium_does_not_help_once_it_is_known(world: World) -> None:
    crl = world.crl(Purpose.BOX_CA, 2, world.box.issued.identity[0])
    lists = RevocationLists(world.anchor).take([crl], world.admit().sealer.issuers)
    for crls in ((), (world.crl(Purpose.BOX_CA, 1),), (b"junk",)):
        with refused(Code.REVOKED):
            world.admit(world.package(crls=crls), lists=RevocationLists(world.anchor, lists.ders))


def test_a_list_that_manifest_or_envelope_demands_cannot_be_withheld(world: World) -> None:
    demanded = (CrlNumber(issuer=world.issuers[Purpose.BOX_CA].id, number=2),)
    old, new = world.crl(Purpose.BOX_CA, 1), world.crl(Purpose.BOX_CA, 2)
    for crls in ((), (old,), (World().crl(Purpose.BOX_CA, 2),)):
        with refused(Code.REVOCATION_STALE):
            world.admit(world.package(make_manifest(crl_numbers=demanded), crls=crls))
        with refused(Code.REVOCATION_STALE):
            world.admit(world.package(crls=crls, crl_numbers=demanded))
    plan = world.admit(world.package(make_manifest(crl_numbers=demanded), crls=(old, new)))
    assert plan.lists.ders == (new,)


def test_lists_must_be_fresh_where_the_policy_says_so(world: World) -> None:
    purposes = (Purpose.RELEASE_CA, Purpose.BOX_CA, None)
    fresh = tuple(world.crl(purpose, 1) for purpose in purposes)
    world.admit(world.package(crls=fresh), crl_max_age=7 * DAY)
    for missing in range(3):
        old = world.crl(purposes[missing], 1, at=NOW - 8 * DAY)
        for crls in (fresh[:missing] + fresh[missing + 1 :], (*fresh[:missing], old, *fresh[missing + 1 :])):
            with refused(Code.REVOCATION_STALE):
                world.admit(world.package(crls=crls), crl_max_age=7 * DAY)


# 8. Key chain


def head(index: int, digest: bytes = bytes(32)) -> ChainHead:
    return ChainHead(line="stable", index=index, manifest_digest=digest)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"head": head(6)}, Code.ROLLBACK),
        ({"head": head(5)}, Code.EQUIVOCATION),
        ({"pending": head(5)}, Code.EQUIVOCATION),
        ({"security_floor": 6}, Code.SIGNER_SUPERSEDED),
    ],
    ids=["older than the head", "the head's index", "the pending index", "below the floor"],
)
def test_there_is_no_way_back(world: World, changes: dict[str, Any], code: Code) -> None:
    for also in ({}, {"retry": True}):
        with refused(code):
            world.admit(view=world.view(**changes, **also))


def test_a_stick_that_stays_in_the_port_makes_no_loop(world: World) -> None:
    digest = world.admit().manifest_digest
    with refused(Code.ALREADY_INSTALLED):
        world.admit(view=world.view(head=head(5, digest), installed=digest))
    world.admit(view=world.view(head=head(5, digest), installed=digest, retry=True))
    world.admit(view=world.view(head=head(5, digest)))
    with refused(Code.PREVIOUSLY_FAILED):
        world.admit(view=world.view(failed=frozenset({digest})))
    world.admit(view=world.view(failed=frozenset({digest}), retry=True))


# 9. Compatibility


@pytest.mark.parametrize("changes", [{"product": "valve"}, {"line": "beta"}, {"hardware": "rev-c"}])
def test_a_release_for_something_else_is_refused(world: World, changes: dict[str, Any]) -> None:
    with refused(Code.INCOMPATIBLE_HARDWARE):
        world.admit(view=world.view(**changes))


def test_chunks_must_fit_the_devices_memory(world: World) -> None:
    world.admit(view=world.view(largest_chunk=4096))
    with refused(Code.TOO_LARGE):
        world.admit(view=world.view(largest_chunk=4095))


def test_chunks_come_from_the_installed_release_only_where_the_device_can_do_that(world: World) -> None:
    base = bytes([7]) * 32
    present = Present(runs=(Run(first=0, count=1),), page_offsets=(0, 10), base=base)
    package = world.package(present=present, payload_length=100)
    with refused(Code.UNSUPPORTED_FORMAT):
        world.admit(package)
    with refused(Code.WRONG_BASE):
        world.admit(package, world.view(reuse=True, bases=frozenset({bytes(32)})))
    world.admit(package, world.view(reuse=True, bases=frozenset({base})))


@pytest.mark.parametrize(
    "changes",
    [
        {"runs": (Run(first=3, count=2),)},
        {"runs": (Run(first=0, count=2**63 - 1),)},
        {"runs": (Run(first=2**62, count=1),)},
        {"page_offsets": (0,)},
        {"page_offsets": (0, 0, 0)},
        {"page_offsets": (0, 2**63 - 1)},
    ],
)
def test_chunks_that_are_said_to_be_there_lie_within_the_release(
    world: World, changes: dict[str, Any]
) -> None:
    base = bytes([7]) * 32
    present = Present(runs=(Run(first=0, count=1),), page_offsets=(0, 10), base=base)
    package = world.package(present=dataclasses.replace(present, **changes), payload_length=100)
    with refused(Code.MALFORMED):
        world.admit(package, world.view(reuse=True, bases=frozenset({base})))


@pytest.mark.parametrize("length", [4179, 10**6, 2**41])
def test_some_of_the_chunks_take_no_more_room_than_all(world: World, length: int) -> None:
    base = bytes([7]) * 32
    present = Present(runs=(Run(first=0, count=1),), page_offsets=(0, 10), base=base)
    package = world.package(present=present, payload_length=length, segment_size=limits.MAX_SEGMENT_SIZE)
    with refused(Code.MALFORMED):
        world.admit(package, world.view(reuse=True, bases=frozenset({base})))


# 10. Regions, 11. Space


@pytest.mark.parametrize("slot", ["boot-indicator", "certificates", "rootfs-a", "../rootfs", "ROOTFS"])
def test_a_manifest_that_names_another_region_is_refused(world: World, slot: str) -> None:
    components = (make_component(slot=slot), make_component(name="hook"))
    with refused(Code.REGION_FORBIDDEN):
        world.admit(world.package(make_manifest(components=components, stored_size=0)))


@pytest.mark.parametrize(("offset", "overlaps"), [(0, True), (4095, True), (4096, False)])
def test_components_do_not_overlap(world: World, offset: int, overlaps: bool) -> None:
    pair = (make_component(), make_component(name="second", offset=offset))
    for components in (pair, pair[::-1]):
        package = world.package(make_manifest(components=components, stored_size=0))
        if overlaps:
            with refused(Code.REGION_FORBIDDEN):
                world.admit(package)
        else:
            world.admit(package)


@pytest.mark.parametrize(
    ("offset", "size"), [(0, (1 << 20) + 1), (1 << 20, 1), (2**62, 4096), ((1 << 20) - 4095, 4096)]
)
def test_a_component_must_fit_its_slot(world: World, offset: int, size: int) -> None:
    component = make_component(offset=offset, size=size)
    pages = make_pages()[: component.pages]
    manifest = make_manifest(pages, components=(component,), stored_size=0)
    with refused(Code.NO_SPACE):
        world.admit(world.package(manifest))


def test_a_component_may_fill_its_slot(world: World) -> None:
    manifest = make_manifest(make_pages()[:1], components=(make_component(size=4096),), stored_size=0)
    world.admit(world.package(manifest), world.view(slots={"rootfs": SlotSpace(4096)}))


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
