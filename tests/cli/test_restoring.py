"""What a person is told who puts a backup back onto the box that made it."""

from __future__ import annotations

from tests.cli.workshop import Workshop, run


def test_who_lost_what_the_vendor_said_since_the_backup_hears_what_to_bring(running: Workshop) -> None:
    file, secrets = running.folder / "backup", (*running.pin(), *running.passphrase())
    running.do("box", "backup", running.box, file, *secrets)
    running.do("box", "deny", running.box, "--product", "valve", *running.pin())
    (running.box / "box.db").unlink()
    said = run("box", "restore", running.box, file, *secrets)
    assert said.status == 0, said.err
    assert "NOT KEPT: what the vendor has said since." in said.out
    assert "updatebox box certs --install" in said.out


def test_who_restores_a_box_whose_store_is_right_is_asked_to_bring_nothing(running: Workshop) -> None:
    file, secrets = running.folder / "backup", (*running.pin(), *running.passphrase())
    running.do("box", "backup", running.box, file, *secrets)
    running.do("box", "deny", running.box, "--product", "valve", *running.pin())
    said = run("box", "restore", running.box, file, *secrets)
    assert said.status == 0, said.err
    assert "NOT KEPT" not in said.out
