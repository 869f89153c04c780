"""What directives may change of a machine's trust, and what not even a directive signer can."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust import issuing
from appliance.trust.bundle import Bundle
from appliance.trust.chain import verify_chain
from appliance.trust.crl import RevocationLists
from appliance.trust.issuing import (
    BOX_LIFETIME,
    Issuer,
    create_root,
    cross_certify,
    generate_issuer_key,
    issue_box,
    issue_device,
    reissue,
)
from appliance.trust.purpose import Purpose
from appliance.trust.renewal import cross_signed, lowered_floor, renewed
from media_format.objects import Family, Order, Role, Root
from media_format.refusal import Code
from tests.directives import Rotation, bundle_of, cas, ordered
from tests.tools import require
from tests.trust_world import BIRTH, DAY, KIND, NOW, YEAR, Holder, World, pem, refused


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def rotation(world: World) -> Rotation:
    return Rotation.of(world)


# The time floor


def test_the_floor_is_lowered_and_never_raised(world: World) -> None:
    device = bundle_of(world, world.device)
    order = ordered(world, time_floor=NOW - 10 * DAY)
    assert lowered_floor(order, NOW + 5 * YEAR, device) == NOW - 10 * DAY
    assert lowered_floor(order, NOW - 20 * DAY, device) == NOW - 20 * DAY


def test_the_floor_stays_above_the_machines_own_enrolment(world: World) -> None:
    with refused(Code.TIME_BEFORE_FLOOR):
        lowered_floor(ordered(world, time_floor=BIRTH - DAY), NOW, bundle_of(world, world.device))


# Renewal


BOX: dict[str, Any] = {"role": Role.BOX, "target": "box-1", "order": Order.RENEW}


def leaves(world: World, holder: Holder, now: int = NOW, ends: int = NOW + BOX_LIFETIME) -> tuple[bytes, ...]:
    """A box's leaves, issued anew for the same keys."""
    held, ca = bundle_of(world, holder), world.issuers[Purpose.BOX_CA]
    purposes = (Purpose.BOX_IDENTITY, Purpose.BOX_TRANSPORT)
    return tuple(reissue(ca, held.verified(purpose), now, ends)[0] for purpose in purposes)


def renew(world: World, certificates: tuple[bytes, ...], **changes: Any) -> Bundle:
    order = ordered(world, **{**BOX, "certificates": certificates, **changes})
    return renewed(order, bundle_of(world, world.box))


def test_a_box_gets_later_certificates_for_the_same_keys(world: World) -> None:
    before, after = (
        bundle_of(world, world.box),
        renew(world, (*leaves(world, world.box), *cas(world.issuers))),
    )
    for purpose in (Purpose.BOX_IDENTITY, Purpose.BOX_TRANSPORT):
        old, new = before.verified(purpose), after.verified(purpose)
        assert (new.profile, new.spki) == (old.profile, old.spki)
        assert int(new.certificate.not_valid_after_utc.timestamp()) == NOW + BOX_LIFETIME
    assert after.anchor == before.anchor


def test_the_same_renewal_again_changes_nothing(world: World) -> None:
    order = ordered(world, **BOX, certificates=(*leaves(world, world.box), *cas(world.issuers)))
    once = renewed(order, bundle_of(world, world.box))
    assert renewed(order, once) == once


def test_a_device_gets_certificates_under_a_renewed_authority(world: World) -> None:
    held = bundle_of(world, world.device)
    new = (world.device.issued.identity[0], world.device.issued.encryption[0], *cas(world.issuers))
    assert renewed(ordered(world, order=Order.RENEW, certificates=new), held) == held


def test_renewal_for_other_keys_is_refused(world: World) -> None:
    other = world.new_box("box-1")
    new = leaves(world, other)
    mixed = leaves(world, world.box)[0], new[1]
    for certificates in (new, mixed):
        with refused(Code.PURPOSE_MISMATCH):
            renew(world, (*certificates, *cas(world.issuers)))


def test_renewal_for_another_identity_is_refused(world: World) -> None:
    request = dataclasses.replace(world.box.enrolment.request, id="box-2")
    issued = issue_box(
        world.issuers[Purpose.BOX_CA], dataclasses.replace(world.box.enrolment, request=request), NOW, YEAR
    )
    with refused(Code.PURPOSE_MISMATCH):
        renew(world, (issued.identity[0], issued.encryption[0], *cas(world.issuers)))


