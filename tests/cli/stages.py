"""The stages of the story that tests begin with, each made from the one before."""

from __future__ import annotations

from pathlib import Path

from tests.cli.workshop import PASSPHRASE, PIN, PRODUCT, SLOT_SIZE, Workshop


def enrolled(folder: Path, *policy: object) -> Workshop:
    """A vendor, a box and two devices that know each other; no release yet. `policy`: options of `init`."""
    folder.mkdir()
    shop = Workshop(folder)
    (folder / "passphrase").write_text(f"{PASSPHRASE}\n")
    (folder / "pin").write_text(f"{PIN}\n")
    shop.do("vendor", "init", shop.vendor, "--name", "Acme Medical", *policy, *shop.passphrase())
    shop.do("box", "init", shop.box, "--id", "BOX-1", *shop.pin())
    enrol(shop, "box", shop.box, folder / "box.pem")
    for name, device in (("PUMP-1", shop.device), ("PUMP-2", shop.other)):
        make_device(shop, name, device)
    shop.fresh_stick()
    return shop


def make_device(shop: Workshop, name: str, device: Path, hardware: str = "rev-c") -> None:
    """An enrolled device with one slot."""
    kind = ("--product", PRODUCT, "--hardware", hardware)
    slots = ("--slot", "rootfs=slots/a.img,slots/b.img", "--slot-size", SLOT_SIZE)
    shop.do("device", "init", device, "--id", name, *kind, *slots)
    enrol(shop, "device", device, shop.folder / f"{name}.pem")


def enrol(shop: Workshop, role: str, folder: Path, answer: Path) -> None:
    """The vendor answers the enrolment request that `init` left, and the answer is installed."""
    request = ("--csr", folder / "enrolment.req", "--out", answer)
    shop.do("vendor", "enrol", role, shop.vendor, *request, *shop.passphrase())
    shop.do(role, "certs", folder, "--install", answer)


def delivered(folder: Path, before: Workshop) -> Workshop:
    """The stick holds release 1.0.0, sealed for PUMP-1, which runs nothing yet."""
    shop = before.copy(folder)
    shop.release("1.0.0")
    shop.ask()
    shop.write()
    return shop


def running(folder: Path, before: Workshop) -> Workshop:
    """PUMP-1 runs 1.0.0, has confirmed it, and asks on a fresh stick; the box holds 1.1.0 as well."""
    shop = before.copy(folder)
    shop.install()
    shop.release("1.1.0")
    shop.fresh_stick()
    shop.ask()
    return shop


def upgraded(folder: Path, before: Workshop) -> Workshop:
    """PUMP-1 runs 1.1.0, after 1.0.0, and asks on a fresh stick."""
    shop = before.copy(folder)
    shop.write()
    shop.install()
    shop.fresh_stick()
    shop.ask()
    return shop
