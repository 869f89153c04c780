"""Who may be updated at a box: rules made, explained, and kept as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from media_format.refusal import Code
from tests.cli.refusals import box_refuses
from tests.cli.workshop import PRODUCT, Workshop, run

HEADER = "action,product,line,hardware,device,first,last"
PUMP_9 = ("--device", "PUMP-9", "--product", PRODUCT, "--line", "main", "--hardware", "rev-c")


def rule(shop: Workshop, verb: str, *selectors: str) -> str:
    """Make a rule; returns it in words."""
    return str(shop.do("box", verb, shop.box, *selectors, *shop.pin())["rule"]["text"])


def rules(shop: Workshop) -> list[tuple[str, str]]:
    """Every rule at the box: who made it, and what it says."""
    return [(one["source"], one["text"]) for one in shop.do("box", "rules", shop.box)["rules"]]


def allowed(shop: Workshop, *device: str) -> bool:
    return bool(shop.do("box", "rules", shop.box, *device)["allowed"])


def take(shop: Workshop, *lines: str) -> dict[str, Any]:
    """Import a list of rules."""
    return shop.do("box", "rules", shop.box, "--import", listed(shop, *lines), *shop.pin())


def listed(shop: Workshop, *lines: str) -> Path:
    path = shop.folder / "rules.csv"
    path.write_text("\n".join((HEADER, *lines, "")))
    return path


def acts(shop: Workshop) -> list[tuple[str, str, str]]:
    """The ledger: who, what, and the detail; the newest first."""
    entries = shop.do("box", "ledger", shop.box)["entries"]
    return [(entry["who"], entry["act"], entry["detail"]) for entry in entries]


# Making rules


def test_a_range_of_ids_is_allowed_and_what_lies_outside_is_not(delivered: Workshop) -> None:
    rule(delivered, "deny", "--product", PRODUCT)
    assert rule(delivered, "allow", "--from", "PUMP-1", "--to", "PUMP-8") == "allow devices PUMP-1 to PUMP-8"
    assert allowed(delivered, "--device", "PUMP-1")
    assert not allowed(delivered, *PUMP_9)
    delivered.do("box", "admit", delivered.box, delivered.stick)


def test_the_refusal_names_the_rule_that_decides(delivered: Workshop) -> None:
    rule(delivered, "allow", "--product", PRODUCT)
    rule(delivered, "deny", "--line", "main", "--hardware", "rev-c")
    refused = box_refuses(delivered, Code.DEVICE_NOT_ENTITLED, "admit", delivered.box, delivered.stick)
    (request,) = refused["requests"]
    assert "'deny line main, hardware rev-c' decides: the most specific of 2 that fit" in request["detail"]


def test_a_rule_for_the_same_devices_takes_the_place_of_the_one_before(delivered: Workshop) -> None:
    for verb in ("deny", "allow", "deny"):
        rule(delivered, verb, "--hardware", "rev-c")
    assert rules(delivered) == [("box", "deny hardware rev-c")]
    assert not allowed(delivered, "--device", "PUMP-1")


def test_each_rule_has_its_line_in_the_ledger(enrolled: Workshop) -> None:
    rule(enrolled, "allow", "--line", "main", "--from", "A-1", "--to", "A-9")
    rule(enrolled, "deny", "--device", "A-3")
    assert acts(enrolled)[:2] == [
        ("supervisor", "deny", "device A-3"),
        ("supervisor", "allow", "line main, devices A-1 to A-9"),
    ]


def test_a_technician_makes_no_rules(enrolled: Workshop) -> None:
    pins = ("--new-pin-file", enrolled.folder / "pin")
    enrolled.do("box", "user", "add", enrolled.box, "ann", "--role", "technician", *pins, *enrolled.pin())
    by_ann = ("--user", "ann", *enrolled.pin())
    for verb in (
        ("deny", enrolled.box, "--line", "main"),
        ("rules", enrolled.box, "--import", listed(enrolled)),
    ):
        said = run("box", *verb, *by_ann)
        assert said.status == 2
        assert "ann is no supervisor" in said.err
    assert rules(enrolled) == []


# Asking about rules


def test_a_list_of_rules_is_for_people_too(enrolled: Workshop) -> None:
    assert run("box", "rules", enrolled.box).out == "There are no rules yet.\n"
    rule(enrolled, "deny", "--device", "PUMP-2")
    assert run("box", "rules", enrolled.box).out == "box     deny device PUMP-2\n"


def test_the_rule_that_decides_about_a_device_is_told_with_the_reason(delivered: Workshop) -> None:
    rule(delivered, "deny", "--product", PRODUCT)
    rule(delivered, "allow", "--device", "PUMP-1")
    assert run("box", "rules", delivered.box, "--device", "PUMP-1").out == (
        "PUMP-1 is allowed.\n"
        "box     allows: the box's rule 'allow device PUMP-1' decides: the most specific of 2 that fit\n"
    )


def test_where_no_rule_fits_the_default_is_told(enrolled: Workshop) -> None:
    (decision,) = enrolled.do("box", "rules", enrolled.box, *PUMP_9)["decisions"]
    assert (decision["source"], decision["allowed"], decision["rule"]) == ("box", True, None)
    settings = enrolled.box / "box.toml"
    text = settings.read_text().replace("allow_by_default = true", "")
    settings.write_text(f"allow_by_default = false\n{text}")
    assert run("box", "rules", enrolled.box, *PUMP_9).out == (
        "PUMP-9 is denied.\nbox     denies: no rule of the box fits it, and the box denies such devices\n"
    )


# Rules as CSV


def test_a_list_takes_the_place_of_the_rules_before(delivered: Workshop) -> None:
    rule(delivered, "allow", "--device", "PUMP-1")
    said = take(delivered, f"deny,{PRODUCT},,,,,", "allow,,,,,PUMP-2,PUMP-9")
    assert said["rules"] == 2
    assert rules(delivered) == [("box", "allow devices PUMP-2 to PUMP-9"), ("box", f"deny product {PRODUCT}")]
    assert not allowed(delivered, "--device", "PUMP-1")
    assert acts(delivered)[0] == ("supervisor", "rules", "2 in place of all")


def test_a_list_with_bad_lines_changes_nothing_and_names_them_all(enrolled: Workshop) -> None:
    rule(enrolled, "deny", "--device", "PUMP-2")
    before = rules(enrolled), acts(enrolled)
    path = listed(enrolled, "allow,pump,,,,,", "permit,pump,,,,,", "allow,,,,,P-1,P-10")
    said = run("box", "rules", enrolled.box, "--import", path, *enrolled.pin())
    assert said.status == 2
    told = said.err.splitlines()
    assert told[0] == f"misuse: {path}, line 3: the action is 'permit', not allow or deny"
    assert told[1].startswith(f"{path}, line 4: ")
    assert (rules(enrolled), acts(enrolled)) == before


def test_what_a_box_exports_another_box_imports(enrolled: Workshop) -> None:
    rule(enrolled, "deny", "--product", "pump, large", "--from", "A-01", "--to", "A-99")
    rule(enrolled, "allow", "--device", "A-17", "--hardware", "rev-c")
    before, out = rules(enrolled), enrolled.folder / "out.csv"
    assert enrolled.do("box", "rules", enrolled.box, "--export", out)["rules"] == 2
    assert out.read_text().splitlines() == [
        HEADER,
        "allow,,,rev-c,A-17,,",
        'deny,"pump, large",,,,A-01,A-99',
    ]
    take(enrolled)
    assert rules(enrolled) == []
    enrolled.do("box", "rules", enrolled.box, "--import", out, *enrolled.pin())
    assert rules(enrolled) == before


# The vendor's list


def entitle(shop: Workshop, *lines: str) -> None:
    """The vendor gives the box a list, on the stick."""
    order = ("--for", "box:BOX-1", "--list", listed(shop, *lines), "--out", shop.stick)
    shop.do("vendor", "directive", "entitle", shop.vendor, *order, *shop.passphrase())


def test_the_box_serves_only_what_the_vendors_list_allows_too(delivered: Workshop) -> None:
    rule(delivered, "allow", "--device", "PUMP-1")
    entitle(delivered, "allow,,,,PUMP-2,,")
    said = run("box", "admit", delivered.box, delivered.stick)
    assert said.status == 3
    assert "the vendor's list does not name it" in said.err
    assert rules(delivered) == [("box", "allow device PUMP-1"), ("vendor", "allow device PUMP-2")]
    assert run("box", "rules", delivered.box, "--device", "PUMP-1").out == (
        "PUMP-1 is denied.\n"
        "box     allows: the box's rule 'allow device PUMP-1' decides: the only one that fits\n"
        "vendor  denies: the vendor's list does not name it\n"
    )


def test_a_newer_list_of_the_vendor_takes_the_place_of_the_one_before(delivered: Workshop) -> None:
    for line in ("allow,,,,PUMP-2,,", f"allow,{PRODUCT},,,,,"):
        entitle(delivered, line)
    delivered.do("box", "admit", delivered.box, delivered.stick)
    assert rules(delivered) == [("vendor", f"allow product {PRODUCT}")]
    assert allowed(delivered, "--device", "PUMP-1")


def test_rules_of_the_box_come_and_go_beside_the_vendors_list(delivered: Workshop) -> None:
    entitle(delivered, f"allow,{PRODUCT},,,,,")
    delivered.do("box", "admit", delivered.box, delivered.stick)
    take(delivered, "deny,,,,PUMP-1,,")
    assert rules(delivered) == [("box", "deny device PUMP-1"), ("vendor", f"allow product {PRODUCT}")]
    out = delivered.folder / "out.csv"
    delivered.do("box", "rules", delivered.box, "--export", out)
    assert out.read_text().splitlines() == [HEADER, "deny,,,,PUMP-1,,"]
