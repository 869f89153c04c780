"""Renewal through media: later certificates for the keys there are, and a new root beside the old one."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust.bundle import Bundle
from appliance.trust.enrolment import read_enrolment
from appliance.trust.issuing import (
    Enrolled,
    create_root,
    cross_certify,
    generate_issuer_key,
    issue_box,
    issue_device,
)
from appliance.trust.purpose import Purpose
from media_format.objects import Family, Order, Role, Root
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.ordering import (
    BOX,
    PUMP,
    authority,
    box_follows_nothing,
    device_follows_nothing,
    followed,
    followed_by_box,
    order,
    put_directive,
    signer,
)
from tests.cli.refusals import device_refuses
from tests.cli.wall_clock import wall_clock
from tests.cli.workshop import Workshop, run
from tests.tools import require
from tests.trust_world import pem

LATE = 2 * 365 - 60
"""Days after which a box's certificates have two months left."""


def held(folder: Path) -> Bundle:
    return Bundle.from_pem((folder / "certificates.pem").read_bytes())


def warnings(shop: Workshop) -> set[int]:
    found = shop.do("box", "status", shop.box)["status"]["warnings"]
    return {warning["within"] for warning in found}


# Later certificates


def test_a_box_that_is_about_to_expire_is_renewed_through_a_stick(enrolled: Workshop) -> None:
    before = held(enrolled.box)
    with wall_clock(days=LATE):
        assert warnings(enrolled) == {90}
        order(enrolled, "renew", whom=BOX)
        assert followed_by_box(enrolled) == ["renew"]
        assert warnings(enrolled) == set()
    for purpose in (Purpose.BOX_IDENTITY, Purpose.BOX_TRANSPORT):
        old, new = before.verified(purpose), held(enrolled.box).verified(purpose)
        assert (new.profile, new.spki) == (old.profile, old.spki)
        assert new.certificate.not_valid_after_utc > old.certificate.not_valid_after_utc
    assert held(enrolled.box).anchor == before.anchor


def test_an_expired_box_is_renewed_and_its_packages_are_believed_again(enrolled: Workshop) -> None:
    with wall_clock(days=2 * 365 + 1):
        order(enrolled, "renew", whom=BOX)
        assert followed_by_box(enrolled) == ["renew"]
        enrolled.do("vendor", "renew", enrolled.vendor, *_for_box(enrolled), *enrolled.passphrase())
        enrolled.release("1.0.0")
        enrolled.ask()
        enrolled.write()
        enrolled.install()


def test_a_box_is_renewed_by_hand(enrolled: Workshop) -> None:
    with wall_clock(days=LATE):
        enrolled.do("vendor", "renew", enrolled.vendor, *_for_box(enrolled), *enrolled.passphrase())
        assert warnings(enrolled) == {90}
        enrolled.do("box", "certs", enrolled.box, "--install", enrolled.folder / "box.pem")
        assert warnings(enrolled) == set()


def _for_box(shop: Workshop) -> tuple[object, ...]:
    return "--for", BOX, "--out", shop.folder / "box.pem", "--force"


@pytest.mark.parametrize("name", ["release-ca", "box-ca", "device-ca"])
def test_an_authority_is_renewed_and_everything_goes_on(enrolled: Workshop, name: str) -> None:
    (before,) = authority(enrolled, name)
    enrolled.do("vendor", "renew-authority", enrolled.vendor, "--name", name, *enrolled.passphrase())
    (after,) = authority(enrolled, name)
    assert after != before
    order(enrolled, "renew", whom=BOX)
    order(enrolled, "renew")
    assert (followed_by_box(enrolled), followed(enrolled)) == (["renew"], ["renew"])
    for folder in (enrolled.box, enrolled.device):
        assert after in held(folder).certificates and before not in held(folder).certificates
    enrolled.release("1.0.0")
    enrolled.ask()
    enrolled.write()
    enrolled.install()


def _leaves(shop: Workshop, role: Role, folder: Path, **changes: Any) -> tuple[bytes, ...]:
    """Certificates that the vendor would not issue, from an enrolment request with something changed."""
    enrolment = read_enrolment((folder / "enrolment.req").read_bytes())
    enrolment = dataclasses.replace(enrolment, request=dataclasses.replace(enrolment.request, **changes))
    issued: Enrolled
    if role is Role.BOX:
        ca = attacker.vendor_issuer(shop, Purpose.BOX_IDENTITY)
        issued = issue_box(ca, enrolment, attacker.now())
    else:
        ca = attacker.vendor_issuer(shop, Purpose.DEVICE_IDENTITY)
        issued = issue_device(ca, enrolment, attacker.now())
    return issued.identity[0], issued.encryption[0], *issued.identity[1:]


