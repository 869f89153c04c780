"""Stores of older schemas: they become today's when they are opened, and lose nothing on the way."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from appliance.box import migrations
from appliance.box.schema import VERSION
from appliance.box.store import Store
from media_format.errors import MachineFault
from tests.workshop import Workshop, ask

FIRST = (Path(__file__).parent / "first_schema.sql").read_text()


def first_store(folder: Path) -> Path:
    """A store of the first schema; returns its database."""
    folder.mkdir()
    path = folder / "box.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(f"PRAGMA journal_mode=WAL; BEGIN; {FIRST} COMMIT;")
    return path


def rows(path: Path, columns_of: Path | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, in the columns that the tables of another store have."""
    with closing(sqlite3.connect(path)) as database, closing(sqlite3.connect(columns_of or path)) as other:
        return {
            table: sorted(database.execute(f"SELECT {', '.join(names(other, table))} FROM {table}"))
            for table in tables(other)
        }


def tables(database: sqlite3.Connection) -> list[str]:
    return [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def indices(database: sqlite3.Connection) -> list[str]:
    made = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    return [name for (name,) in database.execute(made)]


def names(database: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


def schema(path: Path) -> dict[str, Any]:
    """Tables, columns, keys, references and indices, as SQLite understands them."""
    with closing(sqlite3.connect(path)) as database:
        strict = {row[1]: row[5] for row in database.execute("PRAGMA table_list") if row[0] == "main"}
        return {
            table: (
                strict[table],
                [row[1:] for row in database.execute(f"PRAGMA table_xinfo({table})")],
                sorted(row[2:] for row in database.execute(f"PRAGMA foreign_key_list({table})")),
                sorted(index(database, row[1]) for row in database.execute(f"PRAGMA index_list({table})")),
            )
            for table in tables(database)
        }


def index(database: sqlite3.Connection, name: str) -> tuple[str, list[str | None]]:
    return name, [row[2] for row in database.execute(f"PRAGMA index_info({name})")]


def test_a_store_of_the_first_schema_keeps_every_row(tmp_path: Path) -> None:
    path = first_store(tmp_path / "old")
    kept = first_store(tmp_path / "kept")
    Store.open(path.parent)
    assert rows(path, columns_of=kept) == rows(kept)


def test_a_migrated_store_has_the_schema_of_a_new_one(tmp_path: Path) -> None:
    path = first_store(tmp_path / "old")
    Store.open(path.parent)
    (tmp_path / "new").mkdir()
    Store.create(tmp_path / "new")
    migrated, created = schema(path), schema(tmp_path / "new/box.db")
    assert migrated == created
    assert {table: shape[0] for table, shape in created.items()} == dict.fromkeys(created, 1)


def test_every_change_of_the_schema_has_its_step() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == VERSION


def test_a_box_of_the_first_schema_goes_on_serving(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    box.take(shop.release("1.0"))
    back_to_the_first(box.folder / "box.db")
    box = shop.reopened(box)
    ask(device, stick)
    box.write(stick, "pump-17")
    assert box.service.check_ledger().problem is None


def back_to_the_first(path: Path) -> None:
    """Take from a store what the first schema did not have."""
    with closing(sqlite3.connect(path)) as database:
        first = sqlite3.connect(":memory:")
        first.executescript(FIRST)
        for table in set(tables(database)) - set(tables(first)):
            database.execute(f"DROP TABLE {table}")
        for table in tables(first):
            for column in set(names(database, table)) - set(names(first, table)):
                database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        for index in set(indices(database)) - set(indices(first)):
            database.execute(f"DROP INDEX {index}")
        first.close()
        database.commit()


def test_opening_a_store_of_today_changes_nothing_and_loads_no_migrations(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    Store.create(tmp_path / "box")
    before = rows(tmp_path / "box/box.db")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from appliance.box.store import Store\n"
            "Store.open(Path(sys.argv[1])); sys.exit('alembic' in sys.modules)",
            str(tmp_path / "box"),
        ],
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert rows(tmp_path / "box/box.db") == before


def test_two_programs_that_open_an_old_store_at_once_migrate_it_once(tmp_path: Path) -> None:
    path = first_store(tmp_path / "old")
    kept = first_store(tmp_path / "kept")
    program = "import sys; from pathlib import Path; from appliance.box.store import Store\n"
    program += "print('ready', flush=True); sys.stdin.read(1); Store.open(Path(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(path.parent)]
    opening = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for one in opening:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in opening:
        assert one.stdin is not None
        one.stdin.write("x")
        one.stdin.flush()
    for one in opening:
        one.communicate(timeout=60)
    assert [one.returncode for one in opening] == [0, 0, 0, 0]
    assert rows(path, columns_of=kept) == rows(kept)


def test_a_store_of_newer_software_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "box").mkdir()
    Store.create(tmp_path / "box")
    path = tmp_path / "box/box.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '999'")
        database.commit()
    before = rows(path)
    with pytest.raises(MachineFault, match="update the software") as caught:
        Store.open(path.parent)
    assert caught.value.code == "store-newer"
    assert rows(path) == before


def test_a_migration_that_cannot_end_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    path = first_store(tmp_path / "old")
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM devices")  # what the receipts refer to
        database.commit()
    before, shape = rows(path), schema(path)
    with pytest.raises(MachineFault) as caught:
        Store.open(path.parent)
    assert caught.value.code == "store-damaged"
    assert (rows(path), schema(path)) == (before, shape)
