"""The battery-backed clock: the chip of this machine where it has one, and else what stands for one."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.trust.time_sources.rtc import RealTimeClock
from tests.tools import require

CHIPS = [node for node in sorted(Path("/dev").glob("rtc[0-9]*")) if os.access(node, os.R_OK)]
SEAM = "no chip here, so the seam"
RTC_RD_TIME = 0x80247009
READ = """
import sys
from pathlib import Path
from appliance.trust.time_sources.rtc import RealTimeClock
assert RealTimeClock(Path(sys.argv[1])).read() is None
"""


@pytest.mark.parametrize("node", CHIPS[:1] or [None], ids=[str(node) for node in CHIPS[:1]] or [SEAM])
def test_the_clock_chip_tells_the_time(node: Path | None) -> None:
    """A chip is held against what the kernel's own driver makes of it: it need not be set right."""
    before = _kernels_reading(node) if node else int(time.time())
    read = RealTimeClock(node).read() if node else RealTimeClock(ask=_a_chip_that_shows_now).read()
    after = _kernels_reading(node) if node else int(time.time())
    assert read is not None
    assert before <= read <= after


def test_what_the_clock_is_asked_is_what_the_kernel_knows(tmp_path: Path) -> None:
    """Strace names requests after the kernel's headers; a node that is no clock answers neither."""
    trace = tmp_path / "trace"
    watch = [require("strace"), "-f", "-e", "trace=ioctl", "-P", "/dev/null", "-o", str(trace)]
    subprocess.run([*watch, sys.executable, "-c", READ, "/dev/null"], check=True, timeout=60)
    asked = re.findall(r"\b(RTC_\w+)", trace.read_text())
    assert asked == ["RTC_VL_READ", "RTC_RD_TIME"]


def _kernels_reading(node: Path) -> int:
    return int((Path("/sys/class/rtc") / node.name / "since_epoch").read_text())


def _a_chip_that_shows_now(request: int, _room: bytes) -> bytes:
    if request != RTC_RD_TIME:
        return bytes(4)
    now = datetime.now(UTC)
    shown = (now.second, now.minute, now.hour, now.day, now.month - 1, now.year - 1900, 0, 0, 0)
    return struct.pack("@9i", *shown)
