"""The measuring of memory measures."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.system.memory import measured

MIB = 1 << 20


def test_the_memory_of_a_program_and_its_children_is_seen(tmp_path: Path) -> None:
    inner = "import sys; held = bytearray(b'x' * (20 << 20)); sys.stdin.read()"
    script = (
        "import subprocess, sys, time; held = bytearray(b'x' * (30 << 20));"
        f"child = subprocess.Popen([sys.executable, '-c', {inner!r}], stdin=subprocess.PIPE);"
        "child.communicate(b'')"
    )
    found = measured([sys.executable, "-c", script], tmp_path)
    assert found.done.returncode == 0, found.done.stderr
    assert 50 * MIB < found.peak < 80 * MIB


def test_shared_memory_is_seen(tmp_path: Path) -> None:
    found = measured([sys.executable, "-c", hold("mmap.mmap(-1, 40 << 20)")], tmp_path)
    assert 40 * MIB < found.peak < 60 * MIB


def test_files_in_the_page_cache_are_not_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * (40 << 20))
    found = measured([sys.executable, "-c", hold("mmap.mmap(open('file', 'r+b').fileno(), 0)")], tmp_path)
    assert found.peak < 20 * MIB


def hold(mapping: str) -> str:
    """A program that touches every page of a mapping, and keeps it for long enough to be seen."""
    touch = "for place in range(0, len(held), 4096): held[place] = 1"
    return f"import hashlib, mmap\nheld = {mapping}\n{touch}\nfor _ in range(5): hashlib.sha256(held)"
