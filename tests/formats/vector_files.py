"""The test vectors as tests take them. tests/formats/vectors/README.md says what they are."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from media_format.objects import Kem
from media_format.payload import hpke
from media_format.refusal import Refusal

FOLDER = Path(__file__).parent / "vectors"
KINDS = ("encoding", "objects", "signed", "pages", "chunks", "payload", "recipients", "packages")


class Vector:
    """One vector: its fields by name, byte strings out of their hexadecimal form."""

    def __init__(self, folder: Path, fields: dict[str, Any]) -> None:
        self.folder = folder
        self.fields = fields
        self.name: str = fields["name"]

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def unhex(self, name: str) -> bytes:
        """A byte string of the vector."""
        return bytes.fromhex(self.fields[name])

    @property
    def data(self) -> bytes:
        """What the vector is about: `data`, or the contents of `file`."""
        return self.unhex("data") if "data" in self.fields else self.file(self.fields["file"])

    def file(self, name: str) -> bytes:
        """A file beside the index."""
        return (self.folder / name).read_bytes()

    @contextlib.contextmanager
    def judged(self) -> Iterator[None]:
        """What happens inside must end as the vector says: without a refusal, or with this one."""
        if self["refusal"] is None:
            yield
            return
        with pytest.raises(Refusal) as caught:
            yield
        assert caught.value.code == self["refusal"], caught.value


def vectors(kind: str, folder: Path = FOLDER) -> list[Vector]:
    """The vectors of one kind."""
    index = json.loads((folder / kind / "index.json").read_text())
    return [Vector(folder / kind, fields) for fields in index]


class PrivateKeys:
    """The private halves of a recipient's key, from the PKCS #8 of a vector."""

    def __init__(self, private: dict[str, str]) -> None:
        self._p256, self._ml_kem, self._x25519 = (
            load_der_private_key(bytes.fromhex(private[name]), None) if name in private else None
            for name in ("p256", "ml_kem_768", "x25519")
        )

    def open_layer(self, kem: Kem, encapsulation: bytes, ciphertext: bytes, info: bytes) -> bytes:
        """Open one HPKE layer."""
        return hpke.open_with_private(kem, self._private(kem), encapsulation, ciphertext, info)

    def _private(self, kem: Kem) -> hpke.PrivateKey:
        if kem is Kem.P256:
            assert isinstance(self._p256, ec.EllipticCurvePrivateKey)
            return self._p256
        assert isinstance(self._ml_kem, mlkem.MLKEM768PrivateKey)
        assert isinstance(self._x25519, x25519.X25519PrivateKey)
        return MLKEM768X25519PrivateKey(self._ml_kem, self._x25519)

    @property
    def xwing(self) -> bytes | None:
        """The public X-Wing half, where there is one."""
        if self._ml_kem is None:
            return None
        assert isinstance(self._ml_kem, mlkem.MLKEM768PrivateKey)
        assert isinstance(self._x25519, x25519.X25519PrivateKey)
        return self._ml_kem.public_key().public_bytes_raw() + self._x25519.public_key().public_bytes_raw()

    @property
    def p256(self) -> object:
        """The public P-256 half."""
        assert isinstance(self._p256, ec.EllipticCurvePrivateKey)
        return self._p256.public_key()
