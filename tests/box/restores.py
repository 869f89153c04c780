"""Backups and restores in tests, and what happens in between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from appliance.box import BoxService, Person, Restored
from media_format.progress import silent
from tests.workshop import PIN, Box, Workshop, now

SECRET = "a long passphrase"


def backed_up(box: Box) -> Path:
    """A box's backup."""
    file = box.folder.parent / "backup"
    box.service.backup(file, SECRET, box.session, silent)
    return file


def restored(folder: Path, file: Path) -> Restored:
    """Put a backup back, or let another box take it over."""
    return BoxService.restore(folder, file, SECRET, Person("chief", PIN), now=now)


def revoke(shop: Workshop, box: Box, name: str) -> None:
    """The vendor revokes a device, and the box gets the new lists."""
    for issued in shop.vendor.issued:
        if issued.id == name:
            shop.vendor.revoke(int(issued.serial, 16))
    box.service.install_lists(replace(shop.boxes[box.service.id], crls=tuple(shop.vendor.crls())))
