"""The vectors of whole packages: a device reads each from a medium and installs it, or refuses it by name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.formats.package_vectors import Device, medium
from tests.formats.vector_files import KINDS, Vector, vectors
from tests.formats.vector_makers.__main__ import make_all

_ALL = vectors("packages")


@pytest.mark.parametrize("vector", _ALL, ids=[vector.name for vector in _ALL])
def test_every_package_is_installed_or_refused_by_name(vector: Vector, tmp_path: Path) -> None:
    install(vector, tmp_path)


def test_vectors_made_anew_say_the_same(tmp_path: Path) -> None:
    made = tmp_path / "vectors"
    make_all(made)
    for kind in KINDS:
        fresh, stored = vectors(kind, made), vectors(kind)
        assert [(one.name, one["refusal"]) for one in fresh] == [(one.name, one["refusal"]) for one in stored]
    for number, vector in enumerate(vectors("packages", made)):
        install(vector, tmp_path / str(number))


def install(vector: Vector, root: Path) -> None:
    root.mkdir(exist_ok=True)
    volume = medium(vector, root)
    try:
        with vector.judged():
            installed = Device(vector, volume).install()
            assert {name: hashlib.sha256(data).hexdigest() for name, data in installed.items()} == vector[
                "components"
            ]
    finally:
        volume.close()
