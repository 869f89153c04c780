"""Directives: the vendor's orders to this box, followed before anything else on a medium is judged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session as Transaction

from appliance.box import entitlements, numbers, renewal
from appliance.box.identity import Identity
from appliance.box.ledger import Ledger
from appliance.box.store import Store
from appliance.trust.clock import TrustedTime
from appliance.trust.directive import Target, VerifiedDirective, admit_directive
from appliance.trust.directive_result import DirectiveResult, followed
from appliance.trust.renewal import lowered_floor
from media_format.crl_files import read_crls
from media_format.directive_files import MAX_FILE, DirectiveFile, directives_for
from media_format.objects import Order, Role
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_SEQUENCE: Final = "directive"


@dataclass(frozen=True, slots=True)
class Follower:
    """What following a directive needs. `now` is None where no clock is trusted, `when` is for the ledger."""

    folder: Path
    store: Store
    ledger: Ledger
    own: Identity
    now: TrustedTime | None
    when: TrustedTime

    def follow(self, volume: Volume, file: DirectiveFile) -> None:
        """Judge a directive, do what it orders, and enter it. Refusals leave everything as it was."""
        bundle = self.own.bundle
        data, crls = volume.read_object(file.path, MAX_FILE), read_crls(volume)
        with self.store.reading() as transaction:
            target = Target(Role.BOX, self.own.signing.identity, last_sequence(transaction))
        lists = self.store.lists(bundle)
        verified = admit_directive(data, target, bundle.anchor, lists, self.now, crls)
        directive = verified.directive
        detail = f"{directive.sequence} {directive.order.name.lower().replace('_', '-')}"
        with self.ledger.entry(self.when, "directive", detail) as transaction:
            if last_sequence(transaction) != target.sequence:
                raise Refusal(Code.REQUEST_REPLAYED, "another program followed a directive meanwhile")
            self._do(transaction, verified)

    def _do(self, transaction: Transaction, verified: VerifiedDirective) -> None:
        """What is ordered, together with the sequence, while no other program follows a directive.

        Certificates are a file, written last: a cut between it and the store leaves a directive that is
        followed once more, and changes nothing then.
        """
        directive = verified.directive
        if directive.entitlements is not None:
            entitlements.keep(transaction, directive.entitlements)
        if directive.order is Order.TIME_FLOOR:
            floor = lowered_floor(verified, self.store.time_floor(), self.own.bundle)
            self.store.set_time_floor(transaction, floor)
        keep_sequence(transaction, directive.sequence)
        if directive.order in (Order.RENEW, Order.CROSS_SIGN):
            renewal.follow(self.folder, verified)


def for_box(volume: Volume, own: Identity) -> tuple[DirectiveFile, ...]:
    """The directives on a medium that name this box, in their order; not verified."""
    identity = own.signing.identity
    return directives_for(volume, Role.BOX, identity.id, identity.epoch)


def follow(follower: Follower, volume: Volume, file: DirectiveFile) -> DirectiveResult:
    """What became of one directive. Refusal(medium-*) when the medium is gone."""
    return followed(file, lambda: follower.follow(volume, file))


def last_sequence(transaction: Transaction) -> int:
    """The sequence of the last directive the box followed, 0 before the first."""
    return numbers.held(transaction, _SEQUENCE)


def keep_sequence(transaction: Transaction, sequence: int) -> None:
    """Remember the last directive that was followed: it and those before are not followed again."""
    numbers.keep(transaction, _SEQUENCE, sequence)
