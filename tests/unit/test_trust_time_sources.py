"""The sources of time: they say what their clock shows, or that it does not know."""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.trust.time_sources import SOURCES, open_time_source, read_all, read_source
from appliance.trust.time_sources.development import DevelopmentClock
from appliance.trust.time_sources.gpsd import Gpsd
from appliance.trust.time_sources.kernel import KernelClock, KernelTime, ask_kernel
from appliance.trust.time_sources.rtc import RealTimeClock
from media_format.errors import Misuse
from tests.time.saying import saying

NOON = 1_795_694_400
"""2026-11-26 12:00:00 UTC."""
RTC_RD_TIME = 0x80247009


def rtc_time(second: int, minute: int, hour: int, day: int, month: int, year: int) -> bytes:
    return struct.pack("@9i", second, minute, hour, day, month - 1, year - 1900, 0, 0, 0)


def rtc(shown: bytes, voltage: int | None = 0) -> RealTimeClock:
    """A clock chip that shows a time; one without `voltage` cannot tell whether its battery failed."""

    def ask(request: int, _room: bytes) -> bytes:
        if request == RTC_RD_TIME:
            return shown
        if voltage is None:
            raise OSError(errno.ENOTTY, "no such request")
        return struct.pack("@I", voltage)

    return RealTimeClock(ask=ask)


@contextmanager
def daemon(*lines: bytes) -> Iterator[Gpsd]:
    """A gpsd that says these lines to whoever asks to watch, then hangs up."""
    with saying(*lines) as port:
        yield Gpsd("127.0.0.1", port)


def test_the_development_clock_says_what_the_system_says_and_who_it_is() -> None:
    before = int(time.time())
    read = DevelopmentClock().read()
    assert read is not None
    assert before <= read <= int(time.time())
    assert DevelopmentClock.name == "development"


@pytest.mark.parametrize("voltage", [0, None])
def test_a_real_time_clock_shows_utc(voltage: int | None) -> None:
    assert rtc(rtc_time(0, 0, 12, 26, 11, 2026), voltage).read() == NOON


@pytest.mark.parametrize("voltage", [1, 4, 5])
def test_a_real_time_clock_that_stood_still_is_silent(voltage: int) -> None:
    assert rtc(rtc_time(0, 0, 12, 26, 11, 2026), voltage).read() is None


@pytest.mark.parametrize("shown", [(0, 0, 12, 31, 2, 2026), (99, 0, 0, 1, 1, 2026), (0, 0, 0, 0, 0, 1900)])
def test_a_real_time_clock_without_a_date_is_silent(shown: tuple[int, int, int, int, int, int]) -> None:
    assert rtc(rtc_time(*shown)).read() is None


def test_a_real_time_clock_that_fails_is_silent() -> None:
    def broken(_request: int, _room: bytes) -> bytes:
        raise OSError(errno.EIO, "the bus does not answer")

    assert RealTimeClock(ask=broken).read() is None


def test_a_real_time_clock_that_is_not_there_is_silent(tmp_path: Path) -> None:
    assert RealTimeClock(tmp_path / "rtc9").read() is None


def test_a_file_is_no_real_time_clock(tmp_path: Path) -> None:
    (tmp_path / "rtc0").write_bytes(bytes(64))
    assert RealTimeClock(tmp_path / "rtc0").read() is None


def test_the_kernel_is_believed_while_it_vouches_for_its_clock() -> None:
    assert KernelClock(lambda: KernelTime(0, 0, NOON)).read() == NOON


@pytest.mark.parametrize(
    "told", [None, KernelTime(5, 0, NOON), KernelTime(0, 0x40, NOON), KernelTime(5, 0x40, NOON)]
)
def test_the_kernel_is_silent_where_nothing_keeps_its_clock_right(told: KernelTime | None) -> None:
    assert KernelClock(lambda: told).read() is None


def test_the_kernel_of_this_machine_tells_its_time() -> None:
    told = ask_kernel()
    assert told is not None
    assert abs(told.seconds - time.time()) < 5
    assert 0 <= told.state <= 5


def test_gpsd_counts_from_the_first_report_with_a_position() -> None:
    reports = (
        b'{"class":"VERSION","release":"3.25"}\n{"class":"TPV","mode":1,"time":"1999-01-01T00:00:00.000Z"}\n',
        b'{"class":"TPV","mode":3,"ti',
        b'me":"2026-11-26T12:00:00.000Z"}\n{"class":"TPV","mode":3,"time":"2031-01-01T00:00:00.000Z"}\n',
    )
    with daemon(*reports) as gpsd:
        assert gpsd.read() == NOON


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"not JSON\n",
        b"[]\n",
        b'"TPV"\n',
        b"[" * 20000 + b"\n",
        b'{"class":"TPV"}\n',
        b'{"class":"TPV","mode":3}\n',
        b'{"class":"TPV","mode":"x","time":"2026-11-26T12:00:00Z"}\n',
        b'{"class":"TPV","mode":3,"time":"yesterday"}\n',
        b'{"class":"TPV","mode":3,"time":"2026-11-26T12:00:00"}\n',
        b'{"class":"TPV","mode":3,"time":7}\n',
        b'{"class":"TPV","mode":3,"time":"2026-11-26T12:00:00Z"}' + b" " * 70000,
    ],
)
def test_gpsd_that_tells_no_time_is_silent(line: bytes) -> None:
    with daemon(line) as gpsd:
        assert gpsd.read() is None


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59"]
)
def test_a_time_that_no_date_can_state_is_none(moment: str) -> None:
    with daemon(b'{"class":"TPV","mode":3,"time":"%s"}\n' % moment.encode()) as gpsd:
        assert read_source(gpsd) == ("gpsd", None)


def test_gpsd_that_is_not_there_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert Gpsd("127.0.0.1", port).read() is None


def test_gpsd_that_says_nothing_is_not_waited_for_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert Gpsd("127.0.0.1", server.getsockname()[1], patience=0.05).read() is None


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_can_be_named_in_a_configuration(name: str) -> None:
    assert open_time_source(name).name == name


def test_sources_are_asked_in_their_order_and_at_their_places(tmp_path: Path) -> None:
    clock = tmp_path / "rtc7"
    (first, none), (second, system) = read_all((f"rtc:{clock}", "development"))
    assert (first, none, second) == ("rtc", None, "development")
    assert system is not None


@pytest.mark.parametrize(
    "text",
    ["sundial", "", "kernel:1", "development:x", "gpsd:host", "gpsd::1", "gpsd:host:0", "gpsd:host:65536"],
)
def test_what_is_no_source_of_time_is_named(text: str) -> None:
    with pytest.raises(Misuse, match="time_sources"):
        open_time_source(text)
