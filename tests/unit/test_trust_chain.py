"""Chains: what leads to a pinned root, for which purpose, and until when."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from appliance.trust.chain import expiry_warnings, judge_dates, verify_chain, verify_issuers
from appliance.trust.issuing import (
    NEVER,
    Issuer,
    create_issuing_ca,
    create_root,
    generate_issuer_key,
    issue_box,
    issue_device,
    issue_directive_signer,
    issue_release_signer,
    issue_sealer,
)
from appliance.trust.profile import (
    DEVICE_KIND,
    RELEASE_BINDING,
    ROLE_IDENTITY,
    XWING_HALF,
    ReleaseBinding,
    RoleIdentity,
    key_id,
    leaf_key_usage,
    profile_extensions,
    read_certificate,
    spki,
)
from appliance.trust.profile import Profile as CertificateProfile
from appliance.trust.purpose import Purpose
from media_format.errors import Misuse
from media_format.objects import Family, Root, TrustAnchor
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Code
from tests.tools import require
from tests.trust_world import BIRTH, DAY, KIND, NOW, POLICY, World, make_anchor, new_key, pem, refused

LEAVES = [purpose for purpose in Purpose if purpose.issuer is not None]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def chains(world: World) -> dict[Purpose, tuple[bytes, ...]]:
    """One chain for each purpose."""
    release_ca = world.issuers[Purpose.RELEASE_CA]
    key, identity = new_key().public_key(), RoleIdentity("key", 0)
    binding = ReleaseBinding("pump", "stable", 5)
    return {
        Purpose.RELEASE_SIGNER: issue_release_signer(release_ca, key, identity, binding, NOW),
        Purpose.RELEASE_SEALER: issue_sealer(release_ca, key, identity, NOW),
        Purpose.DIRECTIVE_SIGNER: issue_directive_signer(release_ca, key, identity, NOW),
        Purpose.BOX_IDENTITY: world.box.issued.identity,
        Purpose.BOX_TRANSPORT: world.box.issued.encryption,
        Purpose.DEVICE_IDENTITY: world.device.issued.identity,
        Purpose.DEVICE_ENCRYPTION: world.device.issued.encryption,
    }


def craft(
    ca: Issuer,
    purposes: Sequence[Purpose],
    *,
    key: Any = None,
    profile: CertificateProfile | None = None,
    usage: x509.KeyUsage | None = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    authority: bool = False,
    algorithm: Any = None,
) -> tuple[bytes, ...]:
    """A chain whose leaf the vendor's software would not issue."""
    public = (key or new_key()).public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "crafted")]))
        .issuer_name(ca.certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(NOW, UTC))
        .not_valid_after(datetime.fromtimestamp(NOW + DAY, UTC))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(key_id(public)), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(ca.id, None, None), critical=False)
        .add_extension(usage or leaf_key_usage(Purpose.BOX_IDENTITY), critical=True)
    )
    if purposes:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([purpose.oid for purpose in purposes]), critical=False
        )
    for private in profile_extensions(profile or CertificateProfile(RoleIdentity("crafted", 1))):
        builder = builder.add_extension(private, critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    if algorithm is None and isinstance(ca.key, ec.EllipticCurvePrivateKey):
        algorithm = hashes.SHA384()
    return (builder.sign(ca.key, algorithm).public_bytes(Encoding.DER), *ca.chain)


@pytest.mark.parametrize("purpose", LEAVES)
def test_every_purpose_is_verified_with_what_it_says(
    world: World, chains: dict[Purpose, tuple[bytes, ...]], purpose: Purpose
) -> None:
    verified = verify_chain(chains[purpose], world.anchor, purpose)
    assert verified.purpose is purpose
    assert verified.family is Family.ECDSA
    assert verified.identity.id
    assert (verified.release is not None) == (purpose is Purpose.RELEASE_SIGNER)
    assert (verified.kind == KIND) == (purpose in (Purpose.DEVICE_IDENTITY, Purpose.DEVICE_ENCRYPTION))
    assert (verified.encryption is not None) == purpose.encrypts
    assert [issuer.certificate for issuer in verified.issuers] == list(verified.path[1:])


@pytest.mark.parametrize("held", LEAVES)
@pytest.mark.parametrize("wanted", list(Purpose))
def test_no_purpose_stands_for_another(
    world: World, chains: dict[Purpose, tuple[bytes, ...]], held: Purpose, wanted: Purpose
) -> None:
    if held is not wanted:
        with refused(Code.PURPOSE_MISMATCH):
            verify_chain(chains[held], world.anchor, wanted)


@pytest.mark.parametrize("ca", [Purpose.RELEASE_CA, Purpose.BOX_CA, Purpose.DEVICE_CA])
def test_a_ca_issues_nothing_but_what_its_own_purpose_covers(world: World, ca: Purpose) -> None:
    for purpose in (Purpose.RELEASE_SEALER, Purpose.BOX_IDENTITY, Purpose.DIRECTIVE_SIGNER):
        chain = craft(world.issuers[ca], [purpose])
        if purpose.issuer is ca:
            verify_chain(chain, world.anchor, purpose)
        else:
            with refused(Code.PURPOSE_MISMATCH):
                verify_chain(chain, world.anchor, purpose)


def test_a_certificate_has_exactly_one_purpose(world: World) -> None:
    ca = world.issuers[Purpose.BOX_CA]
    for purposes in ([], [Purpose.BOX_IDENTITY, Purpose.BOX_TRANSPORT], [Purpose.BOX_CA]):
        with refused(Code.PURPOSE_MISMATCH):
            verify_chain(craft(ca, purposes), world.anchor, Purpose.BOX_IDENTITY)


def test_any_purpose_is_no_purpose(world: World) -> None:
    usage = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)
    chain = craft(world.issuers[Purpose.BOX_CA], [], extensions=[usage])
    with refused(Code.PURPOSE_MISMATCH):
        verify_chain(chain, world.anchor, Purpose.BOX_IDENTITY)