def test_renewal_does_not_turn_a_device_into_another_kind(world: World) -> None:
    kind = dataclasses.replace(KIND, hardware="rev-z")
    request = dataclasses.replace(world.device.enrolment.request, device=kind)
    enrolment = dataclasses.replace(world.device.enrolment, request=request)
    issued = issue_device(world.issuers[Purpose.DEVICE_CA], enrolment, NOW)
    new = (issued.identity[0], issued.encryption[0], *cas(world.issuers))
    with refused(Code.PURPOSE_MISMATCH):
        renewed(ordered(world, order=Order.RENEW, certificates=new), bundle_of(world, world.device))


def test_a_box_stays_a_box(world: World) -> None:
    device = (world.device.issued.identity[0], world.device.issued.encryption[0])
    with refused(Code.CHAIN_INVALID):
        renew(world, (*device, *cas(world.issuers)))


def test_renewal_does_not_shorten(world: World) -> None:
    with refused(Code.CERTIFICATE_EXPIRED):
        renew(world, (*leaves(world, world.box, ends=NOW + DAY), *cas(world.issuers)))
    with refused(Code.CERTIFICATE_EXPIRED):
        renew(world, (*leaves(world, world.box, now=BIRTH - DAY), *cas(world.issuers)))


def test_certificates_that_are_not_valid_yet_are_refused(world: World) -> None:
    with refused(Code.CERTIFICATE_NOT_YET_VALID):
        renew(world, (*leaves(world, world.box, now=NOW + DAY), *cas(world.issuers)))


def test_revoked_certificates_are_refused(world: World) -> None:
    new = leaves(world, world.box)
    lists = RevocationLists(world.anchor, (world.crl(Purpose.BOX_CA, 3, new[1]),), cas(world.issuers))
    with refused(Code.REVOKED):
        renew(world, (*new, *cas(world.issuers)), lists=lists)


def test_certificates_of_another_vendor_are_refused(world: World) -> None:
    pirate = World()
    issued = issue_box(pirate.issuers[Purpose.BOX_CA], world.box.enrolment, NOW, BOX_LIFETIME)
    with refused(Code.CHAIN_INVALID):
        renew(world, (issued.identity[0], issued.encryption[0], *cas(pirate.issuers)))


def test_authorities_of_another_root_are_left_out(world: World, rotation: Rotation) -> None:
    after = renew(world, (*leaves(world, world.box), *cas(world.issuers), *cas(rotation.issuers)))
    assert set(after.certificates) & set(cas(rotation.issuers)) == set()
    assert set(after.certificates) > set(cas(world.issuers))


# Another root


def pinned(world: World, rotation: Rotation, **changes: Any) -> Any:
    return cross_signed(ordered(world, **rotation.order(**changes)), world.anchor)


@pytest.mark.parametrize("family", list(Family))
def test_a_root_that_the_old_one_vouches_for_joins_it(world: World, family: Family) -> None:
    rotation = Rotation.of(world, family)
    anchor = pinned(world, rotation)
    assert anchor.roots == (*world.anchor.roots, rotation.pinned)
    assert anchor.policy == world.anchor.policy


def test_the_same_root_again_changes_nothing(world: World, rotation: Rotation) -> None:
    order = ordered(world, **rotation.order())
    once = cross_signed(order, world.anchor)
    assert cross_signed(order, once) == once


def test_both_chains_hold_while_both_roots_are_pinned(world: World, rotation: Rotation) -> None:
    anchor = pinned(world, rotation)
    for issuers in (world.issuers, rotation.issuers):
        leaf = world.box.issued.identity[0]
        chain = (leaf, issuers[Purpose.BOX_CA].certificate.public_bytes(Encoding.DER))
        assert verify_chain(chain, anchor, Purpose.BOX_IDENTITY).identity.id == "box-1"
    with refused(Code.CHAIN_INVALID):
        verify_chain(chain, world.anchor, Purpose.BOX_IDENTITY)


