"""Files that a verb writes where a person says: what is there is not lost by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.state import box_state
from tests.cli.workshop import Workshop, run

VERBS = {
    "enrol": "vendor enrol device {vendor} --csr {device}/enrolment.req --out {out} {passphrase}",
    "renew": "vendor renew {vendor} --for box:BOX-1 --out {out} {passphrase}",
    "crl": "vendor crl {vendor} --out {out} {passphrase}",
    "receipts": "box export {box} --receipts --out {out}",
    "ledger": "box export {box} --ledger --signed --out {out} {pin}",
    "rules": "box rules {box} --export {out}",
}


def words(shop: Workshop, verb: str, out: Path) -> list[str]:
    places = {"vendor": shop.vendor, "box": shop.box, "device": shop.device, "out": out}
    secrets = {
        "pin": f"--pin-file {shop.folder}/pin",
        "passphrase": f"--passphrase-file {shop.folder}/passphrase",
    }
    return VERBS[verb].format(**places, **secrets).split()


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_that_is_there_stays(enrolled: Workshop, verb: str) -> None:
    out = enrolled.folder / "precious"
    out.write_bytes(b"the only copy")
    before = box_state(enrolled.box), (enrolled.vendor / "register.json").read_bytes()
    said = run(*words(enrolled, verb, out))
    assert said.status == 2
    assert said.err.strip() == (
        f"misuse: {out} is there already; name a new file, or replace it with --force"
    )
    assert out.read_bytes() == b"the only copy"
    assert (box_state(enrolled.box), (enrolled.vendor / "register.json").read_bytes()) == before


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_is_replaced_by_those_who_say_so(enrolled: Workshop, verb: str) -> None:
    out = enrolled.folder / "stale"
    out.write_bytes(b"stale")
    said = run(*words(enrolled, verb, out), "--force")
    assert said.status == 0, said.err
    assert out.read_bytes() != b"stale"


def test_what_is_no_file_is_not_replaced_even_so(enrolled: Workshop) -> None:
    said = run(*words(enrolled, "crl", Path("/dev/null")), "--force")
    assert (said.status, said.err.strip()) == (2, "misuse: /dev/null is no regular file; name another one")
    assert Path("/dev/null").is_char_device()


def test_a_link_that_leads_nowhere_is_there_too(enrolled: Workshop) -> None:
    link = enrolled.folder / "link"
    link.symlink_to("nowhere")
    said = run(*words(enrolled, "crl", link))
    assert (said.status, "is no regular file" in said.err) == (2, True)


@pytest.mark.parametrize("verb", VERBS)
def test_a_link_that_waits_on_a_medium_leads_no_output_elsewhere(enrolled: Workshop, verb: str) -> None:
    """Whoever prepares a medium knows what will be written to it, and by which program."""
    database, stick = enrolled.box / "box.db", enrolled.folder / "stick"
    stick.mkdir()
    (stick / ".out.new").symlink_to(database)
    said = run(*words(enrolled, verb, stick / "out"))
    assert said.status == 0, said.err
    assert database.read_bytes().startswith(b"SQLite format 3")
    assert not (stick / "out").is_symlink()
