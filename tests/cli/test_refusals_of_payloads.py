"""What stands on the stick is not what was sealed: flipped, cut off, missing, exchanged, or no such thing."""

from __future__ import annotations

import dataclasses

import pytest

from appliance.trust.signer import KeySigner
from media_format import cose, layout
from media_format.objects import Envelope
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import box_refuses, device_refuses, device_refuses_and_reports, says
from tests.cli.state import box_state, medium_state
from tests.cli.workshop import Workshop, mounted, package_on, put, run


def test_a_bit_flipped_in_the_chunk_table_is_noticed(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        attacker.flip(volume, f"{package_on(volume)}/{layout.CHUNKS}", -1)
    device_refuses_and_reports(delivered, Code.DIGEST_MISMATCH)


def test_a_box_that_seals_other_data_than_the_vendor_signed_installs_nothing(delivered: Workshop) -> None:
    attacker.seal_other_data(delivered)
    device_refuses_and_reports(delivered, Code.DIGEST_MISMATCH)


def test_a_bit_flipped_in_the_payload_is_noticed(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        attacker.flip(volume, f"{package_on(volume)}/{layout.segment(0)}", 20_000)
    device_refuses_and_reports(delivered, Code.DECRYPTION_FAILED)


def test_a_bit_flipped_late_in_the_payload_leaves_what_runs_alone(running: Workshop) -> None:
    running.write()
    with mounted(running.stick) as volume:
        attacker.flip(volume, f"{package_on(volume)}/{layout.segment(0)}", -1)
    device_refuses_and_reports(running, Code.DECRYPTION_FAILED, streamed=True)


@pytest.mark.parametrize("spoiled", ["a bit of its payload", "no payload"])
def test_a_spoiled_copy_of_a_package_does_not_hide_the_package(delivered: Workshop, spoiled: str) -> None:
    """The package stands untouched behind a copy of it, in a folder that is looked at first."""
    with mounted(delivered.stick) as volume:
        folder = package_on(volume)
        copy = f"{folder.rpartition('/')[0]}/00000000"
        for entry in volume.list(folder):
            data = volume.read_object(f"{folder}/{entry.name}", 1 << 24)
            if entry.name == layout.segment(0):
                data = b"" if spoiled == "no payload" else data[:-1] + bytes([data[-1] ^ 1])
            if data:
                put(volume, f"{copy}/{entry.name}", data)
    delivered.do("device", "apply", delivered.device, delivered.stick)
    assert delivered.do("device", "verify-boot", delivered.device)["version"] == "1.0.0"


def test_envelopes_that_no_box_signed_do_not_hide_a_package(delivered: Workshop) -> None:
    """Forty of them name the device and carry a box's certificates; the package itself is untouched."""
    with mounted(delivered.stick) as volume:
        stolen = attacker.take_apart(volume)
        chain = attacker.box_signer(delivered).chain
        stranger = KeySigner(attacker.new_key(), chain)
        for number in range(40):
            envelope = dataclasses.replace(stolen.envelope, package_id=bytes([number]) * 16).to_bytes()
            signed = cose.sign1(Envelope.CONTENT_TYPE, envelope, stranger)
            put(volume, f"{layout.PACKAGES}/{number:08}/{layout.ENVELOPE}", signed)
    delivered.install()
    assert delivered.do("device", "status", delivered.device)["status"]["version"] == "1.0.0"


def test_a_content_key_that_does_not_open_leaves_the_way_back_as_it_was(upgraded: Workshop) -> None:
    upgraded.release("1.2.0")
    upgraded.write()
    with mounted(upgraded.stick) as volume:
        attacker.reseal(volume, attacker.box_signer(upgraded), package_id=bytes(16))
    device_refuses_and_reports(upgraded, Code.DECRYPTION_FAILED)
    upgraded.do("device", "rollback", upgraded.device)


def test_a_payload_cut_short_is_noticed_before_anything_is_written(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        data = volume.read_object(f"{package_on(volume)}/{layout.segment(0)}", 1 << 24)
        attacker.replace_part(volume, layout.segment(0), data[:-1000])
    device_refuses_and_reports(delivered, Code.TRUNCATED)


@pytest.mark.parametrize("part", [layout.MANIFEST, layout.CHUNKS, layout.segment(0)])
def test_a_file_missing_from_the_package_is_noticed(delivered: Workshop, part: str) -> None:
    with mounted(delivered.stick) as volume:
        volume.delete(f"{package_on(volume)}/{part}")
    device_refuses_and_reports(delivered, Code.TRUNCATED)


def test_a_release_that_was_not_copied_whole_is_not_imported(enrolled: Workshop) -> None:
    enrolled.make_release("1.0.0")
    source = enrolled.folder / "1.0.0"
    with mounted(source) as volume:
        volume.delete(f"{package_on(volume)}/{layout.segment(0)}")
    box_refuses(enrolled, Code.TRUNCATED, "import", enrolled.box, source, *enrolled.pin())


def test_a_medium_without_a_release_has_nothing_to_import(enrolled: Workshop) -> None:
    before = box_state(enrolled.box), medium_state(enrolled.stick)
    said = run("box", "import", enrolled.box, enrolled.stick, *enrolled.pin(), "--json")
    assert (said.status, said.data["code"]) == (2, "misuse")
    assert f"{enrolled.stick} holds no release" in said.data["detail"]
    assert (box_state(enrolled.box), medium_state(enrolled.stick)) == before


@pytest.mark.parametrize("garbage", [b"\xff", b"no CBOR at all", b"\xd2\x84\x9f\xff\xa0\x40\x40"])
def test_a_manifest_of_garbage_is_refused(delivered: Workshop, garbage: bytes) -> None:
    with mounted(delivered.stick) as volume:
        attacker.replace_part(volume, layout.MANIFEST, garbage)
    device_refuses_and_reports(delivered, Code.MALFORMED)


def test_an_envelope_of_garbage_is_refused_and_only_counted(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        attacker.replace_part(volume, layout.ENVELOPE, b"garbage")
    device_refuses(delivered, Code.MALFORMED)
    assert delivered.reported() == []


def test_a_request_of_garbage_is_not_admitted(enrolled: Workshop) -> None:
    enrolled.do("device", "request", enrolled.device, enrolled.stick)
    with mounted(enrolled.stick) as volume:
        (entry,) = volume.list(layout.REQUESTS)
        put(volume, f"{layout.REQUESTS}/{entry.name}", b"garbage")
    box_refuses(enrolled, Code.MALFORMED, "admit", enrolled.box, enrolled.stick)


def test_an_enrolment_request_of_garbage_is_not_answered(enrolled: Workshop) -> None:
    request = enrolled.folder / "garbage.req"
    request.write_bytes(b"garbage")
    out = enrolled.folder / "answer.pem"
    enrol = ("enrol", "box", enrolled.vendor, "--csr", request, "--out", out, *enrolled.passphrase())
    says(run("vendor", *enrol, "--json"), Code.MALFORMED)
    assert not out.exists()
