"""Folders of a FAT volume: the entries in them, with long names read and short names written."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from media_format.volume import codecs

ENTRY: Final = 32
MAX_BYTES: Final = 65536 * ENTRY
"""The FAT specification allows 65,536 entries in a folder."""

_RAW: Final = struct.Struct("<11sBB7xH4xHL")
"""Short name, attributes, case of the name, the two halves of the first cluster, size."""
_LOWER_BODY: Final = 0x08
_LOWER_EXTENSION: Final = 0x10
"""Windows NT and after: the short name is meant in lower case."""
_FREE: Final = (0x00, 0xE5)
_DELETED: Final = 0xE5
_LONG_NAME: Final = 0x0F
_VOLUME_LABEL: Final = 0x08
_FOLDER: Final = 0x10
_ARCHIVE: Final = 0x20
_LAST_LONG: Final = 0x40
_DOTS: Final = (b".".ljust(11), b"..".ljust(11))
_FORBIDDEN: Final = frozenset('"*/:<>?\\|')
_DATE: Final = 0x0021
"""1980-01-01, the first date FAT knows: a medium does not tell when it was written."""


class FolderEntry(NamedTuple):
    """One name. `at` is where its 32 bytes stand in the folder, `start` where its long name begins."""

    name: str
    short: str
    folder: bool
    cluster: int
    size: int
    start: int
    at: int


def parse(content: bytes) -> Iterator[FolderEntry]:
    """The entries of a folder but "." and "..". Where a long name is damaged, the short one stands for it."""
    long_start: int | None = None
    for place, raw in enumerate(_RAW.iter_unpack(content)):
        first, attributes = raw[0][0], raw[1]
        if first == 0x00:
            return
        if first != _DELETED and attributes & 0x3F == _LONG_NAME:
            if first & _LAST_LONG:
                long_start = place * ENTRY
            continue
        if first != _DELETED and not attributes & _VOLUME_LABEL and raw[0] not in _DOTS:
            yield _named(content, place * ENTRY, long_start, raw)
        long_start = None


def find(content: bytes, name: str) -> FolderEntry | None:
    """The entry that a part of a path means: by its short name, else its long one; case does not matter."""
    folded = name.upper()
    for at in _places(content, codecs.find_short_name(folded)):
        begin = at
        while begin and content[begin - ENTRY + 11] & 0x3F == _LONG_NAME:
            begin -= ENTRY
        for entry in parse(content[begin : at + ENTRY]):
            if entry.short.upper() == folded:
                return entry._replace(start=begin + entry.start, at=begin + entry.at)
    return next(
        (entry for entry in parse(content) if folded in (entry.name.upper(), entry.short.upper())), None
    )


def _places(content: bytes, raw: bytes | None) -> Iterator[int]:
    """Where among the entries in use this short name stands; most often the only look that is needed."""
    end = content[::ENTRY].find(0) * ENTRY
    at = -1 if raw is None else content.find(raw, 0, end if end >= 0 else None)
    while raw is not None and at >= 0:
        if at % ENTRY == 0:
            yield at
        at = content.find(raw, at + 1, end if end >= 0 else None)


def _named(
    content: bytes, at: int, long_start: int | None, raw: tuple[bytes, int, int, int, int, int]
) -> FolderEntry:
    """The entry at `at`, and the long name that begins at `long_start`."""
    name, attributes, case, high, low, size = raw
    lower = (bool(case & _LOWER_BODY), bool(case & _LOWER_EXTENSION))
    short = _harmless(codecs.short_name(name, *lower))
    is_folder = bool(attributes & _FOLDER)
    long_name = None if long_start is None else _long_name(content[long_start:at], name)
    start = at if long_name is None or long_start is None else long_start
    return FolderEntry(
        long_name or short, short, is_folder, high << 16 | low, 0 if is_folder else size, start, at
    )


def label(content: bytes) -> str | None:
    """The volume label among a root folder's entries."""
    for at in range(0, len(content) - ENTRY + 1, ENTRY):
        raw = content[at : at + ENTRY]
        if raw[0] == 0x00:
            return None
        if raw[0] != _DELETED and raw[11] & 0x3F == _VOLUME_LABEL:
            return raw[:11].decode("ascii", "replace").strip()
    return None


def free_places(content: bytes) -> int:
    """How many more names fit without the folder growing."""
    firsts = content[::ENTRY]
    end = firsts.find(0)
    taken = firsts if end < 0 else firsts[:end]
    return len(firsts) - len(taken) + taken.count(_DELETED)


def first_free_place(content: bytes) -> int:
    """Where a new entry goes; there must be a place."""
    firsts = content[::ENTRY]
    return min(place for place in (firsts.find(mark) for mark in _FREE) if place >= 0) * ENTRY


def file_entry(name: str, cluster: int, size: int) -> bytes:
    """The 32 bytes of a file's entry."""
    return _entry(codecs.short_name_bytes(name), _ARCHIVE, cluster, size)


def folder_entry(name: str, cluster: int) -> bytes:
    """The 32 bytes of a folder's entry."""
    return _entry(codecs.short_name_bytes(name), _FOLDER, cluster, 0)


def new_folder(cluster: int, parent: int, size: int) -> bytes:
    """The first cluster of a new folder; `parent` is 0 where that is the root."""
    own = _entry(_DOTS[0], _FOLDER, cluster, 0)
    above = _entry(_DOTS[1], _FOLDER, parent, 0)
    return (own + above).ljust(size, b"\0")


def deleted(content: bytes, entry: FolderEntry) -> bytes:
    """The bytes from `entry.start` on that mark an entry and its long name as deleted."""
    raw = bytearray(content[entry.start : entry.at + ENTRY])
    raw[::ENTRY] = bytes([_DELETED]) * (len(raw) // ENTRY)
    return bytes(raw)


def _entry(name: bytes, attributes: int, cluster: int, size: int) -> bytes:
    head = struct.pack("<11sB8xHHHHL", name, attributes, cluster >> 16, 0, _DATE, cluster & 0xFFFF, size)
    # Creation and access dates stand in the eight bytes left out above.
    return head[:16] + struct.pack("<HH", _DATE, _DATE) + head[20:]


def _long_name(parts: bytes, short: bytes) -> str | None:
    """The long name before a short one; None where its pieces do not belong together."""
    checksum = codecs.short_name_checksum(short)
    count = len(parts) // ENTRY
    text = b""
    for place in range(count):
        raw = parts[place * ENTRY : (place + 1) * ENTRY]
        if raw[0] & 0x3F != count - place or raw[13] != checksum:
            return None
        text = raw[1:11] + raw[14:26] + raw[28:32] + text
    name = text.decode("utf-16-le", "replace").split("\0", 1)[0]
    return _harmless(name) if name and count <= 20 else None


def _harmless(name: str) -> str:
    """A name without the characters that FAT forbids in it: they could pass for a path or move a cursor."""
    if name.isprintable() and _FORBIDDEN.isdisjoint(name):
        return name
    return "".join(
        letter if letter.isprintable() and letter not in _FORBIDDEN else "\ufffd" for letter in name
    )
