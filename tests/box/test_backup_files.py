"""Backup files that were made to do harm: refused before they cost what no backup of a box costs."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.box import backup_file
from media_format import cbor, limits
from media_format.backup_head import MAGIC, BackupHead
from media_format.errors import Misuse
from media_format.payload.cobblestone import Sealer
from media_format.refusal import Code
from tests.trust_world import refused

SECRET = "a long passphrase"
MIB = 1024 * 1024


def head() -> BackupHead:
    """The cheapest one."""
    return BackupHead(
        format=limits.FORMAT_VERSION, box="box-1", created=1, salt=bytes(16), passes=1, memory=8192, lanes=1
    )


def start(data: bytes) -> bytes:
    return MAGIC + len(data).to_bytes(4, "big") + data


def sealed(archive: bytes) -> bytes:
    """A backup as somebody makes it who knows the passphrase, but has no key of a box."""
    made = head()
    data = made.to_bytes()
    sealer = Sealer(backup_file._key(SECRET, made), backup_file._CONTEXT + data)
    return start(data) + sealer.update(archive) + sealer.finalize()


def extended(body: bytes) -> bytes:
    """An extended header of POSIX.1-2001 with records as they are given."""
    info = tarfile.TarInfo("PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, len(body)
    return info.tobuf(tarfile.USTAR_FORMAT) + body.ljust(-(-len(body) // 512) * 512, b"\0")


def sparse() -> bytes:
    """3 GiB of zeros in two blocks (GNU sparse format 1.0)."""
    size, made = 3 * 1024 * MIB, io.BytesIO()
    content = f"1\n{size}\n0\n".encode().ljust(512, b"\0")
    info = tarfile.TarInfo("GNUSparseFile.0/box.db")
    info.size = len(content)
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "box.db",
        "GNU.sparse.realsize": str(size),
    }
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def named(name: str) -> bytes:
    return tarfile.TarInfo(name).tobuf() + bytes(1024)


def large(kind: bytes) -> bytes:
    """A header before a file that says much: tarfile would hold all of it."""
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, 64 * MIB
    return info.tobuf(tarfile.USTAR_FORMAT) + bytes(info.size)


HARMFUL: dict[str, Callable[[], bytes]] = {
    "a file that is mostly a hole": sparse,
    "headers without end": lambda: extended(b"11 path=aa\n") * 3000 + bytes(1024),
    "a map of holes that is no number": lambda: extended(b"25 GNU.sparse.map=a,b,c,d\n") + named("box.db"),
    "a size that is no number": lambda: extended(b"23 GNU.sparse.size=abc\n") + named("box.db"),
}


@pytest.mark.parametrize("what", HARMFUL)
def test_an_archive_made_to_do_harm_is_malformed_and_leaves_nothing(what: str, tmp_path: Path) -> None:
    file = io.BytesIO(sealed(HARMFUL[what]()))
    with refused(Code.MALFORMED):
        backup_file.extract(file, SECRET, lambda name, _: tmp_path / name if name == "box.db" else None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    ],
)
def test_no_header_of_an_archive_is_held_in_memory_however_large_it_is(kind: bytes, tmp_path: Path) -> None:
    file = io.BytesIO(sealed(large(kind)))
    tracemalloc.start()
    try:
        with refused(Code.MALFORMED):
            backup_file.extract(file, SECRET, lambda name, _: tmp_path / name)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * MIB


@pytest.mark.parametrize(
    ("number", "value"), [(5, 4), (6, 64 * 1024 + 1), (7, 5)], ids=["passes", "memory", "lanes"]
)
def test_no_file_makes_a_box_stretch_a_passphrase_harder_than_its_own(
    number: int, value: int, tmp_path: Path
) -> None:
    fields = cbor.decode(head().to_bytes(), BackupHead.LIMIT, "head")
    assert isinstance(fields, dict)
    file = start(cbor.encode({**fields, number: value})) + bytes(100)
    with refused(Code.MALFORMED):
        backup_file.extract(io.BytesIO(file), SECRET, lambda name, _: tmp_path / name)


@pytest.mark.parametrize("weak", ["short", "aaaaaaaa", "abababab", "12345678", " " * 8])
def test_a_passphrase_that_is_guessed_at_once_is_refused(weak: str) -> None:
    with pytest.raises(Misuse, match="a backup's passphrase has at least"):
        backup_file.check_passphrase(weak)
