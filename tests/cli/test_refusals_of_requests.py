"""Whom a package is for, which request it answers, and which requests a box answers."""

from __future__ import annotations

from media_format import layout
from media_format.refusal import Code
from tests.cli.refusals import box_refuses, device_refuses, device_refuses_and_reports
from tests.cli.workshop import Workshop, mounted, put


def test_the_package_of_another_device_is_left_alone(delivered: Workshop) -> None:
    said = device_refuses(delivered, Code.NOT_FOR_THIS_DEVICE, device=delivered.other)
    (package,) = said["packages"]
    assert (package["addressed"], package["devices"]) == (False, ["PUMP-1"])


def test_refusals_of_the_packages_of_others_are_counted_not_receipted(delivered: Workshop) -> None:
    device_refuses(delivered, Code.NOT_FOR_THIS_DEVICE, device=delivered.other)
    delivered.do("device", "request", delivered.other, delivered.stick)
    found = delivered.do("inspect", delivered.stick)["found"]
    (counted,) = [
        entry["fields"]["refusals"]
        for entry in found
        if entry["kind"] == "request" and entry["fields"]["device_id"] == "PUMP-2"
    ]
    assert counted == [{"code": "not-for-this-device", "count": 1}]
    assert delivered.reported() == []


def test_a_release_for_boxes_put_into_a_device_is_left_alone(delivered: Workshop) -> None:
    said = device_refuses(delivered, Code.NOT_FOR_THIS_DEVICE, medium=delivered.folder / "1.0.0")
    assert "take it to the box" in said["detail"]


def test_a_release_sealed_for_another_box_is_not_imported(enrolled: Workshop) -> None:
    enrolled.do("box", "init", enrolled.folder / "box-2", "--id", "BOX-2", *enrolled.pin())
    request = ("--csr", enrolled.folder / "box-2/enrolment.req", "--out", enrolled.folder / "box.pem")
    enrolled.do("vendor", "enrol", "box", enrolled.vendor, *request, "--force", *enrolled.passphrase())
    enrolled.make_release("1.0.0")
    source = enrolled.folder / "1.0.0"
    code, words = Code.NOT_FOR_THIS_DEVICE, ("import", enrolled.box, source, *enrolled.pin())
    advice = "Take it to a box that it is for, or ask the vendor to seal it for this one"
    box_refuses(enrolled, code, *words, medium=source, advice=f"{advice} (updatebox vendor seal).")


def test_a_device_that_was_denied_is_not_admitted(delivered: Workshop) -> None:
    delivered.do("box", "deny", delivered.box, "--device", "PUMP-1", *delivered.pin())
    box_refuses(delivered, Code.DEVICE_NOT_ENTITLED, "admit", delivered.box, delivered.stick)


def test_nothing_is_written_for_a_device_that_was_denied(delivered: Workshop) -> None:
    delivered.do("box", "deny", delivered.box, "--product", "infusion-pump", *delivered.pin())
    write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
    box_refuses(delivered, Code.DEVICE_NOT_ENTITLED, *write)


def test_a_package_that_answers_a_request_which_was_used_up_is_not_installed(delivered: Workshop) -> None:
    delivered.write(medium=delivered.fresh_stick("second.img"))
    delivered.install()
    delivered.fresh_stick()
    second = delivered.folder / "second.img"
    second.replace(delivered.stick)
    device_refuses_and_reports(delivered, Code.REQUEST_MISMATCH)


def test_an_old_request_copied_back_onto_the_stick_is_not_admitted(enrolled: Workshop) -> None:
    enrolled.ask()
    with mounted(enrolled.stick) as volume:
        (entry,) = volume.list(layout.REQUESTS)
        old = volume.read_object(f"{layout.REQUESTS}/{entry.name}", 1 << 20)
    enrolled.ask()
    enrolled.fresh_stick()
    with mounted(enrolled.stick) as volume:
        put(volume, f"{layout.REQUESTS}/{entry.name}", old)
    box_refuses(enrolled, Code.REQUEST_REPLAYED, "admit", enrolled.box, enrolled.stick)


def test_copies_of_a_request_are_one_request_and_one_entry(enrolled: Workshop) -> None:
    enrolled.do("device", "request", enrolled.device, enrolled.stick)
    with mounted(enrolled.stick) as volume:
        (entry,) = volume.list(layout.REQUESTS)
        data = volume.read_object(f"{layout.REQUESTS}/{entry.name}", entry.size)
        for number in range(5):
            put(volume, f"{layout.REQUESTS}/0000000{number}.REQ", data)
    for _ in range(2):
        found = enrolled.do("box", "admit", enrolled.box, enrolled.stick)["requests"]
        assert [(one["device_id"], one["code"]) for one in found] == [("PUMP-1", None)]
    entries = enrolled.do("box", "ledger", enrolled.box)["entries"]
    assert [one["act"] for one in entries].count("admit") == 1
