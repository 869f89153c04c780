"""Directives: whose, for whom, once, and what happens where no clock is trusted."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from appliance.trust.clock import TrustedTime
from appliance.trust.crl import RevocationLists
from appliance.trust.directive import Target, VerifiedDirective, admit_directive
from appliance.trust.profile import RoleIdentity
from appliance.trust.purpose import Purpose
from media_format import cose
from media_format.objects import Directive, Role
from media_format.refusal import Code
from tests.directives import RTC, TARGET, make_directive, sign, signer
from tests.trust_world import BIRTH, DAY, NOW, YEAR, World, make_anchor, refused


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def admit(
    world: World,
    directive: Directive | None = None,
    *,
    by: cose.Signer | None = None,
    target: Target = TARGET,
    now: TrustedTime | None = RTC,
    lists: RevocationLists | None = None,
    crls: tuple[bytes, ...] = (),
    **policy: Any,
) -> VerifiedDirective:
    anchor = make_anchor(dataclasses.replace(world.policy, **policy), world)
    data = sign(directive or make_directive(), by or signer(world))
    return admit_directive(data, target, anchor, lists or RevocationLists(anchor), now, crls)


def test_a_new_directive_of_the_vendor_is_admitted(world: World) -> None:
    verified = admit(world)
    assert verified.directive == make_directive()
    assert verified.signer.purpose is Purpose.DIRECTIVE_SIGNER


@pytest.mark.parametrize("sequence", [1, 3, 4])
def test_a_sequence_that_was_passed_is_a_replay(world: World, sequence: int) -> None:
    with refused(Code.REQUEST_REPLAYED):
        admit(world, make_directive(sequence=sequence))


def test_sequences_may_be_left_out(world: World) -> None:
    assert admit(world, make_directive(sequence=900)).directive.sequence == 900


@pytest.mark.parametrize(
    "changes", [{"target": "pump-18"}, {"epoch": 2}, {"role": Role.BOX}], ids=["id", "epoch", "role"]
)
def test_a_directive_for_another_machine_is_not_for_this_one(world: World, changes: dict[str, Any]) -> None:
    with refused(Code.NOT_FOR_THIS_DEVICE):
        admit(world, make_directive(**changes))


def test_a_strangers_directive_is_refused(world: World) -> None:
    with refused(Code.CHAIN_INVALID):
        admit(world, by=signer(World()))


@pytest.mark.parametrize("who", ["box", "device", "release signer", "release sealer"])
def test_keys_of_other_purposes_sign_no_directives(world: World, who: str) -> None:
    signers = {
        "box": world.box.plain_signer,
        "device": world.device.plain_signer,
        "release signer": world.release_signer(),
        "release sealer": world.release_sealer(),
    }
    with refused(Code.PURPOSE_MISMATCH):
        admit(world, by=signers[who])


def test_certificates_besides_the_chain_are_malformed(world: World) -> None:
    known = signer(world)
    with refused(Code.MALFORMED):
        admit(world, by=dataclasses.replace(known, bag=known.chain[:1]))


def test_every_changed_byte_is_refused(world: World) -> None:
    data = sign(make_directive(), signer(world))
    for place in range(0, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 1
        with refused(Code.MALFORMED, Code.SIGNATURE_INVALID, Code.CHAIN_INVALID, Code.UNSUPPORTED_FORMAT):
            admit_directive(bytes(changed), TARGET, world.anchor, RevocationLists(world.anchor), RTC)


def test_a_signer_must_have_been_valid_when_it_signed(world: World) -> None:
    with refused(Code.CERTIFICATE_EXPIRED):
        admit(world, by=signer(world, lifetime=30 * DAY))
    with refused(Code.CERTIFICATE_NOT_YET_VALID):
        admit(world, make_directive(issued_at=BIRTH - DAY))


def test_a_signer_that_expired_since_is_believed(world: World) -> None:
    brief = signer(world, now=NOW - 2 * DAY, lifetime=2 * DAY)
    later = TrustedTime(NOW + YEAR, "rtc")
    assert admit(world, by=brief, now=later).directive.sequence == 5


def test_a_directive_from_the_future_is_refused_where_the_time_is_trusted(world: World) -> None:
    early = make_directive(issued_at=NOW + DAY)
    with refused(Code.CERTIFICATE_NOT_YET_VALID):
        admit(world, early)
    assert admit(world, early, now=None).directive == early


def test_a_revoked_signer_is_refused_with_or_without_a_clock(world: World) -> None:
    by = signer(world)
    crl = world.crl(Purpose.RELEASE_CA, 9, by.chain[0])
    for now in (RTC, None):
        with refused(Code.REVOKED):
            admit(world, by=by, now=now, lists=RevocationLists(world.anchor, (crl,)))
        with refused(Code.REVOKED):
            admit(world, by=by, now=now, crls=(crl,))


def test_the_age_of_lists_is_judged_where_the_time_is_trusted_only(world: World) -> None:
    with refused(Code.REVOCATION_STALE):
        admit(world, crl_max_age=DAY)
    assert admit(world, crl_max_age=DAY, now=None)
    fresh = (world.crl(Purpose.RELEASE_CA, 9), world.crl(None, 9))
    assert admit(world, crl_max_age=2 * DAY, crls=fresh).lists.numbers()


def test_a_machine_that_was_enrolled_again_counts_anew(world: World) -> None:
    again = Target(Role.DEVICE, RoleIdentity("pump-17", 2), 0)
    assert admit(world, make_directive(epoch=2, sequence=1), target=again)
    with refused(Code.NOT_FOR_THIS_DEVICE):
        admit(world, target=again)
