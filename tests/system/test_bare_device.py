"""A device that has nothing but the wheel is updated, from enrolment to receipt."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.system.bare_install import BareInstall, install_wheel
from tests.tools import require

IMAGE = random.Random(11).randbytes(3 << 20) + bytes(1 << 20)
SLOT_SIZE = 8 << 20


@dataclass(frozen=True, slots=True)
class Workshop:
    """Vendor and box in the full environment, the device in the bare one, and what lies between them."""

    folder: Path
    device_install: BareInstall

    def at_home(self, *words: str) -> dict[str, Any]:
        """Run a verb of the vendor or the box."""
        command = [str(Path(sys.executable).with_name("updatebox")), *words, "--json"]
        return _answer(
            subprocess.run(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        )

    def on_the_device(self, verb: str, *words: str) -> dict[str, Any]:
        """Run a verb of the device."""
        return _answer(
            self.device_install.run(
                "updatebox", "device", verb, str(self.folder / "device"), *words, "--json"
            )
        )

    def file(self, name: str, content: bytes = b"") -> str:
        (self.folder / name).write_bytes(content)
        return str(self.folder / name)

    def path(self, name: str) -> str:
        return str(self.folder / name)


def _answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, f"{done.args}\n{done.stdout}{done.stderr}"
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path, install_wheel(tmp_path / "install"))


def enrol(workshop: Workshop) -> None:
    """Vendor, box and device know each other afterwards."""
    workshop.file("passphrase", b"correct horse battery staple\n")
    workshop.file("pin", b"472916\n")
    workshop.at_home("vendor", "init", "vendor", "--name", "Acme", "--passphrase-file", "passphrase")
    workshop.at_home("box", "init", "box", "--id", "box-1", "--pin-file", "pin")
    slots = ",".join(workshop.file(f"rootfs-{bank}", bytes(SLOT_SIZE)) for bank in "ab")
    workshop.on_the_device(
        "init", "--id", "pump-7", "--product", "pump", "--hardware", "rev-c", "--slot", f"rootfs={slots}"
    )
    for role in ("box", "device"):
        workshop.at_home(
            *("vendor", "enrol", role, "vendor", "--csr", f"{role}/enrolment.req", "--out", f"{role}.pem"),
            *("--passphrase-file", "passphrase"),
        )
    workshop.at_home("box", "certs", "box", "--install", "box.pem")
    workshop.on_the_device("certs", "--install", workshop.path("device.pem"))


def release(workshop: Workshop) -> None:
    """The box has a release for the device's product."""
    workshop.file("rootfs.img", IMAGE)
    workshop.at_home(
        *("vendor", "release", "vendor", "--product", "pump", "--version", "2.0"),
        *("--component", "rootfs=rootfs.img", "--for", "box.pem", "--out", "release"),
        *("--passphrase-file", "passphrase"),
    )
    workshop.at_home("box", "import", "box", "release", "--pin-file", "pin")


def test_a_device_with_nothing_but_the_wheel_is_updated(workshop: Workshop) -> None:
    enrol(workshop)
    release(workshop)
    stick = workshop.file("stick.img", bytes(64 << 20))
    subprocess.run([require("mkfs.fat"), "-F", "32", stick], check=True, capture_output=True)

    workshop.on_the_device("request", stick)
    workshop.at_home("box", "admit", "box", stick)
    workshop.at_home("box", "write", "box", stick, "--device", "pump-7", "--pin-file", "pin")
    workshop.on_the_device("apply", stick)

    banks = [(workshop.folder / f"rootfs-{bank}").read_bytes() for bank in "ab"]
    assert [bank.startswith(IMAGE) for bank in banks] in ([True, False], [False, True])
    collected = workshop.at_home("box", "collect", "box", stick)
    assert "pump-7" in json.dumps(collected)
