"""The vendor's directives: who may give them and to whom, the time floor, the list of devices."""

from __future__ import annotations

import pytest

from appliance.trust.purpose import Purpose
from media_format import cose
from media_format.objects import Role
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.ordering import (
    BOX,
    PUMP,
    box_follows_nothing,
    device_follows_nothing,
    device_trust,
    followed,
    followed_by_box,
    order,
    put_directive,
    revoked_signer,
    signer,
)
from tests.cli.refusals import box_refuses, device_refuses
from tests.cli.wall_clock import DAY, wall_clock
from tests.cli.workshop import Workshop, run

# The time floor


@pytest.fixture
def ahead(delivered: Workshop) -> Workshop:
    """PUMP-1 installed 1.0.0 by a clock that was months ahead; 1.1.0 waits on the stick."""
    with wall_clock(days=80):
        delivered.install()
    delivered.release("1.1.0")
    delivered.fresh_stick()
    delivered.ask()
    delivered.write()
    return delivered


def test_a_device_whose_clock_was_ahead_installs_again_after_a_directive(ahead: Workshop) -> None:
    device_refuses(ahead, Code.TIME_BEFORE_FLOOR)
    order(ahead, "time-floor", "--to", attacker.now())
    done = ahead.do("device", "apply", ahead.device, ahead.stick)
    assert [entry["order"] for entry in done["directives"]] == ["time-floor"]
    assert [package["outcome"] for package in done["packages"]] == ["installed"]


def test_a_box_whose_clock_was_ahead_works_again_after_a_directive(delivered: Workshop) -> None:
    with wall_clock(days=80):
        delivered.release("1.1.0")
    box_refuses(delivered, Code.TIME_BEFORE_FLOOR, "admit", delivered.box, delivered.stick)
    order(delivered, "time-floor", "--to", attacker.now(), whom=BOX)
    delivered.do("device", "request", delivered.device, delivered.stick)
    delivered.do("box", "admit", delivered.box, delivered.stick)
    acts = [entry["act"] for entry in delivered.do("box", "ledger", delivered.box)["entries"]]
    assert acts[:2] == ["admit", "directive"]


def test_the_vendor_orders_no_floor_that_a_machine_would_refuse(enrolled: Workshop) -> None:
    for floor in (attacker.now() - DAY, attacker.now() + DAY):
        arguments = ("--for", PUMP, "--to", floor, "--out", enrolled.folder / "orders")
        said = run("vendor", "directive", "time-floor", enrolled.vendor, *arguments, *enrolled.passphrase())
        assert (said.status, said.err.split(":")[0]) == (2, "misuse")
    assert not list((enrolled.folder / "orders").rglob("*.DIR"))


def test_a_floor_before_the_machines_own_enrolment_is_refused(enrolled: Workshop) -> None:
    put_directive(enrolled, signer(enrolled), time_floor=attacker.now() - DAY)
    device_follows_nothing(enrolled, Code.TIME_BEFORE_FLOOR)


# Who signs, for whom, how often


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("stranger", Code.CHAIN_INVALID),
        ("box", Code.PURPOSE_MISMATCH),
        ("release signer", Code.PURPOSE_MISMATCH),
        ("revoked", Code.REVOKED),
    ],
)
def test_nobody_but_a_directive_signer_lowers_a_floor(enrolled: Workshop, who: str, code: Code) -> None:
    by = _signer(enrolled, who)
    put_directive(enrolled, by)
    device_follows_nothing(enrolled, code)
    put_directive(enrolled, by, role=Role.BOX)
    box_follows_nothing(enrolled, code)


def _signer(shop: Workshop, who: str) -> cose.Signer:
    match who:
        case "stranger":
            return signer(attacker.pirate_box(shop))
        case "box":
            return attacker.box_signer(shop)
        case "release signer":
            return attacker.release_signer(attacker.vendor_issuer(shop, Purpose.RELEASE_SIGNER), 1)
        case _:
            return revoked_signer(shop)


FOLLOWED_BEFORE = "It was followed already, or a later one was; nothing needs to be done."


def test_a_directive_is_followed_once(enrolled: Workshop) -> None:
    order(enrolled, "time-floor", "--to", attacker.now())
    assert followed(enrolled) == ["time-floor"]
    device_follows_nothing(enrolled, Code.REQUEST_REPLAYED, FOLLOWED_BEFORE)


def test_a_directive_that_was_overtaken_is_not_followed(enrolled: Workshop) -> None:
    order(enrolled, "renew", whom=BOX)
    kept = enrolled.stick.read_bytes()
    enrolled.fresh_stick()
    order(enrolled, "time-floor", "--to", attacker.now(), whom=BOX)
    assert followed_by_box(enrolled) == ["time-floor"]
    enrolled.stick.write_bytes(kept)
    box_follows_nothing(enrolled, Code.REQUEST_REPLAYED, FOLLOWED_BEFORE)


def test_directives_on_one_stick_are_followed_in_their_order(enrolled: Workshop) -> None:
    order(enrolled, "time-floor", "--to", attacker.now())
    order(enrolled, "renew")
    order(enrolled, "time-floor", "--to", attacker.now())
    assert followed(enrolled) == ["time-floor", "renew", "time-floor"]


