"""Firmware is plaintext in the vendor's input and in the devices' slots, and in no other file, ever."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from media_format.payload import zstd
from media_format.payload.cobblestone import Sealer
from tests.system.canaries import betrays, noise, text
from tests.system.workshop import PROGRAM
from tests.system.written_files import Trace, traced

NOISE, TEXT = noise(1_500_000), text(500_000)


# The search finds what it is to find


@pytest.mark.parametrize("firmware", [NOISE, TEXT], ids=["incompressible", "compressible"])
def test_a_piece_of_firmware_is_recognised_wherever_it_stands(firmware: bytes) -> None:
    assert betrays(b"something else " + firmware[77_777:77_900] + b" and more")


@pytest.mark.parametrize("firmware", [NOISE, TEXT], ids=["incompressible", "compressible"])
def test_a_piece_of_firmware_is_recognised_within_a_zstd_frame(firmware: bytes) -> None:
    assert betrays(b"head" + zstd.compress(firmware[77_777:177_777], 3) + b"tail")


def test_a_piece_of_firmware_is_recognised_within_a_frame_that_is_cut_off() -> None:
    assert betrays(zstd.compress(NOISE, 3)[:200_000])


def test_sealed_firmware_is_not_recognised() -> None:
    sealer = Sealer(bytes(32), b"context")
    assert not betrays(sealer.update(NOISE + TEXT) + sealer.finalize())


LEAKS = {
    "a temporary file that is deleted": "open(T, 'wb').write(D); os.unlink(T)",
    "a file that is overwritten": "open(T, 'wb').write(D); open(T, 'wb').write(b'nothing')",
    "a file that never had a name": "tempfile.TemporaryFile(dir=F).write(D)",
    "a file in memory": "os.write(os.memfd_create('x'), D)",
    "a write in pieces": "f = os.open(T, os.O_CREAT | os.O_WRONLY); os.pwritev(f, [b'x' * 100, D], 5)",
    "a zstd frame": "open(T, 'wb').write(compress(D))",
    "a copy within the kernel": "shutil.copyfile(I, T); os.unlink(T)",
    "another copy within the kernel": (
        "i, f = os.open(I, os.O_RDONLY), os.open(T, os.O_CREAT | os.O_WRONLY);"
        "os.copy_file_range(i, f, 4000); os.unlink(T)"
    ),
    "a second name": "os.link(I, T)",
    "a file that is mapped": "f = open(T, 'w+b'); f.truncate(4096); mmap.mmap(f.fileno(), 4096)[:len(D)] = D",
    "a file that is mapped and deleted": (
        "f = open(T, 'w+b'); f.truncate(4096); mmap.mmap(f.fileno(), 4096)[:len(D)] = D; os.unlink(T)"
    ),
}


@pytest.mark.parametrize("act", LEAKS.values(), ids=LEAKS)
def test_a_program_that_leaks_is_caught(tmp_path: Path, act: str) -> None:
    (tmp_path / "input").write_bytes(NOISE[:4000])
    script = (
        "import mmap, os, shutil, tempfile; from media_format.payload.zstd import compress;"
        f"F, T, I = {str(tmp_path)!r}, {str(tmp_path / 'it')!r}, {str(tmp_path / 'input')!r};"
        f"D = open(I, 'rb').read(); {act}"
    )
    trace = traced(tmp_path / "trace", sys.executable, "-c", script)
    assert trace.done.returncode == 0, trace.done.stderr
    assert leaks(trace, allowed=(tmp_path / "input",))


def test_a_program_that_does_not_leak_is_not_accused(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(NOISE[:4000])
    script = f"open({str(tmp_path / 'slot')!r}, 'wb').write(open({str(tmp_path / 'input')!r}, 'rb').read())"
    trace = traced(tmp_path / "trace", sys.executable, "-c", script)
    assert trace.done.returncode == 0, trace.done.stderr
    assert leaks(trace, allowed=(tmp_path / "input", tmp_path / "slot")) == set()


# The whole loop

SLOTS = {"device": "ab", "device-2": "b"}
"""The banks that the demo's devices have written: both after two installs, one after one."""


def test_the_whole_loop_writes_no_plaintext_outside_the_vendors_input_and_the_slots(tmp_path: Path) -> None:
    firmware, demo = tmp_path / "firmware.bin", tmp_path / "demo"
    firmware.write_bytes(NOISE + TEXT)

    trace = traced(tmp_path / "trace", PROGRAM, "demo", demo, "--firmware", firmware)

    assert trace.done.returncode == 0, trace.done.stderr
    slots = {demo / f"{device}/slots/rootfs.{bank}" for device, banks in SLOTS.items() for bank in banks}
    index = demo / "box/box.db-shm"  # SQLite maps it, and keeps nothing in it but the numbers of pages
    # Memory that the courier shares with its client: it goes to the medium by writes that are seen here.
    shared = Path("/memfd:courier")
    assert leaks(trace, allowed=(firmware, demo / "firmware", index, shared)) == slots
    written = trace.files()
    for place in ("releases", "box/packages", "box/box.db", "media/stick.img"):
        assert any(path.is_relative_to(demo / place) for path in written), f"nothing was written to {place}"


def leaks(trace: Trace, allowed: tuple[Path, ...]) -> set[Path]:
    """The files that firmware was written to or is in, other than the allowed ones and below them."""

    def forbidden(path: Path) -> bool:
        return not any(path.is_relative_to(place) for place in allowed)

    found = {write.path for write in trace.writes() if forbidden(write.path) and betrays(write.data)}
    found |= {copy for source, copy in trace.copies() if forbidden(copy) and not forbidden(source)}
    found |= {path for path in trace.files() if forbidden(path) and betrays(path.read_bytes())}
    return found | set(filter(forbidden, trace.lost_mappings()))
