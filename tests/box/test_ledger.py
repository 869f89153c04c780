"""The ledger: whatever is done to any entry, in the store or in an exported file, shows with its place."""

from __future__ import annotations

import copy
import json
import shutil
import sqlite3
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from appliance.box import BoxService, LedgerEntry, LedgerQuery, UserRole
from appliance.trust.auditing import LedgerAudit, audit
from appliance.trust.bundle import Bundle
from media_format.limits import MIB
from media_format.refusal import Code, Refusal
from tests.trust_world import refused
from tests.workshop import Box, Workshop, ask, now

Entries = list[dict[str, Any]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A box with acts of people and acts that need nobody; its ledger's last entry is unsigned."""
    shop = Workshop(tmp_path_factory.mktemp("ledger"))
    box, device, stick = shop.box(), shop.device(), shop.medium()
    for name in ("ann", "bob"):
        box.service.add_user(name, UserRole.TECHNICIAN, "141421", box.session)
    ask(device, stick)
    box.service.admit(stick)
    return shop


def opened(shop: Workshop, folder: Path) -> Box:
    """A copy of the box, of its own."""
    shutil.copytree(shop.folder / "box-1", folder / "box")
    service = BoxService.open(folder / "box", now=now)
    box = Box(folder / "box", service, service.unlock("chief", "271828"))
    changed(box, "CREATE TABLE kept AS SELECT * FROM ledger")
    return box


def changed(box: Box, *statements: str) -> None:
    database = sqlite3.connect(box.folder / "box.db")
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


COLUMNS = {
    "time": "time + 1",
    "source": "'rtc'",
    "who": "'eve'",
    "act": "'nothing'",
    "detail": "detail || '.'",
    "previous": "randomblob(32)",
    "digest": "randomblob(32)",
}


def test_an_edit_of_any_column_of_any_entry_shows_with_its_place(shop: Workshop, tmp_path: Path) -> None:
    box = opened(shop, tmp_path)
    count = box.service.check_ledger().entries
    for sequence in range(1, count + 1):
        for column, value in COLUMNS.items():
            changed(box, f"UPDATE ledger SET {column} = {value} WHERE sequence = {sequence}")
            assert box.service.check_ledger().place == sequence, (sequence, column)
            restored(box)
    assert box.service.check_ledger().findings == ()


def restored(box: Box) -> None:
    changed(box, "DELETE FROM ledger", "INSERT INTO ledger SELECT * FROM kept")


def test_any_entry_that_is_removed_shows_with_its_place(shop: Workshop, tmp_path: Path) -> None:
    box = opened(shop, tmp_path)
    for sequence in range(1, box.service.check_ledger().entries + 1):
        changed(box, f"DELETE FROM ledger WHERE sequence = {sequence}")
        assert box.service.check_ledger().place == sequence
        restored(box)


def test_any_two_entries_that_change_places_show(shop: Workshop, tmp_path: Path) -> None:
    box = opened(shop, tmp_path)
    for sequence in range(1, box.service.check_ledger().entries):
        moves = ((sequence, 900), (sequence + 1, sequence), (900, sequence + 1))
        changed(
            box,
            *(f"UPDATE ledger SET sequence = {after} WHERE sequence = {before}" for before, after in moves),
        )
        assert box.service.check_ledger().place == sequence
        restored(box)


def test_an_end_cut_off_anywhere_shows(shop: Workshop, tmp_path: Path) -> None:
    box = opened(shop, tmp_path)
    for sequence in range(1, box.service.check_ledger().entries + 1):
        changed(box, f"DELETE FROM ledger WHERE sequence >= {sequence}")
        assert box.service.check_ledger().place == sequence
        restored(box)


def test_an_end_that_was_cut_off_is_not_forgotten_with_the_next_act(shop: Workshop, tmp_path: Path) -> None:
    box = opened(shop, tmp_path)
    count = box.service.check_ledger().entries
    changed(box, f"DELETE FROM ledger WHERE sequence >= {count}")
    box.service.remove_user("ann", box.session)
    state = box.service.check_ledger()
    assert state.place == count
    assert f"the end is missing, up to entry {count}" in str(state.problem)
    assert [entry.act for entry in box.service.ledger(2)] == ["user remove", "break"]


def test_every_edit_is_told_of_not_the_first_alone(shop: Workshop, tmp_path: Path) -> None:
    box = opened(shop, tmp_path)
    changed(box, "UPDATE ledger SET detail = 'x' WHERE sequence IN (2, 4)")
    assert [finding.place for finding in box.service.check_ledger().findings] == [2, 4]


def test_it_says_up_to_where_the_box_has_signed(shop: Workshop, tmp_path: Path) -> None:
    box = opened(shop, tmp_path)
    state = box.service.check_ledger()
    acts = [entry.act for entry in reversed(box.service.ledger())]
    assert state.signed == len(acts) - acts[::-1].index("user add") < state.entries
    box.service.remove_user("ann", box.session)
    state = box.service.check_ledger()
    assert state.signed == state.entries


# Searching


def test_entries_are_found_by_who_and_what_and_when(shop: Workshop, tmp_path: Path) -> None:
    service = opened(shop, tmp_path).service
    assert [entry.detail for entry in service.search_ledger(LedgerQuery(act="admit"))] == [
        "pump-17 request 1"
    ]
    found = service.search_ledger(LedgerQuery(who="chief", about="technician"))
    assert [entry.detail for entry in found] == ["bob as technician", "ann as technician"]
    assert service.search_ledger(LedgerQuery(about="100%")) == ()
    newest = service.ledger(1)[0].time
    assert service.search_ledger(LedgerQuery(since=newest + 1)) == ()
    assert len(service.search_ledger(LedgerQuery(until=newest))) == len(service.ledger())


def test_a_long_ledger_is_turned_page_by_page(shop: Workshop, tmp_path: Path) -> None:
    service = opened(shop, tmp_path).service
    pages: list[LedgerEntry] = []
    before = None
    while page := service.search_ledger(LedgerQuery(before=before, limit=2)):
        pages += page
        before = page[-1].sequence
    assert tuple(pages) == service.ledger()


# Exported files


def exported(box: Box, *, signed: bool = True) -> dict[str, Any]:
    file = BytesIO()
    count = box.service.export_ledger(file, box.session if signed else None)
    head, *entries = map(json.loads, file.getvalue().splitlines())
    assert len(entries) == count
    return {**head, "entries": entries}


def audited(shop: Workshop, ledger: dict[str, Any]) -> LedgerAudit:
    """As somebody does who has the vendor's anchor and nothing else."""
    head = {name: value for name, value in ledger.items() if name != "entries"}
    lines = "".join(json.dumps(line) + "\n" for line in (head, *ledger["entries"]))
    return audit(BytesIO(lines.encode()), Bundle(shop.vendor.anchor, (), shop.vendor.crls()))


def test_an_exported_ledger_is_checked_without_the_box(shop: Workshop, tmp_path: Path) -> None:
    box = opened(shop, tmp_path)
    found = audited(shop, exported(box))
    assert (found.box, found.vendor, found.findings) == ("box-1", "Acme", ())
    assert found.whole
    assert found.signed == found.entries == len(box.service.ledger())


def _removed(entries: Entries, place: int) -> None:
    del entries[place]


def _edited(entries: Entries, place: int) -> None:
    entries[place]["detail"] += "."


def _swapped(entries: Entries, place: int) -> None:
    entries[place], entries[place - 1] = entries[place - 1], entries[place]


def _repeated(entries: Entries, place: int) -> None:
    entries.insert(place, entries[place])


@pytest.mark.parametrize(
    ("change", "first", "offset"), [(_removed, 0, 1), (_edited, 0, 1), (_swapped, 1, 0), (_repeated, 0, 1)]
)
def test_a_change_of_any_entry_of_an_exported_ledger_shows_with_its_place(
    shop: Workshop, tmp_path: Path, change: Callable[[Entries, int], None], first: int, offset: int
) -> None:
    ledger = exported(opened(shop, tmp_path))
    last = len(ledger["entries"]) - (1 if change is _removed else 0)
    for place in range(first, last):
        spoiled = copy.deepcopy(ledger)
        change(spoiled["entries"], place)
        assert audited(shop, spoiled).findings[0].place == place + offset, place


def test_an_exported_ledger_that_was_cut_off_anywhere_has_no_signed_end(
    shop: Workshop, tmp_path: Path
) -> None:
    ledger = exported(opened(shop, tmp_path))
    for count in range(len(ledger["entries"])):
        cut = {**ledger, "entries": ledger["entries"][:count]}
        assert not audited(shop, cut).whole, count


def test_a_ledger_cut_off_behind_an_export_of_receipts_has_no_signed_end(
    shop: Workshop, tmp_path: Path
) -> None:
    box = opened(shop, tmp_path)
    box.service.export_receipts(box.session)
    ledger = exported(box)
    (place,) = [n for n, entry in enumerate(ledger["entries"]) if entry["detail"].endswith(" receipts")]
    assert audited(shop, ledger).whole
    assert not audited(shop, {**ledger, "entries": ledger["entries"][: place + 1]}).whole


def test_a_ledger_that_was_exported_without_a_person_says_up_to_where_it_is_certain(
    shop: Workshop, tmp_path: Path
) -> None:
    found = audited(shop, exported(opened(shop, tmp_path), signed=False))
    assert (found.whole, found.findings) == (False, ())
    assert 0 < found.signed < found.entries


def test_the_ledger_of_a_box_of_another_vendor_is_refused(shop: Workshop, tmp_path: Path) -> None:
    ledger = exported(opened(shop, tmp_path))
    other = Workshop(tmp_path / "other")
    with refused(Code.CHAIN_INVALID):
        audited(other, ledger)


def test_a_ledger_under_another_boxs_certificate_is_not_right(shop: Workshop, tmp_path: Path) -> None:
    ledger, other = exported(opened(shop, tmp_path)), Workshop(tmp_path / "two")
    theirs = exported(other.box("box-2"))
    moved = {**ledger, "certificates": theirs["certificates"]}
    with refused(Code.PURPOSE_MISMATCH):
        audited(other, moved)
    renamed = audited(other, {**moved, "box": "box-2"})
    assert renamed.findings[0].problem == "its signature is not the box's"


def test_the_ledger_of_a_box_that_was_revoked_is_refused(shop: Workshop, tmp_path: Path) -> None:
    other = Workshop(tmp_path)
    ledger = exported(other.box())
    assert audited(other, ledger).whole
    other.vendor.revoke(int(next(e.serial for e in other.vendor.issued if e.id == "box-1"), 16))
    with refused(Code.REVOKED):
        audited(other, ledger)


HEAD = b'{"format": "updatebox ledger 1", "box": "b", "certificates": []}\n'


@pytest.mark.parametrize(
    "spoiled",
    [
        b"",
        b"[" * 100_000 + b"\n",
        b"{}\n",
        HEAD.rstrip(),
        b'{"format": "updatebox ledger 1"}\n',
        HEAD.replace(b"[]", b"[1]"),
        HEAD.replace(b'"b"', b'"\\ud800"'),
    ],
)
def test_what_is_no_exported_ledger_is_refused(shop: Workshop, spoiled: bytes) -> None:
    with refused(Code.MALFORMED):
        audit(BytesIO(spoiled), Bundle(shop.vendor.anchor, ()))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda line: line[:-1], "it ends within line 3"),
        (lambda line: b"[1]\n", "line 3 is no object"),
        (lambda line: line.replace(b'"', b"'"), "line 3 is no JSON text"),
        (lambda line: line.replace(b'"time": ', b'"time": -'), "'time' of line 3"),
        (lambda line: line.replace(b'"digest": "', b'"digest": "xx'), "'digest' of line 3"),
        (lambda line: line.replace(b'"detail": "', b'"detail": "' + bytes(b"x" * MIB)), "line 3 is longer"),
    ],
)
def test_a_line_that_is_no_entry_is_named(
    shop: Workshop, tmp_path: Path, spoil: Callable[[bytes], bytes], told: str
) -> None:
    file = BytesIO()
    opened(shop, tmp_path).service.export_ledger(file)
    lines = file.getvalue().splitlines(keepends=True)
    spoiled = b"".join([*lines[:2], spoil(lines[2])])
    with pytest.raises(Refusal, match=told):
        audit(BytesIO(spoiled), Bundle(shop.vendor.anchor, ()))
