"""Vectors of the sealed payload. Byte i of every plaintext is i mod 251."""

from __future__ import annotations

import hashlib
from pathlib import Path

from media_format.payload.cobblestone import HEADER, Sealer
from media_format.payload.context import payload_context
from media_format.refusal import Code
from tests.formats.vector_makers import keys
from tests.formats.vector_makers.files import Folder

_KEY = keys.drawn("content key")
_PACKAGE = keys.drawn("package", 16)
_MANIFEST = keys.drawn("manifest")
_BLOCK = 16384 + 16


def plaintext(length: int) -> bytes:
    return bytes(place % 251 for place in range(length))


def _sealed(length: int) -> bytes:
    sealer = Sealer(_KEY, payload_context(_PACKAGE, _MANIFEST))
    return sealer.update(plaintext(length)) + sealer.finalize()


def _flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def make(root: Path) -> None:
    folder = Folder(root, "payload")
    for length in (0, 1, 16383, 16384, 40000):
        _add(folder, f"a payload of {length} bytes", _sealed(length), plain=plaintext(length))
    good = folder.file("a-payload-to-be-changed.bin", _sealed(40000))
    for name, key, package, manifest in (
        ("another content key", keys.drawn("another"), _PACKAGE, _MANIFEST),
        ("another package", _KEY, keys.drawn("another", 16), _MANIFEST),
        ("another release", _KEY, _PACKAGE, keys.drawn("another")),
    ):
        _entry(folder, name, good, Code.DECRYPTION_FAILED, key, package, manifest)
    data = _sealed(40000)
    first, second = data[HEADER : HEADER + _BLOCK], data[HEADER + _BLOCK : HEADER + 2 * _BLOCK]
    rest = data[HEADER + 2 * _BLOCK :]
    for name, changed, code in (
        ("a changed salt", _flipped(data, 0), Code.DECRYPTION_FAILED),
        ("a changed commitment", _flipped(data, 30), Code.DECRYPTION_FAILED),
        ("a changed block", _flipped(data, HEADER + 20000), Code.DECRYPTION_FAILED),
        ("a changed tag at the end", _flipped(data, len(data) - 1), Code.DECRYPTION_FAILED),
        ("blocks in another order", data[:HEADER] + second + first + rest, Code.DECRYPTION_FAILED),
        ("a block left out", data[:HEADER] + first + rest, Code.DECRYPTION_FAILED),
        ("cut within a block", data[:-1000], Code.DECRYPTION_FAILED),
        ("cut after a whole block", data[: HEADER + 2 * _BLOCK], Code.TRUNCATED),
        ("nothing but the header", data[:HEADER], Code.TRUNCATED),
        ("half a header", data[:20], Code.TRUNCATED),
        ("a byte too many", data + b"\0", Code.DECRYPTION_FAILED),
    ):
        _add(folder, name, changed, code)
    folder.write()


def _add(
    folder: Folder, name: str, data: bytes, code: Code | None = None, plain: bytes | None = None
) -> None:
    file = folder.file(f"{name.replace(' ', '-')}.bin", data)
    _entry(folder, name, file, code, _KEY, _PACKAGE, _MANIFEST, plain)


def _entry(
    folder: Folder,
    name: str,
    file: str,
    code: Code | None,
    key: bytes,
    package: bytes,
    manifest: bytes,
    plain: bytes | None = None,
) -> None:
    fields: dict[str, object] = {}
    if plain is not None:
        places = [(0, 0), (0, 1), (16380, 8), (16384, 16), (32768, 7232), (len(plain) - 1, 1)]
        fields["sha256"] = hashlib.sha256(plain).hexdigest()
        fields["reads"] = [
            {
                "offset": offset,
                "sha256": hashlib.sha256(plain[offset : offset + length]).hexdigest(),
                "length": length,
            }
            for offset, length in places
            if offset >= 0 and offset + length <= len(plain)
        ]
    folder.add(
        name,
        code,
        file=file,
        content_key=key.hex(),
        package_id=package.hex(),
        manifest_digest=manifest.hex(),
        context=payload_context(package, manifest).hex(),
        **fields,
    )
