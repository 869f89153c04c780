"""A system whose disks are files: the kernel's own layout of sysfs and proc, for buses this machine lacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.media.sysfs import System

USB_PORT = "devices/pci0000:00/0000:00:14.0/usb2/2-1"
USB_DISK = f"{USB_PORT}/2-1:1.0/host2/target2:0:0/2:0:0:0/block"
SATA_DISK = "devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block"
SD_CARD = "devices/platform/soc/fe340000.mmc/mmc_host/mmc0/mmc0:aaaa/block"
VIRTUAL = "devices/virtual/block"
SECTORS = 62521344


@dataclass(frozen=True)
class FakeSystem(System):
    """`System` below a folder; a device's path is its name."""

    def number(self, path: Path) -> str | None:
        node = self.sysfs / "class/block" / path.name
        return (node / "dev").read_text().strip() if path.parent == self.dev and node.exists() else None

    def disk(self, name: str, number: str, place: str, **facts: str) -> Path:
        """Plug a disk in at `place`; `facts` are its attributes, "__" stands for "/". Returns its path."""
        folder = self._device(f"{place}/{name}", number)
        for fact, text in {"removable": "1", "size": str(SECTORS), **facts}.items():
            write(folder / fact.replace("__", "/"), text)
        return self.dev / name

    def partition(self, disk: str, name: str, number: str) -> Path:
        """Give a disk a partition. Returns its path."""
        parent = (self.sysfs / "class/block" / disk).resolve().relative_to(self.sysfs)
        write(self._device(f"{parent}/{name}", number) / "partition", name[-1])
        return self.dev / name

    def usb_port(self, **facts: str) -> None:
        """What the USB device of `USB_DISK` says of itself."""
        for fact, text in {"busnum": "2", **facts}.items():
            write(self.sysfs / USB_PORT / fact, text)

    def mount(self, number: str, source: str, point: str, process: str = "self") -> None:
        """Add a line to the mount table of a process."""
        table = self.proc / process / "mountinfo"
        line = f"30 1 {number} / {point} rw,relatime shared:1 - vfat {source} rw"
        write(table, (table.read_text() if table.exists() else "") + line)

    def _device(self, place: str, number: str) -> Path:
        folder = self.sysfs / place
        write(folder / "dev", number)
        (folder / "holders").mkdir()
        for link in (self.sysfs / "dev/block" / number, self.sysfs / "class/block" / folder.name):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(folder)
        return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def fake_system(folder: Path) -> FakeSystem:
    """A system with no disks at all."""
    system = FakeSystem(folder / "sys", folder / "proc", folder / "dev")
    write(system.proc / "swaps", "Filename Type Size Used Priority")
    write(system.proc / "cmdline", "quiet")
    (system.proc / "self/ns").mkdir(parents=True)
    (system.proc / "self/ns/mnt").symlink_to("mnt:[1]")
    return system
