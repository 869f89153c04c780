"""The record: what must never go back, sealed by the TPM and tied to its monotonic counter.

A change writes the record with the counter's value plus one, makes it durable, then increments. A cut in
between leaves a record exactly one ahead, which only this TPM can have sealed: it is accepted and
the increment made up for. Any other distance means that state was copied back, or belongs to another TPM.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from appliance.device.storage import Storage, read_state
from appliance.tpm.protocol import Tpm
from media_format import cbor
from media_format.errors import MachineFault, Misuse
from media_format.objects import Answer, ChainHead, CrlNumber
from media_format.objects.envelope import COUNTER, NONCE
from media_format.objects.manifest import CRL_NUMBERS, SHORT
from media_format.refusal import Code, Refusal
from media_format.wire import (
    DIGEST,
    IDENTIFIER,
    TIME,
    Flag,
    Many,
    Nested,
    Record,
    Text,
    Uint,
    Word,
    key,
    record,
)

FILE_NAME: Final = "record.sealed"
COUNTER_NAME: Final = "device-record"
_INDEX: Final = Uint(0, 2**32 - 1)
_MAX_HEADS: Final = 8
MOST_LISTS: Final = 16
"""Issuers whose list numbers are remembered; a vendor has one for each CA."""
_MAX_BANKS: Final = 128
_ARRAY_HEAD: Final = 2
"""Bytes that the head of an array of so many banks takes at most; of an empty one, one less."""
_LOOKS: Final = 10
"""How often a look without the lock is repeated while another process writes."""


@record
class Pending(Record):
    """A release that was installed and switched to, but is not confirmed yet.

    `reported` says that its receipt was written, so that a cut makes no second one.
    """

    NAME: ClassVar[str] = "pending release"

    release: ChainHead = key(1, Nested(ChainHead))
    security_floor: int = key(2, _INDEX)
    package_id: bytes = key(3, IDENTIFIER)
    version: str = key(4, SHORT)
    version_before: str | None = key(5, SHORT, default=None)
    reported: bool = key(6, Flag())


@record
class Facts(Record):
    """What the record holds. `step` is the TPM counter's value it belongs to.

    `answer` is the outstanding request: its nonce and the counter it was last written with, which goes on
    when the nonce is used up. `receipt_digest` is over the newest receipt; `returning` says that the
    device decided to boot the banks before, whether the boot control knows it already or not, and `reason`
    why, where a person did not ask for it. `written` names the banks that updates have begun to write: what
    they hold has to be known to boot, while the factory's content of the others is taken as it is.
    `directive` is the sequence of the last directive the device acted on. `anchors` holds the digest of the
    trust anchor, and while another one takes its place the new one's too; none before the enrolment.
    `asked_at` is the time at which the outstanding nonce was written, as far as the device knew it.
    `crl_numbers` are the highest that the device has seen of each issuer's revocation lists.
    """

    NAME: ClassVar[str] = "device record"
    LIMIT: ClassVar[int] = 4096
    """What a TPM seals; `check_banks` sees that it is enough."""

    step: int = key(1, Uint())
    epoch: int = key(2, _INDEX)
    heads: tuple[ChainHead, ...] = key(3, Many(Nested(ChainHead), _MAX_HEADS))
    pending: Pending | None = key(4, Nested(Pending), default=None)
    security_floor: int = key(5, _INDEX)
    time_floor: int = key(6, TIME)
    request_counter: int = key(7, COUNTER)
    nonce: bytes | None = key(8, NONCE, default=None)
    receipt_counter: int = key(9, COUNTER)
    receipt_digest: bytes | None = key(10, DIGEST, default=None)
    returning: bool = key(11, Flag())
    boots: int = key(12, Uint())
    nonce_boots: int = key(13, Uint())
    nonce_uptime: int = key(14, Uint())
    reason: Code | None = key(15, Word(Code), default=None)
    written: tuple[str, ...] = key(16, Many(Text(66), _MAX_BANKS))
    directive: int = key(17, COUNTER)
    anchors: tuple[bytes, ...] = key(18, Many(DIGEST, 2))
    crl_numbers: tuple[CrlNumber, ...] = key(19, CRL_NUMBERS)
    asked_at: int = key(20, TIME)

    def head(self, line: str) -> ChainHead | None:
        """The key chain head of a line."""
        return next((head for head in self.heads if head.line == line), None)

    def with_head(self, moved: ChainHead) -> tuple[ChainHead, ...]:
        """The heads after one of them moved."""
        return (*(head for head in self.heads if head.line != moved.line), moved)

    @property
    def outstanding(self) -> Answer | None:
        """The request that a package may answer."""
        return None if self.nonce is None else Answer(nonce=self.nonce, counter=self.request_counter)


def check_banks(names: Sequence[str]) -> None:
    """That a record fits however much it has to hold on a device with these banks. Misuse if not."""
    head = ChainHead(line="x" * 64, index=2**32 - 1, manifest_digest=bytes(32))
    text, number, time = "x" * 64, 2**63 - 1, 253402300799
    pending = Pending(
        release=head,
        security_floor=2**32 - 1,
        package_id=bytes(16),
        version=text,
        version_before=text,
        reported=True,
    )
    fullest = Facts(
        step=number,
        epoch=2**32 - 1,
        heads=(head,) * _MAX_HEADS,
        pending=pending,
        security_floor=2**32 - 1,
        time_floor=time,
        request_counter=number,
        nonce=bytes(32),
        receipt_counter=number,
        receipt_digest=bytes(32),
        returning=True,
        boots=number,
        nonce_boots=number,
        nonce_uptime=number,
        reason=max(Code, key=len),
        written=(),
        directive=number,
        anchors=(bytes(32),) * 2,
        crl_numbers=(CrlNumber(issuer=bytes(32), number=number),) * MOST_LISTS,
        asked_at=time,
    )
    room = Facts.LIMIT - len(fullest.to_bytes()) - _ARRAY_HEAD
    needed = sum(len(cbor.encode(name)) for name in names)
    if len(names) > _MAX_BANKS or needed > room:
        raise Misuse(
            f"slots: {len(names)} banks whose names take {needed} bytes; the device's record has room for"
            f" {_MAX_BANKS} banks and {room} bytes: fewer slots, or shorter names"
        )


class TiedRecord:
    """The record on disk and in the TPM."""

    def __init__(self, folder: Path, tpm: Tpm, storage: Storage) -> None:
        self._path = folder / FILE_NAME
        self._tpm = tpm
        self._storage = storage
        self._facts: Facts | None = None

    def create(self, epoch: int, time_floor: int) -> Facts:
        """Begin a new record for an enrolment epoch."""
        first = Facts(
            step=0,
            epoch=epoch,
            heads=(),
            security_floor=0,
            time_floor=time_floor,
            request_counter=0,
            receipt_counter=0,
            returning=False,
            boots=0,
            nonce_boots=0,
            nonce_uptime=0,
            written=(),
            directive=0,
            anchors=(),
            crl_numbers=(),
            asked_at=0,
        )
        return self._write(first, self._tpm.counter(COUNTER_NAME))

    @property
    def facts(self) -> Facts:
        """What holds now.

        Raises Refusal(tpm-unavailable) when the record was copied back or is another TPM's, and
        MachineFault when there is none.
        """
        if self._facts is None:
            self._facts = self._load()
        return self._facts

    def peek(self) -> Facts:
        """What holds now, for who does not hold the device's lock; raises what `facts` raises."""
        for _ in range(_LOOKS):
            before = self._tpm.counter(COUNTER_NAME)
            facts = self._read()
            if before == self._tpm.counter(COUNTER_NAME) and facts.step in (before, before + 1):
                return facts
        return self._checked(facts, before)

    def forget(self) -> None:
        """Ask the disk and the TPM again: another process may have written."""
        self._facts = None

    def update(self, **changes: Any) -> Facts:
        """Change fields in one step that a cut cannot divide."""
        return self._write(dataclasses.replace(self.facts, **changes), self.facts.step)

    def _write(self, facts: Facts, counter: int) -> Facts:
        made = dataclasses.replace(facts, step=counter + 1)
        # Forgotten until all of it is done: after an error the disk and the TPM are asked again.
        self._facts = None
        self._storage.replace(self._path, self._tpm.seal(made.to_bytes(), None))
        self._tpm.increment(COUNTER_NAME)
        self._facts = made
        return made

    def _load(self) -> Facts:
        facts, counter = self._read(), self._tpm.counter(COUNTER_NAME)
        if facts.step == counter + 1:
            counter = self._tpm.increment(COUNTER_NAME)
        return self._checked(facts, counter)

    def _read(self) -> Facts:
        sealed = read_state(self._path)
        if sealed is None:
            raise MachineFault(f"{self._path} is missing: the device has to be enrolled again")
        try:
            return Facts.from_bytes(self._tpm.unseal(sealed, None))
        except Refusal as refusal:
            raise Refusal(
                Code.TPM_UNAVAILABLE, f"the device's record does not open: {refusal.detail}"
            ) from None

    def _checked(self, facts: Facts, counter: int) -> Facts:
        if facts.step != counter:
            detail = (
                f"the record is of step {facts.step}, the TPM's counter at {counter}: state was copied back"
            )
            raise Refusal(Code.TPM_UNAVAILABLE, detail)
        return facts
