"""The geometry of a FAT volume, from its boot sector, with bounds on everything.

Source: Microsoft, "FAT: General Overview of On-Disk Format", 1.03 (fatgen103).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from media_format.refusal import Code, Refusal
from media_format.volume import codecs
from media_format.volume.blocks import Blocks

_SECTORS: Final = (512, 1024, 2048, 4096)
_MAX_CLUSTER: Final = 512 * 1024
_FAT12_CLUSTERS: Final = 4085
_FAT16_CLUSTERS: Final = 65525
_NO_MIRRORING: Final = 0x0080
_MAX_CLUSTERS: Final = 64 * 1024 * 1024
"""A volume of 2 TiB in clusters of 32 KiB, which mkfs.fat gives it, has as many."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where everything is, in bytes from the volume's start.

    `bits` is 12, 16 or 32. `clusters` counts data clusters; their numbers run from 2 to clusters + 1.
    `root_size` is 0 on FAT32, whose root is the chain from `root_cluster`.
    """

    bits: int
    sector: int
    cluster: int
    clusters: int
    table_offset: int
    table_size: int
    tables: int
    root_offset: int
    root_size: int
    root_cluster: int
    data_offset: int
    info_offset: int | None
    state_offset: int
    label: str

    @property
    def mask(self) -> int:
        """The bits of a FAT entry that count, all set: the mark of a chain's end."""
        return (1 << min(self.bits, 28)) - 1

    def cluster_offset(self, number: int) -> int:
        """Where a data cluster begins."""
        return self.data_offset + (number - 2) * self.cluster


def looks_like_fat(sector: bytes) -> bool:
    """Whether a boot sector could be that of a FAT volume; cheap, without judging its bounds."""
    if len(sector) < 512 or sector[510:512] != b"\x55\xaa" or sector[0] not in (0xEB, 0xE9):
        return False
    boot = codecs.boot_sector(sector)
    power = boot.sectors_per_cluster
    return boot.sector in _SECTORS and power > 0 and power & (power - 1) == 0 and boot.tables in (1, 2)


def read_geometry(blocks: Blocks) -> Geometry:
    """The volume's geometry. Refusal(medium-unreadable) names the first field that makes no sense."""
    sector = blocks.read(0, 512)
    if not looks_like_fat(sector):
        raise _damaged("no FAT boot sector")
    boot = codecs.boot_sector(sector)
    cluster = boot.sector * boot.sectors_per_cluster
    root_size = boot.root_entries * 32
    root_sectors = -(-root_size // boot.sector)
    before_data = boot.reserved + boot.tables * boot.table_sectors + root_sectors
    if boot.reserved == 0 or boot.table_sectors == 0 or boot.sectors <= before_data:
        raise _damaged("its areas do not fit into it")
    if cluster > _MAX_CLUSTER:
        raise _damaged(f"clusters of {cluster} bytes")
    if boot.sectors * boot.sector > blocks.size:
        raise _damaged("it claims to be larger than the medium")
    clusters = (boot.sectors - before_data) // boot.sectors_per_cluster
    if not 0 < clusters <= _MAX_CLUSTERS:
        raise _damaged(f"{clusters} clusters")
    bits = _table_bits(boot, clusters)
    if boot.version or boot.flags & _NO_MIRRORING:
        raise _damaged("a version or a choice of FAT that is not known here")
    if boot.table_sectors * boot.sector * 8 < (clusters + 2) * bits:
        raise _damaged("its FAT is too short for its clusters")
    root_offset = (boot.reserved + boot.tables * boot.table_sectors) * boot.sector
    info = boot.info_sector if bits == 32 and 0 < boot.info_sector < boot.reserved else None
    return Geometry(
        bits=bits,
        sector=boot.sector,
        cluster=cluster,
        clusters=clusters,
        table_offset=boot.reserved * boot.sector,
        table_size=boot.table_sectors * boot.sector,
        tables=boot.tables,
        root_offset=root_offset,
        root_size=root_size,
        root_cluster=boot.root_cluster,
        data_offset=root_offset + root_sectors * boot.sector,
        info_offset=None if info is None else info * boot.sector,
        state_offset=0x41 if bits == 32 else 0x25,
        label=boot.label,
    )


def _table_bits(boot: codecs.BootSector, clusters: int) -> int:
    """The FAT type goes by the number of clusters.

    But `mkfs.fat -F 32` makes FAT32 of any size, and Linux and fsck.fat go by the fields: a boot sector
    that is FAT32's in every field is taken for one.
    """
    if boot.wide != (boot.root_entries == 0):
        raise _damaged("its root directory is not of its FAT type")
    if boot.wide:
        return 32
    if clusters >= _FAT16_CLUSTERS:
        raise _damaged(f"{clusters} clusters, more than FAT16 has")
    return 12 if clusters < _FAT12_CLUSTERS else 16


def _damaged(why: str) -> Refusal:
    return Refusal(Code.MEDIUM_UNREADABLE, f"not a usable FAT volume: {why}")
