"""The fleet: the receipts that boxes collected, verified once more, merged, and what they say of each device.

A receipt is a file named by its digest, so that it is kept once, whichever boxes bring it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.trust.chain import verify_chain
from appliance.trust.crl import RevocationLists
from appliance.trust.known_chains import KnownChains
from appliance.trust.purpose import Purpose
from appliance.trust.receipt import admit_receipt
from media_format import cose
from media_format.durable import replace_file
from media_format.errors import MachineFault, Misuse
from media_format.objects import Outcome, Receipt, TrustAnchor
from media_format.receipt_file import ReceiptCollection, decode_receipts, is_signed
from media_format.refusal import Code, Refusal

_FOLDER: Final = "receipts"
_SUFFIX: Final = ".rcp"
_BOXES: Final = ".boxes"
"""Beside a receipt: the boxes that brought it, a line each."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a receipts file. `refused` says why receipts in it were not taken over."""

    new: int
    known: int
    refused: tuple[Refusal, ...]
    box: str | None = None
    """Which box signed the file; None for one that is not signed."""


@dataclass(frozen=True, slots=True)
class DeviceHistory:
    """What the receipts of a device, in one enrolment epoch, come to. The outcome is the newest one's."""

    device_id: str
    epoch: int
    version: str | None
    """What ran afterwards."""
    unconfirmed: str | None
    """What it has installed and not confirmed; it may still wait for its boot."""
    outcome: str
    code: Code | None
    finished: int | None
    receipts: int
    missing: int
    """Receipts before the newest that no box has brought."""
    forked: bool
    """Two receipts have the same number: the device's state was copied back, or its key is in two places."""
    boxes: tuple[str, ...] = ()
    """Which boxes brought them, as far as they signed for it."""


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
        """Take over what a box exported.

        Refusal(malformed) or (too-large) for what is no receipts file, (chain-invalid), (signature-invalid),
        (purpose-mismatch) or (revoked) for one that no box of the vendor's can have signed.
        """
        box, receipts = self._opened(data)
        chains = KnownChains(self._anchor)
        new = known = 0
        refused = []
        for receipt in receipts:
            try:
                verified = admit_receipt(receipt, self._anchor, self._lists, now(), chains=chains)
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
            if box is not None:
                self._note(path, box)
        return Imported(new, known, tuple(refused), box)

    def _opened(self, data: bytes) -> tuple[str | None, tuple[bytes, ...]]:
        """Which box signed a file, and the receipts in it, none of them verified."""
        if not is_signed(data):
            return None, decode_receipts(data)
        signed = cose.read_sign1(data, ReceiptCollection.CONTENT_TYPE, ReceiptCollection.LIMIT)
        collection = ReceiptCollection.from_bytes(signed.payload)
        signature = signed.signatures[0]
        box = verify_chain(signature.chain, self._anchor, Purpose.BOX_IDENTITY)
        signature.verify(box.key)
        if box.identity.id != collection.box:
            raise Refusal(Code.PURPOSE_MISMATCH, "the receipts file is not of the box that signed it")
        self._lists.judge_chain(box)
        return collection.box, collection.receipts

    @staticmethod
    def _note(receipt: Path, box: str) -> None:
        """Remember beside a receipt who brought it."""
        path = receipt.with_suffix(_BOXES)
        known = path.read_text().splitlines() if path.exists() else []
        if box not in known:
            replace_file(path, "".join(f"{name}\n" for name in sorted((*known, box))).encode(), 0o644)

    def devices(self) -> tuple[DeviceHistory, ...]:
        """Every device that has reported, by its id and epoch."""
        histories: dict[tuple[str, int], list[Receipt]] = {}
        boxes: dict[tuple[str, int], set[str]] = {}
        for receipt, brought in self._kept():
            place = receipt.device_id, receipt.epoch
            histories.setdefault(place, []).append(receipt)
            boxes.setdefault(place, set()).update(brought)
        return tuple(_history(histories[place], boxes[place]) for place in sorted(histories))

    def _kept(self) -> Iterator[tuple[Receipt, list[str]]]:
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                signed = cose.read_sign1(path.read_bytes(), Receipt.CONTENT_TYPE, Receipt.LIMIT)
                boxes = path.with_suffix(_BOXES)
                brought = boxes.read_text().splitlines() if boxes.exists() else []
                yield Receipt.from_bytes(signed.payload), brought
            except Refusal as refusal:
                raise MachineFault(f"{path} is damaged: {refusal.detail}") from None


def _history(receipts: list[Receipt], boxes: set[str]) -> DeviceHistory:
    newest = max(receipts, key=lambda receipt: receipt.counter)
    told = (receipt for receipt in receipts if receipt.outcome is not Outcome.REFUSED)
    last = max(told, key=lambda receipt: receipt.counter, default=newest)
    numbers = Counter(receipt.counter for receipt in receipts)
    return DeviceHistory(
        device_id=newest.device_id,
        epoch=newest.epoch,
        version=newest.version_before if newest.outcome is Outcome.INSTALLED else newest.version_after,
        unconfirmed=last.version_after if last.outcome is Outcome.INSTALLED else None,
        outcome=newest.outcome.name.lower(),
        code=newest.code,
        finished=newest.time.finished,
        receipts=len(receipts),
        missing=newest.counter - len(numbers),
        forked=max(numbers.values()) > 1,
        boxes=tuple(sorted(boxes)),
    )
