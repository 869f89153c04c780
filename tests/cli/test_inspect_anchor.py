"""`inspect --anchor` judges under a vendor's roots; notes tell all else that is or will soon be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from media_format import layout
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import says
from tests.cli.wall_clock import DAY
from tests.cli.workshop import Workshop, mounted, package_on, run


def judged(shop: Workshop, path: Path, *options: object, kind: str = "envelope") -> dict[str, Any]:
    """The one thing of a kind at a path, under the anchor that the vendor gave BOX-1."""
    found = shop.do("inspect", path, "--anchor", shop.folder / "box.pem", *options)["found"]
    (entry,) = [entry for entry in found if entry["kind"] == kind]
    return dict(entry)


def codes(entry: dict[str, Any]) -> set[str]:
    return {note["code"] for note in entry["notes"] if note["code"]}


def hints(entry: dict[str, Any]) -> str:
    return "\n".join(note["text"] for note in entry["notes"] if not note["code"])


def test_what_the_vendor_and_its_box_signed_is_accepted(delivered: Workshop) -> None:
    for path, kind in (
        (delivered.stick, "envelope"),
        (delivered.stick, "request"),
        (delivered.folder / "1.0.0", "envelope"),
        (delivered.folder / "PUMP-1.pem", "certificates and trust anchor"),
        (delivered.device / "enrolment.req", "enrolment request"),
    ):
        found = judged(delivered, path, kind=kind)
        assert (found["answer"]["by"], found["answer"]["accepted"]) == (
            "the trust anchor of Acme Medical",
            True,
        )
        assert found["notes"] == []


def test_the_anchor_that_the_vendor_keeps_serves_as_well(delivered: Workshop) -> None:
    found = delivered.do("inspect", delivered.stick, "--anchor", delivered.vendor / "anchor.cbr")["found"]
    assert {entry["answer"]["accepted"] for entry in found if entry["kind"] == "envelope"} == {True}


def test_a_file_without_an_anchor_is_refused(delivered: Workshop) -> None:
    said = run("inspect", delivered.stick, "--anchor", delivered.vendor / "root.crl", "--json")
    says(said, Code.MALFORMED)


def test_nothing_of_another_vendor_is_accepted(delivered: Workshop) -> None:
    pirate = attacker.pirate_box(delivered)
    with mounted(delivered.stick) as volume:
        attacker.reseal(volume, attacker.box_signer(pirate))
    assert judged(delivered, delivered.stick)["answer"]["code"] == Code.CHAIN_INVALID
    request = judged(pirate, delivered.stick, kind="request")
    assert request["answer"]["code"] == Code.CHAIN_INVALID
    bundle = judged(pirate, delivered.folder / "PUMP-1.pem", kind="certificates and trust anchor")
    assert bundle["answer"]["code"] == Code.CHAIN_INVALID


def test_several_reasons_are_told_the_first_as_the_answer(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        issued = attacker.take_apart(volume).envelope.issued_at
        attacker.reseal(volume, attacker.box_signer(delivered), expires=issued)
        attacker.flip(volume, f"{package_on(volume)}/{layout.ENVELOPE}", -1)
    attacker.revoke(delivered, "box.pem")
    found = judged(delivered, delivered.stick)
    assert found["answer"]["code"] == Code.SIGNATURE_INVALID
    assert codes(found) == {Code.PACKAGE_EXPIRED}
    with mounted(delivered.stick) as volume:
        attacker.flip(volume, f"{package_on(volume)}/{layout.ENVELOPE}", -1)
    assert judged(delivered, delivered.stick)["answer"]["code"] == Code.PACKAGE_EXPIRED


def test_a_revoked_box_is_noted_with_its_day_and_its_list(delivered: Workshop) -> None:
    attacker.revoke(delivered, "box.pem")
    found = delivered.do("inspect", delivered.stick)["found"]
    (envelope,) = [entry for entry in found if entry["kind"] == "envelope"]
    assert codes(envelope) == {Code.REVOKED}
    assert "the certificate 'BOX-1' (box identity) was revoked 20" in envelope["notes"][0]["text"]
    assert "list 2 of its issuer" in envelope["notes"][0]["text"]


def test_what_ends_soon_is_said_in_days(delivered: Workshop) -> None:
    later = attacker.now() + 80 * DAY
    assert "the package is past its date in 9 days" in hints(
        judged(delivered, delivered.stick, "--at", later)
    )
    later = attacker.now() + 700 * DAY
    found = judged(delivered, delivered.folder / "1.0.0", "--at", later)
    assert "(release sealer) expires in 29 days" in hints(found)


def test_a_certificate_that_ended_after_it_signed_is_no_fault(delivered: Workshop) -> None:
    found = judged(delivered, delivered.stick, "--at", attacker.now() + 800 * DAY)
    assert found["answer"]["code"] == Code.PACKAGE_EXPIRED
    assert codes(found) == set()
    assert "(box identity) expired 70 days ago, but was valid when it signed" in hints(found)


def test_a_certificate_that_ended_says_how_long_ago(delivered: Workshop) -> None:
    at = attacker.now() + 800 * DAY
    said = " ".join(run("inspect", delivered.folder / "box.pem", "--at", at).out.split())
    assert "UTC, 70 days ago" in said, said


def test_a_certificate_that_ended_before_it_signed_says_by_how_much(delivered: Workshop) -> None:
    later = attacker.now() + 800 * DAY + DAY // 2
    with mounted(delivered.stick) as volume:
        attacker.reseal(volume, attacker.box_signer(delivered), issued_at=later, expires=later + 9 * DAY)
    said = " ".join(run("inspect", delivered.stick, "--at", later + DAY).out.split())
    assert "UTC, 70 days before it signed" in said, said


def test_a_chain_is_told_up_to_the_root(delivered: Workshop) -> None:
    (signer,) = judged(delivered, delivered.stick)["signers"]
    assert [signer["purpose"], *(above["purpose"] for above in signer["chain"])] == ["box identity", "box ca"]
    (root,) = judged(delivered, delivered.folder / "box.pem", kind="certificates and trust anchor")["roots"]
    assert [signer["issuer"], signer["chain"][0]["issuer"]] == [
        signer["chain"][0]["holder"],
        root["holder"],
    ]
    said = run("inspect", delivered.stick).out
    for part in (
        f"serial {signer['serial']}",
        f"key {signer['key id']}",
        f"issued by {signer['issuer']}",
        "for release 1 of infusion-pump/main alone",
        "infusion-pump/main on rev-c, epoch 1",
        "(729 days left)",
    ):
        assert part in said


def test_a_revocation_list_says_whom_it_revokes_since_when(delivered: Workshop) -> None:
    attacker.revoke(delivered, "box.pem")
    found = judged(delivered, delivered.vendor / "box-ca.crl", kind="revocation list")
    assert found["answer"]["accepted"] is True
    (signer,) = judged(delivered, delivered.stick)["signers"]
    assert signer["serial"] in {entry["serial"] for entry in found["fields"]["revoked"]}


def test_an_older_list_is_said_to_be_left_out(delivered: Workshop) -> None:
    older = delivered.folder / "older.crl"
    older.write_bytes((delivered.vendor / "box-ca.crl").read_bytes())
    attacker.revoke(delivered, "box.pem")
    lists = delivered.folder / "lists.pem"
    delivered.do("vendor", "crl", delivered.vendor, "--out", lists, *delivered.passphrase())
    delivered.do("box", "certs", delivered.box, "--install", lists)
    found = delivered.do("inspect", older, "--as", delivered.box)["found"][0]
    assert "a newer one of its issuer is known" in found["answer"]["detail"]


def texts(shop: Workshop) -> Iterator[str]:
    """What `inspect` prints of every kind of thing, from every standpoint."""
    paths = (
        shop.stick,
        shop.folder / "1.0.0",
        shop.folder / "box.pem",
        shop.device / "enrolment.req",
        shop.vendor / "anchor.cbr",
        shop.vendor / "box-ca.crl",
    )
    standpoints: tuple[tuple[object, ...], ...] = (
        (),
        ("--anchor", shop.folder / "box.pem"),
        ("--as", shop.device),
        ("--as", shop.box),
    )
    for path in paths:
        for standpoint in standpoints:
            said = run("inspect", path, *standpoint)
            assert said.status == 0, said.err
            yield said.out


def test_every_line_fits_a_terminal(running: Workshop) -> None:
    attacker.revoke(running, "box.pem")
    long = [line for text in texts(running) for line in text.splitlines() if len(line) > 80]
    assert long == []


def test_a_certificate_that_signed_twice_is_told_once(upgraded: Workshop) -> None:
    said = run("inspect", upgraded.stick).out
    assert said.count("its certificates stand above") >= 1
    assert said.count("signed by CN=PUMP-1 (device identity)\n    signature matches (ES256)\n") == 1


def test_the_process_that_explains_a_medium_does_not_parse_it(delivered: Workshop) -> None:
    with mock.patch("media_format.volume.fat.FatVolume.__init__", side_effect=AssertionError("parsed here")):
        assert len(delivered.do("inspect", delivered.stick)["found"]) > 3


@pytest.mark.parametrize("option", ["--as", "--anchor"])
def test_what_is_not_there_is_a_misuse(delivered: Workshop, option: str) -> None:
    assert run("inspect", delivered.stick, option, delivered.folder / "nowhere").status == 2
