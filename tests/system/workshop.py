"""A vendor, an update box and a device below one folder, each worked by the installed program."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.system.bare_install import BareInstall
from tests.tools import require

PROGRAM = Path(sys.executable).with_name("updatebox")
DEVICE_ID = "pump-7"
PRODUCT = "pump"
PIN = "472916"
TIMEOUT = 600.0
"""Seconds after which a verb has hung, however large the image and busy the machine."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """The vendor and the box in this environment; the device too, unless it has an install of its own."""

    folder: Path
    device_install: BareInstall | None = None

    def path(self, name: str) -> Path:
        return self.folder / name

    def at_home(self, *words: object) -> dict[str, Any]:
        """Run a verb of the vendor or the box that succeeds; returns its JSON."""
        return answer(subprocess.run(self.command(*words), **self.plainly()))

    def on_the_device(self, verb: str, *words: object) -> dict[str, Any]:
        """Run a verb of the device that succeeds; returns its JSON."""
        command = ("device", verb, self.path("device"), *words)
        if self.device_install is None:
            return self.at_home(*command)
        return answer(self.device_install.run("updatebox", *map(str, command), "--json", timeout=TIMEOUT))

    def command(self, *words: object) -> list[str]:
        """The program's command line for a verb."""
        return [str(PROGRAM), *map(str, words), "--json"]

    def plainly(self) -> dict[str, Any]:
        """How verbs are run: here, with nobody at the keyboard."""
        return {
            "cwd": self.folder,
            "stdin": subprocess.DEVNULL,
            "capture_output": True,
            "text": True,
            "timeout": TIMEOUT,
            "check": False,
        }

    def enrol(self, slots: Iterable[str], slot_size: int, *device_options: object) -> None:
        """Vendor, box and a device with these slots know each other afterwards."""
        self.path("passphrase").write_text("correct horse battery staple\n")
        self.path("pin").write_text(f"{PIN}\n")
        self.at_home("vendor", "init", "vendor", "--name", "Acme", *self.passphrase())
        self.at_home("box", "init", "box", "--id", "box-1", *self.pin())
        kind = ("--id", DEVICE_ID, "--product", PRODUCT, "--hardware", "rev-c", "--slot-size", slot_size)
        banks = [word for slot in slots for word in ("--slot", f"{slot}=slots/{slot}.a,slots/{slot}.b")]
        self.on_the_device("init", *kind, *banks, *device_options)
        for role in ("box", "device"):
            request = ("--csr", f"{role}/enrolment.req", "--out", f"{role}.pem")
            self.at_home("vendor", "enrol", role, "vendor", *request, *self.passphrase())
        self.at_home("box", "certs", "box", "--install", "box.pem")
        self.on_the_device("certs", "--install", self.path("device.pem"))

    def banks(self, slot: str) -> tuple[Path, Path]:
        """The two banks of a slot."""
        return self.path(f"device/slots/{slot}.a"), self.path(f"device/slots/{slot}.b")

    def release(self, version: str, components: Mapping[str, Path]) -> None:
        """The box has a release with these images afterwards; the vendor's package is gone again."""
        order = ("--product", PRODUCT, "--version", version, "--for", "box.pem", "--out", "release")
        images = [word for slot, image in components.items() for word in ("--component", f"{slot}={image}")]
        self.at_home("vendor", "release", "vendor", *order, *images, *self.passphrase())
        self.at_home("box", "import", "box", "release", *self.pin())
        shutil.rmtree(self.path("release"))

    def deliver(self, medium: Path) -> None:
        """The device asks on a medium, and the box answers on it."""
        self.on_the_device("request", medium)
        self.at_home("box", "admit", "box", medium)
        self.at_home("box", "write", "box", medium, "--device", DEVICE_ID, *self.pin())

    def sparse(self, name: str, size: int) -> Path:
        """A file of `size` zeros that takes no room."""
        path = self.path(name)
        with path.open("xb") as file:
            file.truncate(size)
        return path

    def stick(self, name: str, size: int, *options: str) -> Path:
        """A stick as mkfs.fat makes it."""
        path = self.sparse(name, size)
        mkfs = [require("mkfs.fat"), "-F", "32", *options, str(path)]
        subprocess.run(mkfs, check=True, capture_output=True)
        return path

    def passphrase(self) -> tuple[str, ...]:
        return "--passphrase-file", "passphrase"

    def pin(self) -> tuple[str, ...]:
        return "--pin-file", "pin"


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a verb that succeeded found."""
    assert done.returncode == 0, f"{done.args}\n{done.stdout}{done.stderr}"
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found
