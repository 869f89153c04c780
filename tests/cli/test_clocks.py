"""Which clocks box and device ask, what they say where none can be trusted, and what a person then does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from media_format.refusal import ADVICE, Code
from tests.cli.refusals import box_refuses, device_refuses, device_refuses_and_reports, reports, says
from tests.cli.wall_clock import wall_clock
from tests.cli.workshop import Workshop, run
from tests.time.nmea import with_position, without_position
from tests.time.receiver import gpsd
from tests.time.saying import saying

YEARS = 21 * 365
WRONG = {"set back": (-1, Code.TIME_BEFORE_FLOOR), "years ahead": (YEARS, Code.TIME_UNTRUSTED)}


@pytest.fixture(params=WRONG, ids=[wrong.replace(" ", "-") for wrong in WRONG])
def wrong_clock(request: pytest.FixtureRequest) -> Iterator[Code]:
    """The clock of this machine is wrong; the code that says so."""
    days, code = WRONG[request.param]
    with wall_clock(days=days):
        yield code


def test_a_box_with_a_wrong_clock_imports_nothing(delivered: Workshop, wrong_clock: Code) -> None:
    source = delivered.folder / "1.0.0"
    box_refuses(delivered, wrong_clock, "import", delivered.box, source, *delivered.pin(), medium=source)


def test_a_box_with_a_wrong_clock_admits_nobody(delivered: Workshop, wrong_clock: Code) -> None:
    box_refuses(delivered, wrong_clock, "admit", delivered.box, delivered.stick)


def test_a_box_with_a_wrong_clock_writes_nothing(delivered: Workshop, wrong_clock: Code) -> None:
    write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
    box_refuses(delivered, wrong_clock, *write)


def test_a_box_with_a_wrong_clock_collects_nothing(running: Workshop, wrong_clock: Code) -> None:
    box_refuses(running, wrong_clock, "collect", running.box, running.stick)


def test_a_supervisor_sees_that_the_clock_is_wrong_and_what_to_do(
    delivered: Workshop, wrong_clock: Code
) -> None:
    said = run("box", "status", delivered.box)
    assert said.status == 0
    assert f"NOT TRUSTED ({wrong_clock}: development says 2" in said.out
    assert ADVICE[wrong_clock] in said.out
    status = delivered.do("box", "status", delivered.box)["status"]
    assert (status["time"], status["time_advice"]) == (None, ADVICE[wrong_clock])


def test_a_box_goes_on_once_its_clock_is_right_again(delivered: Workshop) -> None:
    with wall_clock(days=YEARS):
        box_refuses(delivered, Code.TIME_UNTRUSTED, "admit", delivered.box, delivered.stick)
    delivered.do("box", "admit", delivered.box, delivered.stick)
    assert delivered.do("box", "status", delivered.box)["status"]["time"]["source"] == "development"


@pytest.mark.parametrize("role", ["box", "device"])
@pytest.mark.parametrize("source", ["ntp", "rtc:rtc1", "gpsd:2947", "kernel:0", ""])
def test_a_source_of_time_that_cannot_be_asked_is_named_at_once(
    delivered: Workshop, role: str, source: str
) -> None:
    _ask_only(delivered.folder / role, source)
    said = run(role, "status", delivered.folder / role)
    assert (said.status, said.out) == (2, "")
    assert "time_sources: " in said.err
    assert "write" in said.err or "has no place" in said.err


def test_a_device_whose_battery_clock_is_gone_installs_nothing(delivered: Workshop) -> None:
    _ask_only(delivered.device, f"rtc:{delivered.folder}/rtc9")
    device_refuses_and_reports(delivered, Code.TIME_UNTRUSTED)


def test_a_device_installs_by_the_time_of_a_satellite_receiver(delivered: Workshop, tmp_path: Path) -> None:
    with _receiver(delivered, tmp_path, with_position(int(time.time()), 60)):
        delivered.install()


def test_a_device_whose_satellite_receiver_has_no_position_installs_nothing(
    delivered: Workshop, tmp_path: Path
) -> None:
    with _receiver(delivered, tmp_path, without_position(int(time.time()), 60)):
        device_refuses(delivered, Code.TIME_UNTRUSTED)
    reports(delivered, Code.TIME_UNTRUSTED)


def test_a_box_says_that_its_time_comes_from_a_satellite_receiver(
    delivered: Workshop, tmp_path: Path
) -> None:
    with gpsd(tmp_path, with_position(int(time.time()), 60)) as port:
        _ask_only(delivered.box, f"gpsd:127.0.0.1:{port}")
        assert "by gpsd" in run("box", "status", delivered.box).out


def test_an_impossible_time_of_a_clock_does_not_spoil_the_exported_ledger(delivered: Workshop) -> None:
    configuration, exported = delivered.box / "box.toml", delivered.folder / "ledger"
    right = configuration.read_text()
    with saying(b'{"class":"TPV","mode":3,"time":"0001-01-01T00:00:00Z"}\n') as port:
        _ask_only(delivered.box, f"gpsd:127.0.0.1:{port}")
        delivered.do("box", "allow", delivered.box, "--device", "PUMP-1", *delivered.pin())
    configuration.write_text(right)
    delivered.do("box", "export", delivered.box, "--ledger", "--signed", "--out", exported, *delivered.pin())
    delivered.do("box", "ledger", "--file", exported, "--verify", "--key", delivered.folder / "box.pem")


def test_a_box_whose_clocks_are_all_silent_says_so(delivered: Workshop) -> None:
    _ask_only(delivered.box, f"rtc:{delivered.folder}/rtc9")
    said = run("box", "admit", delivered.box, delivered.stick, "--json")
    assert says(said, Code.TIME_UNTRUSTED)["detail"] == "no source of time gives one"


@contextmanager
def _receiver(shop: Workshop, folder: Path, sentences: bytes) -> Iterator[None]:
    """The device's only clock is gpsd, whose receiver says `sentences`."""
    with gpsd(folder, sentences) as port:
        _ask_only(shop.device, f"gpsd:127.0.0.1:{port}")
        yield


def _ask_only(folder: Path, source: str) -> None:
    """Name another source of time than `init` did."""
    (configuration,) = (path for path in folder.glob("*.toml") if path.stem in ("box", "device"))
    text = configuration.read_text()
    assert '["development"]' in text
    configuration.write_text(text.replace('["development"]', f'["{source}"]'))
