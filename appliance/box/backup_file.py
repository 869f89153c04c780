"""The backup's file: sealed under a passphrase, in one stream, and signed by the box that made it.

A head in the clear (magic, length, CBOR) says how the passphrase is stretched (Argon2id, RFC 9106) and is
bound to the rest, one Cobblestone-256 message with a tar archive of the box's files (the ustar headers of
POSIX.1-1988; a size of 8 GiB or more is in binary, as GNU tar has it). The archive's last member is a
COSE_Sign1 object by the box's identity key that names all the others.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Final, Self, cast

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from appliance.box.backup_streams import RUN, Advance, Digesting, Opening, Sealing
from media_format import limits
from media_format.backup_head import LANES, MEMORY, PASSES, SALT, BackupHead, framed, read_head
from media_format.durable import sync_folder
from media_format.errors import Misuse
from media_format.objects.manifest import FORMAT, SHORT
from media_format.payload.cobblestone import KEY_SIZE, Opener, Sealer
from media_format.refusal import Code, Refusal
from media_format.wire import DIGEST, TIME, Many, Nested, Record, Text, Uint, key, malformed, record

SIGNED: Final = "SIGNED.CBR"
_SHORTEST_PASSPHRASE: Final = 8
_FEWEST_CHARACTERS: Final = 5
_CONTEXT: Final = b"updatebox backup\0"
_MOST_FILES: Final = 100_000
_NAME: Final = "backup"

Place = Callable[[str, int], Path | None]
"""Where a file goes that has this name and size in bytes; None for one that belongs in no backup."""


@record
class Member(Record):
    """A file of the box."""

    NAME: ClassVar[str] = "backup's member"

    name: str = key(1, Text(256))
    size: int = key(2, Uint())
    digest: bytes = key(3, DIGEST)


@record
class Contents(Record):
    """What the box signs: whose backup it is, of when, up to which entry of its ledger, and every file."""

    NAME: ClassVar[str] = "backup's contents"
    LIMIT: ClassVar[int] = 32 * limits.MIB
    CONTENT_TYPE: ClassVar[str] = "application/vnd.updatebox.backup+cbor"

    format: int = key(1, FORMAT)
    box: str = key(2, SHORT)
    created: int = key(3, TIME)
    sequence: int = key(4, Uint(1))
    digest: bytes = key(5, DIGEST)
    files: tuple[Member, ...] = key(6, Many(Nested(Member), _MOST_FILES, 1))


@dataclass(frozen=True, slots=True)
class Source:
    """A file that goes into a backup, and its name there."""

    name: str
    path: Path


class _PlainFile(tarfile.TarInfo):
    """A header of a file as it is written here. Others are refused when they are seen.

    Of extended headers, long names and maps of holes tarfile would read what they hold as a whole first.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type != tarfile.REGTYPE or found.size < 0:
            raise malformed(_NAME, "its archive holds something else than files")
        return found


def write(
    out: BinaryIO,
    passphrase: str,
    head: tuple[str, int],
    sources: Iterator[Source],
    sign: Callable[[tuple[Member, ...]], bytes],
    advance: Advance,
) -> int:
    """Write a backup of the box and time in `head`; returns how many files it holds.

    `sign` makes the signed object from what was written.
    """
    box, created = head
    stretched = BackupHead(
        format=limits.FORMAT_VERSION,
        box=box,
        created=created,
        salt=os.urandom(SALT),
        passes=PASSES,
        memory=MEMORY,
        lanes=LANES,
    )
    data = stretched.to_bytes()
    out.write(framed(data))
    sealing = Sealing(out, Sealer(_key(passphrase, stretched), _CONTEXT + data))
    members = []
    with tarfile.open(fileobj=sealing, mode="w|", format=tarfile.GNU_FORMAT, bufsize=RUN) as archive:
        for source in sources:
            with source.path.open("rb") as file:
                digesting = Digesting(file, advance)
                size = os.fstat(file.fileno()).st_size
                archive.addfile(_info(source.name, size), cast(BinaryIO, digesting))
            members.append(Member(name=source.name, size=size, digest=digesting.digest.digest()))
        signed = sign(tuple(members))
        archive.addfile(_info(SIGNED, len(signed)), io.BytesIO(signed))
    sealing.finish()
    return len(members)


def extract(file: BinaryIO, passphrase: str, place: Place) -> tuple[bytes, dict[str, Path]]:
    """Unpack a backup, durably; returns the signed object, and the files by name. None of it is verified.

    Raises Refusal(malformed) for what is no backup, (unsupported-format) for a later version, (pin-wrong) for
    another passphrase, (decryption-failed) where it was changed or cut off; and what `place` raises.
    """
    head, data = read_head(file)
    opening = Opening(file, Opener(_key(passphrase, head), _CONTEXT + data))
    signed: bytes | None = None
    files: dict[str, Path] = {}
    try:
        with tarfile.open(fileobj=opening, mode="r|", bufsize=RUN, tarinfo=_PlainFile) as archive:
            for info in archive:
                content = archive.extractfile(info)
                if content is None or signed is not None:
                    raise malformed(_NAME, "it holds something that does not belong in it")
                if info.name == SIGNED:
                    signed = content.read(Contents.LIMIT + limits.MAX_SIGN1_OVERHEAD)
                    continue
                path = place(info.name, info.size)
                if path is None:
                    raise malformed(_NAME, f"{info.name!r} does not belong in it")
                _unpack(cast(BinaryIO, content), path)
                files[info.name] = path
    except (tarfile.TarError, ValueError) as error:
        raise malformed(_NAME, f"its archive cannot be read ({error})") from None
    opening.finish()
    if signed is None:
        raise Refusal(Code.TRUNCATED, "the backup has no signature")
    return signed, files


def check_files(contents: Contents, files: dict[str, Path]) -> None:
    """Hold what was unpacked against what the box signed. Refusal(signature-invalid)."""
    found = dict(files)
    for member in contents.files:
        path = found.pop(member.name, None)
        if path is None or path.stat().st_size != member.size or _digest(path) != member.digest:
            raise Refusal(Code.SIGNATURE_INVALID, f"{member.name} in the backup is not what the box signed")
    if found:
        raise Refusal(Code.SIGNATURE_INVALID, f"the box did not sign {min(found)} in the backup")


def check_passphrase(passphrase: str) -> None:
    """Misuse for passphrases that protect nothing."""
    if len(passphrase) < _SHORTEST_PASSPHRASE:
        raise Misuse(f"a backup's passphrase has at least {_SHORTEST_PASSPHRASE} characters")
    if len(set(passphrase)) < _FEWEST_CHARACTERS or passphrase.isdecimal():
        raise Misuse(
            f"a backup's passphrase has at least {_FEWEST_CHARACTERS} different characters, not only digits"
        )


def _key(passphrase: str, head: BackupHead) -> bytes:
    kdf = Argon2id(
        salt=head.salt, length=KEY_SIZE, iterations=head.passes, lanes=head.lanes, memory_cost=head.memory
    )
    return kdf.derive(passphrase.encode())


def _unpack(content: BinaryIO, path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as out:
        while run := content.read(RUN):
            out.write(run)
        out.flush()
        os.fsync(out.fileno())
    sync_folder(path.parent)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info
