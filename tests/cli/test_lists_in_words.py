"""What lists say where there is little to show: why, and what there is instead."""

from __future__ import annotations

from tests.cli.ordering import PUMP
from tests.cli.workshop import Workshop, run


def test_the_vendor_is_told_that_no_receipts_are_missing(running: Workshop) -> None:
    running.reported()
    out = running.folder / "receipts.file"
    running.do("box", "export", running.box, "--receipts", "--out", out)
    said = run("vendor", "receipts", running.vendor, "--import", out, "--missing")
    assert said.out.splitlines()[-1] == "Of no such device are receipts missing."


def test_enrolments_that_were_replaced_are_told_apart_by_their_epochs(running: Workshop) -> None:
    assert "epoch 1" in run("box", "devices", running.box, "--epochs").out
    assert "epoch" not in run("box", "devices", running.box).out


def test_whoever_mistypes_an_act_is_told_which_there_are(enrolled: Workshop) -> None:
    said = run("box", "ledger", enrolled.box, "--act", "wirte")
    assert "'wirte'" in said.out and "certificates, init" in said.out


def test_a_time_floor_out_of_bounds_is_told_in_dates(enrolled: Workshop) -> None:
    words = ("--for", PUMP, "--out", enrolled.stick, "--to", "2001-02-03", *enrolled.passphrase())
    said = run("vendor", "directive", "time-floor", enrolled.vendor, *words)
    assert said.status == 2 and "2001-02-03" in said.err and "981158400" not in said.err


def test_renewed_certificates_do_not_give_a_machine_to_somebody(enrolled: Workshop) -> None:
    for role, directory in (("box", enrolled.box), ("device", enrolled.device)):
        name = {"box": "box:BOX-1", "device": PUMP}[role]
        file = enrolled.folder / f"renewed-{role}.pem"
        enrolled.do("vendor", "renew", enrolled.vendor, "--for", name, "--out", file, *enrolled.passphrase())
        said = run(role, "certs", directory, "--install", file)
        assert said.out.startswith(f"The certificates of this {role} are now those that "), said.out
