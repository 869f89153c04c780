"""Receipts that a box does not take in: forged, of a stranger's device, of a device with two histories."""

from __future__ import annotations

import shutil
from pathlib import Path

from media_format import layout
from media_format.refusal import Code
from tests.cli import attacker, stages
from tests.cli.refusals import box_refuses, device_refuses
from tests.cli.workshop import Workshop, mounted, package_on


def test_a_receipt_with_a_bit_flipped_in_its_signature_is_not_collected(delivered: Workshop) -> None:
    delivered.do("device", "apply", delivered.device, delivered.stick)
    with mounted(delivered.stick) as volume:
        (entry,) = volume.list(layout.RECEIPTS)
        attacker.flip(volume, f"{layout.RECEIPTS}/{entry.name}", -1)
    box_refuses(delivered, Code.SIGNATURE_INVALID, "collect", delivered.box, delivered.stick)


def test_a_receipt_of_another_vendors_device_is_not_collected(delivered: Workshop) -> None:
    folder = delivered.folder
    pirate = stages.delivered(folder / "pirate", stages.enrolled(folder / "before"))
    pirate.do("device", "apply", pirate.device, pirate.stick)
    box_refuses(delivered, Code.CHAIN_INVALID, "collect", delivered.box, pirate.stick, medium=pirate.stick)


def test_a_device_that_signed_two_histories_is_found_out(delivered: Workshop) -> None:
    copied = Path(shutil.copytree(delivered.device, delivered.folder / "copied"))
    other = Path(shutil.copy(delivered.stick, delivered.folder / "other.img"))
    delivered.install()
    delivered.reported()
    with mounted(other) as volume:
        attacker.flip(volume, f"{package_on(volume)}/{layout.segment(0)}", 1000)
    device_refuses(delivered, Code.DECRYPTION_FAILED, device=copied, medium=other, streamed=True)
    refused = box_refuses(delivered, Code.EQUIVOCATION, "collect", delivered.box, other, medium=other)
    assert "PUMP-1" in refused["detail"]
