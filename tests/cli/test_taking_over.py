"""What a person is told whose box takes over another one's backup."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.cli.workshop import Workshop, run


def test_rows_that_nobody_signed_are_counted(running: Workshop) -> None:
    with closing(sqlite3.connect(running.box / "box.db")) as database, database:
        database.execute(
            "INSERT INTO devices SELECT 'ghost', 1, product, line, hardware, 500, x'00', x'00', 1, 1"
            " FROM devices LIMIT 1"
        )
    file, new = running.folder / "backup", running.folder / "new"
    secrets = (*running.pin(), *running.passphrase())
    running.do("box", "backup", running.box, file, *secrets)
    running.do("box", "init", new, "--id", "BOX-2", *running.pin())
    said = run("box", "restore", new, file, *secrets)
    assert said.status == 0, said.err
    assert "LEFT OUT: 1 device and 0 receipts that no device signed." in said.out


def test_a_program_learns_how_many_rows_were_left_out(running: Workshop) -> None:
    file, new = running.folder / "backup", running.folder / "new"
    secrets = (*running.pin(), *running.passphrase())
    running.do("box", "backup", running.box, file, *secrets)
    running.do("box", "init", new, "--id", "BOX-2", *running.pin())
    found = running.do("box", "restore", new, file, *secrets)["restored"]
    assert found["left_out"] == {"devices": 0, "receipts": 0, "rules": 0}
