"""The bundle: the PEM file that answers an enrolment, and that tells the vendor which box to seal for."""

from __future__ import annotations

import base64
import dataclasses
import re
import textwrap
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from appliance.trust.chain import VerifiedCertificate, VerifiedIssuer, verify_chain, verify_issuers
from appliance.trust.crl import RevocationLists
from appliance.trust.path import issued
from appliance.trust.profile import read_certificate, usage
from appliance.trust.purpose import ISSUING, Purpose
from media_format import limits
from media_format.objects import TrustAnchor
from media_format.refusal import Code, Refusal
from media_format.wire import malformed

ANCHOR_LABEL: Final = "UPDATEBOX TRUST ANCHOR"
CERTIFICATE_LABEL: Final = "CERTIFICATE"
CRL_LABEL: Final = "X509 CRL"
MAX_BUNDLE: Final = 4 * 1024 * 1024
"""Bytes of a bundle."""

_BLOCK: Final = re.compile(
    rb"^-----BEGIN ([A-Z0-9 ]{1,64})-----\r?\n([A-Za-z0-9+/=\s]*?)^-----END \1-----\r?$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A trust anchor, certificates (the holder's and CAs, in any order) and revocation lists, these in DER.

    A bundle is trusted as far as the hand that brings it: it holds the anchor itself.
    """

    anchor: TrustAnchor
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...] = ()

    def to_pem(self) -> bytes:
        """The bundle as textual encodings (RFC 7468): the anchor, then certificates, then lists."""
        blocks = [_block(ANCHOR_LABEL, self.anchor.to_bytes())]
        blocks += [_block(CERTIFICATE_LABEL, der) for der in self.certificates]
        blocks += [_block(CRL_LABEL, der) for der in self.crls]
        return "".join(blocks).encode()

    @classmethod
    def from_pem(cls, data: bytes) -> Bundle:
        """Read a bundle; text between the blocks is ignored. Refusal(malformed) or (too-large)."""
        if len(data) > MAX_BUNDLE:
            raise Refusal(Code.TOO_LARGE, f"bundle: {len(data)} bytes, at most {MAX_BUNDLE} are allowed")
        found: dict[str, list[bytes]] = {ANCHOR_LABEL: [], CERTIFICATE_LABEL: [], CRL_LABEL: []}
        for label, body in _BLOCK.findall(data):
            name = label.decode()
            if name not in found:
                raise malformed("bundle", f"a block {name!r} does not belong in it")
            try:
                found[name].append(base64.b64decode(b"".join(body.split()), validate=True))
            except ValueError:
                raise malformed("bundle", f"a block {name!r} is not base64") from None
        if len(found[ANCHOR_LABEL]) != 1:
            raise malformed("bundle", f"{len(found[ANCHOR_LABEL])} trust anchors where one belongs")
        for der in found[CERTIFICATE_LABEL]:
            read_certificate(der)
        anchor = TrustAnchor.from_bytes(found[ANCHOR_LABEL][0])
        return cls(anchor, tuple(found[CERTIFICATE_LABEL]), tuple(found[CRL_LABEL]))

    def chain(self, purpose: Purpose) -> tuple[bytes, ...]:
        """The chain (DER, leaf first, without the root) of the bundle's one leaf with this purpose.

        What a signer carries. Refusal(chain-invalid) where there is no such leaf or more than one.
        """
        held = {der: read_certificate(der) for der in self.certificates}
        leaves = [der for der, certificate in held.items() if usage(certificate) == [purpose.oid]]
        if len(leaves) != 1:
            raise Refusal(Code.CHAIN_INVALID, f"{len(leaves)} certificates for {purpose.words}, not one")
        chain = leaves
        while len(chain) < limits.MAX_CHAIN:
            above = [
                der for der, found in held.items() if der not in chain and _continues(found, held[chain[-1]])
            ]
            if not above:
                break
            chain.append(above[0])
        return tuple(chain)

    def verified(self, purpose: Purpose) -> VerifiedCertificate:
        """That leaf, its chain verified under the bundle's own anchor; refusals as for `verify_chain`."""
        return verify_chain(self.chain(purpose), self.anchor, purpose)

    def under(self, anchor: TrustAnchor) -> Bundle:
        """The bundle as a machine holds it that has `anchor` already; CAs that lead elsewhere are left out.

        Refusal(chain-invalid) where it has no root in common with `anchor`: it is another vendor's.
        """
        if not set(self.anchor.roots) & set(anchor.roots):
            raise Refusal(Code.CHAIN_INVALID, "this comes from another vendor than the one trusted here")
        issuers = {issuer.certificate for issuer in verify_issuers(self.certificates, anchor)}
        purposes = [purpose.oid for purpose in ISSUING]
        held = ((der, read_certificate(der)) for der in self.certificates)
        kept = (der for der, found in held if found in issuers or not set(usage(found)) & set(purposes))
        return dataclasses.replace(self, anchor=anchor, certificates=tuple(kept))

    def issuers(self) -> tuple[VerifiedIssuer, ...]:
        """The CAs that lead to the bundle's anchor, roots included."""
        return verify_issuers(self.certificates, self.anchor)

    def lists(self) -> RevocationLists:
        """The bundle's revocation lists, as far as they are valid."""
        return RevocationLists(self.anchor, (), self.certificates).take(self.crls)


def _block(label: str, data: bytes) -> str:
    lines = textwrap.wrap(base64.b64encode(data).decode(), 64)
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def _continues(above: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether `above` is to be carried along next, and no root; `verify_chain` judges the chain."""
    return above.subject != above.issuer and issued(above, certificate)