@pytest.mark.parametrize(
    ("purpose", "profile"),
    [
        (Purpose.RELEASE_SIGNER, CertificateProfile(RoleIdentity("x", 1))),
        (Purpose.RELEASE_SEALER, CertificateProfile(RoleIdentity("x", 1), kind=KIND)),
        (
            Purpose.RELEASE_SEALER,
            CertificateProfile(RoleIdentity("x", 1), release=ReleaseBinding("pump", "stable", 1)),
        ),
        (
            Purpose.RELEASE_SEALER,
            CertificateProfile(RoleIdentity("x", 1), encryption=RecipientKey(None, bytes(1216))),
        ),
    ],
    ids=["binding missing", "kind too many", "binding too many", "X-Wing half too many"],
)
def test_private_extensions_must_be_exactly_those_of_the_purpose(
    world: World, purpose: Purpose, profile: CertificateProfile
) -> None:
    chain = craft(world.issuers[Purpose.RELEASE_CA], [purpose], profile=profile)
    with refused(Code.PURPOSE_MISMATCH):
        verify_chain(chain, world.anchor, purpose)


def test_a_certificate_without_an_identity_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.profile_extensions", lambda _profile: ())
    chain = craft(world.issuers[Purpose.BOX_CA], [Purpose.BOX_IDENTITY])
    with refused(Code.PURPOSE_MISMATCH):
        verify_chain(chain, world.anchor, Purpose.BOX_IDENTITY)


