"""What the vendor told a box: revocation lists, the time, orders. No copy of the store takes that back."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session as Transaction

from appliance.box import directives, entitlements
from appliance.box.store import Store
from appliance.trust.bundle import Bundle
from appliance.trust.clock import passed
from appliance.trust.crl import RevocationLists
from media_format.objects import Entitlement


@dataclass(frozen=True, slots=True)
class Told:
    """What one store knows from the vendor."""

    lists: tuple[bytes, ...]
    floor: int
    sequence: int
    """The number of the last directive that was followed."""
    entitlements: tuple[Entitlement, ...] | None

    @classmethod
    def to(cls, store: Store, bundle: Bundle) -> Told:
        """What was told to the box of `store`. MachineFault where that is damaged."""
        with store.reading() as transaction:
            sequence, listed = directives.last_sequence(transaction), entitlements.held(transaction)
        return cls(store.lists(bundle).ders, store.time_floor(), sequence, listed)

    def keep(self, transaction: Transaction, copy: Store, bundle: Bundle) -> None:
        """Bring this into a copy of the same box's store that was made earlier.

        The floor may be an earlier one than the copy's if the vendor has given a directive since: that is
        what lowers it.
        """
        copy.keep_lists(transaction, bundle, RevocationLists(bundle.anchor, self.lists, bundle.certificates))
        if self.sequence > directives.last_sequence(transaction):
            directives.keep_sequence(transaction, self.sequence)
            copy.set_time_floor(transaction, self.floor)
            if self.entitlements is not None:
                entitlements.keep(transaction, self.entitlements)
        else:
            copy.raise_time_floor(transaction, self.floor)


def keep_lists(transaction: Transaction, store: Store, bundle: Bundle, ders: tuple[bytes, ...]) -> None:
    """Bring newer lists into a store, whoever says that there are such: only those that their issuers signed.

    Their dates have passed, which is all that they say of the time.
    """
    lists = store.lists(bundle).take(ders)
    store.keep_lists(transaction, bundle, lists)
    store.raise_time_floor(transaction, passed(lists.dates))
