"""Attackers, and boxes and vendors gone wrong: they hold real keys and make media that say what they like."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import ec

from appliance.box import BoxService
from appliance.box.identity import IDENTITY
from appliance.tpm import open_tpm
from appliance.trust.enrolment import read_enrolment
from appliance.trust.issuing import BOX_LIFETIME, Issuer, issue_box, issue_release_signer
from appliance.trust.profile import ReleaseBinding, RoleIdentity
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner, TpmSigner
from appliance.vendor.authority import Authorities
from media_format import cose, layout
from media_format.crl_files import write_crls
from media_format.objects import Envelope, Manifest
from media_format.package import PackageReader
from media_format.payload.cobblestone import Sealer
from media_format.progress import silent
from media_format.volume import Volume
from media_format.volume.descriptor import Descriptor
from media_format.volume.seam import Data
from tests.cli.stages import enrol
from tests.cli.workshop import PASSPHRASE, PIN, Workshop, mounted, package_on, put


def now() -> int:
    return int(time.time())


@dataclass(frozen=True)
class Stolen:
    """The parts of the package on a stick, taken apart."""

    folder: str
    manifest: Manifest
    signed_manifest: bytes
    envelope: Envelope


def take_apart(volume: Volume) -> Stolen:
    folder = package_on(volume)
    reader = PackageReader(volume, folder)
    signed = reader.manifest()
    return Stolen(
        folder,
        Manifest.from_bytes(cose.read_sign(signed, Manifest.CONTENT_TYPE, Manifest.LIMIT).payload),
        signed,
        Envelope.from_bytes(
            cose.read_sign1(reader.envelope(), Envelope.CONTENT_TYPE, Envelope.LIMIT).payload
        ),
    )


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def vendor_issuer(shop: Workshop, purpose: Purpose) -> Issuer:
    """The vendor's own CA: who holds it can issue what the vendor would not."""
    return Authorities.load(shop.vendor / "authority", PASSPHRASE).issuer(purpose)


def release_signer(
    ca: Issuer, index: int, product: str = "infusion-pump", line: str = "main", key: Any = None
) -> KeySigner:
    """A release signer bound to an index, by whichever CA."""
    key = key or new_key()
    binding = ReleaseBinding(product, line, index)
    chain = issue_release_signer(ca, key.public_key(), RoleIdentity("signer", 0), binding, now())
    return KeySigner(key, chain)


def box_signer(shop: Workshop, lifetime: int = BOX_LIFETIME) -> TpmSigner:
    """The box's own identity key in the hands of somebody who knows a PIN, with a certificate for it."""
    session = BoxService.open(shop.box, now=now).unlock("supervisor", PIN)
    tpm = open_tpm("soft:tpm", create=False, now=now, folder=shop.box)
    enrolment = read_enrolment((shop.box / "enrolment.req").read_bytes())
    issued = issue_box(vendor_issuer(shop, Purpose.BOX_IDENTITY), enrolment, now(), lifetime)
    return TpmSigner(lambda message: tpm.sign(IDENTITY, message, session.authorisation), issued.identity)


def sign_manifest(volume: Volume, signers: Sequence[cose.Signer]) -> None:
    """The same manifest under other signatures."""
    stolen = take_apart(volume)
    put_manifest(volume, stolen.folder, stolen.manifest.to_bytes(), signers)


def put_manifest(volume: Volume, folder: str, payload: bytes, signers: Sequence[cose.Signer]) -> None:
    put(volume, f"{folder}/{layout.MANIFEST}", cose.sign(Manifest.CONTENT_TYPE, payload, signers))


def reseal(volume: Volume, signer: cose.Signer, **changes: Any) -> None:
    """Another envelope around the same payload, signed by whoever."""
    stolen = take_apart(volume)
    envelope = dataclasses.replace(stolen.envelope, **changes)
    data = cose.sign1(Envelope.CONTENT_TYPE, envelope.to_bytes(), signer)
    put(volume, f"{stolen.folder}/{layout.ENVELOPE}", data)


def forge(shop: Workshop, volume: Volume, signer_index: int | None = None, **changes: Any) -> None:
    """A vendor's CA and a box together: another manifest, rightly signed, in an envelope made for it."""
    manifest = dataclasses.replace(take_apart(volume).manifest, **changes)
    index = manifest.index if signer_index is None else signer_index
    forge_payload(shop, volume, manifest.to_bytes(), index)


