"""Revocation lists (RFC 5280, section 5): which this machine knows, and what they say of a certificate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509

from appliance.trust.chain import VerifiedCertificate, VerifiedIssuer
from media_format.objects import CrlNumber, Policy, TrustAnchor


class RevocationLists:
    """The newest revocation list of every issuer that this machine has seen. Immutable.

    `ders` are this machine's own stored lists. They are checked against their issuer's key again
    whenever they are used to judge a certificate.
    """

    def __init__(self, anchor: TrustAnchor, ders: Sequence[bytes] = ()) -> None:
        raise NotImplementedError

    @property
    def ders(self) -> tuple[bytes, ...]:
        """The lists in DER, to be stored."""
        raise NotImplementedError

    @property
    def dates(self) -> tuple[int, ...]:
        """The lists' thisUpdate: dates the vendor signed."""
        raise NotImplementedError

    def numbers(self) -> tuple[CrlNumber, ...]:
        """What is known: issuers and CRL numbers, in the order of the issuers."""
        raise NotImplementedError

    def take(self, candidates: Sequence[bytes], issuers: Iterable[VerifiedIssuer] = ()) -> RevocationLists:
        """These lists with every candidate taken over that is valid and newer than what is known.

        Candidates come from media. Those that are damaged, forged, older, too large, of an issuer that is
        neither a root nor among `issuers`, or with an unknown critical extension, are left out silently: what is
        missing then is found when freshness is judged. Never refuses.
        """
        raise NotImplementedError

    def judge(
        self, certificate: VerifiedCertificate, at: int, policy: Policy, demanded: Iterable[CrlNumber] = ()
    ) -> None:
        """Check a certificate and the CAs above it against the lists of their issuers, at trusted time `at`.

        Raises Refusal(revoked) where a list names one of them, Refusal(revocation-stale) where a list is older
        than `demanded` or, if the policy bounds the age, missing or too old.
        """
        raise NotImplementedError
