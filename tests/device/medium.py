"""What a test does to a medium, and what it reads from one and from a device."""

from __future__ import annotations

from pathlib import Path

from media_format import cose
from media_format.objects import Receipt, Request
from media_format.refusal import Code


def packages(medium: Path) -> list[Path]:
    """The folders of packages on a medium."""
    return sorted((medium / "UPDATEBX/PACKAGES").iterdir())


def flip(path: Path, place: int = -1) -> None:
    """Change one bit of a file, in its middle unless a place is given."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if place < 0 else place] ^= 1
    path.write_bytes(data)


def requests(medium: Path) -> list[Request]:
    """The requests on a medium, the oldest first."""
    found = []
    for path in (medium / "UPDATEBX/REQUESTS").glob("*.REQ"):
        signed = cose.read_sign1(path.read_bytes(), Request.CONTENT_TYPE, Request.LIMIT)
        found.append(Request.from_bytes(signed.payload))
    return sorted(found, key=lambda request: request.counter)


def counted(medium: Path, device: str = "pump-17") -> dict[Code, int]:
    """How often what was refused, as a device's request says."""
    request = [request for request in requests(medium) if request.device_id == device][-1]
    return {entry.code: entry.count for entry in request.refusals}


def kept_receipts(device: Path) -> list[Receipt]:
    """The receipts that a device keeps, the oldest first."""
    found = []
    for path in sorted((device / "receipts").glob("*.rcp")):
        signed = cose.read_sign1(path.read_bytes(), Receipt.CONTENT_TYPE, Receipt.LIMIT)
        found.append(Receipt.from_bytes(signed.payload))
    return found