def test_renewal_for_other_keys_is_refused(enrolled: Workshop) -> None:
    by = signer(enrolled)
    other = _leaves(enrolled, Role.DEVICE, enrolled.other, id="PUMP-1")
    put_directive(enrolled, by, order=Order.RENEW, certificates=other)
    device_follows_nothing(enrolled, Code.PURPOSE_MISMATCH)


@pytest.mark.parametrize("changes", [{"id": "PUMP-7"}, {"epoch": 9}], ids=["id", "epoch"])
def test_renewal_for_another_identity_is_refused(enrolled: Workshop, changes: dict[str, Any]) -> None:
    by = signer(enrolled)
    other = _leaves(enrolled, Role.DEVICE, enrolled.device, **changes)
    put_directive(enrolled, by, order=Order.RENEW, certificates=other)
    device_follows_nothing(enrolled, Code.PURPOSE_MISMATCH)


def test_a_box_does_not_become_another_box(enrolled: Workshop) -> None:
    other = _leaves(enrolled, Role.BOX, enrolled.box, id="BOX-2")
    put_directive(enrolled, signer(enrolled), role=Role.BOX, order=Order.RENEW, certificates=other)
    box_follows_nothing(enrolled, Code.PURPOSE_MISMATCH)


def test_renewal_under_another_vendors_authority_is_refused(enrolled: Workshop) -> None:
    pirate = attacker.pirate_box(enrolled)
    other = _leaves(pirate, Role.BOX, enrolled.box)
    put_directive(enrolled, signer(enrolled), role=Role.BOX, order=Order.RENEW, certificates=other)
    box_follows_nothing(enrolled, Code.CHAIN_INVALID)


def test_a_renewal_that_was_overtaken_does_not_shorten_the_newer_one(enrolled: Workshop) -> None:
    before = _leaves(enrolled, Role.BOX, enrolled.box)
    with wall_clock(days=30):
        order(enrolled, "renew", whom=BOX)
        assert followed_by_box(enrolled) == ["renew"]
        put_directive(enrolled, signer(enrolled), role=Role.BOX, order=Order.RENEW, certificates=before)
        box_follows_nothing(enrolled, Code.CERTIFICATE_EXPIRED)


# Another root


def test_a_fleet_goes_over_to_a_new_root(running: Workshop) -> None:
    old = running.folder / "old.img"
    running.write()
    running.stick.rename(old)
    running.fresh_stick()
    _rotate(running)
    for whom in (BOX, PUMP):
        order(running, "cross-sign", whom=whom)
    assert (followed_by_box(running), followed(running)) == (["cross-sign"], ["cross-sign"])
    _rotate(running, "--use")
    order(running, "renew", whom=BOX)
    assert followed_by_box(running) == ["renew"]
    running.install(medium=old)
    running.release("1.2.0")
    running.ask()
    running.write()
    running.install()
    status = running.do("device", "status", running.device)["status"]
    assert status["version"] == "1.2.0"


def test_a_device_that_has_not_learnt_of_the_new_root_refuses_what_is_signed_under_it(
    enrolled: Workshop,
) -> None:
    _rotate(enrolled)
    order(enrolled, "cross-sign", whom=BOX)
    assert followed_by_box(enrolled) == ["cross-sign"]
    _rotate(enrolled, "--use")
    enrolled.release("1.0.0")
    enrolled.ask()
    enrolled.write()
    device_refuses(enrolled, Code.CHAIN_INVALID)


def test_what_is_signed_between_the_two_steps_is_believed_by_all(enrolled: Workshop) -> None:
    _rotate(enrolled)
    enrolled.release("1.0.0")
    enrolled.ask()
    enrolled.write()
    enrolled.install()


def test_the_lists_of_a_vendor_with_a_new_root_are_taken_by_a_box_that_knows_the_old_one(
    enrolled: Workshop,
) -> None:
    _rotate(enrolled)
    lists = enrolled.folder / "lists.pem"
    enrolled.do("vendor", "crl", enrolled.vendor, "--out", lists, *enrolled.passphrase())
    assert enrolled.do("box", "certs", enrolled.box, "--install", lists)["lists"] > 0