def forge_payload(shop: Workshop, volume: Volume, payload: bytes, index: int) -> None:
    """As `forge`, with the manifest's bytes given."""
    signer = release_signer(vendor_issuer(shop, Purpose.RELEASE_SIGNER), index)
    folder = take_apart(volume).folder
    reseal(volume, box_signer(shop), manifest_digest=hashlib.sha256(payload).digest())
    put_manifest(volume, folder, payload, [signer])


def flip(volume: Volume, path: str, place: int) -> None:
    """Change one bit of a file; negative places count from its end."""
    data = bytearray(volume.read_object(path, 1 << 24))
    data[place] ^= 1
    put(volume, path, bytes(data))


def pirate_box(shop: Workshop) -> Workshop:
    """Another vendor of the same name with a box of the same name, in a workshop of their own."""
    pirate = Workshop(shop.folder / "pirate")
    pirate.folder.mkdir()
    for name in ("passphrase", "pin"):
        shutil.copy(shop.folder / name, pirate.folder / name)
    pirate.do("vendor", "init", pirate.vendor, "--name", "Acme Medical", *pirate.passphrase())
    pirate.do("box", "init", pirate.box, "--id", "BOX-1", *pirate.pin())
    enrol(pirate, "box", pirate.box, pirate.folder / "box.pem")
    return pirate


def revoke(shop: Workshop, certificate: str) -> None:
    """The vendor revokes somebody, and the new lists are on the stick."""
    shop.do("vendor", "revoke", shop.vendor, "--cert", shop.folder / certificate, *shop.passphrase())
    with mounted(shop.stick) as volume:
        write_crls(volume, [path.read_bytes() for path in shop.vendor.glob("*.crl")])


def replace_part(volume: Volume, name: str, data: bytes) -> None:
    """Another file in the package on a medium."""
    put(volume, f"{package_on(volume)}/{name}", data)


def deliver_anyway(shop: Workshop, version: str) -> None:
    """A subverted box: seals a release for PUMP-1's newest request without asking whether it may."""
    box = BoxService.open(shop.box, now=now)
    session = box.unlock("supervisor", PIN)
    digest = bytes.fromhex(shop.release_digest(version))
    with mock.patch("appliance.box.offering.check_release"):
        box.write(shop.stick, ("PUMP-1",), session, silent, release=digest)


def seal_other_data(shop: Workshop) -> None:
    """A subverted box: what it seals for PUMP-1 differs from what the vendor signed in one byte.

    It does not look at what it wrote, as an honest box does.
    """
    box = BoxService.open(shop.box, now=now)
    session = box.unlock("supervisor", PIN)
    seal = Sealer.update

    def altered(sealer: Sealer, data: bytes) -> bytes:
        return seal(sealer, bytes([data[0] ^ 1]) + data[1:] if data else data)

    shop.fresh_stick()
    blind = mock.patch("appliance.box.delivering._Pass.read_back")
    with mock.patch.object(Sealer, "update", altered), blind:
        box.write(shop.stick, ("PUMP-1",), session, silent)


def leave_everything_out(shop: Workshop) -> None:
    """A subverted box: says of every chunk that PUMP-1 has it already."""
    box = BoxService.open(shop.box, now=now)
    session = box.unlock("supervisor", PIN)
    with mock.patch("appliance.box.reuse.ChunkIndex.find", return_value=0):
        box.write(shop.stick, ("PUMP-1",), session, silent)


@contextmanager
def wrapping_media(real: int) -> Iterator[None]:
    """Every medium begins anew after `real` bytes, whatever it claims, as fakes do."""
    read, write = Descriptor.read, Descriptor.write

    def pieces(offset: int, length: int) -> Iterator[tuple[int, int]]:
        while length:
            count = min(length, real - offset % real)
            yield offset % real, count
            offset, length = offset + count, length - count

    def read_wrapped(self: Descriptor, offset: int, length: int) -> bytes:
        return b"".join(read(self, start, count) for start, count in pieces(offset, length))

    def write_wrapped(self: Descriptor, offset: int, data: Data) -> None:
        view = memoryview(data)
        for start, count in pieces(offset, len(data)):
            write(self, start, view[:count])
            view = view[count:]

    with (
        mock.patch.object(Descriptor, "read", read_wrapped),
        mock.patch.object(Descriptor, "write", write_wrapped),
    ):
        yield
