from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.device.slots import Slots
from media_format.errors import MachineFault, Misuse
from media_format.volume.seam import ReadBack


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    found = Slots({"rootfs": (Path("slots/rootfs.a"), Path("slots/rootfs.b"))}, tmp_path)
    found.make(9 * 1024 * 1024)
    return found


def test_banks_that_are_not_there_are_made_sparse(slots: Slots, tmp_path: Path) -> None:
    assert slots.capacity("rootfs") == 9 * 1024 * 1024
    assert (tmp_path / "slots/rootfs.a").stat().st_blocks == 0


def test_banks_that_are_there_are_left_alone(slots: Slots, tmp_path: Path) -> None:
    (tmp_path / "slots/rootfs.a").write_bytes(b"factory")
    slots.make(1024)
    assert (tmp_path / "slots/rootfs.a").read_bytes() == b"factory"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(offset=st.integers(0, 9 * 2**20), size=st.integers(1, 9 * 2**20), length=st.integers(0, 9 * 2**20))
def test_a_measurement_is_the_digest_of_the_run(
    slots: Slots, tmp_path: Path, offset: int, size: int, length: int
) -> None:
    content = (os.urandom(4099) * (length // 4099 + 1))[:length]
    (tmp_path / "slots/rootfs.b").write_bytes(content)
    found = slots.bank("rootfs", 1).measure(offset, size)
    assert found.digest == hashlib.sha256(content[offset : offset + size]).digest()


def test_a_measurement_says_how_it_reached_the_storage(slots: Slots) -> None:
    assert slots.bank("rootfs", 0).measure(0, 4096).read_back in (ReadBack.DIRECT, ReadBack.FLUSHED)


def test_a_bank_that_is_missing_is_the_machines_fault(slots: Slots, tmp_path: Path) -> None:
    (tmp_path / "slots/rootfs.a").unlink()
    with pytest.raises(MachineFault, match=r"rootfs\.A"):
        slots.bank("rootfs", 0).measure(0, 1)


def test_a_slot_that_is_not_configured_is_misuse(slots: Slots) -> None:
    with pytest.raises(Misuse, match="boot"):
        slots.bank("boot", 0)
