"""Who signed: strangers, keys of another purpose, revoked ones, too few, and bytes changed after signing."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa

from appliance.trust.issuing import create_issuing_ca, create_root, generate_issuer_key
from appliance.trust.purpose import Purpose
from media_format import layout
from media_format.objects import Family
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import box_refuses, device_refuses_and_reports, says
from tests.cli.workshop import Workshop, mounted, package_on, run


def test_a_release_signed_by_a_stranger_is_not_installed(delivered: Workshop) -> None:
    root = create_root("Acme Medical", generate_issuer_key(Family.ECDSA), attacker.now())
    key = generate_issuer_key(Family.ECDSA)
    ca = create_issuing_ca(root, "Acme Medical", Purpose.RELEASE_CA, key, attacker.now())
    with mounted(delivered.stick) as volume:
        attacker.sign_manifest(volume, [attacker.release_signer(ca, 1)])
    device_refuses_and_reports(delivered, Code.CHAIN_INVALID)


def test_a_package_sealed_by_a_stranger_is_not_installed(delivered: Workshop) -> None:
    pirate = attacker.pirate_box(delivered)
    with mounted(delivered.stick) as volume:
        attacker.reseal(volume, attacker.box_signer(pirate))
    device_refuses_and_reports(delivered, Code.CHAIN_INVALID)


def test_a_release_of_another_vendor_is_not_imported(enrolled: Workshop) -> None:
    pirate = attacker.pirate_box(enrolled)
    pirate.make_release("6.6.6", "--hardware", "rev-c")
    source = pirate.folder / "6.6.6"
    box_refuses(enrolled, Code.CHAIN_INVALID, "import", enrolled.box, source, *enrolled.pin())


def test_a_release_signed_with_a_box_key_is_not_installed(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        attacker.sign_manifest(volume, [attacker.box_signer(delivered)])
    device_refuses_and_reports(delivered, Code.PURPOSE_MISMATCH)


def test_a_release_signed_for_another_product_is_not_installed(delivered: Workshop) -> None:
    ca = attacker.vendor_issuer(delivered, Purpose.RELEASE_SIGNER)
    with mounted(delivered.stick) as volume:
        attacker.sign_manifest(volume, [attacker.release_signer(ca, 1, product="ventilator")])
    device_refuses_and_reports(delivered, Code.PURPOSE_MISMATCH)


@pytest.mark.parametrize("part", [layout.MANIFEST, layout.ENVELOPE])
def test_a_bit_flipped_in_a_signature_is_noticed(delivered: Workshop, part: str) -> None:
    with mounted(delivered.stick) as volume:
        attacker.flip(volume, f"{package_on(volume)}/{part}", -1)
    device_refuses_and_reports(delivered, Code.SIGNATURE_INVALID)


def test_a_release_with_a_bit_flipped_in_its_signature_is_not_imported(enrolled: Workshop) -> None:
    enrolled.make_release("1.0.0")
    source = enrolled.folder / "1.0.0"
    with mounted(source) as volume:
        attacker.flip(volume, f"{package_on(volume)}/{layout.MANIFEST}", -1)
    box_refuses(
        enrolled,
        Code.SIGNATURE_INVALID,
        *("import", enrolled.box, source, *enrolled.pin()),
        medium=source,
    )


def test_a_request_with_a_bit_flipped_in_its_signature_is_not_admitted(enrolled: Workshop) -> None:
    enrolled.do("device", "request", enrolled.device, enrolled.stick)
    with mounted(enrolled.stick) as volume:
        (entry,) = volume.list(layout.REQUESTS)
        attacker.flip(volume, f"{layout.REQUESTS}/{entry.name}", -1)
    box_refuses(enrolled, Code.SIGNATURE_INVALID, "admit", enrolled.box, enrolled.stick)


def test_a_release_without_a_signature_of_a_pinned_family_is_not_installed(delivered: Workshop) -> None:
    ca = attacker.vendor_issuer(delivered, Purpose.RELEASE_SIGNER)
    signer = attacker.release_signer(ca, 1, key=mldsa.MLDSA65PrivateKey.generate())
    with mounted(delivered.stick) as volume:
        attacker.sign_manifest(volume, [signer])
    device_refuses_and_reports(delivered, Code.THRESHOLD_NOT_MET)


def test_a_package_from_a_box_that_was_revoked_is_not_installed(delivered: Workshop) -> None:
    attacker.revoke(delivered, "box.pem")
    device_refuses_and_reports(delivered, Code.REVOKED)


def test_the_request_of_a_device_that_was_revoked_is_not_admitted(delivered: Workshop) -> None:
    attacker.revoke(delivered, "PUMP-1.pem")
    says(run("box", "admit", delivered.box, delivered.stick, "--json"), Code.REVOKED)
    # The box keeps the list that came along; once it has, nothing changes any more.
    box_refuses(delivered, Code.REVOKED, "admit", delivered.box, delivered.stick)


def test_lists_that_somebody_deleted_are_missed(delivered: Workshop) -> None:
    lists = delivered.folder / "lists.pem"
    delivered.do("vendor", "crl", delivered.vendor, "--out", lists, *delivered.passphrase())
    delivered.release("1.1.0")
    delivered.fresh_stick()
    delivered.ask()
    delivered.write()
    with mounted(delivered.stick) as volume:
        for entry in volume.list(layout.TRUST):
            volume.delete(f"{layout.TRUST}/{entry.name}")
    device_refuses_and_reports(delivered, Code.REVOCATION_STALE)