@pytest.mark.parametrize("oid", [ROLE_IDENTITY, RELEASE_BINDING, DEVICE_KIND, XWING_HALF])
@pytest.mark.parametrize("value", [b"", b"\x30\x00", b"\x04\x01a", b"\x30\x80\x00\x00", b"\xff" * 9])
def test_private_extensions_that_cannot_be_read_are_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, oid: x509.ObjectIdentifier, value: bytes
) -> None:
    extension = x509.UnrecognizedExtension(oid, value)
    good = [
        found for found in profile_extensions(CertificateProfile(RoleIdentity("x", 1))) if found.oid != oid
    ]
    monkeypatch.setattr(f"{__name__}.profile_extensions", lambda _profile: [*good, extension])
    usage = leaf_key_usage(Purpose.BOX_TRANSPORT)
    chain = craft(world.issuers[Purpose.BOX_CA], [Purpose.BOX_TRANSPORT], usage=usage)
    with refused(Code.MALFORMED, Code.PURPOSE_MISMATCH):
        verify_chain(chain, world.anchor, Purpose.BOX_TRANSPORT)


def test_names_beyond_the_limit_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    long = profile_extensions(CertificateProfile(RoleIdentity("x" * 64, 1)))[0]
    value = (
        long.value.replace(b"\x0c\x40", b"\x0c\x41")
        .replace(b"\x30\x45", b"\x30\x46")
        .replace(b"xx", b"xxx", 1)
    )
    extension = x509.UnrecognizedExtension(ROLE_IDENTITY, value)
    monkeypatch.setattr(f"{__name__}.profile_extensions", lambda _profile: [extension])
    with refused(Code.MALFORMED):
        verify_chain(
            craft(world.issuers[Purpose.BOX_CA], [Purpose.BOX_IDENTITY]), world.anchor, Purpose.BOX_IDENTITY
        )


def test_key_usage_must_fit_the_purpose(world: World) -> None:
    ca = world.issuers[Purpose.BOX_CA]
    with refused(Code.PURPOSE_MISMATCH):
        usage = leaf_key_usage(Purpose.BOX_TRANSPORT)
        verify_chain(craft(ca, [Purpose.BOX_IDENTITY], usage=usage), world.anchor, Purpose.BOX_IDENTITY)


def test_a_ca_is_no_leaf(world: World) -> None:
    chain = craft(world.issuers[Purpose.BOX_CA], [Purpose.BOX_IDENTITY], authority=True)
    with refused(Code.PURPOSE_MISMATCH, Code.CHAIN_INVALID):
        verify_chain(chain, world.anchor, Purpose.BOX_IDENTITY)


def test_a_leaf_issues_nothing(world: World) -> None:
    leaf = Issuer(
        read_certificate(world.box.issued.identity[0]),
        world.box.identity_key,  # type: ignore[arg-type]
        world.box.issued.identity,
    )
    with refused(Code.CHAIN_INVALID):
        verify_chain(craft(leaf, [Purpose.BOX_IDENTITY]), world.anchor, Purpose.BOX_IDENTITY)


def test_an_unknown_critical_extension_is_refused(world: World) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.25.99"), b"\x05\x00")
    for extension, critical in ((unknown, True), (unknown, False)):
        chain = craft(
            world.issuers[Purpose.BOX_CA], [Purpose.BOX_IDENTITY], extensions=[(extension, critical)]
        )
        if critical:
            with refused(Code.CHAIN_INVALID):
                verify_chain(chain, world.anchor, Purpose.BOX_IDENTITY)
        else:
            verify_chain(chain, world.anchor, Purpose.BOX_IDENTITY)


@pytest.mark.parametrize(
    "known_to_others",
    [
        x509.SubjectAlternativeName([x509.DNSName("pump.example")]),
        x509.AuthorityInformationAccess(
            [
                x509.AccessDescription(
                    AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://x.example")
                )
            ]
        ),
    ],
    ids=lambda extension: type(extension).__name__,
)
def test_a_critical_extension_that_only_others_know_is_refused(
    world: World, known_to_others: x509.ExtensionType
) -> None:
    ca, purposes = world.issuers[Purpose.BOX_CA], [Purpose.BOX_IDENTITY]
    verify_chain(
        craft(ca, purposes, extensions=[(known_to_others, False)]), world.anchor, Purpose.BOX_IDENTITY
    )
    with refused(Code.CHAIN_INVALID):
        verify_chain(
            craft(ca, purposes, extensions=[(known_to_others, True)]), world.anchor, Purpose.BOX_IDENTITY
        )


