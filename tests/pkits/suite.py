"""NIST's Public Key Interoperability Test Suite, as far as it concerns paths, dates and revocation.

The policy here is for these tests only: it admits the suite's algorithms (RSA), its one trust anchor, its
20-byte key identifiers, and certificates of any purpose. All the rest is the product's code.
"""

from __future__ import annotations

import dataclasses
import email
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cryptography_vectors
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from appliance.trust.chain import VerifiedCertificate, judge_dates
from appliance.trust.crl import RevocationLists
from appliance.trust.path import build_path
from appliance.trust.profile import Profile, RoleIdentity, issuer_id, read_certificate
from appliance.trust.purpose import Purpose
from appliance.trust.revocation_list import RevocationList
from media_format.objects import Family
from tests.trust_world import POLICY, YEAR

FOLDER = Path(cryptography_vectors.__file__).parent / "x509/PKITS_data"
AT = 1_420_070_400
"""2015-01-01: within the validity of the suite, which runs from 2010 to the end of 2030."""
MAX_AGE = 6 * YEAR
"""Every list of the suite was issued in 2010, but those that are to be too old."""


@dataclass(frozen=True, slots=True)
class Case:
    """One test: its name, and the certificates that its message carries, the leaf first."""

    name: str
    chain: tuple[bytes, ...]


@cache
def cases() -> dict[str, Case]:
    """Every test whose message can be read, by name."""
    found = (_case(path) for path in sorted((FOLDER / "smime").glob("*.eml")))
    return {case.name: case for case in found if case is not None}


def _case(path: Path) -> Case | None:
    parts = email.message_from_bytes(path.read_bytes()).get_payload()
    assert isinstance(parts, list)
    signature = parts[1].get_payload(decode=True)  # type: ignore[union-attr]
    assert isinstance(signature, bytes)
    try:
        with warnings.catch_warnings(action="ignore"):
            certificates = pkcs7.load_der_pkcs7_certificates(signature)
    except ValueError:
        return None
    name = path.stem.removeprefix("Signed")
    return Case(name, tuple(one.public_bytes(Encoding.DER) for one in reversed(certificates)))


def judge(case: Case) -> None:
    """Path, dates, revocation. Raises the product's refusals."""
    chain = tuple(read_certificate(der) for der in case.chain)
    root = x509.load_der_x509_certificate((FOLDER / "certs/TrustAnchorRootCertificate.crt").read_bytes())
    path = build_path(chain, [root])
    verified = VerifiedCertificate(path, Purpose.BOX_IDENTITY, Family.ECDSA, Profile(RoleIdentity("", 0)))
    judge_dates(verified, AT)
    policy = dataclasses.replace(POLICY, crl_max_age=MAX_AGE)
    Lists(path[1:]).judge(verified, AT, policy)


class Lists(RevocationLists):
    """The suite's lists of some issuers, each named as the product names lists."""

    def __init__(self, issuers: Sequence[x509.Certificate]) -> None:
        self._issuers = {}
        self._lists = {}
        for issuer in issuers:
            for found in _lists_of(issuer):
                named = dataclasses.replace(found, issuer=issuer_id(issuer))
                if named.signed_by(issuer) and named.readable:
                    self._keep(named)


def _lists_of(issuer: x509.Certificate) -> Iterator[RevocationList]:
    """The lists that name this issuer's key."""
    key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    for found in _all_lists():
        if found.issuer == key:
            yield found


@cache
def _all_lists() -> tuple[RevocationList, ...]:
    """The suite's lists that the product can read; those with a critical extension it cannot."""
    with warnings.catch_warnings(action="ignore"):
        found = [RevocationList.decode(path.read_bytes()) for path in sorted((FOLDER / "crls").glob("*.crl"))]
    return tuple(one for one in found if one is not None)
