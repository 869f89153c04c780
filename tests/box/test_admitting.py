"""Requests and receipts at the box: which are admitted, in which order, and what a copy gives away."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.box import Action, Admission, ReceiptInfo
from appliance.device import Device
from media_format.objects import Entitlement
from media_format.progress import silent
from media_format.refusal import Code
from tests.trust_world import refused
from tests.workshop import Box, Workshop, apply, ask, delivered, files, now, only, update


def admitted(box: Box, medium: Path) -> Admission:
    """What became of the one request on a medium."""
    (found,) = box.service.admit(medium)
    return found


def copy_of(folder: Path, name: str) -> Path:
    """A copy of a folder beside it."""
    target = folder.with_name(name)
    shutil.copytree(folder, target)
    return target


# Requests


def test_a_request_is_admitted_with_the_newest_release_for_it(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, stick = shop.box(), shop.medium()
    for version in ("1.0", "1.1"):
        box.take(shop.release(version))
    box.take(shop.release("9.0", hardware=("rev-z",)))
    ask(shop.device(), stick)
    found = admitted(box, stick)
    assert (found.code, found.device_id, found.version) == (None, "pump-17", None)
    assert found.release_version == "1.1"
    (device,) = box.service.devices()
    assert (device.id, device.counter, device.allowed) == ("pump-17", 1, True)


def test_the_same_request_may_be_answered_again(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    box.take(shop.release("1.0"))
    ask(device, stick)
    dead = copy_of(stick, "dead")
    box.write(dead, "pump-17")
    box.write(stick, "pump-17")
    update(device, stick)


def test_it_is_said_why_a_request_may_be_answered(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    ask(device, stick)
    assert admitted(box, stick).detail.startswith("the first request seen here; ")
    assert admitted(box, stick).detail.startswith(
        "request 1, which was seen before and may be answered again; "
    )
    ask(device, stick)
    found = admitted(box, stick).detail
    assert found.startswith("request 2, after request 1; ")
    box.service.put_rule(Entitlement(allowed=True, product="pump"), box.session)
    assert "the box's rule 'allow product pump' decides" in admitted(box, stick).detail


def test_a_request_older_than_the_newest_seen_is_a_replay(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    ask(device, stick)
    old = copy_of(stick, "old")
    ask(device, stick)
    assert admitted(box, stick).code is None
    assert admitted(box, old).code is Code.REQUEST_REPLAYED
    assert [entry.counter for entry in box.service.devices()] == [2]


def test_a_device_whose_whole_state_was_copied_back_is_found_out(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    copied = copy_of(shop.device_folder(), "copied")
    ask(device, stick)
    assert admitted(box, stick).code is None
    other = shop.medium("other")
    ask(Device.open(copied, now), other)
    assert admitted(box, other).code is Code.REQUEST_REPLAYED


def test_two_different_requests_with_one_counter_do_not_both_pass(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    copied = copy_of(shop.device_folder(), "copied")
    ask(device, stick)
    other = shop.medium("other")
    ask(Device.open(copied, now), other)
    shutil.copytree(other, stick, dirs_exist_ok=True)
    codes = sorted(str(found.code) for found in box.service.admit(stick))
    assert codes == ["None", "request-replayed"]


def test_a_new_enrolment_begins_a_new_count_and_ends_the_old_one(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, old, stick = shop.box(), shop.device(), shop.medium()
    for _ in range(3):
        ask(old, stick)
    assert admitted(box, stick).code is None
    fresh = shop.medium("fresh")
    ask(shop.device(epoch=2), fresh)
    assert admitted(box, fresh).code is None
    ask(old, stick)
    assert admitted(box, stick).code is Code.REQUEST_REPLAYED


def test_a_devices_rule_outranks_its_products_and_that_the_default(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    box.take(shop.release("1.0"))
    ask(device, stick)

    def allowed(rule: Entitlement) -> bool:
        box.service.put_rule(rule, box.session)
        return admitted(box, stick).code is None

    assert not allowed(Entitlement(allowed=False, product="pump"))
    assert allowed(Entitlement(allowed=True, first="pump-17", last="pump-17"))
    assert not allowed(Entitlement(allowed=False, first="pump-17", last="pump-17"))
    assert not allowed(Entitlement(allowed=True, product="pump"))
    with refused(Code.DEVICE_NOT_ENTITLED):
        box.service.write(stick, ("pump-17",), box.session, silent)
    assert allowed(Entitlement(allowed=True, first="pump-17", last="pump-17"))


def test_a_rule_made_after_the_request_was_admitted_holds_for_the_write(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, stick = shop.box(), shop.medium()
    box.take(shop.release("1.0"))
    ask(shop.device(), stick)
    box.service.admit(stick)
    box.service.put_rule(Entitlement(allowed=False, first="pump-17", last="pump-17"), box.session)
    with refused(Code.DEVICE_NOT_ENTITLED):
        box.service.write(stick, ("pump-17",), box.session, silent)


def test_another_vendors_device_is_not_admitted(tmp_path: Path) -> None:
    mine, other = Workshop(tmp_path / "mine"), Workshop(tmp_path / "other")
    stick = other.medium()
    ask(other.device(), stick)
    assert admitted(mine.box(), stick).code is Code.CHAIN_INVALID


@pytest.mark.parametrize("content", [b"", b"\xff", b"\xd2\x84"])
def test_a_file_that_is_no_request_is_named_and_the_others_are_judged(tmp_path: Path, content: bytes) -> None:
    shop = Workshop(tmp_path)
    box, stick = shop.box(), shop.medium()
    ask(shop.device(), stick)
    (stick / "UPDATEBX/REQUESTS/AAAAAAAA.REQ").write_bytes(content)
    (stick / "UPDATEBX/REQUESTS/._AAAAAA.REQ").write_bytes(b"a sidecar")
    found = {entry.device_id: entry.code for entry in box.service.admit(stick)}
    assert found["pump-17"] is None
    assert found[None] is Code.MALFORMED
    assert len(found) == 2


def test_an_older_release_is_not_written_for_a_device_that_confirmed_a_newer_one(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    first = shop.release("1.0")
    box.take(first)
    delivered(shop, box, device, "1.1", stick)
    update(device, stick)
    box.service.admit(stick)
    digest = first.built.manifest_digest
    with refused(Code.ROLLBACK):
        box.service.write(stick, ("pump-17",), box.session, silent, release=digest)


def test_a_survey_changes_nothing_and_says_what_to_do_next(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    release = shop.release("1.0")
    assert box.service.survey(release.folder).action is Action.IMPORT
    box.take(release)
    ask(device, stick)
    before = files(stick), box.service.ledger()
    report = box.service.survey(stick)
    assert report.action is Action.WRITE
    assert (files(stick), box.service.ledger()) == before
    box.write(stick, "pump-17")
    assert box.service.survey(stick).action is Action.CARRY
    update(device, stick)
    report = box.service.survey(stick)
    assert (report.action, report.receipts) == (Action.COLLECT, 2)
    box.service.collect(stick)
    assert box.service.survey(stick).action is Action.NOTHING


# Receipts


def receipts_on(stick: Path) -> list[Path]:
    return sorted((stick / "UPDATEBX/RECEIPTS").iterdir(), key=lambda path: path.stat().st_mtime_ns)


def test_receipts_are_collected_once_and_show_what_happened(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    assert [entry.new for entry in box.service.collect(stick)] == [True, True]
    assert [entry.new for entry in box.service.collect(stick)] == [False, False]
    found = sorted(box.service.receipts(), key=lambda receipt: receipt.counter)
    assert [receipt.outcome for receipt in found] == ["installed", "confirmed"]
    assert (found[0].version_before, found[0].version_after) == (None, "1.0")


def test_a_missing_receipt_is_flagged_until_it_arrives(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    for version in ("1.0", "1.1"):
        delivered(shop, box, device, version, stick)
        update(device, stick)
    whole = copy_of(stick, "whole")
    receipts_on(stick)[1].unlink()
    box.service.collect(stick)
    assert [receipt.gap for receipt in by_counter(box)] == [False, True, False]
    device_before = files(shop.device_folder() / "receipts")
    delivered(shop, box, device, "1.2", stick)
    update(device, stick)
    kept = files(shop.device_folder() / "receipts")
    assert set(device_before) - set(kept) == {"00000000000000000001.rcp"}
    box.service.collect(whole)
    assert not any(receipt.gap for receipt in by_counter(box))


def by_counter(box: Box) -> list[ReceiptInfo]:
    return sorted(box.service.receipts(), key=lambda receipt: receipt.counter)


def test_a_device_that_signed_two_histories_is_found_out(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    copied = Device.open(copy_of(shop.device_folder(), "copied"), now)
    other = copy_of(stick, "other")
    assert only(apply(device, stick)).outcome is not None
    (next((other / "UPDATEBX/PACKAGES").iterdir()) / "PAYLOAD.000").unlink()
    apply(copied, other)
    shutil.copytree(other / "UPDATEBX/RECEIPTS", stick / "UPDATEBX/RECEIPTS", dirs_exist_ok=True)
    found = box.service.collect(stick)
    assert sorted(str(entry.refusal) for entry in found) == ["None", "equivocation"]
    assert len(box.service.receipts()) == 1


def test_a_receipt_of_a_device_that_never_asked_here_is_kept(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    other, device, stick = shop.box("other"), shop.device(), shop.medium()
    box = shop.box("box-1")
    delivered(shop, other, device, "1.0", stick)
    update(device, stick)
    assert all(entry.new for entry in box.service.collect(stick))
    (info,) = box.service.devices()
    assert (info.id, info.product, info.counter) == ("pump-17", "pump", 0)
    assert admitted(box, stick).code is None


def test_forged_and_foreign_receipts_are_refused(tmp_path: Path) -> None:
    shop, foreign = Workshop(tmp_path / "mine"), Workshop(tmp_path / "foreign")
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    apply(device, stick)
    (path,) = receipts_on(stick)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    theirs = foreign.medium()
    delivered(foreign, foreign.box(), foreign.device(), "1.0", theirs)
    apply(Device.open(foreign.device_folder(), now), theirs)
    shutil.copytree(theirs / "UPDATEBX/RECEIPTS", stick / "UPDATEBX/RECEIPTS", dirs_exist_ok=True)
    codes = {entry.refusal for entry in box.service.collect(stick)}
    assert codes == {Code.SIGNATURE_INVALID, Code.CHAIN_INVALID}
    assert box.service.receipts() == ()