def test_an_encryption_key_on_another_curve_is_refused(world: World) -> None:
    key, usage = ec.generate_private_key(ec.SECP384R1()), leaf_key_usage(Purpose.BOX_TRANSPORT)
    chain = craft(world.issuers[Purpose.BOX_CA], [Purpose.BOX_TRANSPORT], key=key, usage=usage)
    with refused(Code.PURPOSE_MISMATCH):
        verify_chain(chain, world.anchor, Purpose.BOX_TRANSPORT)


def test_a_strangers_chain_is_refused_even_under_the_vendors_names(world: World) -> None:
    stranger = World()
    with refused(Code.CHAIN_INVALID):
        verify_chain(stranger.box.issued.identity, world.anchor, Purpose.BOX_IDENTITY)
    with refused(Code.CHAIN_INVALID):
        mixed = (stranger.box.issued.identity[0], *world.box.issued.identity[1:])
        verify_chain(mixed, world.anchor, Purpose.BOX_IDENTITY)


def test_a_root_signs_no_leaf(world: World) -> None:
    with refused(Code.CHAIN_INVALID):
        verify_chain(craft(world.root, [Purpose.BOX_IDENTITY]), world.anchor, Purpose.BOX_IDENTITY)


def test_a_chain_is_neither_empty_nor_endless_nor_padded(world: World) -> None:
    leaf, ca = world.box.issued.identity
    other = world.issuers[Purpose.DEVICE_CA].chain[0]
    root = world.root.certificate.public_bytes(Encoding.DER)
    for chain in (
        (),
        (leaf,),
        (leaf, ca, ca),
        (leaf, ca, other),
        (leaf, ca, root),
        (ca, leaf),
        (leaf, *[ca] * 9),
    ):
        with refused(Code.CHAIN_INVALID, Code.PURPOSE_MISMATCH):
            verify_chain(chain, world.anchor, Purpose.BOX_IDENTITY)


def test_an_issuing_ca_has_no_ca_below_it(world: World) -> None:
    below = create_issuing_ca(
        world.issuers[Purpose.BOX_CA], "Acme", Purpose.BOX_CA, generate_issuer_key(Family.ECDSA), NOW
    )
    with refused(Code.CHAIN_INVALID):
        verify_chain(craft(below, [Purpose.BOX_IDENTITY]), world.anchor, Purpose.BOX_IDENTITY)


def test_bytes_that_are_no_certificate_are_malformed_or_too_large(world: World) -> None:
    for junk in (b"", b"\x30\x00", bytes(100), world.box.issued.identity[0] + b"\0"):
        with refused(Code.MALFORMED):
            verify_chain((junk, junk), world.anchor, Purpose.BOX_IDENTITY)
    with refused(Code.TOO_LARGE):
        read_certificate(bytes(16 * 1024 + 1))


def test_every_flipped_byte_of_a_certificate_is_noticed(world: World) -> None:
    leaf, ca = world.box.issued.identity
    for position in range(0, len(leaf), 3):
        flipped = leaf[:position] + bytes([leaf[position] ^ 0x10]) + leaf[position + 1 :]
        with refused(Code.CHAIN_INVALID, Code.MALFORMED):
            verify_chain((flipped, ca), world.anchor, Purpose.BOX_IDENTITY)


@pytest.mark.parametrize(
    "make", [new_key, ed25519.Ed25519PrivateKey.generate, lambda: ec.generate_private_key(ec.SECP384R1())]
)
def test_signers_may_use_any_classical_algorithm_of_the_format(world: World, make: Callable[[], Any]) -> None:
    signer = world.release_signer(key=make())
    verified = verify_chain(signer.chain, world.anchor, Purpose.RELEASE_SIGNER)
    assert verified.family is Family.ECDSA
    assert verified.spki == spki(signer.key.public_key())


