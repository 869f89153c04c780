"""A release that is installed and waits for its boot, or to be confirmed: nobody offers it again."""

from __future__ import annotations

from typing import Any

from tests.cli.workshop import Workshop, run


def installed(shop: Workshop) -> None:
    """PUMP-1 runs 1.0.0 and has 1.1.0 in its other bank, and the box has read its receipt."""
    shop.write()
    shop.do("device", "apply", shop.device, shop.stick)
    shop.reported()


def medium(shop: Workshop) -> dict[str, Any]:
    found = shop.do("box", "media", shop.box, shop.stick)["medium"]
    assert isinstance(found, dict)
    return found


def test_a_box_suggests_nothing_for_what_waits_for_its_boot(running: Workshop) -> None:
    installed(running)
    found = medium(running)
    assert (found["action"], found["requests"][0]["release"]) == ("nothing", None)
    assert found["suggestion"] == "1.1.0 is installed on PUMP-1, not confirmed yet."


def test_a_box_says_of_a_request_that_its_device_has_installed_the_release(running: Workshop) -> None:
    installed(running)
    said = run("box", "admit", running.box, running.stick)
    assert "runs 1.0.0 and has 1.1.0 installed, not confirmed yet." in said.out


def test_a_release_on_trial_is_not_offered_either_where_only_its_request_says_so(running: Workshop) -> None:
    installed(running)
    running.do("device", "verify-boot", running.device)
    running.ask()
    (found,) = medium(running)["requests"]
    assert (found["version"], found["release"], found["unconfirmed"]) == ("1.1.0", None, "1.1.0")


def test_it_can_be_written_all_the_same(running: Workshop) -> None:
    installed(running)
    running.write()
    assert medium(running)["packages"][-1]["devices"] == ["PUMP-1"]


def test_it_is_offered_again_when_the_device_has_gone_back(running: Workshop) -> None:
    installed(running)
    running.do("device", "verify-boot", running.device)
    running.do("device", "rollback", running.device)
    running.ask()
    running.reported()
    found = medium(running)
    assert (found["action"], found["requests"][0]["release_version"]) == ("write", "1.1.0")


def test_a_newer_release_is_offered_while_one_waits(running: Workshop) -> None:
    installed(running)
    running.release("1.2.0")
    (found,) = medium(running)["requests"]
    assert (found["release_version"], found["unconfirmed"]) == ("1.2.0", None)
    (pump,) = running.do("box", "devices", running.box, "--behind")["devices"]
    assert (pump["wanted"], pump["unconfirmed"]) == ("1.2.0", "1.1.0")


def test_a_refusal_afterwards_does_not_hide_that_it_is_installed(running: Workshop) -> None:
    installed(running)
    running.write()
    run("device", "apply", running.device, running.stick)
    running.reported()
    (pump,) = running.do("box", "devices", running.box)["devices"]
    assert (pump["outcome"], pump["wanted"], pump["unconfirmed"]) == ("refused", None, "1.1.0")


def test_the_vendor_learns_that_it_does_not_run_yet(running: Workshop) -> None:
    installed(running)
    out = running.folder / "receipts.file"
    running.do("box", "export", running.box, "--receipts", "--out", out)
    assert "1.1.0 NOT CONFIRMED YET" in run("vendor", "receipts", running.vendor, "--import", out).out
    (pump,) = running.do("vendor", "receipts", running.vendor)["devices"]
    assert (pump["version"], pump["unconfirmed"], pump["outcome"]) == ("1.0.0", "1.1.0", "installed")


def test_the_device_says_for_what_it_waits(running: Workshop) -> None:
    running.write()
    running.do("device", "apply", running.device, running.stick)
    assert "1.1.0 is installed and waits for its boot." in run("device", "status", running.device).out
    running.do("device", "verify-boot", running.device)
    assert "1.1.0 waits to be confirmed." in run("device", "status", running.device).out
