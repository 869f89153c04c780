"""`inspect` explains whatever the project writes, and says of anything else that it does not know it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from media_format import layout
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import says
from tests.cli.workshop import Workshop, mounted, package_on, run


def test_a_stick_is_explained_file_by_file(delivered: Workshop) -> None:
    said = run("inspect", delivered.stick)
    assert said.status == 0
    for part in ("delivery of release", "for PUMP-1", "infusion-pump 1.0.0", "which runs no release"):
        assert part in said.out
    assert said.out.count("signature matches") == 3
    assert "signed by CN=BOX-1 (box identity)" in said.out


def test_one_request_on_a_medium_is_counted_as_one(delivered: Workshop) -> None:
    said = run("box", "media", delivered.box, delivered.stick).out
    assert "1 request, 1 package, 0 new receipts, " in said, said


def test_a_receipt_says_what_became_of_a_package(running: Workshop) -> None:
    found = _found(running, running.stick)
    told = [entry["summary"] for entry in found if entry["kind"] == "receipt"]
    assert "number 1 of PUMP-1: installed, no release → 1.0.0" in told


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("box.pem", "certificates and trust anchor"),
        ("device/enrolment.req", "enrolment request"),
        ("vendor/anchor.cbr", "trust anchor"),
        ("vendor/root.crl", "revocation list"),
        ("vendor/authority/root.pem", "certificates"),
    ],
)
def test_a_file_of_the_project_is_explained(delivered: Workshop, path: str, kind: str) -> None:
    (found,) = _found(delivered, delivered.folder / path)
    assert found["kind"] == kind
    assert found["summary"]


def test_an_enrolment_request_shows_the_fingerprint_that_init_showed(enrolled: Workshop) -> None:
    options = ("--id", "PUMP-3", "--product", "infusion-pump", "--hardware", "rev-c")
    slots = ("--slot", "rootfs=a.img,b.img", "--slot-size", 4096)
    made = enrolled.do("device", "init", enrolled.folder / "third", *options, *slots)
    assert made["fingerprint"] in run("inspect", made["enrolment"]).out


def test_the_folder_of_a_package_is_explained(delivered: Workshop) -> None:
    (folder,) = (delivered.folder / "1.0.0" / layout.PACKAGES).iterdir()
    assert [entry["kind"] for entry in _found(delivered, folder)] == ["envelope", "manifest"]


def test_a_signature_that_does_not_match_is_pointed_out(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        attacker.flip(volume, f"{package_on(volume)}/{layout.MANIFEST}", -1)
    assert "signature DOES NOT MATCH" in run("inspect", delivered.stick).out


def test_a_damaged_part_is_named_beside_the_good_ones(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        attacker.replace_part(volume, layout.MANIFEST, b"\xd8\x62garbage")
    found = {entry["file"][-12:]: entry["kind"] for entry in _found(delivered, delivered.stick)}
    assert (found[layout.MANIFEST], found[layout.ENVELOPE]) == ("damaged", "envelope")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\xd2",
        b"\xd2\x84application/vnd.updatebox.request+cbor",
        b"\xd8\x62application/vnd.updatebox.manifest+cbor",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN UPDATEBOX TRUST ANCHOR-----\nAAAA\n-----END UPDATEBOX TRUST ANCHOR-----\n",
        b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
        os.urandom(4096),
    ],
    ids=["empty", "text", "tag", "request", "manifest", "certificate", "anchor", "huge", "noise"],
)
def test_any_other_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "what"
    path.write_bytes(content)
    says(run("inspect", path, "--json"), Code.MALFORMED)


def test_every_byte_flipped_in_a_package_is_explained_or_refused_without_a_fault(delivered: Workshop) -> None:
    (folder,) = (delivered.folder / "1.0.0" / layout.PACKAGES).iterdir()
    data = (folder / layout.ENVELOPE).read_bytes()
    changed = delivered.folder / "changed"
    for place in range(0, len(data), 7):
        changed.write_bytes(data[:place] + bytes([data[place] ^ 0x20]) + data[place + 1 :])
        assert run("inspect", changed).status in (0, 3)


def test_names_that_strangers_chose_cannot_move_the_cursor(tmp_path: Path) -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "\x1b[2Jroot")])
    key = attacker.new_key()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "stranger.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    said = run("inspect", path)
    assert said.status == 0
    assert "root" in said.out
    assert "\x1b" not in said.out


def test_a_keystores_audit_says_which_keys_were_used_how_often(delivered: Workshop) -> None:
    wrong = delivered.folder / "wrong"
    wrong.write_text("000001\n")
    run("box", "import", delivered.box, delivered.folder / "1.0.0", "--pin-file", wrong)
    (found,) = _found(delivered, delivered.box / "tpm/audit.jsonl")
    assert found["kind"] == "audit of a keystore"
    assert found["summary"].endswith("1 refused, failed or turned away")
    assert {"1 x create identity: done", "1 x unseal: pin-wrong"} <= set(found["fields"]["uses"])
    assert found["fields"]["last"][-1].endswith("unseal: pin-wrong")


@pytest.mark.parametrize("time", [-(10**18), 10**18])
def test_an_audit_with_an_impossible_time_is_explained(delivered: Workshop, time: int) -> None:
    lines = delivered.box / "tpm/audit.jsonl"
    first = json.loads(lines.read_text().splitlines()[0])
    lines.write_text(json.dumps({**first, "time": time}) + "\n")
    (found,) = _found(delivered, lines)
    assert found["fields"]["last"][0].startswith(f"{time} seconds after 1970, process ")


def _found(shop: Workshop, path: Path) -> list[dict[str, Any]]:
    found = shop.do("inspect", path)["found"]
    assert isinstance(found, list)
    return found