def test_openssl_believes_the_old_chain_the_new_one_and_the_word_of_the_old_root(
    world: World, rotation: Rotation, tmp_path: Path
) -> None:
    def believes(root: Issuer, leaf: bytes, *above: bytes) -> bool:
        der = root.certificate.public_bytes(Encoding.DER)
        for name, ders in (("root", (der,)), ("above", above), ("leaf", (leaf,))):
            (tmp_path / name).write_bytes(b"".join(pem(one, "CERTIFICATE") for one in ders))
        options = ["-untrusted", tmp_path / "above"] if above else []
        command = [require("openssl"), "verify", "-x509_strict", "-attime", str(NOW), *map(str, options)]
        command += ["-CAfile", str(tmp_path / "root"), str(tmp_path / "leaf")]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    leaf = world.box.issued.identity[0]
    old, new = (
        issuers[Purpose.BOX_CA].certificate.public_bytes(Encoding.DER)
        for issuers in (world.issuers, rotation.issuers)
    )
    assert believes(world.root, leaf, old)
    assert believes(rotation.root, leaf, new)
    assert believes(world.root, rotation.cross_certificate)
    assert not believes(world.root, leaf, new)
    assert not believes(rotation.root, leaf, old)


def test_the_directive_signers_word_alone_pins_no_root(world: World, rotation: Rotation) -> None:
    """Who has taken the release CA can sign directives, but not with the root's key."""
    stranger = create_root("Acme", generate_issuer_key(Family.ECDSA), BIRTH)
    for cross in (
        cross_certify(stranger, rotation.root, NOW),
        rotation.root.certificate.public_bytes(Encoding.DER),
        cross_certify(world.root, stranger, NOW),
    ):
        with refused(Code.CHAIN_INVALID):
            pinned(world, rotation, cross_certificate=cross)


def test_an_issuing_authority_cannot_pass_for_a_root(world: World) -> None:
    """The root did sign its key: but as an issuing CA's, for a purpose."""
    ca = world.issuers[Purpose.RELEASE_CA]
    same_name = dataclasses.replace(ca, certificate=_self_signed(ca))
    root = Root(family=Family.ECDSA, certificate=same_name.certificate.public_bytes(Encoding.DER))
    word = ca.certificate.public_bytes(Encoding.DER)
    order = ordered(world, order=Order.CROSS_SIGN, root=root, cross_certificate=word)
    with refused(Code.CHAIN_INVALID):
        cross_signed(order, world.anchor)


def _self_signed(ca: Issuer) -> x509.Certificate:
    return x509.load_der_x509_certificate(cross_certify(ca, ca, NOW))


def test_what_did_not_sign_itself_is_no_root(world: World, rotation: Rotation) -> None:
    for der in (rotation.cross_certificate, world.box.issued.identity[0], cas(rotation.issuers)[0]):
        with refused(Code.CHAIN_INVALID):
            pinned(world, rotation, root=Root(family=Family.ECDSA, certificate=der))


def test_a_root_is_pinned_for_its_own_family_only(world: World, rotation: Rotation) -> None:
    wrong = dataclasses.replace(rotation.pinned, family=Family.ML_DSA)
    with refused(Code.CHAIN_INVALID):
        pinned(world, rotation, root=wrong)


def test_the_old_root_can_take_its_word_back(world: World, rotation: Rotation) -> None:
    lists = RevocationLists(world.anchor, (world.crl(None, 8, rotation.cross_certificate),))
    with refused(Code.REVOKED):
        cross_signed(ordered(world, lists=lists, **rotation.order()), world.anchor)


def test_the_old_roots_word_counts_from_its_first_day_to_its_last(
    world: World, rotation: Rotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = cross_certify(world.root, rotation.root, NOW + DAY)
    with refused(Code.CERTIFICATE_NOT_YET_VALID):
        pinned(world, rotation, cross_certificate=later)
    monkeypatch.setattr(issuing, "NEVER", NOW - 2 * DAY)
    ended = cross_certify(world.root, rotation.root, NOW - 5 * DAY)
    with refused(Code.CERTIFICATE_EXPIRED):
        pinned(world, rotation, cross_certificate=ended)


def test_no_more_roots_are_pinned_than_an_anchor_holds(world: World) -> None:
    anchor = world.anchor
    for _ in range(7):
        anchor = cross_signed(ordered(world, **Rotation.of(world).order()), anchor)
    with refused(Code.TOO_LARGE):
        cross_signed(ordered(world, **Rotation.of(world).order()), anchor)
    assert type(anchor).from_bytes(anchor.to_bytes()) == anchor
