"""Valid chains of every purpose, with everything that may differ from one to the next."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import strategies as st

from appliance.trust.issuing import NEVER
from appliance.trust.profile import (
    Profile,
    ReleaseBinding,
    RoleIdentity,
    ca_key_usage,
    key_id,
    leaf_key_usage,
    profile_extensions,
)
from appliance.trust.purpose import Purpose
from media_format.objects import DeviceKind
from media_format.wire import MAX_UINT
from tests.trust_openssl.forms import CertificateForm, EntryForm, HolderKey, ListForm, World
from tests.trust_openssl.keys import HOLDER, ISSUERS, OTHER_SIGNERS
from tests.trust_world import DAY, NOW, YEAR

MAX_AGE: Final = 400 * DAY
"""How old the policy lets a revocation list be."""
LEAVES: Final = tuple(purpose for purpose in Purpose if purpose.issuer is not None)
UNKNOWN: Final = x509.ObjectIdentifier("1.3.6.1.4.1.99999.7")
"""An extension that nobody has heard of."""

_digests = st.sampled_from((hashes.SHA256(), hashes.SHA384(), hashes.SHA512()))
_words = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x24F, exclude_characters="\x7f"), max_size=8
)
_serials = st.integers(1, 2**159 - 1)
_signers: st.SearchStrategy[HolderKey] = st.sampled_from((HOLDER, *OTHER_SIGNERS))
_spans = st.sampled_from((0, 1, DAY)) | st.integers(0, 15 * YEAR)


@st.composite
def worlds(draw: st.DrawFn, authorities: int | None = None) -> World:
    """A chain of a leaf, one or two authorities and a root, with a list of each issuer."""
    purpose = draw(st.sampled_from(LEAVES))
    at = NOW + draw(st.integers(-5 * YEAR, 5 * YEAR))
    length = 2 + (authorities or draw(st.integers(1, 2)))
    keys = draw(st.permutations(ISSUERS))[: length - 1]
    names = [name(draw(_words), place) for place in range(length)]
    serials = draw(st.lists(_serials, min_size=length, max_size=length, unique=True))
    # Nothing was issued before its issuer was made.
    begun = sorted((at - draw(_spans) for _ in range(length)), reverse=True)
    chain = [
        CertificateForm(
            subject=names[place],
            issuer=names[min(place + 1, length - 1)],
            key=keys[place - 1] if place else _leaf_key(draw, purpose),
            signer=keys[min(place, length - 2)],
            serial=serials[place],
            begins=begun[place],
            ends=draw(st.just(NEVER) | _spans.map(lambda span: at + 1 + span)),
            digest=draw(_digests),
        )
        for place in range(length)
    ]
    for place, form in enumerate(chain):
        _extend(draw, form, place, length, purpose)
    strangers = st.lists(_serials.filter(lambda serial: serial not in serials), max_size=3, unique=True)
    lists = [_list(draw, issuer, at, draw(strangers)) for issuer in chain[1:]]
    return World(purpose, at, chain, lists)


def _extend(draw: st.DrawFn, form: CertificateForm, place: int, length: int, purpose: Purpose) -> None:
    put, root = form.extensions.put, place == length - 1
    put(x509.SubjectKeyIdentifier(key_id(form.key.public_key())))
    put(x509.AuthorityKeyIdentifier(key_id(form.signer.public_key()), None, None))
    if place:
        room = draw(st.none() | st.integers(place - 1, 5))
        put(x509.BasicConstraints(ca=True, path_length=room), critical=True)
        put(ca_key_usage(), critical=True)
    else:
        put(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        put(leaf_key_usage(purpose), critical=True)
        for extension in profile_extensions(_profile(purpose)):
            put(extension)
    if not root:
        put(x509.ExtendedKeyUsage([(purpose.issuer if place and purpose.issuer else purpose).oid]))
    if draw(st.booleans()):
        put(x509.UnrecognizedExtension(UNKNOWN, draw(st.binary(max_size=20))))


def _profile(purpose: Purpose) -> Profile:
    device = purpose in (Purpose.DEVICE_IDENTITY, Purpose.DEVICE_ENCRYPTION)
    return Profile(
        RoleIdentity("holder-1", 1),
        release=ReleaseBinding("pump", "stable", 5) if purpose is Purpose.RELEASE_SIGNER else None,
        kind=DeviceKind(product="pump", line="stable", hardware="rev-b") if device else None,
    )


def _leaf_key(draw: st.DrawFn, purpose: Purpose) -> HolderKey:
    return HOLDER if purpose.encrypts else draw(_signers)


def _list(draw: st.DrawFn, issuer: CertificateForm, at: int, strangers: list[int]) -> ListForm:
    assert issuer.key in ISSUERS
    form = ListForm(
        issuer=issuer.subject,
        signer=issuer.key,
        date=at - draw(st.integers(0, MAX_AGE)),
        following=at + draw(st.integers(1, YEAR)),
        entries=[EntryForm(serial, at - DAY) for serial in strangers],
        digest=draw(_digests),
    )
    form.extensions.put(x509.CRLNumber(draw(st.integers(0, MAX_UINT))))
    form.extensions.put(x509.AuthorityKeyIdentifier(key_id(issuer.key.public_key()), None, None))
    return form


def name(word: str, place: int) -> x509.Name:
    """A name that no other place of a chain has."""
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{word} {place}")])
