"""Lists for people: they fit a terminal, and what they show of a digest names it."""

from __future__ import annotations

import pytest

from tests.cli.workshop import Workshop, run

LISTS = {
    "releases": "box releases {box}",
    "packages": "box packages {box}",
    "devices": "box devices {box}",
    "receipts": "box receipts {box}",
    "ledger": "box ledger {box}",
    "fleet": "vendor receipts {vendor}",
    "issued": "vendor issued {vendor} --passphrase-file {folder}/passphrase",
}


@pytest.fixture
def busy(running: Workshop) -> Workshop:
    """A box with retired, failed and waiting things, and its receipts exported for the vendor."""
    running.write()
    running.do("device", "apply", running.device, running.stick)
    running.do("device", "verify-boot", running.device)
    running.do("device", "rollback", running.device)
    assert run("device", "apply", running.device, running.stick).err.startswith("previously-failed")
    running.reported()
    running.fresh_stick()
    running.ask()
    running.write()
    running.do("box", "deny", running.box, "--device", "PUMP-1", *running.pin())
    out = running.folder / "receipts"
    running.do("box", "export", running.box, "--receipts", "--out", out)
    running.do("vendor", "receipts", running.vendor, "--import", out)
    return running


def listed(shop: Workshop, name: str) -> list[str]:
    places = {"box": shop.box, "vendor": shop.vendor, "folder": shop.folder}
    said = run(*LISTS[name].format(**places).split())
    assert said.status == 0, said.err
    return said.out.splitlines()


def test_lists_fit_a_terminal_of_80_columns(busy: Workshop) -> None:
    for name in LISTS:
        lines = listed(busy, name)
        assert len(lines) > 1
        assert [line for line in lines if len(line) > 80] == []


def test_what_a_list_shows_of_a_digest_names_the_release(busy: Workshop) -> None:
    shown = listed(busy, "releases")[1].split()[-1]
    assert len(shown) == 16
    found = busy.do("box", "retire", busy.box, "--release", shown, *busy.pin())["releases"]
    assert [one["version"] for one in found] == ["1.1.0"]
    assert found[0]["manifest_digest"].startswith(shown)


def test_a_release_is_written_that_is_named_by_eight_digits(running: Workshop) -> None:
    digest = running.release_digest("1.1.0")
    running.write("--release", digest[:8].upper())
    running.install()
    assert running.reported()[-1]["version_after"] == "1.1.0"


@pytest.mark.parametrize("digits", [7, 0])
def test_fewer_digits_name_nothing(running: Workshop, digits: int) -> None:
    digest = running.release_digest("1.1.0")
    said = run("box", "retire", running.box, "--release", digest[:digits], *running.pin())
    assert said.status == 2
    assert "8 or more digits of one; see: updatebox box releases" in said.err


def test_digits_with_which_no_release_begins_name_nothing(running: Workshop) -> None:
    said = run("box", "retire", running.box, "--release", "00" * 32, *running.pin())
    assert (said.status, "the box has no release 0000" in said.err) == (2, True)


def test_the_vendor_sees_how_long_each_certificate_is_good(enrolled: Workshop) -> None:
    enrolled.do(
        "vendor", "revoke", enrolled.vendor, "--cert", enrolled.folder / "PUMP-2.pem", *enrolled.passphrase()
    )
    issued = enrolled.do("vendor", "issued", enrolled.vendor, *enrolled.passphrase())["issued"]
    box = next(entry for entry in issued if entry["purpose"] == "BOX_TRANSPORT")
    assert box["expires"] - box["issued"] == 2 * 365 * 24 * 3600
    assert (box["epoch"], box["revoked"]) == (0, None)
    lines = [line.split() for line in listed(enrolled, "issued")]
    first, second = (next(words for words in lines if words[0] == name) for name in ("PUMP-1", "PUMP-2"))
    assert first[1:4] == ["1", "device", "identity"] and first[5:] == ["never"]
    assert second[5:] == ["never", "REVOKED"]
    assert ["serial", box["serial"]] in lines
