"""What a box says of its fleet: what runs, what is newer, what became of the last try, and what waits."""

from __future__ import annotations

from typing import Any

from tests.cli.workshop import Workshop, run


def devices(shop: Workshop, *options: object) -> list[dict[str, Any]]:
    found = shop.do("box", "devices", shop.box, *options)["devices"]
    assert isinstance(found, list)
    return found


def ids(shop: Workshop, *options: object) -> list[str]:
    return [str(device["id"]) for device in devices(shop, *options)]


def test_a_device_is_shown_with_what_runs_and_what_became_of_the_last_try(upgraded: Workshop) -> None:
    upgraded.reported()
    upgraded.ask()
    (pump,) = devices(upgraded)
    assert (pump["version"], pump["wanted"], pump["waiting"]) == ("1.1.0", None, None)
    assert (pump["outcome"], pump["code"], pump["clock"]) == ("confirmed", None, "development")
    assert pump["finished"] > 0


def test_a_device_with_an_older_release_is_behind(running: Workshop) -> None:
    running.ask()
    (pump,) = devices(running, "--behind")
    assert (pump["version"], pump["wanted"]) == ("1.0.0", "1.1.0")
    assert ids(running, "--product", "another") == []


def test_a_device_that_reports_the_newest_release_is_not_behind(running: Workshop) -> None:
    running.write()
    running.install()
    running.do("device", "request", running.device, running.stick)
    running.reported()
    (pump,) = devices(running)
    assert (pump["version"], pump["wanted"]) == ("1.1.0", None)
    assert ids(running, "--behind") == []


def test_a_device_that_has_installed_and_not_confirmed_is_not_behind(running: Workshop) -> None:
    running.write()
    running.do("device", "apply", running.device, running.stick)
    running.reported()
    assert ids(running, "--behind") == []
    (pump,) = devices(running)
    assert (pump["version"], pump["wanted"], pump["unconfirmed"]) == ("1.0.0", None, "1.1.0")
    shown = run("box", "devices", running.box).out
    assert "PUMP-1               1.0.0      -          installed" in shown
    assert "1.1.0 NOT CONFIRMED YET" in shown


def test_what_was_written_waits_until_the_device_reports(running: Workshop) -> None:
    running.ask()
    running.reported()
    assert ids(running, "--waiting") == []
    running.write()
    (pump,) = devices(running, "--waiting")
    assert (pump["waiting"], pump["overdue"]) == ("1.1.0", False)
    running.install()
    running.ask()
    running.reported()
    assert ids(running, "--waiting") == []
    assert ids(running, "--outcome", "confirmed") == ["PUMP-1"]
    assert ids(running, "--outcome", "failed") == []


def test_a_long_list_is_turned_page_by_page(delivered: Workshop) -> None:
    delivered.ask(delivered.other)
    assert ids(delivered) == ["PUMP-1", "PUMP-2"]
    assert ids(delivered, "--limit", 1) == ["PUMP-1"]
    assert ids(delivered, "--limit", 1, "--after", "PUMP-1") == ["PUMP-2"]
    assert ids(delivered, "--after", "PUMP-2") == []


def test_receipts_are_listed_newest_first_and_page_by_page(upgraded: Workshop) -> None:
    upgraded.reported()
    whole = upgraded.do("box", "receipts", upgraded.box)["receipts"]
    assert [receipt["counter"] for receipt in whole] == [4, 3, 2, 1]
    said = run("box", "receipts", upgraded.box, "--limit", 3)
    place = said.out.splitlines()[-1].removeprefix("Older ones: --after ")
    (last,) = upgraded.do("box", "receipts", upgraded.box, "--after", place)["receipts"]
    assert last == whole[-1]
    assert upgraded.do("box", "receipts", upgraded.box, "--device", "PUMP-2")["receipts"] == []
    installed = upgraded.do("box", "receipts", upgraded.box, "--outcome", "installed")["receipts"]
    assert [receipt["counter"] for receipt in installed] == [3, 1]


def test_the_lists_fit_a_terminal_of_eighty_columns(upgraded: Workshop) -> None:
    upgraded.reported()
    for verb in ("devices", "receipts"):
        said = run("box", verb, upgraded.box)
        assert said.status == 0
        assert max(map(len, said.out.splitlines())) <= 80, said.out
