"""Taking over what the vendor issued: the box's certificates, and newer revocation lists."""

from __future__ import annotations

from appliance.box import renewal
from appliance.box.identity import Identity
from appliance.box.machine import Machine
from appliance.trust.bundle import Bundle
from appliance.trust.clock import passed


def install(machine: Machine, bundle: Bundle) -> Identity:
    """As `BoxService.install_certificates`."""
    with machine.ledger.acts(machine.ledger_time()) as acts:
        installed = renewal.install(machine.folder, bundle, machine.tpm, machine.configuration.id)
        bundle = installed.bundle
        lists = machine.store.lists(bundle).take(bundle.crls)
        machine.store.keep_lists(acts.transaction, bundle, lists)
        # The vendor's own dates are where a box's time begins; without them no clock is near enough.
        machine.store.raise_time_floor(acts.transaction, passed(lists.dates))
        acts.enter("certificates", bundle.anchor.vendor)
    return installed


def install_lists(machine: Machine, bundle: Bundle) -> int:
    """As `BoxService.install_lists`."""
    own = machine.own().bundle
    bundle = bundle.under(own.anchor)
    known = machine.store.lists(own)
    lists = known.take(bundle.crls)
    with machine.ledger.entry(machine.ledger_time(), "lists", bundle.anchor.vendor) as transaction:
        machine.store.keep_lists(transaction, own, lists)
        machine.store.raise_time_floor(transaction, passed(lists.dates))
    return len(set(lists.ders) - set(known.ders))
