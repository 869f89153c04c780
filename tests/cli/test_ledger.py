"""The ledger's end, where somebody added to it; and a ledger that has become long."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from appliance.trust.ledger_chain import digest_of
from tests.cli.workshop import Workshop, run
from tests.system.memory import measured
from tests.system.workshop import PROGRAM


def add_unsigned(shop: Workshop, count: int) -> None:
    """Append entries as somebody does who can write the database and nothing else."""
    with closing(sqlite3.connect(shop.box / "box.db")) as database, database:
        last, previous = database.execute(
            "SELECT sequence, digest FROM ledger ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        for _ in range(count):
            told = (last + 1, 1_700_000_000, "system", "", "collect", "PUMP-1 receipts 1 to 9")
            digest = digest_of(*told, previous)
            database.execute(
                "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", (*told, previous, digest)
            )
            last, previous = last + 1, digest


def peak(shop: Workshop, *words: object) -> int:
    """Bytes of memory that the program takes at most for what it does well."""
    found = measured([str(PROGRAM), *map(str, words)], shop.folder)
    assert found.done.returncode == 0, found.done.stdout + found.done.stderr
    return found.peak


def test_a_long_ledger_is_exported_and_checked_in_the_memory_of_a_short_one(enrolled: Workshop) -> None:
    key = enrolled.folder / "box.pem"
    export, verify = ("box", "export", enrolled.box, "--ledger", "--out"), ("box", "ledger", "--verify")
    peaks = []
    for name, more in (("short", 500), ("long", 20_000)):
        add_unsigned(enrolled, more)
        written = peak(enrolled, *export, name)
        peaks.append((written, peak(enrolled, *verify, "--file", name, "--key", key)))
    (short, short_check), (long, long_check) = peaks
    assert (enrolled.folder / "long").stat().st_size > 20 * (enrolled.folder / "short").stat().st_size
    assert long < 1.1 * short
    assert long_check < 1.1 * short_check


def test_entries_that_somebody_added_behind_what_the_tpm_remembers_are_counted(enrolled: Workshop) -> None:
    verify = ("box", "ledger", enrolled.box, "--verify")
    assert enrolled.do(*verify)["ledger"]["unconfirmed"] == 0
    assert "not known to the TPM" not in run(*verify).out
    add_unsigned(enrolled, 3)
    assert enrolled.do(*verify)["ledger"]["unconfirmed"] == 3
    assert "The last 3 entries are not known to the TPM" in run(*verify).out
