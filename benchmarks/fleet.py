"""Measure a box with a large fleet: `make bench-fleet`.

Taking in: a FAT image with real receipts, each signed by a key of its device's own that the vendor has
certified, is collected through the courier. Looking up: 100,000 devices and 1,000,000 receipts are put into
the box's tables past it. Their columns are what real ones have; in place of the signed objects stand zeros
of the same size, since making a million signatures would take hours. Then lists are asked for as the
command line and the kiosk ask. Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.box import BoxService, DeviceFilter, LedgerQuery, ReceiptFilter
from appliance.trust.bundle import Bundle
from appliance.trust.enrolment import make_enrolment, read_enrolment
from appliance.trust.issuing import Issuer, issue_device
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner
from appliance.vendor import ComponentSource, ReleaseOrder, Vendor
from appliance.vendor.authority import Authorities
from media_format import cose, layout, limits
from media_format.objects import (
    ComponentKind,
    DeviceKind,
    EncryptionKey,
    EnrolmentRequest,
    Outcome,
    Receipt,
    ReceiptTime,
    Role,
)
from media_format.progress import silent
from media_format.volume import open_volume
from media_format.volume.directory import DirectoryVolume

_PASSPHRASE: Final = "correct horse battery"
_PIN: Final = "271828"
_PER_MINUTE: Final = 10_000
_LOOK_UP_MS: Final = 5.0
_PAGE_MS: Final = 50.0
_PAGE: Final = 100
_IMAGE: Final = 320 * limits.MIB
_SIGNED_SIZE: Final = 2300
_KINDS: Final = (("pump", "stable", "rev-b"), ("pump", "beta", "rev-b"), ("valve", "stable", "rev-a"))
_INSERT_RECEIPT: Final = (
    "INSERT INTO receipts VALUES (?, 1, ?, randomblob(32), randomblob(32), ?, ?, NULL, ?, ?, ?,"
    " zeroblob(?), ?, 0)"
)


def _now() -> int:
    return int(time.time()) - 60


@dataclass(frozen=True, slots=True)
class Place:
    """A vendor and a box of its own."""

    authorities: Authorities
    folder: Path
    service: BoxService

    @classmethod
    def make(cls, folder: Path) -> Place:
        """In an empty folder."""
        vendor = Vendor.create(folder / "vendor", "Acme", _PASSPHRASE, _now)
        request = BoxService.create(folder / "box", "BOX-1", "chief", _PIN, now=_now)
        service = BoxService.open(folder / "box", now=_now)
        bundle = vendor.enrol(Role.BOX, request).bundle
        service.install_certificates(bundle)
        _offer(vendor, bundle, service, folder)
        authorities = Authorities.load(folder / "vendor/authority", _PASSPHRASE)
        return cls(authorities, folder, service)


def _offer(vendor: Vendor, box: Bundle, service: BoxService, folder: Path) -> None:
    """Let the box have a release that some devices of one kind have confirmed and others not."""
    image, out = folder / "image", folder / "release"
    image.write_bytes(bytes(limits.MIB))
    out.mkdir()
    product, line, hardware = _KINDS[0]
    order = ReleaseOrder(
        product=product,
        line=line,
        version="1.1",
        components=(ComponentSource("rootfs", image, "rootfs", ComponentKind.IMAGE),),
        boxes=(box,),
        hardware=(hardware,),
    )
    volume = DirectoryVolume(out, writable=True)
    vendor.release(volume, order, silent)
    volume.close()
    service.import_release(out, service.unlock("chief", _PIN), silent)


def _device(issuer: Issuer, name: str) -> KeySigner:
    """What signs as a device that the vendor has enrolled."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    identity, encryption = (
        key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in keys
    )
    request = EnrolmentRequest(
        format=limits.FORMAT_VERSION,
        role=Role.DEVICE,
        id=name,
        epoch=1,
        identity=identity,
        encryption=EncryptionKey(p256=encryption),
        device=DeviceKind(product="pump", line="stable", hardware="rev-b"),
    )
    enrolment = read_enrolment(make_enrolment(request, KeySigner(keys[0])))
    return KeySigner(keys[0], issue_device(issuer, enrolment, _now()).identity)


def _receipts(signer: KeySigner, name: str, count: int) -> Iterator[bytes]:
    """The chain of a device's first receipts."""
    previous = None
    for counter in range(1, count + 1):
        payload = Receipt(
            format=limits.FORMAT_VERSION,
            device_id=name,
            epoch=1,
            counter=counter,
            previous=previous,
            package_id=os.urandom(16),
            manifest_digest=os.urandom(32),
            outcome=Outcome.INSTALLED if counter % 2 else Outcome.CONFIRMED,
            version_before=f"1.{counter - 1}",
            version_after=f"1.{counter}",
            time=ReceiptTime(source="rtc", started=_now() - 60, finished=_now()),
            duration_ms=60_000,
        ).to_bytes()
        previous = hashlib.sha256(payload).digest()
        yield cose.sign1(Receipt.CONTENT_TYPE, payload, signer)


def _stick(place: Place, devices: int, each: int) -> Path:
    """A FAT image with the receipts of devices that are new to the box."""
    image = place.folder / "stick.img"
    with image.open("wb") as file:
        file.truncate(_IMAGE)
    subprocess.run(["mkfs.fat", "-F", "32", "-s", "8", image], check=True, capture_output=True)
    issuer = place.authorities.issuer(Purpose.DEVICE_IDENTITY)
    volume = open_volume(image, writable=True)
    for number in range(devices):
        name = f"REAL-{number:05}"
        for data in _receipts(_device(issuer, name), name, each):
            ticket = volume.begin(f"{layout.RECEIPTS}/{layout.stem(data)}{layout.RECEIPT_SUFFIX}", len(data))
            volume.append(ticket, data)
            volume.commit(ticket)
    volume.settle()
    volume.close()
    return image


