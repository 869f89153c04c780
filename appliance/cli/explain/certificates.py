"""A certificate in words."""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509

from appliance.cli.answer import plain
from appliance.trust.profile import UNREADABLE, read_profile, usage
from appliance.trust.purpose import Purpose
from media_format.refusal import Refusal
from media_format.wire import malformed

_FIELDS: Final = ("identity", "release", "kind")
_NEVER: Final = 9999
"""The year that stands for no expiry (RFC 5280, 4.1.2.5)."""


def describe_certificate(certificate: x509.Certificate) -> dict[str, Any]:
    """Holder, purpose, dates, and what the project's extensions say.

    `valid until` is None for a certificate that does not expire. Refusal(malformed) if it cannot be read.
    """
    try:
        purpose = _purpose(certificate)
        ends = certificate.not_valid_after_utc
        described: dict[str, Any] = {
            "holder": certificate.subject.rfc4514_string(),
            "purpose": purpose.words if purpose else _without_purpose(certificate),
            "serial": f"{certificate.serial_number:x}",
            "valid from": certificate.not_valid_before_utc.isoformat(),
            "valid until": None if ends.year == _NEVER else ends.isoformat(),
        }
    except UNREADABLE as error:
        raise malformed("certificate", f"cannot be read: {error}") from None
    if purpose is not None and purpose.issuer is not None:
        described |= _profile(certificate, purpose)
    return described


def _purpose(certificate: x509.Certificate) -> Purpose | None:
    used = usage(certificate)
    return next((purpose for purpose in Purpose if purpose.oid in used), None)


def _without_purpose(certificate: x509.Certificate) -> str:
    is_root = certificate.subject == certificate.issuer and not usage(certificate)
    return "root" if is_root else "of no purpose that is known here"


def _profile(certificate: x509.Certificate, purpose: Purpose) -> dict[str, Any]:
    try:
        profile = read_profile(certificate, purpose)
    except Refusal as refusal:
        return {"profile": refusal.detail}
    values = {name: getattr(profile, name) for name in _FIELDS}
    return {name: plain(value) for name, value in values.items() if value is not None}
