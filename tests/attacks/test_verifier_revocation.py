"""Attacks on a device's verifier: signers, boxes and CAs that were revoked, and lists that are kept back."""

from __future__ import annotations

from appliance.trust.crl import RevocationLists
from appliance.trust.purpose import Purpose
from media_format.objects import CrlNumber
from media_format.refusal import Code
from tests.trust_world import DAY, NOW, World, make_manifest, refused

# 7. Revocation


def test_a_revoked_signer_box_or_ca_is_refused_by_the_list_that_comes_along(world: World) -> None:
    signer = world.release_signer()
    for crl in (
        world.crl(Purpose.RELEASE_CA, 1, signer.chain[0]),
        world.crl(Purpose.BOX_CA, 1, world.box.issued.identity[0]),
        world.crl(None, 1, world.issuers[Purpose.RELEASE_CA].chain[0]),
        world.crl(None, 1, world.issuers[Purpose.BOX_CA].chain[0]),
    ):
        with refused(Code.REVOKED):
            world.admit(world.package(signers=[signer], crls=(crl,)))


def test_deleting_the_list_from_the_medium_does_not_help_once_it_is_known(world: World) -> None:
    crl = world.crl(Purpose.BOX_CA, 2, world.box.issued.identity[0])
    lists = RevocationLists(world.anchor).take([crl], world.admit().sealer.issuers)
    for crls in ((), (world.crl(Purpose.BOX_CA, 1),), (b"junk",)):
        with refused(Code.REVOKED):
            world.admit(world.package(crls=crls), lists=RevocationLists(world.anchor, lists.ders))


def test_a_list_that_manifest_or_envelope_demands_cannot_be_withheld(world: World) -> None:
    demanded = (CrlNumber(issuer=world.issuers[Purpose.BOX_CA].id, number=2),)
    old, new = world.crl(Purpose.BOX_CA, 1), world.crl(Purpose.BOX_CA, 2)
    for crls in ((), (old,), (World().crl(Purpose.BOX_CA, 2),)):
        with refused(Code.REVOCATION_STALE):
            world.admit(world.package(make_manifest(crl_numbers=demanded), crls=crls))
        with refused(Code.REVOCATION_STALE):
            world.admit(world.package(crls=crls, crl_numbers=demanded))
    plan = world.admit(world.package(make_manifest(crl_numbers=demanded), crls=(old, new)))
    assert plan.lists.ders == (new,)


def test_lists_must_be_fresh_where_the_policy_says_so(world: World) -> None:
    purposes = (Purpose.RELEASE_CA, Purpose.BOX_CA, None)
    fresh = tuple(world.crl(purpose, 1) for purpose in purposes)
    world.admit(world.package(crls=fresh), crl_max_age=7 * DAY)
    for missing in range(3):
        old = world.crl(purposes[missing], 1, at=NOW - 8 * DAY)
        for crls in (fresh[:missing] + fresh[missing + 1 :], (*fresh[:missing], old, *fresh[missing + 1 :])):
            with refused(Code.REVOCATION_STALE):
                world.admit(world.package(crls=crls), crl_max_age=7 * DAY)
