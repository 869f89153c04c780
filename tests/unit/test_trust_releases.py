"""A box's admission of a release: signed and sealed by the vendor, for this box, whole, and in date."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.trust.clock import TrustedTime
from appliance.trust.crl import RevocationLists
from appliance.trust.purpose import Purpose
from appliance.trust.release import VerifiedRelease, admit_release
from appliance.trust.verifier import PackageBytes
from media_format.objects import Cipher, CrlNumber, EnvelopeKind, Kem, Present, Run
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Code, Refusal
from tests.trust_world import DAY, NOW, YEAR, World, make_manifest, make_pages, make_recipient, refused


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def release(world: World, manifest: Any = None, **changes: Any) -> PackageBytes:
    """Release 5, sealed for the world's box; `changes` as for `World.package`."""
    fields = {
        "kind": EnvelopeKind.RELEASE,
        "recipients": (make_recipient(world.box.enrolment.encryption, None),),
        "sealer": world.release_sealer(),
        **changes,
    }
    return world.package(manifest, **fields)


def admit(
    world: World,
    package: PackageBytes,
    at: int = NOW,
    lists: RevocationLists | None = None,
    key: RecipientKey | None = None,
) -> VerifiedRelease:
    known = lists or RevocationLists(world.anchor)
    transport = key or world.box.enrolment.encryption
    return admit_release(package, world.anchor, known, TrustedTime(at, "rtc"), transport)


def test_a_good_release_is_admitted_with_its_pages(world: World) -> None:
    verified = admit(world, release(world, crls=(world.crl(Purpose.RELEASE_CA, 4),)))
    assert verified.manifest.version == "1.5.0"
    assert verified.recipient.key_id == world.box.enrolment.encryption.key_id
    assert [entry.number for entry in verified.lists.numbers()] == [4]
    assert verified.page(0, make_pages()[0]).first == 0
    with refused(Code.DIGEST_MISMATCH):
        verified.page(0, make_pages()[1])


def test_a_release_for_another_box_is_refused(world: World) -> None:
    with refused(Code.NOT_FOR_THIS_DEVICE):
        admit(world, release(world), key=world.new_box("box-2").enrolment.encryption)


def test_a_box_that_gets_a_release_past_its_date_sends_for_it_to_the_vendor(world: World) -> None:
    with pytest.raises(Refusal, match="package-expired") as raised:
        admit(world, release(world, expires=NOW - 1))
    assert raised.value.advice.endswith("ask the vendor to seal it again (updatebox vendor seal).")


def test_a_wrap_with_other_layers_than_the_boxs_key_is_not_the_boxs(world: World) -> None:
    weaker = make_recipient(world.box.enrolment.encryption, None, (Kem.XWING,))
    with refused(Code.NOT_FOR_THIS_DEVICE):
        admit(world, release(world, recipients=(weaker,)))


def test_a_release_without_encryption_is_refused(world: World) -> None:
    open_release = release(
        world, recipients=(), cipher=Cipher.NONE, payload_length=make_manifest().stored_size
    )
    with refused(Code.UNSUPPORTED_FORMAT):
        admit(world, open_release)


def test_a_release_without_all_its_chunks_is_refused(world: World) -> None:
    present = Present(runs=(Run(first=0, count=1),), page_offsets=(0, 0), base=bytes(32))
    with refused(Code.UNSUPPORTED_FORMAT):
        admit(world, release(world, present=present))


def test_a_box_cannot_seal_a_release(world: World) -> None:
    with refused(Code.PURPOSE_MISMATCH):
        admit(world, release(world, sealer=world.box.plain_signer))


def test_a_delivery_is_no_release(world: World) -> None:
    with refused(Code.PURPOSE_MISMATCH):
        admit(world, world.package())


@pytest.mark.parametrize(
    ("changes", "at", "code"),
    [
        ({"expires": NOW - 1}, NOW, Code.PACKAGE_EXPIRED),
        ({"issued_at": NOW + DAY, "expires": NOW + 2 * DAY}, NOW, Code.CERTIFICATE_NOT_YET_VALID),
        ({}, NOW - 30 * DAY, Code.TIME_BEFORE_FLOOR),
        ({"issued_at": NOW + 4 * YEAR, "expires": NOW + 5 * YEAR}, NOW + 4 * YEAR, Code.CERTIFICATE_EXPIRED),
    ],
)
def test_dates_are_judged_by_the_boxs_time(
    world: World, changes: dict[str, int], at: int, code: Code
) -> None:
    with refused(code):
        admit(world, release(world, **changes), at)


@pytest.mark.parametrize("who", ["signer", "sealer"])
def test_a_revoked_signer_or_sealer_is_refused(world: World, who: str) -> None:
    signer, sealer = world.release_signer(), world.release_sealer()
    revoked = (signer if who == "signer" else sealer).chain[0]
    crls = (world.crl(Purpose.RELEASE_CA, 1, revoked),)
    with refused(Code.REVOKED):
        admit(world, release(world, signers=[signer], sealer=sealer, crls=crls))


def test_the_lists_that_a_release_demands_must_be_there(world: World) -> None:
    demanded = (CrlNumber(issuer=world.issuers[Purpose.RELEASE_CA].id, number=3),)
    package = release(world, make_manifest(crl_numbers=demanded))
    with refused(Code.REVOCATION_STALE):
        admit(world, package)
    fresh = release(world, make_manifest(crl_numbers=demanded), crls=(world.crl(Purpose.RELEASE_CA, 3),))
    admit(world, fresh)


def test_a_sealer_that_ends_soon_is_warned_of(world: World) -> None:
    assert admit(world, release(world)).warnings == ()
    end = 2 * YEAR - 20 * DAY
    late = release(world, issued_at=NOW + end, expires=NOW + end + DAY)
    (warning,) = admit(world, late, NOW + end).warnings
    assert warning.within == 30
