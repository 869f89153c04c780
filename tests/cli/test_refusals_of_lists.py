"""Revocation lists: what they revoke, and lists that are old, forged, endless or not the issuer's to make."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust.issuing import (
    Issuer,
    Revocation,
    create_issuing_ca,
    create_root,
    generate_issuer_key,
    issue_crl,
)
from appliance.trust.purpose import Purpose
from appliance.vendor.authority import ROOT, Authorities
from media_format import layout, limits
from media_format.crl_files import write_crls
from media_format.objects import Family
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import box_refuses, device_refuses, device_refuses_and_reports
from tests.cli.wall_clock import DAY
from tests.cli.workshop import PASSPHRASE, Workshop, mounted, put

HIGH = 1000
"""A list number above any that the vendor has reached."""


def test_a_release_whose_signer_was_revoked_is_not_installed(delivered: Workshop) -> None:
    issued = delivered.do("vendor", "issued", delivered.vendor, *delivered.passphrase())["issued"]
    serial = next(entry["serial"] for entry in issued if entry["purpose"] == "RELEASE_SIGNER")
    delivered.do("vendor", "revoke", delivered.vendor, "--serial", serial, *delivered.passphrase())
    _put_lists(delivered, *(path.read_bytes() for path in delivered.vendor.glob("*.crl")))
    device_refuses_and_reports(delivered, Code.REVOKED)


def test_a_release_whose_signer_was_revoked_is_not_imported(enrolled: Workshop) -> None:
    enrolled.make_release("1.0.0")
    issued = enrolled.do("vendor", "issued", enrolled.vendor, *enrolled.passphrase())["issued"]
    serial = next(entry["serial"] for entry in issued if entry["purpose"] == "RELEASE_SIGNER")
    enrolled.do("vendor", "revoke", enrolled.vendor, "--serial", serial, *enrolled.passphrase())
    lists = enrolled.folder / "lists.pem"
    enrolled.do("vendor", "crl", enrolled.vendor, "--out", lists, *enrolled.passphrase())
    enrolled.do("box", "certs", enrolled.box, "--install", lists)
    source = enrolled.folder / "1.0.0"
    box_refuses(enrolled, Code.REVOKED, "import", enrolled.box, source, *enrolled.pin(), medium=source)


def test_a_package_from_a_box_whose_authority_was_revoked_is_not_installed(delivered: Workshop) -> None:
    root = _authorities(delivered).issuers[ROOT]
    authority = _authorities(delivered).issuers["box-ca"].certificate.serial_number
    _put_lists(delivered, _list(root, authority))
    device_refuses_and_reports(delivered, Code.REVOKED)


def test_what_was_revoked_stays_revoked_where_an_older_list_comes_along(delivered: Workshop) -> None:
    older = [path.read_bytes() for path in delivered.vendor.glob("*.crl")]
    attacker.revoke(delivered, "box.pem")
    device_refuses(delivered, Code.REVOKED)
    _put_lists(delivered, *older)
    device_refuses_and_reports(delivered, Code.REVOKED)


def test_a_list_of_a_stranger_with_the_authoritys_name_revokes_nobody(delivered: Workshop) -> None:
    root = create_root("Acme Medical", generate_issuer_key(Family.ECDSA), attacker.now())
    stranger = create_issuing_ca(
        root, "Acme Medical", Purpose.BOX_CA, generate_issuer_key(Family.ECDSA), attacker.now()
    )
    _put_lists(delivered, _list(stranger, _serial(delivered.folder / "box.pem")))
    delivered.install()


def test_the_list_of_another_authority_revokes_nobody_elses_certificates(delivered: Workshop) -> None:
    devices = _authorities(delivered).issuers["device-ca"]
    _put_lists(delivered, _list(devices, _serial(delivered.folder / "box.pem")))
    delivered.install()


def test_a_list_with_a_critical_extension_that_nobody_knows_is_not_taken_for_the_newest(
    delivered: Workshop,
) -> None:
    boxes = _authorities(delivered).issuers["box-ca"]
    _put_lists(delivered, _indirect(boxes))
    delivered.install()
    delivered.fresh_stick()
    delivered.release("1.1.0")
    delivered.ask()
    delivered.write()
    attacker.revoke(delivered, "box.pem")
    device_refuses_and_reports(delivered, Code.REVOKED)


def test_a_list_without_end_is_not_read(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        put(volume, f"{layout.TRUST}/FFFFFFFF{layout.CRL_SUFFIX}", bytes(limits.MAX_CRL + 1))
    delivered.install()


def test_lists_without_number_do_no_more_than_lists_that_are_missing(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        for number in range(100):
            put(volume, f"{layout.TRUST}/{number:08X}{layout.CRL_SUFFIX}", b"noise")
    delivered.install()


def _authorities(shop: Workshop) -> Authorities:
    return Authorities.load(shop.vendor / "authority", PASSPHRASE)


def _serial(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def _list(issuer: Issuer, *serials: int) -> bytes:
    now = attacker.now()
    return issue_crl(issuer, [Revocation(serial, now) for serial in serials], HIGH, now, now + DAY)


def _indirect(issuer: Issuer) -> bytes:
    """A list that says it is an indirect one (RFC 5280, 5.2.5): its entries may be anybody's."""
    made = x509.load_der_x509_crl(_list(issuer))
    ends = made.next_update_utc
    assert ends is not None
    builder = x509.CertificateRevocationListBuilder(made.issuer, made.last_update_utc, ends)
    for extension in made.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    point = x509.IssuingDistributionPoint(None, None, False, False, None, True, False)
    builder = builder.add_extension(point, critical=True)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _put_lists(shop: Workshop, *ders: bytes) -> None:
    with mounted(shop.stick) as volume:
        for entry in volume.list(layout.TRUST):
            volume.delete(f"{layout.TRUST}/{entry.name}")
        write_crls(volume, list(ders))