def test_a_post_quantum_chain_leads_to_a_post_quantum_root() -> None:
    quantum = World(family=Family.ML_DSA)
    signer = quantum.release_signer(key=mldsa.MLDSA65PrivateKey.generate())
    verified = verify_chain(signer.chain, make_anchor(POLICY, World(), quantum), Purpose.RELEASE_SIGNER)
    assert verified.family is Family.ML_DSA


def test_a_classical_issuer_does_not_vouch_for_a_post_quantum_key(world: World) -> None:
    quantum = World(family=Family.ML_DSA)
    anchor = make_anchor(POLICY, world, quantum)
    for vendor, key in ((world, mldsa.MLDSA65PrivateKey.generate()), (quantum, new_key())):
        signer = vendor.release_signer(key=key)
        with refused(Code.CHAIN_INVALID):
            verify_chain(signer.chain, anchor, Purpose.RELEASE_SIGNER)
    key = generate_issuer_key(Family.ECDSA)
    mixed = create_issuing_ca(quantum.root, "Acme", Purpose.RELEASE_CA, key, BIRTH)
    chain = craft(mixed, [Purpose.RELEASE_SEALER], key=mldsa.MLDSA65PrivateKey.generate())
    with refused(Code.CHAIN_INVALID):
        verify_chain(chain, anchor, Purpose.RELEASE_SEALER)


def test_a_box_under_a_post_quantum_vendor_keeps_its_p256_transport_key() -> None:
    quantum = World(family=Family.ML_DSA)
    verify_chain(quantum.box.issued.encryption, quantum.anchor, Purpose.BOX_TRANSPORT)
    with refused(Code.CHAIN_INVALID):
        verify_chain(quantum.box.issued.identity, quantum.anchor, Purpose.BOX_IDENTITY)


def test_a_root_pinned_for_another_family_than_its_key_counts_for_none(world: World) -> None:
    (root,) = world.anchor.roots
    wrong = Root(family=Family.ML_DSA, certificate=root.certificate)
    anchor = TrustAnchor(format=1, vendor="Acme", roots=(root, wrong), policy=POLICY)
    signer = world.release_signer(key=mldsa.MLDSA65PrivateKey.generate())
    with refused(Code.CHAIN_INVALID):
        verify_chain(signer.chain, anchor, Purpose.RELEASE_SIGNER)


def test_a_chain_is_verified_whatever_the_time_is(world: World) -> None:
    # Every date is far from the real clock's: the path is judged at the chain's own latest notBefore.
    for moment in (1_000_000_000, 4_000_000_000):
        root = create_root("Acme", generate_issuer_key(Family.ECDSA), moment)
        ca = create_issuing_ca(root, "Acme", Purpose.RELEASE_CA, generate_issuer_key(Family.ECDSA), moment)
        chain = issue_sealer(ca, new_key().public_key(), RoleIdentity("sealer", 0), moment)
        anchored = Root(family=Family.ECDSA, certificate=root.certificate.public_bytes(Encoding.DER))
        anchor = TrustAnchor(format=1, vendor="Acme", roots=(anchored,), policy=POLICY)
        verify_chain(chain, anchor, Purpose.RELEASE_SEALER)


def test_dates_are_judged_by_the_time_that_is_given(world: World) -> None:
    sealer = verify_chain(world.release_sealer().chain, world.anchor, Purpose.RELEASE_SEALER)
    judge_dates(sealer, BIRTH)
    judge_dates(sealer, NOW)
    with refused(Code.CERTIFICATE_NOT_YET_VALID):
        judge_dates(sealer, BIRTH - DAY)
    with refused(Code.CERTIFICATE_EXPIRED):
        judge_dates(sealer, BIRTH + 4 * 365 * DAY)


def test_an_expired_ca_expires_what_it_issued(world: World) -> None:
    chain = issue_sealer(
        world.issuers[Purpose.RELEASE_CA], new_key().public_key(), RoleIdentity("x", 0), NOW, 30 * 365 * DAY
    )
    sealer = verify_chain(chain, world.anchor, Purpose.RELEASE_SEALER)
    with refused(Code.CERTIFICATE_EXPIRED):
        judge_dates(sealer, NOW + 25 * 365 * DAY)


