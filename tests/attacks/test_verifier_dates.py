"""Attacks on a device's verifier: clocks that are not to be believed, and dates that have passed."""

from __future__ import annotations

from appliance.trust.clock import BOX, SKEW, TrustedTime
from appliance.trust.purpose import Purpose
from media_format.refusal import Code
from tests.trust_world import BIRTH, DAY, NOW, POLICY, YEAR, World, make_manifest, refused

# 5. Trusted time


def test_clocks_that_cannot_be_believed_refuse_everything(world: World) -> None:
    for reading, code in (
        (None, Code.TIME_UNTRUSTED),
        (world.view().time_floor - 1, Code.TIME_BEFORE_FLOOR),
        (make_manifest().created + POLICY.clock_horizon + 1, Code.TIME_UNTRUSTED),
    ):
        with refused(code):
            world.admit(readings=(("rtc", reading),), box_time=False)


def test_a_device_that_lay_longer_than_its_horizon_believes_its_clock_by_the_date_of_the_release(
    world: World,
) -> None:
    view = world.view(time_floor=NOW - POLICY.clock_horizon - YEAR)
    assert world.admit(view=view).time == TrustedTime(NOW, "rtc")


def test_a_clock_behind_a_date_that_the_vendor_signed_does_not_hide_the_right_one(world: World) -> None:
    readings = (("rtc", make_manifest().created - SKEW - 1), ("gpsd", NOW))
    assert world.admit(readings=readings).time == TrustedTime(NOW, "gpsd")


def test_a_device_without_a_clock_takes_the_time_from_the_answer_to_its_own_request(world: World) -> None:
    plan = world.admit(readings=(("rtc", None),))
    assert plan.time == TrustedTime(NOW - DAY, BOX)


def test_a_box_is_asked_last(world: World) -> None:
    assert world.admit(readings=(("rtc", None), ("gpsd", NOW))).time.source == "gpsd"


def test_box_time_needs_policy_and_a_young_nonce(world: World) -> None:
    with refused(Code.TIME_UNTRUSTED):
        world.admit(readings=(), box_time=False)
    with refused(Code.TIME_UNTRUSTED):
        world.admit(view=world.view(proves_time=False), readings=())


def test_a_subverted_box_moves_the_floor_no_further_than_the_vendor_did(world: World) -> None:
    late = NOW + YEAR
    package = world.package(issued_at=late, expires=late + DAY)
    plan = world.admit(package, readings=())
    assert plan.time == TrustedTime(late, BOX)
    assert plan.time_floor == make_manifest().created - SKEW
    far = NOW + POLICY.clock_horizon
    with refused(Code.TIME_UNTRUSTED):
        world.admit(world.package(issued_at=far, expires=far, sealer=world.box.plain_signer), readings=())


def test_a_box_that_sets_its_clock_back_is_not_believed(world: World) -> None:
    with refused(Code.TIME_BEFORE_FLOOR):
        world.admit(world.package(issued_at=NOW - 101 * DAY), readings=())


def test_a_clock_behind_a_date_that_the_vendor_signed_is_wrong(world: World) -> None:
    created = make_manifest().created
    world.admit(world.package(issued_at=created), readings=(("rtc", created - SKEW),))
    with refused(Code.TIME_BEFORE_FLOOR):
        readings = (("rtc", created - SKEW - 1),)
        world.admit(world.package(issued_at=created), readings=readings, box_time=False)
    crl = world.crl(Purpose.BOX_CA, 1, at=NOW + SKEW + 1)
    with refused(Code.TIME_BEFORE_FLOOR):
        world.admit(world.package(crls=(crl,)), box_time=False)


# 6. Dates


def test_a_package_is_not_taken_before_its_issue_nor_after_its_expiry(world: World) -> None:
    world.admit(world.package(issued_at=NOW + SKEW))
    with refused(Code.CERTIFICATE_NOT_YET_VALID):
        world.admit(world.package(issued_at=NOW + SKEW + 1))
    world.admit(world.package(expires=NOW))
    with refused(Code.PACKAGE_EXPIRED):
        world.admit(world.package(expires=NOW - 1))


def test_a_release_is_not_installed_after_its_install_by_date(world: World) -> None:
    world.admit(world.package(make_manifest(install_by=NOW)))
    with refused(Code.PACKAGE_EXPIRED):
        world.admit(world.package(make_manifest(install_by=NOW - 1)))


def test_an_envelope_is_not_older_than_its_manifest(world: World) -> None:
    with refused(Code.TIME_BEFORE_FLOOR):
        world.admit(world.package(issued_at=make_manifest().created - SKEW - 1))


def test_a_signer_must_be_valid_when_the_release_was_created(world: World) -> None:
    with refused(Code.CERTIFICATE_NOT_YET_VALID):
        world.admit(world.package(signers=[world.release_signer(now=NOW - DAY)]))
    with refused(Code.CERTIFICATE_EXPIRED):
        world.admit(world.package(signers=[world.release_signer(now=NOW - 3 * YEAR)]))


def test_a_box_must_be_valid_when_it_sealed_and_may_expire_in_transit(world: World) -> None:
    ends = BIRTH + 3 * YEAR
    late = (("rtc", ends + DAY),)
    package = world.package(issued_at=ends - DAY, expires=ends + 30 * DAY)
    plan = world.admit(package, readings=late)
    assert plan.time.time > ends
    with refused(Code.CERTIFICATE_EXPIRED):
        world.admit(world.package(issued_at=ends + 1, expires=ends + 30 * DAY), readings=late)


def test_a_box_certificate_that_ends_soon_is_mentioned(world: World) -> None:
    moment = BIRTH + 3 * YEAR - 20 * DAY
    package = world.package(issued_at=moment, expires=moment + DAY)
    assert [warning.within for warning in world.admit(package, readings=(("rtc", moment),)).warnings] == [30]
