"""A certificate in words."""

from __future__ import annotations

from typing import Any, Final

from cryptography import x509

from appliance.cli.answer import plain
from appliance.cli.explain.spans import span
from appliance.trust.profile import UNREADABLE, issuer_id, read_profile, usage
from appliance.trust.purpose import Purpose
from media_format.refusal import Refusal
from media_format.wire import malformed

_FIELDS: Final = ("identity", "release", "kind")
_NEVER: Final = 9999
"""The year that stands for no expiry (RFC 5280, 4.1.2.5)."""


def describe_certificate(certificate: x509.Certificate, at: int) -> dict[str, Any]:
    """Holder, issuer, purpose, dates, key, and what the project's extensions say.

    `valid until` is None for a certificate that does not expire; `validity` says in words how it stands at
    `at`, in seconds since the epoch. Refusal(malformed) if it cannot be read.
    """
    try:
        purpose = purpose_of(certificate)
        described: dict[str, Any] = {
            "holder": certificate.subject.rfc4514_string(),
            "purpose": purpose.words if purpose else _without_purpose(certificate),
            "issuer": certificate.issuer.rfc4514_string(),
            "serial": f"{certificate.serial_number:x}",
            "valid from": certificate.not_valid_before_utc.isoformat(),
            "valid until": None if never_ends(certificate) else certificate.not_valid_after_utc.isoformat(),
            "validity": _validity(certificate, at),
            "key id": issuer_id(certificate).hex(),
        }
    except UNREADABLE as error:
        raise malformed("certificate", f"cannot be read: {error}") from None
    if purpose is not None and purpose.issuer is not None:
        described |= _profile(certificate, purpose)
    return described


def never_ends(certificate: x509.Certificate) -> bool:
    """Whether it has no expiry."""
    return certificate.not_valid_after_utc.year == _NEVER


def purpose_of(certificate: x509.Certificate) -> Purpose | None:
    """The purpose of the project that a certificate states, None where it states none."""
    used = usage(certificate)
    return next((purpose for purpose in Purpose if purpose.oid in used), None)


def short_name(certificate: x509.Certificate) -> str:
    """What a certificate is called in a sentence: its purpose and its holder's common name."""
    purpose, names = (
        purpose_of(certificate),
        certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME),
    )
    words = purpose.words if purpose else _without_purpose(certificate)
    return f"the certificate {str(names[0].value)!r} ({words})" if names else f"the certificate of a {words}"


def _validity(certificate: x509.Certificate, at: int) -> str:
    begins = int(certificate.not_valid_before_utc.timestamp())
    ends = int(certificate.not_valid_after_utc.timestamp())
    if at < begins:
        return f"begins in {span(begins - at)}"
    if never_ends(certificate):
        return "does not expire"
    return f"expired {span(at - ends)} ago" if at > ends else f"{span(ends - at)} left"


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
