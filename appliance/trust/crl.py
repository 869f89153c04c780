"""Revocation: which lists this machine knows, and what they say of a chain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cryptography import x509

from appliance.trust.chain import VerifiedCertificate, VerifiedIssuer, verify_issuers
from appliance.trust.profile import issuer_id
from appliance.trust.revocation_list import RevocationList
from media_format.objects import CrlNumber, Policy, TrustAnchor
from media_format.refusal import Code, Refusal


class RevocationLists:
    """The newest revocation list of every issuer that this machine has seen. Immutable.

    `ders` are this machine's own stored lists. They are checked against their issuer's key again, here or,
    where the issuer is not known yet, when they are used to judge a certificate: what it did not sign counts
    as missing. `certificates` may hold issuing CAs (those of the machine's own bundle), so that lists of CAs
    are taken over whose certificates do not come along.
    """

    def __init__(
        self, anchor: TrustAnchor, ders: Sequence[bytes] = (), certificates: Sequence[bytes] = ()
    ) -> None:
        self._issuers = {issuer.id: issuer for issuer in verify_issuers(certificates, anchor)}
        self._lists: dict[bytes, RevocationList] = {}
        for der in ders:
            self._keep(RevocationList.read(der))

    def _keep(self, found: RevocationList | None) -> None:
        """Keep a list if it is news. One that its issuer did not sign has no rank among those it did."""
        if found is None or self._is_forged(found):
            return
        if found.issuer not in self._lists or found.rank > self._lists[found.issuer].rank:
            self._lists[found.issuer] = found

    def _is_forged(self, found: RevocationList) -> bool:
        """Whether the issuer is known and did not sign it."""
        issuer = self._issuers.get(found.issuer)
        return issuer is not None and not found.signed_by(issuer.certificate)

    @property
    def ders(self) -> tuple[bytes, ...]:
        """The lists in DER, to be stored."""
        return tuple(self._lists[issuer].der for issuer in sorted(self._lists))

    @property
    def dates(self) -> tuple[int, ...]:
        """The lists' thisUpdate: dates the vendor signed."""
        return tuple(self._lists[issuer].date for issuer in sorted(self._lists))

    def numbers(self) -> tuple[CrlNumber, ...]:
        """What is known: issuers and CRL numbers, in the order of the issuers."""
        return tuple(
            CrlNumber(issuer=issuer, number=self._lists[issuer].number) for issuer in sorted(self._lists)
        )

    def take(self, candidates: Sequence[bytes], issuers: Iterable[VerifiedIssuer] = ()) -> RevocationLists:
        """These lists with every candidate taken over that is valid and newer than what is known.

        Candidates come from media, of each of which `media_format.crl_files` reads a bounded number. Those
        that are damaged, forged, older, too large, of an issuer that is neither a root nor known nor among
        `issuers`, or with a critical extension, are left out silently: what is missing then is found when
        freshness is judged. Never refuses.
        """
        taken = self._knowing({issuer.id: issuer for issuer in issuers})
        held = {known.der for known in taken._lists.values()}
        for der in dict.fromkeys(candidates):
            found = RevocationList.read(der) if der not in held else None
            issuer = taken._issuers.get(found.issuer) if found else None
            if found and issuer and found.signed_by(issuer.certificate) and found.readable:
                taken._keep(found)
        return taken

    def joined(self, others: RevocationLists) -> RevocationLists:
        """These lists and others of this machine, of each issuer the newest; either may know the issuer."""
        joined = self._knowing(others._issuers)
        for found in others._lists.values():
            joined._keep(found)
        return joined

    def _knowing(self, issuers: dict[bytes, VerifiedIssuer]) -> RevocationLists:
        """These lists, where more issuers are known: what they did not sign goes."""
        knowing = RevocationLists.__new__(RevocationLists)
        knowing._issuers = self._issuers | issuers
        knowing._lists = {
            issuer: held for issuer, held in self._lists.items() if not knowing._is_forged(held)
        }
        return knowing

    def replaces(self, der: bytes) -> bool:
        """Whether `der` is an issuer's own list, older than the one known here."""
        found = RevocationList.read(der)
        issuer = self._issuers.get(found.issuer) if found else None
        if found is None or issuer is None or not found.signed_by(issuer.certificate):
            return False
        known = self._of(issuer.certificate)
        return known is not None and found.rank < known.rank

    def judge(
        self, certificate: VerifiedCertificate, at: int, policy: Policy, demanded: Iterable[CrlNumber] = ()
    ) -> None:
        """Check a certificate and the CAs above it against the lists of their issuers, at trusted time `at`.

        Raises Refusal(revoked) where a list names one of them, Refusal(revocation-stale) where a list is
        older than `demanded` or, if the policy bounds the age, missing or too old. What `demanded` says
        of other issuers than this certificate's does not concern it.
        """
        lowest = {wanted.issuer: wanted.number for wanted in demanded}
        self.judge_chain(certificate)
        for issuer in certificate.path[1:]:
            self._judge_freshness(issuer, at, policy.crl_max_age, lowest.get(issuer_id(issuer)))

    def judge_chain(self, certificate: VerifiedCertificate) -> None:
        """Check a certificate and the CAs above it, however old the lists are. Refusal(revoked)."""
        for subject, issuer in zip(certificate.path[:-1], certificate.path[1:], strict=True):
            self.judge_issued(subject, issuer)

    def judge_issued(self, subject: x509.Certificate, issuer: x509.Certificate) -> None:
        """Check one certificate against the list of the CA that issued it. Refusal(revoked)."""
        known = self._of(issuer)
        if known and known.names(subject):
            raise Refusal(Code.REVOKED, f"certificate {subject.serial_number:x} was revoked")

    def _of(self, issuer: x509.Certificate) -> RevocationList | None:
        known = self._lists.get(issuer_id(issuer))
        return known if known and known.signed_by(issuer) else None

    def _judge_freshness(
        self, issuer: x509.Certificate, at: int, max_age: int | None, lowest: int | None
    ) -> None:
        known = self._of(issuer)
        if known is None:
            if max_age is not None or lowest is not None:
                raise Refusal(Code.REVOCATION_STALE, "an issuer's revocation list is missing")
            return
        if lowest is not None and known.number < lowest:
            raise Refusal(
                Code.REVOCATION_STALE, f"revocation list number {known.number} is known, {lowest} is demanded"
            )
        if max_age is not None and at - known.date > max_age:
            raise Refusal(Code.REVOCATION_STALE, f"a revocation list is {at - known.date} seconds old")
