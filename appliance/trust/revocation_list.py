"""One revocation list (RFC 5280, section 5): what it says of itself, and of certificates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography import x509

from appliance.trust.profile import UNREADABLE, issuer_id, key_usage
from media_format import limits
from media_format.wire import MAX_UINT

_KEY_ID: Final = 32
_PARTIAL: Final = (x509.DeltaCRLIndicator, x509.IssuingDistributionPoint)
"""What a list says that is not of everything its issuer issued."""


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list that can be read. Whether its issuer signed it is another question (`signed_by`).

    `issuer` is the issuer's id, `date` when it was issued in seconds since the epoch.
    """

    der: bytes
    crl: x509.CertificateRevocationList
    issuer: bytes
    number: int
    date: int
    _judged: dict[x509.Certificate, bool] = field(default_factory=dict, compare=False, repr=False)
    """By which CAs it was found to be signed or not: neither of the two ever changes."""

    @classmethod
    def read(cls, der: bytes) -> RevocationList | None:
        """The list, or None for what is no list of the profile: its issuer is named by the key's SHA-256."""
        found = cls.decode(der)
        return found if found is not None and len(found.issuer) == _KEY_ID else None

    @classmethod
    def decode(cls, der: bytes) -> RevocationList | None:
        """The list, or None for what is none, or is too large. `issuer` is the authority key identifier.

        No critical extension is known here. Delta lists and lists of a partial scope should have one (RFC
        5280, 5.2.4 and 5.2.5), and are none even without. The entries are not looked at: a stranger's list
        is not worth the time.
        """
        if len(der) > limits.MAX_CRL:
            return None
        try:
            crl = x509.load_der_x509_crl(der)
            issuer = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
            number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
            date = int(crl.last_update_utc.timestamp())
            if _has_critical(crl.extensions) or any(
                isinstance(one.value, _PARTIAL) for one in crl.extensions
            ):
                return None
        except (*UNREADABLE, x509.ExtensionNotFound):
            return None
        if issuer is None or not 0 <= number <= MAX_UINT:
            return None
        return cls(der, crl, issuer, number, date)

    @property
    def rank(self) -> tuple[int, int]:
        """Of two lists of one issuer the higher one is newer.

        Two with one number are the work of a vendor whose files were restored from a backup (RFC 5280,
        5.2.3, wants none): the date decides, so that what the later one revokes is not passed over.
        """
        return self.number, self.date

    def signed_by(self, issuer: x509.Certificate) -> bool:
        """Whether this is the list of a CA: named after it, and signed with its key for signing lists."""
        if issuer not in self._judged:
            self._judged[issuer] = self._is_signed_by(issuer)
        return self._judged[issuer]

    def _is_signed_by(self, issuer: x509.Certificate) -> bool:
        usage = key_usage(issuer)
        if usage is None or not usage.crl_sign or self.issuer != issuer_id(issuer):
            return False
        try:
            named = self.crl.issuer == issuer.subject
            return named and self.crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
        except UNREADABLE:  # names are decoded when they are asked for
            return False

    @property
    def readable(self) -> bool:
        """Whether every entry can be read: one that speaks for another issuer cannot (RFC 5280, 5.3.3)."""
        try:
            return not any(_has_critical(entry.extensions) for entry in self.crl)
        except UNREADABLE:
            return False

    def names(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate of this issuer is revoked."""
        serial = certificate.serial_number
        return self.crl.get_revoked_certificate_by_serial_number(serial) is not None


def _has_critical(extensions: x509.Extensions) -> bool:
    return any(extension.critical for extension in extensions)
