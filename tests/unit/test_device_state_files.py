from __future__ import annotations

from pathlib import Path

import pytest

from appliance.device.failures import Failures
from appliance.device.installed import BankContent, Installed
from appliance.device.journal import Entry, Journal, Phase, targets
from appliance.device.refusals import RefusalBook
from appliance.device.storage import DiskStorage
from media_format.errors import MachineFault
from media_format.refusal import Code


def content(slot: str, bank: int, manifest: bytes) -> BankContent:
    return BankContent(
        slot=slot,
        bank=bank,
        component=slot,
        version="1.0",
        index=1,
        manifest_digest=manifest,
        offset=0,
        size=10,
        digest=bytes(32),
    )


def test_the_journal_remembers_one_install(tmp_path: Path) -> None:
    journal = Journal(tmp_path, DiskStorage())
    assert journal.read() is None
    entry = Entry(
        phase=Phase.WRITING,
        manifest_digest=bytes(32),
        package_id=bytes(16),
        targets=targets({"b": 1, "a": 0}),
        done=17,
    )
    journal.write(entry)
    assert journal.read() == entry
    assert entry.banks == {"a": 0, "b": 1}
    journal.clear()
    assert journal.read() is None


def test_a_torn_journal_begins_the_install_again(tmp_path: Path) -> None:
    (tmp_path / "journal.cbor").write_bytes(b"\xa1")
    assert Journal(tmp_path, DiskStorage()).read() is None


def test_failures_are_remembered_until_forgotten(tmp_path: Path) -> None:
    failures = Failures(tmp_path, DiskStorage())
    failures.remember(b"a" * 32)
    failures.remember(b"b" * 32)
    failures.remember(b"a" * 32)
    failures.forget(b"b" * 32)
    assert Failures(tmp_path, DiskStorage()).all() == {b"a" * 32}


def test_the_oldest_failures_make_room(tmp_path: Path) -> None:
    failures = Failures(tmp_path, DiskStorage())
    for number in range(70):
        failures.remember(bytes([number]) * 32)
    assert len(failures.all()) == 64
    assert bytes([5]) * 32 not in failures.all()
    assert bytes([69]) * 32 in failures.all()


def test_refusals_are_counted_by_code_until_a_box_has_seen_them(tmp_path: Path) -> None:
    book = RefusalBook(tmp_path, DiskStorage())
    book.count([Code.MALFORMED, Code.NOT_FOR_THIS_DEVICE, Code.MALFORMED])
    book.count([Code.MALFORMED])
    assert {count.code: count.count for count in book.counts()} == {
        Code.MALFORMED: 3,
        Code.NOT_FOR_THIS_DEVICE: 1,
    }
    book.reset()
    assert book.counts() == ()


def test_a_refusal_is_told_once_per_package_and_code(tmp_path: Path) -> None:
    book = RefusalBook(tmp_path, DiskStorage())
    book.tell(b"p" * 16, Code.ROLLBACK)
    assert book.was_told(b"p" * 16, Code.ROLLBACK)
    assert not book.was_told(b"p" * 16, Code.REVOKED)
    assert not book.was_told(b"q" * 16, Code.ROLLBACK)


def test_a_new_content_replaces_the_banks_old_one(tmp_path: Path) -> None:
    installed = Installed(tmp_path, DiskStorage())
    installed.put([content("root", 0, b"a" * 32)], b"a" * 32, b"manifest a")
    installed.put([content("root", 1, b"b" * 32)], b"b" * 32, b"manifest b")
    installed.put([content("root", 0, b"c" * 32)], b"c" * 32, b"manifest c")
    assert [found.manifest_digest for found in installed.of("root", 0)] == [b"c" * 32]
    assert installed.manifest(b"b" * 32) == b"manifest b"
    assert installed.manifest(b"a" * 32) is None


def test_banks_about_to_be_written_are_forgotten(tmp_path: Path) -> None:
    installed = Installed(tmp_path, DiskStorage())
    installed.put([content("root", 0, b"a" * 32)], b"a" * 32, b"manifest a")
    installed.forget([("root", 0)])
    assert installed.contents() == ()


def test_a_damaged_state_file_is_the_machines_fault(tmp_path: Path) -> None:
    (tmp_path / "installed.cbor").write_bytes(b"junk")
    with pytest.raises(MachineFault, match="damaged"):
        Installed(tmp_path, DiskStorage()).contents()
