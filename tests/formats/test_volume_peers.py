"""What we write, fsck.fat finds sound and mtools reads; what mtools writes, we read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyfatfs.PyFat import PyFat

from media_format.volume.fat import FatVolume
from media_format.volume.partition import find_volume
from tests.volume import images, script
from tests.volume.memory import Memory
from tests.volume.script import Player, Step

every_shape = pytest.mark.parametrize("shape", images.SHAPES, ids=str)


def _as_mtools_reads(medium: Memory, shape: images.Shape) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        return images.get(medium.save(Path(folder) / "medium.img"), shape.start)


def _files(volume: FatVolume, folder: str = "") -> dict[str, bytes]:
    """Every file on a volume, as we read it."""
    found: dict[str, bytes] = {}
    for entry in volume.list(folder):
        path = f"{folder}/{entry.name}" if folder else entry.name
        found |= _files(volume, path) if entry.folder else {path: volume.read_object(path, entry.size)}
    return found


@every_shape
@settings(max_examples=12)
@given(steps=script.steps)
def test_any_sequence_of_writes_leaves_a_sound_volume_that_mtools_reads(
    shape: images.Shape, steps: Sequence[Step]
) -> None:
    medium = images.medium(shape, foreign=True)
    player = Player(medium)
    for step in steps:
        player.play(step)
    player.check()
    player.volume.close()
    assert images.fsck(medium, shape) == ""
    assert _as_mtools_reads(medium, shape) == {**images.FOREIGN, **player.files}


# Of other names mtools makes something else: it does not end with some letters outside code page 437,
# garbles ",~", takes "-" for a stream and "LPT1" for a printer.
_NAMES = st.from_regex(
    r"[A-Za-z\u00e4\u00c7]([A-Za-z0-9 _().\u00fc\u00f1-]{0,58}[0-9\u00e9])?", fullmatch=True
)


def _without_clashes(sizes: dict[str, int]) -> dict[str, int]:
    """The paths that can stand beside those before them: FAT knows no case, and a file is no folder."""
    seen: dict[str, tuple[str, bool]] = {}
    kept: dict[str, int] = {}
    for path, size in sizes.items():
        parts = path.split("/")
        steps = [("/".join(parts[: depth + 1]), depth + 1 < len(parts)) for depth in range(len(parts))]
        if path.upper() not in seen and all(seen.get(step[0].upper(), step) == step for step in steps):
            seen |= {step[0].upper(): step for step in steps}
            kept[path] = size
    return kept


@every_shape
@settings(max_examples=5)
@given(
    st.dictionaries(st.lists(_NAMES, min_size=1, max_size=5).map("/".join), st.integers(0, 9000), max_size=12)
)
def test_files_folders_and_long_names_written_by_mtools_are_read(
    shape: images.Shape, sizes: dict[str, int]
) -> None:
    files = {path: script.content(path, size) for path, size in _without_clashes(sizes).items()}
    with TemporaryDirectory() as folder:
        image = images.medium(shape).save(Path(folder) / "medium.img")
        if files:
            images.put(image, files, shape.start)
        medium = Memory.load(image)
    volume = FatVolume(find_volume(medium))
    assert _files(volume) == files


@every_shape
def test_pyfatfs_reads_what_was_written(shape: images.Shape) -> None:
    medium = images.medium(shape)
    player = Player(medium)
    player.play(script.Write("UPDATEBX/PACKAGES/0A1B2C3D/PAYLOAD.000", 7, 1))
    player.play(script.Many("UPDATEBX", 40))
    player.volume.close()
    with TemporaryDirectory() as folder:
        peer = PyFat(offset=shape.start)
        peer.open(str(medium.save(Path(folder) / "medium.img")), read_only=True)
        read = {}
        for root, _, entries in peer.root_dir.walk():
            for entry in entries:
                clusters = peer.get_cluster_chain(entry.get_cluster())
                data = b"".join(peer.read_cluster_contents(cluster) for cluster in clusters)
                read[f"{root}/{entry.get_short_name()}".lstrip("/")] = data[: entry.filesize]
        peer.close()
    assert read == player.files
