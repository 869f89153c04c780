"""Confirming: a release that proved itself moves the key chain on and raises the security floor."""

from __future__ import annotations

from appliance.device.machine import Machine
from appliance.device.record import Pending
from appliance.device.reporting import Story, tell
from appliance.trust import key_chain
from appliance.trust.key_chain import KeyChain
from media_format.errors import Misuse
from media_format.objects import Outcome


def confirm(machine: Machine) -> str:
    """Declare the running release good; returns its version.

    Only now the key chain moves on and the security floor rises. Misuse where nothing waits for it.
    """
    pending, state = machine.record.facts.pending, machine.boot.state()
    if pending is None:
        raise Misuse("nothing waits for confirmation")
    if (state.on_trial and not state.booted) or not _runs(machine, pending):
        raise Misuse(f"{pending.version} does not run yet; boot it first (updatebox device verify-boot)")
    machine.boot.confirm()
    _record(machine, pending)
    return pending.version


def finish(machine: Machine) -> None:
    """Do what is left of a confirmation that was cut off; nothing where none was.

    Comes before every act that may drop the pending release: the boot control calls it good already, and
    an older release must not pass because the record does not know it. A journal that stands belongs to
    an install that has not switched yet, and a device on its way back confirms nothing.
    """
    facts = machine.record.facts
    if facts.pending is None or facts.returning or machine.journal.read() is not None:
        return
    if not machine.boot.state().on_trial and _runs(machine, facts.pending):
        _record(machine, facts.pending)


def _record(machine: Machine, pending: Pending) -> None:
    facts = machine.record.facts
    chain = KeyChain(facts.security_floor, facts.head(pending.release.line))
    chain = key_chain.confirmed(chain, pending.release, pending.security_floor)
    story = Story(
        Outcome.CONFIRMED,
        package_id=pending.package_id,
        manifest_digest=pending.release.manifest_digest,
        version_before=pending.version_before,
        version_after=pending.version,
    )
    heads = facts.with_head(pending.release)
    tell(machine, story, heads=heads, security_floor=chain.security_floor, pending=None, nonce=None)


def _runs(machine: Machine, pending: Pending) -> bool:
    contents = machine.contents(machine.running())
    return any(content.manifest_digest == pending.release.manifest_digest for content in contents)
