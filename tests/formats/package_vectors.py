"""A vector of a whole package, put on a medium and read by a device as the vector describes it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from appliance.trust.clock import Reading
from appliance.trust.crl import RevocationLists
from appliance.trust.device_view import DeviceView, SlotSpace
from appliance.trust.pages import VerifiedPage
from appliance.trust.profile import spki
from appliance.trust.verifier import InstallPlan, PackageBytes, admit_package
from media_format.crl_files import read_crls
from media_format.objects import Answer, ChainHead, Cipher, Codec, TrustAnchor
from media_format.package import PackageReader, list_packages
from media_format.payload.chunks import decode_chunk
from media_format.payload.cobblestone import Plain, RandomAccess
from media_format.payload.context import payload_context
from media_format.payload.recipients import RecipientKey
from media_format.payload.segments import SegmentReader
from media_format.refusal import Code, Refusal
from media_format.sealing import open_recipient
from media_format.volume.directory import DirectoryVolume
from tests.formats.vector_files import PrivateKeys, Vector


def medium(vector: Vector, root: Path) -> DirectoryVolume:
    """A medium with the vector's package and revocation lists."""
    package, trust = root / "UPDATEBX/PACKAGES/1A2B3C4D", root / "UPDATEBX/TRUST"
    for folder in (package, trust):
        folder.mkdir(parents=True)
    for name, file in vector["package"].items():
        (package / name).write_bytes(vector.file(file))
    for number, file in enumerate(vector["crls"]):
        (trust / f"{number:08}.CRL").write_bytes(vector.file(file))
    return DirectoryVolume(root)


class Device:
    """A device that judges and reads the one package on a medium."""

    def __init__(self, vector: Vector, volume: DirectoryVolume) -> None:
        self._private = PrivateKeys(vector["private"])
        self._key = RecipientKey(spki(self._private.p256), self._private.xwing)
        self._anchor = TrustAnchor.from_bytes(vector.file(vector["anchor"]))
        self._view = self._device_view(vector)
        self._readings: tuple[Reading, ...] = (("rtc", vector["clock"]),)
        (folder,) = list_packages(volume)
        self._reader = PackageReader(volume, folder)
        self._crls = read_crls(volume)

    def _device_view(self, vector: Vector) -> DeviceView:
        stated = dict(vector["view"])
        for name in ("head", "pending"):
            if (place := stated[name]) is not None:
                digest = bytes.fromhex(place["manifest_digest"])
                stated[name] = ChainHead(line=place["line"], index=place["index"], manifest_digest=digest)
        if (asked := stated["outstanding"]) is not None:
            stated["outstanding"] = Answer(nonce=bytes.fromhex(asked["nonce"]), counter=asked["counter"])
        stated["slots"] = {name: SlotSpace(capacity) for name, capacity in stated["slots"].items()}
        stated["failed"] = frozenset(map(bytes.fromhex, stated["failed"]))
        stated["installed"] = bytes.fromhex(stated["installed"]) if stated["installed"] else None
        return DeviceView(**stated, key=self._key)

    def install(self) -> dict[str, bytes]:
        """Every component's bytes by name, or the refusal."""
        package = PackageBytes(self._reader.manifest(), self._reader.envelope(), self._crls)
        plan = admit_package(package, self._view, self._anchor, RevocationLists(self._anchor), self._readings)
        segments = self._reader.payload(plan.envelope)
        plain = self._unsealed(plan, segments)
        components = {component.name: b"" for component in plan.manifest.components}
        for number in range(len(plan.manifest.pages)):
            page = plan.page(number, self._reader.page(plan.manifest, number))
            components[page.component.name] += _plaintext(page, plain)
        for component in plan.manifest.components:
            _check(components[component.name], component.digest)
        return components

    def _unsealed(self, plan: InstallPlan, segments: SegmentReader) -> Plain:
        envelope = plan.envelope
        if envelope.cipher is Cipher.NONE:
            return _Bare(segments)
        assert plan.recipient is not None
        key = open_recipient(
            plan.recipient,
            envelope.package_id,
            plan.manifest_digest,
            self._key,
            self._private.open_layer,
        )
        context = payload_context(envelope.package_id, plan.manifest_digest)
        payload = RandomAccess(key, context, segments.length, segments.read_run)
        payload.check_end()
        return payload


class _Bare:
    """A payload without encryption."""

    def __init__(self, segments: SegmentReader) -> None:
        self._segments = segments

    def read(self, offset: int, length: int) -> bytes:
        return self._segments.read_run(offset, length)


def _plaintext(page: VerifiedPage, payload: Plain) -> bytes:
    found: list[bytes] = []
    for number, (chunk, offset) in enumerate(zip(page.chunks, page.offsets, strict=True), page.first):
        if chunk.codec is Codec.SAME:
            assert chunk.source is not None
            found.append(found[chunk.source - page.first])
            continue
        stored = payload.read(offset, chunk.stored_length)
        if chunk.stored_digest is not None:
            _check(stored, chunk.stored_digest)
        plain = decode_chunk(chunk.codec, stored, page.component.chunk_length(number))
        _check(plain, chunk.digest)
        found.append(plain)
    return b"".join(found)


def _check(data: bytes, digest: bytes) -> None:
    if hashlib.sha256(data).digest() != digest:
        raise Refusal(Code.DIGEST_MISMATCH, "not what was signed")
