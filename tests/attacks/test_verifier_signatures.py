"""Attacks on a device's verifier: others sign, or the right keys something else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa

from appliance.trust.crl import RevocationLists
from appliance.trust.signer import KeySigner
from appliance.trust.verifier import PackageBytes, admit_package
from media_format.objects import EnvelopeKind, Family, SignatureRule
from media_format.refusal import Code
from tests.trust_world import NOW, POLICY, World, make_anchor, make_manifest, make_recipient, new_key, refused

RULE = SignatureRule(family=Family.ECDSA, count=1)
QUANTUM_RULE = SignatureRule(family=Family.ML_DSA, count=1)


@pytest.fixture(scope="module")
def quantum() -> World:
    return World(family=Family.ML_DSA)


# 2. Signatures and chains


def test_a_package_re_signed_by_a_stranger_is_refused(world: World) -> None:
    stranger = World()
    with refused(Code.CHAIN_INVALID):
        world.admit(world.package(signers=[stranger.release_signer()]))
    with refused(Code.CHAIN_INVALID):
        world.admit(world.package(sealer=stranger.box.plain_signer))


def test_a_chain_without_its_key_signs_nothing(world: World) -> None:
    with refused(Code.SIGNATURE_INVALID):
        world.admit(world.package(signers=[KeySigner(new_key(), world.release_signer().chain)]))
    with refused(Code.SIGNATURE_INVALID):
        world.admit(world.package(sealer=KeySigner(new_key(), world.box.issued.identity)))


def test_a_signature_without_a_chain_is_refused(world: World) -> None:
    with refused(Code.CHAIN_INVALID):
        world.admit(world.package(signers=[KeySigner(new_key())]))
    with refused(Code.CHAIN_INVALID):
        world.admit(world.package(sealer=KeySigner(new_key())))


def test_one_wrong_signature_among_right_ones_refuses_the_manifest(world: World) -> None:
    good, thief = world.release_signer(), KeySigner(new_key(), world.release_signer().chain)
    with refused(Code.SIGNATURE_INVALID):
        world.admit(world.package(signers=[good, thief]))
    with refused(Code.CHAIN_INVALID):
        world.admit(world.package(signers=[good, World().release_signer()]))


def test_an_envelope_moved_to_another_package_is_refused(world: World) -> None:
    other = world.package(make_manifest(notes="Something else."))
    with refused(Code.SIGNATURE_INVALID):
        world.admit(PackageBytes(other.manifest, world.package().envelope))


def test_adding_a_signature_does_not_make_another_manifest(world: World) -> None:
    one = world.package()
    two = world.package(signers=[world.release_signer(), world.release_signer()])
    assert (
        world.admit(PackageBytes(two.manifest, one.envelope)).manifest_digest
        == world.admit(one).manifest_digest
    )


def test_as_many_different_signers_as_the_policy_demands_must_have_signed(world: World) -> None:
    demand = (SignatureRule(family=Family.ECDSA, count=2),)
    signer, same_key = world.release_signer(), world.release_signer
    with refused(Code.THRESHOLD_NOT_MET):
        world.admit(world.package(signers=[signer]), signatures=demand)
    with refused(Code.THRESHOLD_NOT_MET):
        world.admit(world.package(signers=[signer, signer]), signatures=demand)
    with refused(Code.THRESHOLD_NOT_MET):
        world.admit(world.package(signers=[signer, same_key(key=signer.key)]), signatures=demand)
    world.admit(world.package(signers=[signer, world.release_signer()]), signatures=demand)


def hybrid(world: World, quantum: World, package: PackageBytes, *rules: SignatureRule) -> None:
    anchor = make_anchor(dataclasses.replace(POLICY, signatures=rules), world, quantum)
    admit_package(package, world.view(), anchor, RevocationLists(anchor), (("rtc", NOW),))


def test_a_hybrid_release_needs_a_signature_of_each_family(world: World, quantum: World) -> None:
    classical, post = world.release_signer(), quantum.release_signer(key=mldsa.MLDSA65PrivateKey.generate())
    hybrid(world, quantum, world.package(signers=[classical, post]), RULE, QUANTUM_RULE)
    hybrid(world, quantum, world.package(signers=[post]), QUANTUM_RULE)
    for alone in (classical, post):
        with refused(Code.THRESHOLD_NOT_MET):
            hybrid(world, quantum, world.package(signers=[alone]), RULE, QUANTUM_RULE)


def test_a_classical_root_does_not_make_a_signature_post_quantum(world: World, quantum: World) -> None:
    fake = world.release_signer(key=mldsa.MLDSA65PrivateKey.generate())
    with refused(Code.CHAIN_INVALID):
        hybrid(world, quantum, world.package(signers=[world.release_signer(), fake]), RULE, QUANTUM_RULE)


def test_a_signature_under_a_chain_of_the_other_family_is_refused(world: World, quantum: World) -> None:
    post = quantum.release_signer(key=mldsa.MLDSA65PrivateKey.generate())
    with refused(Code.CHAIN_INVALID):
        hybrid(world, quantum, world.package(signers=[KeySigner(new_key(), post.chain)]), RULE)


def test_signatures_of_a_family_without_a_root_do_not_count(world: World, quantum: World) -> None:
    post = quantum.release_signer(key=mldsa.MLDSA65PrivateKey.generate())
    world.admit(world.package(signers=[world.release_signer(), post]))
    with refused(Code.THRESHOLD_NOT_MET):
        world.admit(world.package(signers=[post]))


# 3. Purposes


def test_a_key_of_another_purpose_signs_neither_manifest_nor_envelope(world: World) -> None:
    others = [world.box.plain_signer, world.device.plain_signer, world.release_sealer()]
    for signer in others:
        with refused(Code.PURPOSE_MISMATCH):
            world.admit(world.package(signers=[signer]))
    for sealer in [world.device.plain_signer, world.release_sealer(), world.release_signer()]:
        with refused(Code.PURPOSE_MISMATCH):
            world.admit(world.package(sealer=sealer))


def test_an_encryption_certificate_signs_nothing(world: World) -> None:
    box = KeySigner(world.box.encryption_key, world.box.issued.encryption)
    with refused(Code.PURPOSE_MISMATCH):
        world.admit(world.package(sealer=box))


@pytest.mark.parametrize(
    ("bound", "code"),
    [
        ({"product": "valve"}, Code.PURPOSE_MISMATCH),
        ({"line": "beta"}, Code.PURPOSE_MISMATCH),
        ({"index": 6}, Code.PURPOSE_MISMATCH),
        ({"index": 4}, Code.SIGNER_SUPERSEDED),
    ],
    ids=["another product", "another line", "a newer release", "an older release"],
)
def test_a_signer_of_something_else_does_not_count(world: World, bound: dict[str, Any], code: Code) -> None:
    for signers in ([world.release_signer(**bound)], [world.release_signer(), world.release_signer(**bound)]):
        with refused(code):
            world.admit(world.package(signers=signers))


def test_a_box_cannot_pass_a_release_for_boxes_on_to_a_device(world: World) -> None:
    recipient = make_recipient(world.device.enrolment.encryption, device=None)
    release = world.package(kind=EnvelopeKind.RELEASE, recipients=(recipient,), sealer=world.release_sealer())
    with refused(Code.PURPOSE_MISMATCH):
        world.admit(release)
    with refused(Code.PURPOSE_MISMATCH):
        world.admit(world.package(kind=EnvelopeKind.RELEASE, recipients=(recipient,)))
