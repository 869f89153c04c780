"""pyfatfs's codecs for boot sectors and short names; the only module that imports pyfatfs.

Its file layer is not used (docs/adr/0005-dependencies.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyfatfs import FAT_OEM_ENCODING
from pyfatfs.BootSectorHeader import BootSectorHeader, FAT12BootSectorHeader, FAT32BootSectorHeader
from pyfatfs.EightDotThree import EightDotThree
from pyfatfs.FSInfo import FSInfo

from media_format.errors import Misuse

_DELETED: Final = 0xE5
_KANJI: Final = 0x05
"""Stands for a first letter 0xE5, which would mark the entry as deleted."""


@dataclass(frozen=True, slots=True)
class BootSector:
    """The fields of a boot sector that matter here. Not checked.

    `wide` says that the fields are laid out as on FAT32; on others `flags` and `version` are 0.
    """

    wide: bool
    sector: int
    sectors_per_cluster: int
    reserved: int
    tables: int
    root_entries: int
    sectors: int
    table_sectors: int
    root_cluster: int
    info_sector: int
    flags: int
    version: int
    label: str


def boot_sector(data: bytes) -> BootSector:
    """Decode 512 bytes."""
    common = BootSectorHeader()
    common.parse_header(data)
    wide = common["BPB_FATSz16"] == 0
    header = FAT32BootSectorHeader() if wide else FAT12BootSectorHeader()
    header.parse_header(data)
    return BootSector(
        wide=wide,
        sector=header["BPB_BytsPerSec"],
        sectors_per_cluster=header["BPB_SecPerClus"],
        reserved=header["BPB_RsvdSecCnt"],
        tables=header["BPB_NumFATs"],
        root_entries=header["BPB_RootEntCnt"],
        sectors=header["BPB_TotSec16"] or header["BPB_TotSec32"],
        table_sectors=header["BPB_FATSz32"] if wide else header["BPB_FATSz16"],
        root_cluster=header["BPB_RootClus"] if wide else 0,
        info_sector=header["BPB_FSInfo"] if wide else 0,
        flags=header["BPB_ExtFlags"] if wide else 0,
        version=header["BPB_FSVer"] if wide else 0,
        label=_text(header["BS_VolLab"]),
    )


def short_name(raw: bytes, lower_body: bool = False, lower_extension: bool = False) -> str:
    """The name in the 11 bytes of a directory entry, as "NAME.EXT", or with parts in lower case."""
    if raw[0] == _KANJI:
        raw = bytes([_DELETED]) + raw[1:]
    body = raw[:8].decode(FAT_OEM_ENCODING).rstrip()
    extension = raw[8:].decode(FAT_OEM_ENCODING).rstrip()
    body = body.lower() if lower_body else body
    extension = extension.lower() if lower_extension else extension
    return f"{body}.{extension}" if extension else body


def find_short_name(name: str) -> bytes | None:
    """The 11 bytes in which a directory entry keeps this upper-case name; None where none can."""
    body, _, extension = name.rpartition(".") if "." in name else (name, "", "")
    try:
        raw = body.encode(FAT_OEM_ENCODING).ljust(8) + extension.encode(FAT_OEM_ENCODING).ljust(3)
    except UnicodeEncodeError:
        return None
    if raw[0] == _DELETED:
        raw = bytes([_KANJI]) + raw[1:]
    return raw if len(raw) == 11 else None


def short_name_bytes(name: str) -> bytes:
    """The 11 bytes for an upper-case 8.3 name. Misuse for any other."""
    body, dot, extension = name.partition(".")
    plain = f"{body}{extension}".replace("_", "").replace("-", "")
    if (
        name != name.upper()
        or not (plain.isascii() and plain.isalnum())
        or not 1 <= len(body) <= 8
        or len(extension) > 3
        or bool(dot) != bool(extension)
    ):
        raise Misuse(f"{name!r} is not an upper-case 8.3 name")
    encoded = EightDotThree()
    encoded.set_str_name(name)
    return bytes(encoded)


def short_name_checksum(raw: bytes) -> int:
    """The checksum that ties long name entries to their short name."""
    name = EightDotThree()
    name.set_byte_name(raw)
    return int(name.checksum())


def free_space_sector(free: int, following: int) -> bytes:
    """The 512 bytes of an FSInfo sector."""
    return bytes(FSInfo(free, following))


def is_free_space_sector(data: bytes) -> bool:
    """Whether these 512 bytes are an FSInfo sector."""
    info = FSInfo()
    info.parse_header(data)
    return (info["FSI_LeasSig"], info["FSI_StrucSig"]) == (FSInfo.LEAD_SIG_MAGIC, FSInfo.STRUCT_SIG_MAGIC)


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace").strip("\0 ").replace("NO NAME", "")
