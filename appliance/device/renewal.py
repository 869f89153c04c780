"""Renewal: the one place where a device's certificates and trust anchor are written.

They come from the vendor's answer to an enrolment, by hand, or from a directive; never from a package.
"""

from __future__ import annotations

import dataclasses

from appliance.device.machine import IDENTITY, Machine
from appliance.trust.bundle import Bundle
from appliance.trust.clock import passed
from appliance.trust.directive import VerifiedDirective
from appliance.trust.purpose import Purpose
from appliance.trust.renewal import cross_signed, renewed
from media_format.errors import Misuse
from media_format.objects import Order


def install(machine: Machine, bundle: Bundle) -> None:
    """Take over what the vendor answered; only a device without a trust anchor takes one.

    Misuse for another device's certificates, Refusal(chain-invalid) for another vendor's.
    """
    if machine.is_enrolled():
        bundle = bundle.under(machine.bundle().anchor)
    elif machine.record.facts.anchors:
        # The certificates are gone, or a cut came before them: the anchor was decided all the same.
        machine.check_anchor(bundle)
    configuration = machine.configuration
    identity = bundle.verified(Purpose.DEVICE_IDENTITY)
    encryption = bundle.verified(Purpose.DEVICE_ENCRYPTION)
    named = (identity.identity.id, identity.identity.epoch, identity.kind)
    if named != (configuration.id, configuration.epoch, configuration.kind):
        raise Misuse(
            f"these certificates are for {identity.identity.id!r}, not for the device configured here"
        )
    if identity.spki != machine.tpm.public(IDENTITY) or encryption.encryption != machine.key:
        raise Misuse("these certificates are for other keys than this device holds")
    machine.keep_bundle(bundle)
    machine.keep_lists(machine.lists().take(bundle.crls, bundle.issuers()))
    issued = int(identity.certificate.not_valid_before_utc.timestamp())
    floor = max(machine.record.facts.time_floor, issued, passed(machine.lists().dates))
    machine.record.update(time_floor=floor)


def ordered(machine: Machine, verified: VerifiedDirective) -> Bundle:
    """What the device holds after a directive that renews or cross-signs; its refusals are `renewed`'s."""
    bundle = machine.bundle()
    if verified.directive.order is Order.RENEW:
        return renewed(verified, bundle)
    return dataclasses.replace(bundle, anchor=cross_signed(verified, bundle.anchor))
