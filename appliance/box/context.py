"""What one act at the box works with: its store, its keys, who it is, and what time it is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session as Transaction

from appliance.box import rules
from appliance.box.identity import Identity
from appliance.box.rules import Rules
from appliance.box.store import Store
from appliance.tpm import Tpm
from appliance.trust.clock import TrustedTime
from appliance.trust.crl import RevocationLists
from media_format.objects import TrustAnchor


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of one act. `allow_by_default` decides for devices that no rule names."""

    store: Store
    tpm: Tpm
    own: Identity
    now: TrustedTime
    allow_by_default: bool

    @property
    def anchor(self) -> TrustAnchor:
        """Whom the box trusts."""
        return self.own.bundle.anchor

    def lists(self) -> RevocationLists:
        """The newest revocation lists the box has seen."""
        return self.store.lists(self.own.bundle)

    def rules(self, transaction: Transaction) -> Rules:
        """The rules in force; to be read once in a transaction, for there can be many."""
        return rules.held(transaction, allow_by_default=self.allow_by_default)