def taking_in(place: Place, devices: int, each: int) -> bool:
    """Print how fast receipts are taken in; whether the target is met."""
    image = _stick(place, devices, each)
    before = len(place.service.search_ledger(LedgerQuery(act="collect")))
    began, used = time.perf_counter(), time.process_time()
    collected = place.service.collect(image)
    taken, used = time.perf_counter() - began, time.process_time() - used
    new = sum(found.new for found in collected)
    if new != devices * each:
        raise SystemExit(f"{new} of {devices * each} receipts were taken in")
    entries = len(place.service.search_ledger(LedgerQuery(act="collect", limit=10**6))) - before
    rate = new / taken * 60
    print(
        f"take in {new} real receipts of {devices} devices from one stick: {taken:.2f} s"
        f" ({used:.2f} s of processor in the box's process), "
        f"{rate:,.0f} a minute (target {_PER_MINUTE:,}), {entries} entries in the ledger"
    )
    began = time.perf_counter()
    again = place.service.collect(image)
    print(f"the same stick again: {time.perf_counter() - began:.2f} s, {sum(e.new for e in again)} new")
    return rate >= _PER_MINUTE


def load(folder: Path, devices: int, receipts: int) -> None:
    """Put a fleet into the box's tables, with receipts that are spread over ten years."""
    chance = random.Random(7)
    database = sqlite3.connect(folder / "box/box.db")
    database.execute("PRAGMA synchronous=OFF")
    each, now = receipts // devices, _now()
    for number in range(devices):
        name, kind = f"PUMP-{number:06}", chance.choice(_KINDS)
        seen = now - chance.randrange(10**7)
        database.execute(
            "INSERT INTO devices VALUES (?, 1, ?, ?, ?, 10, zeroblob(?), randomblob(32), ?, ?)",
            (name, *kind, _SIGNED_SIZE, seen - 10**7, seen),
        )
        rows = [_row(chance, name, counter, now) for counter in range(1, each + 1)]
        database.executemany(_INSERT_RECEIPT, rows)
        outcome, code, when = rows[-1][2], rows[-1][3], rows[-1][6]
        database.execute(
            "INSERT INTO fleet VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'rtc', ?, NULL, NULL)",
            (name, *kind, f"1.{each}", chance.randrange(40), each, outcome, code, when, when),
        )
    database.commit()
    database.execute("PRAGMA optimize")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def _row(chance: random.Random, name: str, counter: int, now: int) -> tuple[Any, ...]:
    outcome = chance.choices(("installed", "confirmed", "failed"), (45, 50, 5))[0]
    code = "digest-mismatch" if outcome == "failed" else None
    when = now - chance.randrange(3 * 10**8)
    return (name, counter, outcome, code, f"1.{counter - 1}", f"1.{counter}", when, _SIGNED_SIZE, when)


def _best(action: Callable[[], object], rounds: int = 41) -> float:
    """Milliseconds of the best of several rounds: other programs on the machine make the others longer."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        times.append((time.perf_counter() - began) * 1000)
    return min(times)


def looking_up(place: Place, devices: int) -> bool:
    """Print how long look-ups and pages of lists take; whether the targets are met."""
    service, middle = place.service, f"PUMP-{devices // 2:06}"
    (found,) = service.devices(DeviceFilter(device=middle))
    assert found.id == middle
    look_ups: dict[str, Callable[[], object]] = {
        "one device": lambda: service.devices(DeviceFilter(device=middle)),
        "a device's receipts": lambda: service.receipts(wanted=ReceiptFilter(device=middle, limit=_PAGE)),
        "which rules decide about it": lambda: service.verdict(middle),
    }
    pages: dict[str, Callable[[], object]] = {
        "devices, the first page": lambda: service.devices(DeviceFilter(limit=_PAGE)),
        "devices, from the middle": lambda: service.devices(DeviceFilter(after=(middle, 1), limit=_PAGE)),
        "devices of a product": lambda: service.devices(DeviceFilter(product="valve", limit=_PAGE)),
        "devices whose last try failed": lambda: service.devices(DeviceFilter(outcome="failed", limit=_PAGE)),
        "devices that are behind": lambda: service.devices(DeviceFilter(behind=True, limit=_PAGE)),
        "receipts, the newest": lambda: service.receipts(limit=_PAGE),
        "receipts that failed": lambda: service.receipts(wanted=ReceiptFilter(outcome="failed", limit=_PAGE)),
        "status": lambda: service.status(),
    }
    met = True
    for actions, most in ((look_ups, _LOOK_UP_MS), (pages, _PAGE_MS)):
        for name, action in actions.items():
            taken = _best(action)
            met &= taken <= most
            print(f"{name:32} {taken:7.2f} ms (target {most:.0f})")
    return met


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--devices", type=int, default=100_000, help="in the box's tables (default: 100000)")
    options.add_argument("--receipts", type=int, default=1_000_000, help="of them (default: 1000000)")
    options.add_argument("--real", type=int, default=800, help="devices with real receipts (default: 800)")
    options.add_argument("--each", type=int, default=5, help="receipts of each of these (default: 5)")
    options.add_argument("--folder", type=Path, help="where all this is made (default: the system's)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        place = Place.make(Path(folder))
        load(place.folder, chosen.devices, chosen.receipts)
        looked = looking_up(place, chosen.devices)
        taken = taking_in(place, chosen.real, chosen.each)
    return int(not (looked and taken))


if __name__ == "__main__":
    sys.exit(main())
