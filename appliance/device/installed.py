"""What is installed: the component each bank holds, and the signed manifests that describe them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Final

from appliance.device.storage import Storage, make_folder, read_state
from media_format import cose, limits
from media_format.errors import MachineFault
from media_format.objects import Manifest
from media_format.objects.manifest import SHORT
from media_format.refusal import Refusal
from media_format.wire import DIGEST, Many, Nested, Record, Uint, key, record

FILE_NAME: Final = "installed.cbor"
MANIFESTS: Final = "manifests"


@record
class BankContent(Record):
    """A component in a bank: `size` bytes from `offset` with the digest the vendor signed."""

    NAME: ClassVar[str] = "bank content"

    slot: str = key(1, SHORT)
    bank: int = key(2, Uint(0, 1))
    component: str = key(3, SHORT)
    version: str = key(4, SHORT)
    index: int = key(5, Uint(1, 2**32 - 1))
    manifest_digest: bytes = key(6, DIGEST)
    offset: int = key(7, Uint())
    size: int = key(8, Uint(1))
    digest: bytes = key(9, DIGEST)


@record
class _InstalledFile(Record):
    """What installed.cbor holds."""

    NAME: ClassVar[str] = "installed releases"
    LIMIT: ClassVar[int] = 256 * limits.KIB

    contents: tuple[BankContent, ...] = key(1, Many(Nested(BankContent), 256))


def contents_of(manifest: Manifest, digest: bytes, banks: Mapping[str, int]) -> tuple[BankContent, ...]:
    """What the banks hold once the release with this manifest digest was written into them, whole."""
    return tuple(
        BankContent(
            slot=component.slot,
            bank=banks[component.slot],
            component=component.name,
            version=manifest.version,
            index=manifest.index,
            manifest_digest=digest,
            offset=component.offset,
            size=component.size,
            digest=component.digest,
        )
        for component in manifest.components
        if component.slot in banks
    )


class Installed:
    """The contents of all banks. Not trusted: what may boot is what signed manifests say (`bootable`)."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        self._path = folder / FILE_NAME
        self._manifests = folder / MANIFESTS
        self._storage = storage

    def contents(self) -> tuple[BankContent, ...]:
        """All that is known. MachineFault when the file is damaged."""
        data = read_state(self._path)
        try:
            return () if data is None else _InstalledFile.from_bytes(data).contents
        except Refusal as refusal:
            raise MachineFault(f"{self._path} is damaged: {refusal.detail}") from None

    def of(self, slot: str, bank: int) -> tuple[BankContent, ...]:
        """The components in one bank; empty when its content is not known."""
        return tuple(content for content in self.contents() if (content.slot, content.bank) == (slot, bank))

    def manifest(self, digest: bytes) -> bytes | None:
        """The signed manifest (COSE) that was installed under a manifest digest."""
        return read_state(self._manifest_path(digest))

    def described(self, digest: bytes) -> Manifest | None:
        """What such a manifest says, its signatures not verified; None where it is not there or damaged."""
        signed = self.manifest(digest)
        if signed is None:
            return None
        try:
            payload = cose.read_sign(signed, Manifest.CONTENT_TYPE, Manifest.LIMIT).payload
            return Manifest.from_bytes(payload)
        except Refusal:
            return None

    def components(self, digest: bytes) -> frozenset[str] | None:
        """The names of all components of a release; None where its manifest is not there or damaged."""
        manifest = self.described(digest)
        return frozenset(component.name for component in manifest.components) if manifest else None

    def forget(self, banks: Iterable[tuple[str, int]]) -> None:
        """Say that the content of banks is unknown: they are about to be written."""
        gone = set(banks)
        contents = self.contents()
        left = tuple(content for content in contents if (content.slot, content.bank) not in gone)
        if left != contents:
            self._write(left)

    def put(self, contents: Iterable[BankContent], manifest_digest: bytes, manifest: bytes) -> None:
        """Say what banks hold now. The signed manifest is there before anything refers to it."""
        new = tuple(contents)
        replaced = {(content.slot, content.bank) for content in new}
        kept = tuple(content for content in self.contents() if (content.slot, content.bank) not in replaced)
        make_folder(self._manifests)
        self._storage.replace(self._manifest_path(manifest_digest), manifest)
        self._write(kept + new)
        self._sweep({content.manifest_digest for content in kept + new})

    def _write(self, contents: tuple[BankContent, ...]) -> None:
        self._storage.replace(self._path, _InstalledFile(contents=contents).to_bytes())

    def _sweep(self, used: set[bytes]) -> None:
        """Remove manifests that no bank refers to."""
        names = {self._manifest_path(digest) for digest in used}
        for path in self._manifests.iterdir():
            if path not in names:
                self._storage.remove(path)

    def _manifest_path(self, digest: bytes) -> Path:
        return self._manifests / f"{digest.hex()}.cose"
