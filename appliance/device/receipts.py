"""Receipts: a hash chain of signed outcomes, kept until a box acknowledges them.

A receipt's file is durable before the record counts it. A file the record does not count was cut off in
between and never left the device: it is passed over and overwritten by the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.device.storage import Storage, make_folder, read_state
from media_format import cose, layout
from media_format.object_file import write_object
from media_format.objects import Acknowledgement, Receipt
from media_format.refusal import Refusal
from media_format.volume.seam import Volume

FOLDER: Final = "receipts"
KEPT_REFUSALS: Final = 256
"""With this many receipts unacknowledged, further refusals are counted instead of signed."""
KEPT_UNVERIFIED: Final = 32
"""The same for refusals of envelopes that no box signed: a stranger's take no room of the others'."""


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """A receipt of this device's, and the COSE object that carries it."""

    receipt: Receipt
    data: bytes


class Receipts:
    """The receipts that no box has acknowledged yet."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        self._folder = folder / FOLDER
        self._storage = storage

    def sign(self, receipt: Receipt, signer: cose.Signer) -> bytes:
        """Sign a receipt and keep it; returns the digest that its successor carries."""
        payload = receipt.to_bytes()
        make_folder(self._folder)
        self._storage.replace(self._path(receipt.counter), cose.sign1(Receipt.CONTENT_TYPE, payload, signer))
        return hashlib.sha256(payload).digest()

    def kept(self, newest: int) -> tuple[KeptReceipt, ...]:
        """The receipts up to the counter `newest`, the oldest first."""
        found = (_read(path) for path in self._paths())
        return tuple(kept for kept in found if kept is not None and kept.receipt.counter <= newest)

    def count(self) -> int:
        """How many are kept."""
        return sum(1 for _ in self._paths())

    def acknowledge(self, acknowledged: Acknowledgement) -> bool:
        """A box holds the receipts up to this one: let go of them. False when there is no such receipt."""
        data = read_state(self._path(acknowledged.counter))
        if data is None or _digest(data) != acknowledged.digest:
            return False
        for path in self._paths():
            if path.stem <= self._path(acknowledged.counter).stem:
                self._storage.remove(path)
        return True

    def _paths(self) -> Iterator[Path]:
        yield from sorted(self._folder.glob("*.rcp")) if self._folder.is_dir() else ()

    def _path(self, counter: int) -> Path:
        return self._folder / f"{counter:020}.rcp"


def write_receipts(volume: Volume, receipts: tuple[KeptReceipt, ...]) -> int:
    """Write the receipts that do not stand on the medium yet; returns how many. Refusal(medium-*)."""
    there = {entry.name.upper() for entry in volume.list(layout.RECEIPTS)}
    written = 0
    for kept in receipts:
        name = f"{layout.stem(kept.data)}{layout.RECEIPT_SUFFIX}"
        if name not in there:
            write_object(volume, f"{layout.RECEIPTS}/{name}", kept.data)
            written += 1
    return written


def _read(path: Path) -> KeptReceipt | None:
    """A kept receipt; None for one that flash damaged: the gap in the chain shows at the box."""
    data = read_state(path)
    try:
        if data is None:
            return None
        signed = cose.read_sign1(data, Receipt.CONTENT_TYPE, Receipt.LIMIT)
        return KeptReceipt(Receipt.from_bytes(signed.payload), data)
    except Refusal:
        return None


def _digest(data: bytes) -> bytes | None:
    try:
        return hashlib.sha256(cose.read_sign1(data, Receipt.CONTENT_TYPE, Receipt.LIMIT).payload).digest()
    except Refusal:
        return None
