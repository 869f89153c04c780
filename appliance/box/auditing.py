"""Auditing: whether the ledger in the store holds. `appliance.trust.auditing` checks an exported one."""

from __future__ import annotations

from appliance.box import identity
from appliance.box.ledger import LedgerState
from appliance.box.machine import Machine
from appliance.trust.ledger_chain import signed_by


def check_ledger(machine: Machine) -> LedgerState:
    """As `BoxService.check_ledger`."""
    return machine.ledger.verify(signed_by(machine.tpm.public(identity.IDENTITY)))
