"""`updatebox demo`, as a stranger runs it."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.system.workshop import PROGRAM
from tests.tools import require

pytestmark = pytest.mark.xdist_group("demo")  # one worker runs the demo for all

SMALL = ("--size", "8MiB")


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that was run, and how it ended."""

    folder: Path
    status: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        found = json.loads((self.folder / "summary.json").read_text())
        assert isinstance(found, dict)
        return found


def run_demo(folder: Path, *options: object) -> Demo:
    command = [str(PROGRAM), "demo", str(folder), *map(str, options)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
    )
    return Demo(folder, done.returncode, done.stdout, done.stderr)


def digest(path: Path, size: int | None = None) -> str:
    with path.open("rb") as file:
        return hashlib.sha256(file.read(-1 if size is None else size)).hexdigest()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return run_demo(tmp_path_factory.mktemp("demo") / "demo", *SMALL)


def test_it_ends_well(demo: Demo) -> None:
    assert demo.status == 0, demo.err


def test_it_tells_what_became_of_the_devices(demo: Demo) -> None:
    assert "PUMP-0001  1.0.0 → 1.1.0" in demo.out
    assert "PUMP-0002  factory → 1.0.0" in demo.out


def test_it_tells_what_was_refused_and_with_which_code(demo: Demo) -> None:
    for refusal in demo.summary["refusals"]:
        assert f"{refusal['code']:<20} {refusal['name']}" in demo.out


def test_it_tells_each_phase_while_it_runs(demo: Demo) -> None:
    assert all(phase["name"] in demo.err for phase in demo.summary["phases"])


def test_every_phase_states_its_seconds_and_its_bytes(demo: Demo) -> None:
    phases = demo.summary["phases"]
    assert len(phases) > 10
    assert [phase["name"] for phase in phases if not (phase["seconds"] > 0 and phase["bytes"] > 0)] == []


def test_an_install_states_the_bytes_of_the_whole_image(demo: Demo) -> None:
    sizes = [phase["bytes"] for phase in demo.summary["phases"] if "installed" in phase["name"]]
    assert sizes == [8 << 20] * 3


def test_the_summary_names_the_versions_before_and_after(demo: Demo) -> None:
    assert demo.summary["versions"] == {
        "PUMP-0001": {"before": "1.0.0", "after": "1.1.0"},
        "PUMP-0002": {"before": None, "after": "1.0.0"},
    }


def test_another_devices_package_a_changed_byte_and_old_releases_are_refused(demo: Demo) -> None:
    refused = [(refusal["code"], refusal["name"]) for refusal in demo.summary["refusals"]]
    assert refused == [
        ("not-for-this-device", "the stick of PUMP-0001 put into PUMP-0002"),
        ("decryption-failed", "one byte of the firmware on PUMP-0001's stick changed"),
        ("request-mismatch", "the first stick put in again to take PUMP-0001 back to 1.0.0"),
        ("rollback", "the box asked to take PUMP-0001 back to 1.0.0"),
    ]


def test_the_summary_holds_the_receipts_that_the_box_holds(demo: Demo) -> None:
    listed = subprocess.run(
        [PROGRAM, "box", "receipts", demo.folder / "box", "--json"], capture_output=True, check=True
    )
    assert demo.summary["receipts"] == json.loads(listed.stdout)["receipts"]


def test_the_receipts_tell_each_devices_story_without_a_gap(demo: Demo) -> None:
    receipts = sorted(demo.summary["receipts"], key=lambda receipt: receipt["counter"])
    told = {
        name: [
            (receipt["outcome"], receipt["code"], receipt["version_after"])
            for receipt in receipts
            if receipt["device_id"] == name
        ]
        for name in ("PUMP-0001", "PUMP-0002")
    }
    assert told == {
        "PUMP-0001": [
            ("installed", None, "1.0.0"),
            ("confirmed", None, "1.0.0"),
            ("refused", "decryption-failed", "1.0.0"),
            ("installed", None, "1.1.0"),
            ("confirmed", None, "1.1.0"),
            ("refused", "request-mismatch", "1.1.0"),
        ],
        "PUMP-0002": [("installed", None, "1.0.0"), ("confirmed", None, "1.0.0")],
    }
    assert not any(receipt["gap"] for receipt in receipts)


def test_the_slots_hold_the_vendors_images(demo: Demo) -> None:
    images = {
        version: digest(demo.folder / f"firmware/rootfs-{version}.img") for version in ("1.0.0", "1.1.0")
    }
    slots = {
        name: {digest(demo.folder / name / f"slots/rootfs.{bank}") for bank in "ab"}
        for name in ("device", "device-2")
    }
    assert slots["device"] == {images["1.0.0"], images["1.1.0"]}
    assert images["1.0.0"] in slots["device-2"]


def test_the_firmware_is_an_ext4_image_that_names_its_version(demo: Demo) -> None:
    image = demo.folder / "firmware/rootfs-1.1.0.img"
    subprocess.run([require("fsck.ext4"), "-n", "-f", image], capture_output=True, check=True)
    said = subprocess.run(
        [require("debugfs"), "-R", "cat /etc/version", image], capture_output=True, text=True, check=True
    )
    assert said.stdout == "1.1.0\n"


def test_the_stick_is_in_order(demo: Demo) -> None:
    checked = subprocess.run(
        [require("fsck.fat"), "-n", demo.folder / "media/stick.img"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_it_runs_again_in_its_own_directory_with_any_file_as_firmware(tmp_path: Path) -> None:
    tiny, odd = tmp_path / "tiny", tmp_path / "odd"
    tiny.write_bytes(b"")
    odd.write_bytes(random.Random(3).randbytes(1_234_567))

    first = run_demo(tmp_path / "demo", "--firmware", tiny)
    second = run_demo(tmp_path / "demo", "--firmware", odd)

    assert (first.status, second.status) == (0, 0), first.err + second.err
    banks = [tmp_path / f"demo/device/slots/rootfs.{bank}" for bank in "ab"]
    assert [digest(bank, 1_234_567) for bank in banks] == [digest(odd)] * 2


def test_its_answer_to_a_program_is_the_summary(tmp_path: Path) -> None:
    (tmp_path / "firmware").write_bytes(b"x")
    demo = run_demo(tmp_path / "demo", "--json", "--firmware", tmp_path / "firmware")
    assert json.loads(demo.out) == {"ok": True, **demo.summary}


def test_a_directory_that_is_not_a_demos_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    (tmp_path / "box/thesis.txt").write_text("years of work")

    demo = run_demo(tmp_path)

    assert demo.status == 2
    assert demo.err.startswith("misuse: ")
    assert [path.name for path in tmp_path.rglob("*")] == ["box", "thesis.txt"]


@pytest.mark.parametrize("options", [("--size", "much"), ("--size", "1MiB"), ("--firmware", "/nowhere")])
def test_options_that_make_no_sense_leave_nothing_behind(tmp_path: Path, options: tuple[str, str]) -> None:
    demo = run_demo(tmp_path / "demo", *options)
    assert demo.status == 2
    assert not (tmp_path / "demo").exists()
