"""Keys used for what they were not issued for, dates they do not cover, and parts put together wrongly."""

from __future__ import annotations

from appliance.cli.clock import now
from appliance.device.machine import IDENTITY
from appliance.tpm import NO_AUTHORISATION, open_tpm
from appliance.trust.bundle import Bundle
from appliance.trust.issuing import issue_release_signer
from appliance.trust.profile import ReleaseBinding, RoleIdentity
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner, TpmSigner
from media_format import layout
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import device_refuses, device_refuses_and_reports
from tests.cli.wall_clock import wall_clock
from tests.cli.workshop import Workshop, mounted, package_on

SEGMENT = 16 * 1024
"""Bytes of plaintext in one segment of the payload."""
TAG = 16


def test_a_release_without_a_signature_is_not_installed(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        attacker.sign_manifest(volume, [])
    device_refuses_and_reports(delivered, Code.MALFORMED)


def test_a_package_sealed_with_a_device_key_is_not_installed(delivered: Workshop) -> None:
    tpm = open_tpm("soft:tpm", create=False, now=now, folder=delivered.other)
    bundle = Bundle.from_pem((delivered.other / "certificates.pem").read_bytes())
    device = TpmSigner(
        lambda message: tpm.sign(IDENTITY, message, NO_AUTHORISATION), bundle.chain(Purpose.DEVICE_IDENTITY)
    )
    with mounted(delivered.stick) as volume:
        attacker.reseal(volume, device)
    device_refuses_and_reports(delivered, Code.PURPOSE_MISMATCH)


def test_a_package_sealed_with_a_release_key_is_not_installed(delivered: Workshop) -> None:
    ca = attacker.vendor_issuer(delivered, Purpose.RELEASE_SIGNER)
    with mounted(delivered.stick) as volume:
        attacker.reseal(volume, attacker.release_signer(ca, 1))
    device_refuses_and_reports(delivered, Code.PURPOSE_MISMATCH)


def test_a_release_signed_for_another_line_is_not_installed(delivered: Workshop) -> None:
    ca = attacker.vendor_issuer(delivered, Purpose.RELEASE_SIGNER)
    with mounted(delivered.stick) as volume:
        attacker.sign_manifest(volume, [attacker.release_signer(ca, 1, line="beta")])
    device_refuses_and_reports(delivered, Code.PURPOSE_MISMATCH)


def test_a_release_signed_by_the_signer_of_a_later_one_is_not_installed(delivered: Workshop) -> None:
    ca = attacker.vendor_issuer(delivered, Purpose.RELEASE_SIGNER)
    with mounted(delivered.stick) as volume:
        attacker.sign_manifest(volume, [attacker.release_signer(ca, 2)])
    device_refuses_and_reports(delivered, Code.PURPOSE_MISMATCH)


def test_a_release_signed_by_a_signer_that_had_expired_is_not_installed(delivered: Workshop) -> None:
    ca, key = attacker.vendor_issuer(delivered, Purpose.RELEASE_SIGNER), attacker.new_key()
    began = int(ca.certificate.not_valid_before_utc.timestamp())
    binding = ReleaseBinding("infusion-pump", "main", 1)
    who = RoleIdentity("signer", 0)
    chain = issue_release_signer(ca, key.public_key(), binding=binding, identity=who, now=began, lifetime=60)
    with mounted(delivered.stick) as volume:
        attacker.sign_manifest(volume, [KeySigner(key, chain)])
    device_refuses_and_reports(delivered, Code.CERTIFICATE_EXPIRED)


def test_a_release_signed_by_a_signer_that_was_certified_later_is_not_installed(delivered: Workshop) -> None:
    ca = attacker.vendor_issuer(delivered, Purpose.RELEASE_SIGNER)
    with wall_clock(days=2):
        early = attacker.release_signer(ca, 1)
    with mounted(delivered.stick) as volume:
        attacker.sign_manifest(volume, [early])
    device_refuses_and_reports(delivered, Code.CERTIFICATE_NOT_YET_VALID)


def test_an_envelope_moved_to_another_release_is_not_accepted(running: Workshop) -> None:
    running.write()
    with mounted(running.stick) as volume:
        stolen = volume.read_object(f"{package_on(volume)}/{layout.ENVELOPE}", 1 << 20)
    running.fresh_stick()
    running.write("--release", running.release_digest("1.0.0"))
    with mounted(running.stick) as volume:
        attacker.replace_part(volume, layout.ENVELOPE, stolen)
    device_refuses_and_reports(running, Code.SIGNATURE_INVALID)


def test_old_components_under_a_new_manifest_are_not_accepted(running: Workshop) -> None:
    running.write("--release", running.release_digest("1.0.0"))
    with mounted(running.stick) as volume:
        old = volume.read_object(f"{package_on(volume)}/{layout.CHUNKS}", 1 << 20)
    running.fresh_stick()
    running.write()
    with mounted(running.stick) as volume:
        attacker.replace_part(volume, layout.CHUNKS, old)
    device_refuses_and_reports(running, Code.DIGEST_MISMATCH)


def test_a_new_manifest_over_an_old_package_is_not_accepted(running: Workshop) -> None:
    running.write()
    with mounted(running.stick) as volume:
        new = attacker.take_apart(volume).signed_manifest
    running.fresh_stick()
    running.write("--release", running.release_digest("1.0.0"))
    with mounted(running.stick) as volume:
        attacker.replace_part(volume, layout.MANIFEST, new)
    device_refuses_and_reports(running, Code.SIGNATURE_INVALID)


def test_the_payload_of_another_package_of_the_same_release_does_not_open(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        other = volume.read_object(f"{package_on(volume)}/{layout.segment(0)}", 1 << 24)
    delivered.fresh_stick()
    delivered.write()
    with mounted(delivered.stick) as volume:
        attacker.replace_part(volume, layout.segment(0), other)
    device_refuses(delivered, Code.DECRYPTION_FAILED)


def test_two_segments_of_the_payload_that_changed_places_do_not_open(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        data = volume.read_object(f"{package_on(volume)}/{layout.segment(0)}", 1 << 24)
        step = SEGMENT + TAG
        end = len(data) - 2 * step
        swapped = data[:end] + data[end + step :] + data[end : end + step]
        attacker.replace_part(volume, layout.segment(0), swapped)
    device_refuses(delivered, Code.DECRYPTION_FAILED, streamed=True)


def test_bytes_after_the_payload_are_not_accepted(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        data = volume.read_object(f"{package_on(volume)}/{layout.segment(0)}", 1 << 24)
        attacker.replace_part(volume, layout.segment(0), data + b"more")
    device_refuses(delivered, Code.MALFORMED)
