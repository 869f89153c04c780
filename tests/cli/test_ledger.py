"""The ledger's end: what was added behind the entry that the TPM remembers is told of."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from appliance.box.ledger_chain import digest_of
from tests.cli.workshop import Workshop, run


def add_unsigned(shop: Workshop, count: int) -> None:
    """Append entries as somebody does who can write the database and nothing else."""
    with closing(sqlite3.connect(shop.box / "box.db")) as database, database:
        for _ in range(count):
            last, previous = database.execute(
                "SELECT sequence, digest FROM ledger ORDER BY sequence DESC LIMIT 1"
            ).fetchone()
            told = (last + 1, 1_700_000_000, "system", "", "collect", "PUMP-1 receipts 1 to 9")
            digest = digest_of(*told, previous)
            database.execute(
                "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", (*told, previous, digest)
            )


def test_entries_that_somebody_added_behind_what_the_tpm_remembers_are_counted(enrolled: Workshop) -> None:
    verify = ("box", "ledger", enrolled.box, "--verify")
    assert enrolled.do(*verify)["ledger"]["unconfirmed"] == 0
    assert "not known to the TPM" not in run(*verify).out
    add_unsigned(enrolled, 3)
    assert enrolled.do(*verify)["ledger"]["unconfirmed"] == 3
    assert "The last 3 entries are not known to the TPM" in run(*verify).out
