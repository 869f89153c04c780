"""Re-enrolment: a device with new keys begins anew, and nobody passes for what it was before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from media_format.refusal import Code
from tests.cli.ordering import followed, order
from tests.cli.refusals import box_refuses
from tests.cli.stages import enrol
from tests.cli.workshop import PRODUCT, SLOT_SIZE, Workshop, run


@pytest.fixture
def again(running: Workshop) -> Workshop:
    """PUMP-1 got new keys in epoch 2: `other` is it now, and `device` what somebody kept of it."""
    shutil.rmtree(running.other)
    _make(running, running.other)
    enrol(running, "device", running.other, running.folder / "again.pem")
    return running


def _make(shop: Workshop, folder: Path, epoch: int = 2) -> None:
    kind = ("--product", PRODUCT, "--hardware", "rev-c", "--epoch", epoch)
    slots = ("--slot", "rootfs=slots/a.img,slots/b.img", "--slot-size", SLOT_SIZE)
    shop.do("device", "init", folder, "--id", "PUMP-1", *kind, *slots)


def test_the_box_keeps_both_epochs_apart(again: Workshop) -> None:
    again.fresh_stick()
    again.ask(again.other)
    again.write()
    again.install(again.other)
    again.do("device", "request", again.other, again.stick)
    receipts = [entry for entry in again.reported() if entry["epoch"] == 2]
    assert [entry["counter"] for entry in receipts] == [1, 2]
    assert not any(entry["gap"] for entry in again.do("box", "receipts", again.box)["receipts"])
    devices = again.do("box", "devices", again.box, "--epochs")["devices"]
    assert {(entry["id"], entry["epoch"]) for entry in devices} >= {("PUMP-1", 1), ("PUMP-1", 2)}


def test_a_request_of_the_older_epoch_is_refused_beside_the_first_one_of_the_newer(again: Workshop) -> None:
    again.do("device", "request", again.other, again.stick)
    said = run("box", "admit", again.box, again.stick)
    assert "in epoch 2" in said.out
    assert "request-replayed: PUMP-1 was enrolled again since this request was made" in said.out


def test_a_request_of_the_older_epoch_is_refused_once_the_newer_one_was_seen(again: Workshop) -> None:
    old = again.folder / "old.img"
    again.stick.rename(old)
    again.fresh_stick()
    again.ask(again.other)
    box_refuses(again, Code.REQUEST_REPLAYED, "admit", again.box, old, medium=old)


def test_enrolment_in_a_newer_epoch_revokes_the_older(again: Workshop) -> None:
    again.do("box", "certs", again.box, "--install", _lists(again))
    box_refuses(again, Code.REVOKED, "admit", again.box, again.stick)


def test_the_newer_epoch_is_served_after_the_older_was_revoked(again: Workshop) -> None:
    again.do("box", "certs", again.box, "--install", _lists(again))
    again.fresh_stick()
    again.ask(again.other)
    again.write()
    again.install(again.other)


def _lists(shop: Workshop) -> Path:
    lists = shop.folder / "lists.pem"
    shop.do("vendor", "crl", shop.vendor, "--out", lists, *shop.passphrase())
    return lists


def test_directives_go_to_the_newest_epoch(again: Workshop) -> None:
    again.fresh_stick()
    (written,) = order(again, "renew")
    assert (written["epoch"], written["sequence"]) == (2, 1)
    assert followed(again) == []
    done = again.do("device", "apply", again.other, again.stick)
    assert [entry["order"] for entry in done["directives"]] == ["renew"]


def test_an_older_epoch_is_not_enrolled_any_more(again: Workshop) -> None:
    folder = again.folder / "older"
    _make(again, folder, epoch=1)
    request = ("--csr", folder / "enrolment.req", "--out", again.folder / "older.pem")
    said = run("vendor", "enrol", "device", again.vendor, *request, *again.passphrase())
    assert (said.status, said.err.split(":")[0]) == (2, "misuse")
    assert "epoch 2" in said.err
