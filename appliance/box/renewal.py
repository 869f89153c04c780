"""Renewal: the one place where a box's certificates and trust anchor are written.

They come from the vendor's answer to an enrolment, by hand, or from a directive; never from a package.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from appliance.box.identity import BUNDLE, Identity, held_by
from appliance.tpm import Tpm
from appliance.trust.bundle import Bundle
from appliance.trust.directive import VerifiedDirective
from appliance.trust.renewal import cross_signed, renewed
from media_format.durable import replace_file
from media_format.objects import Order


def install(folder: Path, bundle: Bundle, tpm: Tpm, box_id: str) -> Identity:
    """Take over what the vendor answered; only a box without a trust anchor takes one.

    To be called while the store is held, as `follow`. Misuse for another box's certificates,
    Refusal(chain-invalid) for another vendor's.
    """
    path = folder / BUNDLE
    if path.exists():
        bundle = bundle.under(Bundle.from_pem(path.read_bytes()).anchor)
    identity = held_by(bundle, tpm, box_id)
    replace_file(path, bundle.to_pem(), 0o644)
    return identity


def follow(folder: Path, verified: VerifiedDirective) -> None:
    """Do what a directive orders that renews or cross-signs; once more changes nothing.

    To be called while the store is held, and so no other program installs certificates. Refusals as for
    `appliance.trust.renewal`; nothing is changed then.
    """
    path = folder / BUNDLE
    bundle = Bundle.from_pem(path.read_bytes())
    if verified.directive.order is Order.RENEW:
        new = renewed(verified, bundle)
    else:
        new = dataclasses.replace(bundle, anchor=cross_signed(verified, bundle.anchor))
    if new != bundle:
        replace_file(path, new.to_pem(), 0o644)