def test_openssl_believes_a_box_under_the_old_root_and_under_the_new(enrolled: Workshop) -> None:
    _rotate(enrolled)
    leaf = held(enrolled.box).chain(Purpose.BOX_IDENTITY)[0]
    old, new = authority(enrolled, "box-ca")
    (root,), (later, word) = authority(enrolled, "root"), authority(enrolled, "root-2")
    assert _openssl_believes(enrolled.folder, root, leaf, old)
    assert _openssl_believes(enrolled.folder, later, leaf, new)
    assert _openssl_believes(enrolled.folder, root, word)
    assert not _openssl_believes(enrolled.folder, root, leaf, new)
    assert not _openssl_believes(enrolled.folder, later, leaf, old)


def _openssl_believes(folder: Path, root: bytes, leaf: bytes, *above: bytes) -> bool:
    files = {name: folder / f"{name}.crt" for name in ("root", "leaf", "above")}
    for name, ders in (("root", (root,)), ("leaf", (leaf,)), ("above", above)):
        files[name].write_bytes(b"".join(pem(der, "CERTIFICATE") for der in ders))
    untrusted = ["-untrusted", str(files["above"])] if above else []
    command = [require("openssl"), "verify", "-x509_strict", *untrusted, "-CAfile", str(files["root"])]
    done = subprocess.run([*command, str(files["leaf"])], capture_output=True, check=False)
    return done.returncode == 0


def test_a_root_that_no_pinned_root_vouches_for_is_refused(enrolled: Workshop) -> None:
    """Whoever holds the release CA signs directives; the root's own key it takes to add a root."""
    stranger = create_root("Acme Medical", generate_issuer_key(Family.ECDSA), attacker.now(), 2)
    voucher = create_root("Acme Medical", generate_issuer_key(Family.ECDSA), attacker.now())
    root = Root(family=Family.ECDSA, certificate=stranger.certificate.public_bytes(Encoding.DER))
    word = cross_certify(voucher, stranger, attacker.now())
    fields: dict[str, Any] = {"order": Order.CROSS_SIGN, "root": root, "cross_certificate": word}
    by = signer(enrolled)
    put_directive(enrolled, by, **fields)
    device_follows_nothing(enrolled, Code.CHAIN_INVALID)
    put_directive(enrolled, by, role=Role.BOX, **fields)
    box_follows_nothing(enrolled, Code.CHAIN_INVALID)


def test_a_root_whose_word_was_taken_back_is_refused(enrolled: Workshop) -> None:
    _rotate(enrolled)
    order(enrolled, "cross-sign")
    issued = enrolled.do("vendor", "issued", enrolled.vendor, *enrolled.passphrase())["issued"]
    (word,) = (entry["serial"] for entry in issued if entry["purpose"] == "ROOT")
    enrolled.do("vendor", "revoke", enrolled.vendor, "--serial", word, *enrolled.passphrase())
    order(enrolled, "cross-sign")
    device_follows_nothing(enrolled, Code.REVOKED)


def test_a_second_rotation_reaches_who_missed_the_first(enrolled: Workshop) -> None:
    for _ in range(2):
        _rotate(enrolled)
    order(enrolled, "cross-sign")
    assert followed(enrolled) == ["cross-sign", "cross-sign"]
    assert len(held(enrolled.device).anchor.roots) == 3


def test_without_another_root_there_is_nothing_to_cross_sign_or_use(enrolled: Workshop) -> None:
    arguments = ("--for", BOX, "--out", enrolled.stick)
    said = run("vendor", "directive", "cross-sign", enrolled.vendor, *arguments, *enrolled.passphrase())
    assert (said.status, said.err.split(":")[0]) == (2, "misuse")


def test_a_wrong_passphrase_makes_no_root(enrolled: Workshop) -> None:
    wrong = enrolled.folder / "wrong"
    wrong.write_text("not the passphrase\n")
    before = sorted((enrolled.vendor / "authority").iterdir())
    said = run("vendor", "rotate-root", enrolled.vendor, "--passphrase-file", wrong)
    assert said.err.split(":")[0] == Code.PIN_WRONG
    assert "lock" not in said.err
    assert sorted((enrolled.vendor / "authority").iterdir()) == before


def _rotate(shop: Workshop, *options: object) -> None:
    shop.do("vendor", "rotate-root", shop.vendor, *options, *shop.passphrase())