def test_devices_do_not_expire(world: World) -> None:
    judge_dates(verify_chain(world.device.issued.identity, world.anchor, Purpose.DEVICE_IDENTITY), NEVER)


@pytest.mark.parametrize(("days", "within"), [(91, None), (90, 90), (31, 90), (30, 30), (1, 30)])
def test_people_are_warned_before_a_certificate_expires(world: World, days: int, within: int | None) -> None:
    sealer = verify_chain(world.release_sealer().chain, world.anchor, Purpose.RELEASE_SEALER)
    warnings = expiry_warnings(sealer, BIRTH + 3 * 365 * DAY - days * DAY)
    assert [warning.within for warning in warnings] == ([] if within is None else [within])


def test_only_cas_that_a_root_issued_are_issuers(world: World) -> None:
    stranger = World()
    certificates = [
        b"junk",
        world.box.issued.identity[0],
        *(ca.chain[0] for ca in world.issuers.values()),
        *(ca.chain[0] for ca in stranger.issuers.values()),
    ]
    issuers = {issuer.id for issuer in verify_issuers(certificates, world.anchor)}
    assert issuers == {world.root.id, *(ca.id for ca in world.issuers.values())}


def test_only_issuing_purposes_make_an_issuing_ca(world: World) -> None:
    with pytest.raises(Misuse):
        create_issuing_ca(world.root, "Acme", Purpose.BOX_IDENTITY, generate_issuer_key(Family.ECDSA), NOW)


def test_a_box_is_not_enrolled_as_a_device_nor_the_other_way(world: World) -> None:
    with pytest.raises(Misuse):
        issue_device(world.issuers[Purpose.DEVICE_CA], world.box.enrolment, NOW)
    with pytest.raises(Misuse):
        issue_box(world.issuers[Purpose.BOX_CA], world.device.enrolment, NOW)


def test_an_issuer_does_not_show_its_key(world: World) -> None:
    assert "key=" not in repr(world.root)


def test_openssl_accepts_every_chain(
    world: World, chains: dict[Purpose, tuple[bytes, ...]], tmp_path: Path
) -> None:
    openssl = require("openssl")
    root, middle, leaf = (tmp_path / name for name in ("root.pem", "middle.pem", "leaf.pem"))
    root.write_bytes(world.root.certificate.public_bytes(Encoding.PEM))
    for chain in chains.values():
        leaf.write_bytes(pem(chain[0], "CERTIFICATE"))
        middle.write_bytes(pem(chain[1], "CERTIFICATE"))
        files = ["-CAfile", str(root), "-untrusted", str(middle), str(leaf)]
        command = [openssl, "verify", "-x509_strict", "-attime", str(NOW + DAY), *files]
        subprocess.run(command, check=True, capture_output=True)


def test_openssl_accepts_a_revocation_list_and_what_it_revokes(world: World, tmp_path: Path) -> None:
    openssl = require("openssl")
    root, middle, leaf, lists = (
        tmp_path / name for name in ("root.pem", "middle.pem", "leaf.pem", "crl.pem")
    )
    root.write_bytes(world.root.certificate.public_bytes(Encoding.PEM))
    chain = world.box.issued.identity
    leaf.write_bytes(pem(chain[0], "CERTIFICATE"))
    middle.write_bytes(pem(chain[1], "CERTIFICATE"))
    for revoked in ((), (chain[0],)):
        lists.write_bytes(
            pem(world.crl(Purpose.BOX_CA, 2, *revoked), "X509 CRL") + pem(world.crl(None, 1), "X509 CRL")
        )
        files = ["-CAfile", str(root), "-untrusted", str(middle), "-CRLfile", str(lists), str(leaf)]
        command = [openssl, "verify", "-crl_check_all", "-attime", str(NOW), *files]
        result = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (result.returncode == 0) == (not revoked), result.stderr
        assert ("revoked" in result.stderr) == bool(revoked)
