"""What the TPM remembers of the database: digests, so that no stranger changes what they cover unseen.

A change is told to the TPM before the database has it, and until the next look it accepts both, the rows
before and those after: a cut leaves one of the two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session as Transaction

from appliance.tpm import Tpm
from media_format import cbor
from media_format.refusal import Code, Refusal

_DIGEST: Final = 32


@dataclass(frozen=True, slots=True)
class Remembered:
    """Some rows of the database, and the name under which the TPM keeps their digest; of two, in a change.

    `what` names them for people. The TPM of a new box remembers that there are none.
    """

    name: str
    what: str
    rows: Callable[[Transaction], list[cbor.Value]]

    def check(self, transaction: Transaction, tpm: Tpm) -> None:
        """Hold the rows against the TPM's memory, and change nothing. Refusal(tpm-unavailable)."""
        self._found(transaction, tpm)

    def settle(self, transaction: Transaction, tpm: Tpm) -> bytes:
        """Hold the rows against the TPM's memory, which from now on is of these alone; returns their digest.

        To be called in a transaction that may write, so that no change is under way. Raises as `check`.
        """
        found, memory = self._found(transaction, tpm)
        if memory != found:
            tpm.store(self.name, found)
        return found

    @contextmanager
    def changing(self, transaction: Transaction, tpm: Tpm) -> Iterator[None]:
        """A transaction that may change the rows. Refusal(tpm-unavailable) as from `settle`."""
        before = self.settle(transaction, tpm)
        yield
        transaction.flush()
        after = self._digest(transaction)
        if after != before:
            tpm.store(self.name, before + after)

    def expect(self, transaction: Transaction, tpm: Tpm) -> None:
        """Let the TPM accept these rows too, of a database that is about to take the other one's place."""
        tpm.store(self.name, self._memory(tpm)[:_DIGEST] + self._digest(transaction))

    def _found(self, transaction: Transaction, tpm: Tpm) -> tuple[bytes, bytes]:
        """The digest of the rows, and the TPM's memory, of them or of these and others."""
        before = None
        while True:
            memory, found = self._memory(tpm), self._digest(transaction)
            if found in (memory[:_DIGEST], memory[_DIGEST:]):
                return found, memory
            if before == (memory, found):
                raise self._changed()
            # Another program may have changed them while they were looked at.
            before = memory, found

    def _changed(self) -> Refusal:
        return Refusal(
            Code.TPM_UNAVAILABLE,
            f"{self.what} in box.db are not those that the TPM remembers: the file was changed or copied"
            " back; put the newest backup back (updatebox box restore), or make the box anew (updatebox"
            " box init)",
        )

    def _memory(self, tpm: Tpm) -> bytes:
        return tpm.load(self.name) or self._digest_of([])

    def _digest(self, transaction: Transaction) -> bytes:
        return self._digest_of(self.rows(transaction))

    def _digest_of(self, rows: list[cbor.Value]) -> bytes:
        return hashlib.sha256(cbor.encode([f"updatebox {self.name}", rows])).digest()
