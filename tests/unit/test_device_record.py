from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from appliance.device.record import FILE_NAME, Pending, TiedRecord, check_banks
from appliance.device.storage import DiskStorage
from appliance.tpm.soft import SoftTpm
from media_format.errors import MachineFault, Misuse
from media_format.objects import ChainHead
from media_format.refusal import Code, Refusal


class Cut(BaseException):
    """The power goes."""


class CutAfter(DiskStorage):
    """Lets a number of replaced files through, then cuts."""

    def __init__(self, left: int) -> None:
        self.left = left

    def replace(self, path: Path, data: bytes) -> None:
        if self.left == 0:
            raise Cut
        self.left -= 1
        super().replace(path, data)


def tpm_in(folder: Path) -> SoftTpm:
    return SoftTpm.make(folder, lambda: 0)


def reopen(folder: Path, tpm: SoftTpm) -> TiedRecord:
    return TiedRecord(folder, tpm, DiskStorage())


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    tpm = tpm_in(tmp_path / "tpm")
    record = reopen(tmp_path, tpm)
    record.create(epoch=2, time_floor=77)
    head = ChainHead(line="main", index=4, manifest_digest=bytes(32))
    record.update(heads=record.facts.with_head(head), request_counter=9)
    assert reopen(tmp_path, tpm).facts == record.facts
    assert reopen(tmp_path, tpm).facts.head("main") == head


def test_a_counter_may_start_anywhere(tmp_path: Path) -> None:
    tpm = tpm_in(tmp_path / "tpm")
    for _ in range(5):
        tpm.increment("device-record")
    reopen(tmp_path, tpm).create(1, 0)
    assert reopen(tmp_path, tpm).facts.step == 6


def test_a_cut_before_the_increment_is_made_up_for(tmp_path: Path) -> None:
    tpm = tpm_in(tmp_path / "tpm")
    reopen(tmp_path, tpm).create(1, 0)
    cutting = SoftTpm.load_from(tmp_path / "tpm", lambda: 0, _refuse_to_write)
    with pytest.raises(Cut):
        TiedRecord(tmp_path, cutting, DiskStorage()).update(time_floor=5)
    assert reopen(tmp_path, tpm).facts.time_floor == 5
    assert tpm.counter("device-record") == reopen(tmp_path, tpm).facts.step


def test_a_record_of_as_many_banks_as_are_allowed_fits(tmp_path: Path) -> None:
    banks: list[str] = []
    with pytest.raises(Misuse):
        while True:
            check_banks([*banks, f"{len(banks):064}.A"])
            banks.append(f"{len(banks):064}.A")
    tpm = tpm_in(tmp_path / "tpm")
    record = reopen(tmp_path, tpm)
    record.create(2**32 - 1, 253402300799)
    heads = [ChainHead(line=f"{line:064}", index=2**32 - 1, manifest_digest=bytes(32)) for line in range(8)]
    pending = Pending(
        release=heads[0],
        security_floor=2**32 - 1,
        package_id=bytes(16),
        version="v" * 64,
        version_before="v" * 64,
        reported=True,
    )
    record.update(written=tuple(banks), heads=tuple(heads), pending=pending, security_floor=2**32 - 1)
    record.update(nonce=bytes(32), receipt_digest=bytes(32), boots=2**63 - 1, nonce_uptime=2**63 - 1)
    assert reopen(tmp_path, tpm).facts == record.facts
    assert len(banks) > 16


def test_a_record_copied_back_is_refused(tmp_path: Path) -> None:
    tpm = tpm_in(tmp_path / "tpm")
    record = reopen(tmp_path, tpm)
    record.create(1, 0)
    old = (tmp_path / FILE_NAME).read_bytes()
    record.update(security_floor=7)
    (tmp_path / FILE_NAME).write_bytes(old)
    with pytest.raises(Refusal, match="copied back") as refused:
        _ = reopen(tmp_path, tpm).facts
    assert refused.value.code is Code.TPM_UNAVAILABLE


def test_a_record_of_another_tpm_is_refused(tmp_path: Path) -> None:
    reopen(tmp_path, tpm_in(tmp_path / "tpm")).create(1, 0)
    with pytest.raises(Refusal) as refused:
        _ = reopen(tmp_path, tpm_in(tmp_path / "other")).facts
    assert refused.value.code is Code.TPM_UNAVAILABLE


def test_a_changed_record_is_refused(tmp_path: Path) -> None:
    tpm = tpm_in(tmp_path / "tpm")
    reopen(tmp_path, tpm).create(1, 0)
    sealed = bytearray((tmp_path / FILE_NAME).read_bytes())
    sealed[-1] ^= 1
    (tmp_path / FILE_NAME).write_bytes(sealed)
    with pytest.raises(Refusal) as refused:
        _ = reopen(tmp_path, tpm).facts
    assert refused.value.code is Code.TPM_UNAVAILABLE


def test_a_record_that_is_missing_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(MachineFault, match="missing"):
        _ = reopen(tmp_path, tpm_in(tmp_path / "tpm")).facts


def _refuse_to_write(path: Path, data: bytes) -> None:
    raise Cut


class RecordMachine(RuleBasedStateMachine):
    """Updates, cuts at every place, and copies put back: the facts never go back unnoticed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.tpm = tpm_in(self.folder / "tpm")
        reopen(self.folder, self.tpm).create(1, 0)
        self.floors = {0}
        self.copies: list[bytes] = []

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule()
    def copy(self) -> None:
        self.copies.append((self.folder / FILE_NAME).read_bytes())

    @rule()
    def update(self) -> None:
        facts = reopen(self.folder, self.tpm).update(time_floor=max(self.floors) + 1)
        self.floors = {facts.time_floor}

    @rule()
    def cut_before_the_file(self) -> None:
        with pytest.raises(Cut):
            TiedRecord(self.folder, self.tpm, CutAfter(0)).update(time_floor=max(self.floors) + 1)

    @rule()
    def cut_before_the_increment(self) -> None:
        cutting = SoftTpm.load_from(self.folder / "tpm", lambda: 0, _refuse_to_write)
        floor = reopen(self.folder, self.tpm).facts.time_floor
        with pytest.raises(Cut):
            TiedRecord(self.folder, cutting, DiskStorage()).update(time_floor=floor + 1)
        self.floors = {floor + 1}

    @rule(choice=st.integers(0, 100))
    def copy_back(self, choice: int) -> None:
        if not self.copies:
            return
        current = (self.folder / FILE_NAME).read_bytes()
        now = reopen(self.folder, self.tpm).facts
        (self.folder / FILE_NAME).write_bytes(self.copies[choice % len(self.copies)])
        try:
            assert reopen(self.folder, self.tpm).facts == now
        except Refusal as refusal:
            assert refusal.code is Code.TPM_UNAVAILABLE
        (self.folder / FILE_NAME).write_bytes(current)

    @invariant()
    def the_newest_facts_hold(self) -> None:
        assert reopen(self.folder, self.tpm).facts.time_floor in self.floors


TestRecordMachine = RecordMachine.TestCase
TestRecordMachine.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
