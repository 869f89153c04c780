from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.device.configuration import DeviceConfiguration, WatchSettings, read_configuration
from media_format.errors import Misuse

CONFIGURATION = DeviceConfiguration(
    id='pump "7" \\ north',
    product="pump",
    line="main",
    hardware="rev-c",
    slots={"root fs": (Path("slots/a"), Path("/dev/mmcblk0p3")), "boot": (Path("x"), Path("y"))},
    epoch=3,
    watch=WatchSettings(udev=False, directories=(Path("/media"),), loops=(Path("/dev/loop7"),)),
)


def test_what_init_writes_is_what_is_read() -> None:
    assert read_configuration(CONFIGURATION.to_toml()) == CONFIGURATION


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('colour = "red"', "colour"),
        ("epoch = true", "epoch"),
        ('largest_chunk = "big"', "largest_chunk"),
        ("boot_tries = 0", "boot_tries"),
        ('time_sources = "development"', "time_sources"),
    ],
)
def test_an_error_names_the_key(line: str, named: str) -> None:
    name = line.split()[0]
    text = "\n".join(old for old in CONFIGURATION.to_toml().splitlines() if not old.startswith(name))
    with pytest.raises(Misuse, match=named):
        read_configuration(f"{line}\n{text}")


def test_an_unknown_watch_key_is_named_with_its_table() -> None:
    with pytest.raises(Misuse, match=r"watch\.fast"):
        read_configuration(CONFIGURATION.to_toml() + "fast = true\n")


def test_a_missing_key_is_named() -> None:
    text = "\n".join(line for line in CONFIGURATION.to_toml().splitlines() if not line.startswith("product"))
    with pytest.raises(Misuse, match="product"):
        read_configuration(text)


def test_more_slots_than_the_devices_record_has_room_for_are_refused() -> None:
    slots = {f"{number:064}": (Path(f"a{number}"), Path(f"b{number}")) for number in range(32)}
    with pytest.raises(Misuse, match="fewer slots, or shorter names"):
        replace(CONFIGURATION, slots=slots)
    replace(CONFIGURATION, slots={name[-8:]: banks for name, banks in slots.items()})


def test_more_slots_than_a_request_tells_of_are_refused() -> None:
    slots = {str(number): (Path(f"a{number}"), Path(f"b{number}")) for number in range(65)}
    with pytest.raises(Misuse, match="at most 64"):
        replace(CONFIGURATION, slots=slots)
    del slots["64"]
    replace(CONFIGURATION, slots=slots)


def test_a_slot_needs_two_different_banks() -> None:
    with pytest.raises(Misuse, match=r"slots\.root"):
        read_configuration('id="a"\nproduct="b"\nline="c"\nhardware="d"\n[slots]\nroot=["x", "x"]\n')
    with pytest.raises(Misuse, match=r"slots\.root"):
        read_configuration('id="a"\nproduct="b"\nline="c"\nhardware="d"\n[slots]\nroot=["x"]\n')