def test_what_was_followed_does_not_hide_what_a_device_says_of_packages(delivered: Workshop) -> None:
    order(delivered, "time-floor", "--to", attacker.now())
    delivered.do("device", "apply", delivered.device, delivered.stick)
    said = run("device", "apply", delivered.device, delivered.stick)
    assert said.err.split(":")[0] == Code.ALREADY_INSTALLED
    assert Code.REQUEST_REPLAYED not in said.err


def test_a_directive_for_another_device_is_left_alone(enrolled: Workshop) -> None:
    order(enrolled, "time-floor", "--to", attacker.now(), whom="device:PUMP-2")
    put_directive(enrolled, signer(enrolled), epoch=2)
    before = device_trust(enrolled.device)
    assert followed(enrolled) == []
    assert device_trust(enrolled.device) == before
    done = enrolled.do("device", "apply", enrolled.other, enrolled.stick)
    assert [entry["order"] for entry in done["directives"]] == ["time-floor"]


def test_a_dry_run_follows_nothing(enrolled: Workshop) -> None:
    order(enrolled, "time-floor", "--to", attacker.now())
    before = device_trust(enrolled.device)
    done = enrolled.do("device", "apply", enrolled.device, enrolled.stick, "--dry-run")
    assert done["directives"][0]["code"] is None
    assert device_trust(enrolled.device) == before


def test_a_dry_run_says_that_a_directive_would_be_followed_before_the_packages(ahead: Workshop) -> None:
    order(ahead, "time-floor", "--to", attacker.now())
    said = run("device", "apply", ahead.device, ahead.stick, "--dry-run")
    first, note, package, *_ = said.out.splitlines()
    assert first == "Directive 1 of the vendor would be followed first: lower the time floor."
    assert note == "What becomes of packages may change with that; before it:"
    assert package.startswith("time-before-floor: ")


def test_what_becomes_of_a_package_after_a_directive_is_not_said_before(ahead: Workshop) -> None:
    order(ahead, "time-floor", "--to", attacker.now())
    found = ahead.do("inspect", ahead.stick, "--as", ahead.device)["found"]
    (answer,) = [entry["answer"] for entry in found if entry["kind"] == "envelope"]
    assert (answer["accepted"], answer["code"]) == (None, Code.TIME_BEFORE_FLOOR)
    assert answer["detail"].startswith("directive 1 of the vendor comes first")
    done = ahead.do("device", "apply", ahead.device, ahead.stick)
    assert [entry["code"] for entry in done["packages"]] == [None]


def test_nobody_is_ordered_who_is_not_enrolled(enrolled: Workshop) -> None:
    for whom in ("box:BOX-2", "device:BOX-1", "device:PUMP-1:2"):
        arguments = ("--for", whom, "--out", enrolled.folder / "orders")
        said = run("vendor", "directive", "renew", enrolled.vendor, *arguments, *enrolled.passphrase())
        assert (said.status, said.err.split(":")[0]) == (2, "misuse")
    assert not (enrolled.folder / "orders").exists()


# Entitlement


def entitle(shop: Workshop, *lines: str) -> None:
    """The vendor's list of devices, on its way to the box."""
    path = shop.folder / "list.csv"
    path.write_text("\n".join(("action,product,first,last", *lines)))
    order(shop, "entitle", "--list", path, whom=BOX)


def test_a_box_serves_only_whom_the_vendors_list_allows(running: Workshop) -> None:
    entitle(running, "allow,infusion-pump,,", "deny,,PUMP-2,PUMP-9")
    running.do("box", "admit", running.box, running.stick)
    running.write()
    running.do("device", "request", running.other, running.stick)
    found = running.do("box", "admit", running.box, running.stick)["requests"]
    assert {entry["device_id"]: entry["code"] for entry in found} == {
        "PUMP-1": None,
        "PUMP-2": Code.DEVICE_NOT_ENTITLED,
    }


def test_a_device_that_no_entry_fits_is_not_entitled(running: Workshop) -> None:
    entitle(running, "allow,another-pump,,")
    assert followed_by_box(running) == ["entitle"]
    box_refuses(running, Code.DEVICE_NOT_ENTITLED, "admit", running.box, running.stick)


def test_a_list_takes_the_place_of_the_one_before(running: Workshop) -> None:
    entitle(running, "allow,another-pump,,")
    entitle(running, "allow,infusion-pump,,")
    assert followed_by_box(running) == ["entitle", "entitle"]
    running.do("box", "admit", running.box, running.stick)


def test_the_vendors_list_does_not_overrule_the_boxs_own_rules(running: Workshop) -> None:
    entitle(running, "allow,infusion-pump,,")
    assert followed_by_box(running) == ["entitle"]
    running.do("box", "deny", running.box, "--device", "PUMP-1", *running.pin())
    box_refuses(running, Code.DEVICE_NOT_ENTITLED, "admit", running.box, running.stick)


def test_devices_are_given_no_lists(enrolled: Workshop) -> None:
    path = enrolled.folder / "list.csv"
    path.write_text("action,product\nallow,infusion-pump\n")
    arguments = ("--for", PUMP, "--list", path, "--out", enrolled.stick)
    said = run("vendor", "directive", "entitle", enrolled.vendor, *arguments, *enrolled.passphrase())
    assert (said.status, said.err.split(":")[0]) == (2, "misuse")
