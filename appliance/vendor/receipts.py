"""The fleet: the receipts that boxes collected, verified once more, merged, and what they say of each device.

A receipt is a file named by its digest, so that it is kept once, whichever boxes bring it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.trust.crl import RevocationLists
from appliance.trust.receipt import admit_receipt
from media_format import cose
from media_format.durable import replace_file
from media_format.errors import MachineFault, Misuse
from media_format.objects import Receipt, TrustAnchor
from media_format.receipt_file import decode_receipts
from media_format.refusal import Code, Refusal

_FOLDER: Final = "receipts"
_SUFFIX: Final = ".rcp"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a receipts file. `refused` says why receipts in it were not taken over."""

    new: int
    known: int
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class DeviceHistory:
    """What the receipts of a device, in one enrolment epoch, come to. The outcome is the newest one's."""

    device_id: str
    epoch: int
    version: str | None
    """What ran afterwards."""
    outcome: str
    code: Code | None
    finished: int | None
    receipts: int
    missing: int
    """Receipts before the newest that no box has brought."""
    forked: bool
    """Two receipts have the same number: the device's state was copied back, or its key is in two places."""


class Fleet:
    """The receipts in a vendor's directory. They need no passphrase: nothing is signed or decrypted."""

    def __init__(self, folder: Path, anchor: TrustAnchor, lists: RevocationLists) -> None:
        self._folder = folder / _FOLDER
        self._anchor = anchor
        self._lists = lists

    @classmethod
    def open(cls, folder: Path) -> Fleet:
        """The fleet of the vendor in `folder`. Misuse if there is none, MachineFault if it is damaged."""
        path = folder / "anchor.cbr"
        try:
            anchor = TrustAnchor.from_bytes(path.read_bytes())
            lists = RevocationLists(anchor, [crl.read_bytes() for crl in sorted(folder.glob("*.crl"))])
        except FileNotFoundError:
            raise Misuse(
                f"{folder}: there is no vendor here; name its directory, or make one: updatebox vendor init"
            ) from None
        except Refusal as refusal:
            raise MachineFault(f"{path} is damaged: {refusal.detail}") from None
        return cls(folder, anchor, lists)

    def take(self, data: bytes, now: Callable[[], int]) -> Imported:
        """Take over what a box exported. Refusal(malformed) or (too-large) for what is no receipts file."""
        new = known = 0
        refused = []
        for receipt in decode_receipts(data):
            try:
                verified = admit_receipt(receipt, self._anchor, self._lists, now())
            except Refusal as refusal:
                refused.append(refusal)
                continue
            path = self._folder / f"{verified.digest.hex()}{_SUFFIX}"
            if path.exists():
                known += 1
            else:
                self._folder.mkdir(mode=0o700, exist_ok=True)
                replace_file(path, receipt, 0o644)
                new += 1
        return Imported(new, known, tuple(refused))

    def devices(self) -> tuple[DeviceHistory, ...]:
        """Every device that has reported, by its id and epoch."""
        histories: dict[tuple[str, int], list[Receipt]] = {}
        for receipt in self._kept():
            histories.setdefault((receipt.device_id, receipt.epoch), []).append(receipt)
        return tuple(_history(histories[place]) for place in sorted(histories))

    def _kept(self) -> Iterator[Receipt]:
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                signed = cose.read_sign1(path.read_bytes(), Receipt.CONTENT_TYPE, Receipt.LIMIT)
                yield Receipt.from_bytes(signed.payload)
            except Refusal as refusal:
                raise MachineFault(f"{path} is damaged: {refusal.detail}") from None


def _history(receipts: list[Receipt]) -> DeviceHistory:
    newest = max(receipts, key=lambda receipt: receipt.counter)
    numbers = Counter(receipt.counter for receipt in receipts)
    return DeviceHistory(
        device_id=newest.device_id,
        epoch=newest.epoch,
        version=newest.version_after,
        outcome=newest.outcome.name.lower(),
        code=newest.code,
        finished=newest.time.finished,
        receipts=len(receipts),
        missing=newest.counter - len(numbers),
        forked=max(numbers.values()) > 1,
    )
