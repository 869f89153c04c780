"""A courier that lies, dies, computes for ever or keeps silent ends in a named refusal, and no more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.media.courier.client import CourierVolume
from appliance.media.courier.starting import Courier
from media_format.errors import MachineFault
from media_format.refusal import Code, Refusal
from tests.media.couriers import courier, program
from tests.media.loops import empty_image, fat_image
from tests.media.lying_courier import LIES

MIB = 1024 * 1024
CALLS = {
    "info": lambda volume: volume.info(),
    "list": lambda volume: volume.list(""),
    "read_object": lambda volume: volume.read_object("A", 2),
    "read_run": lambda volume: volume.read_run("A", 0, 4),
    "begin": lambda volume: volume.begin("A", 4),
    "append": lambda volume: volume.append(1, b"abcd"),
    "commit": lambda volume: volume.commit(1),
    "settle": lambda volume: volume.settle(),
}


@contextmanager
def liar(folder: Path, lie: str, silence: float = 30) -> Iterator[tuple[Courier, CourierVolume]]:
    image = empty_image(folder / "medium.img", MIB)
    with courier(image, *program("lying_courier.py", lie), silence=silence) as (started, volume):
        volume.open()
        yield started, volume
        started.link.end()


def refusal(volume: CourierVolume, call: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        CALLS[call](volume)
    return caught.value


@pytest.mark.parametrize("lie", LIES)
def test_no_call_believes_a_lie(tmp_path: Path, lie: str) -> None:
    with liar(tmp_path, lie) as (_, volume):
        found = {call: refusal(volume, call).code for call in CALLS}
    assert set(found.values()) == {Code.MEDIUM_UNREADABLE}


def test_a_courier_that_lied_is_ended(tmp_path: Path) -> None:
    with liar(tmp_path, "no CBOR") as (started, volume):
        refusal(volume, "info")
        assert not Path(f"/proc/{started.link.pid}").exists()


def test_what_a_courier_says_in_a_refusal_cannot_move_the_cursor(tmp_path: Path) -> None:
    with liar(tmp_path, "a refusal that moves the cursor") as (_, volume):
        found = refusal(volume, "info")
    assert found.detail.isprintable() and len(found.detail) <= 500


@pytest.mark.parametrize("call", CALLS)
def test_a_courier_that_dies_is_a_refusal(tmp_path: Path, call: str) -> None:
    with liar(tmp_path, "die") as (_, volume):
        assert refusal(volume, call).code is Code.MEDIUM_UNREADABLE


def test_a_courier_that_computes_for_ever_is_stopped(tmp_path: Path) -> None:
    with liar(tmp_path, "compute") as (_, volume):
        start = time.monotonic()
        assert refusal(volume, "info").code is Code.MEDIUM_UNREADABLE
    assert time.monotonic() - start < 20


def test_a_medium_that_keeps_silent_is_taken_for_pulled(tmp_path: Path) -> None:
    with liar(tmp_path, "keep silent", silence=0.2) as (_, volume):
        assert refusal(volume, "info").code is Code.MEDIUM_PULLED


def test_a_courier_that_was_killed_is_a_refusal_now_and_later(tmp_path: Path) -> None:
    image = fat_image(tmp_path / "medium.img", 4 * MIB)
    with courier(image) as (started, volume):
        volume.open()
        ticket = volume.begin("FILE.BIN", 8)
        os.kill(started.link.pid, signal.SIGKILL)
        with pytest.raises(Refusal) as now:
            volume.append(ticket, b"12345678")
        with pytest.raises(Refusal) as later:
            volume.discard(ticket)
    assert (now.value.code, later.value.code) == (Code.MEDIUM_UNREADABLE, Code.MEDIUM_UNREADABLE)


def test_a_courier_that_cannot_start_is_the_machines_fault(tmp_path: Path) -> None:
    image = empty_image(tmp_path / "medium.img", MIB)
    with pytest.raises(MachineFault), courier(image, "/bin/false"):
        pass


def test_a_courier_does_not_outlive_its_client(tmp_path: Path) -> None:
    image = fat_image(tmp_path / "medium.img", 4 * MIB)
    script = (
        "import os, sys, pathlib; from appliance.media.courier.starting import *\n"
        "from media_format.volume.descriptor import Descriptor\n"
        "disk = Descriptor.open(pathlib.Path(sys.argv[1]), writable=False)\n"
        "made = start(COMMAND, disk.handles(), 'x', disk.size, writable=False)\n"
        "print(made.link.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, image], capture_output=True, text=True, timeout=60)
    courier_process = int(done.stdout)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{courier_process}").exists() and _alive(courier_process):
        assert time.monotonic() < deadline
        os.sched_yield()


def _alive(process: int) -> bool:
    """A dead process that nobody has collected yet is dead."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
