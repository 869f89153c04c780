"""Media with requests, and what stands on them."""

from __future__ import annotations

from pathlib import Path

from tests.workshop import Box, Workshop, ask, files


def asked(tmp_path: Path, *names: str, shop: Workshop | None = None) -> tuple[Workshop, Box, Path]:
    """A box with a release, and a stick with the requests of devices."""
    shop = shop or Workshop(tmp_path)
    box, stick = shop.box(), shop.medium()
    box.take(shop.release("1.0"))
    for name in names or ("pump-17",):
        ask(shop.device(name), stick)
    box.service.admit(stick)
    return shop, box, stick


def on_medium(stick: Path, what: str = "PACKAGES") -> dict[str, bytes]:
    """Files of one kind on a medium."""
    return {name: data for name, data in files(stick).items() if name.startswith(f"UPDATEBX/{what}/")}


def acts(box: Box) -> list[str]:
    """What the ledger says was done since the import."""
    found = [entry.act for entry in reversed(box.service.ledger())]
    return found[found.index("import") + 1 :]


def revoke(shop: Workshop, purpose: str, holder: str | None = None) -> None:
    """Let the vendor revoke a certificate, of somebody or of anybody."""
    entry = next(
        entry for entry in shop.vendor.issued if entry.purpose == purpose and holder in (None, entry.id)
    )
    shop.vendor.revoke(int(entry.serial, 16))


def put_lists(shop: Workshop, medium: Path) -> None:
    """Put the vendor's newest lists on a medium."""
    folder = medium / "UPDATEBX/TRUST"
    folder.mkdir(parents=True, exist_ok=True)
    for number, der in enumerate(shop.vendor.crls()):
        (folder / f"NEW{number}.CRL").write_bytes(der)
