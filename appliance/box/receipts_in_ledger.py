"""What the ledger says of receipts: which of them came, so that one taken out of the store is missed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

from appliance.trust.receipt import SignedReceipt, VerifiedReceipt

COLLECT: Final = "collect"
"""The act by which receipts come from a medium."""
TAKE_OVER: Final = "take over"
"""The act by which they come from another box's backup, which alone says when they were collected."""
_DETAIL: Final = re.compile(
    r"(?P<device>.*) epoch (?P<epoch>\d+) receipts? (?P<first>\d+)(?: to (?P<last>\d+))?: [a-z_]+"
    r" (?P<digest>[0-9a-f]{64})",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Run:
    """Receipts of a device that follow one another, with the outcome and the digest of the last."""

    device_id: str
    epoch: int
    first: int
    last: int
    outcome: str
    digest: bytes

    @classmethod
    def of(cls, verified: SignedReceipt | VerifiedReceipt) -> Self:
        """One receipt alone."""
        receipt = verified.receipt
        place = (receipt.device_id, receipt.epoch, receipt.counter, receipt.counter)
        return cls(*place, receipt.outcome.name.lower(), verified.digest)

    def with_next(self, verified: SignedReceipt | VerifiedReceipt) -> Self | None:
        """These and another one; None where that does not follow them."""
        receipt = verified.receipt
        if (receipt.device_id, receipt.epoch, receipt.previous) != (self.device_id, self.epoch, self.digest):
            return None
        if receipt.counter != self.last + 1:
            return None
        return type(self)(
            self.device_id,
            self.epoch,
            self.first,
            receipt.counter,
            receipt.outcome.name.lower(),
            verified.digest,
        )

    def __str__(self) -> str:
        """As the ledger's entry says it."""
        numbers = (
            f"receipts {self.first} to {self.last}" if self.last > self.first else f"receipt {self.first}"
        )
        return f"{self.device_id} epoch {self.epoch} {numbers}: {self.outcome} {self.digest.hex()}"

    @classmethod
    def read(cls, detail: str) -> Self | None:
        """What an entry says; None for one that names no digest."""
        found = _DETAIL.fullmatch(detail)
        if found is None:
            return None
        first, last = int(found["first"]), int(found["last"] or found["first"])
        outcome = detail.rsplit(" ", 2)[1]
        digest = bytes.fromhex(found["digest"])
        return cls(found["device"], int(found["epoch"]), first, last, outcome, digest)


def runs(verified: Iterable[SignedReceipt | VerifiedReceipt]) -> Iterator[Run]:
    """Receipts in their order, put together as far as each follows the one before."""
    run: Run | None = None
    for found in verified:
        further = run.with_next(found) if run else None
        if run is not None and further is None:
            yield run
        run = further or Run.of(found)
    if run is not None:
        yield run
