"""Vectors of the encoding alone."""

from __future__ import annotations

from pathlib import Path

from media_format import cbor
from media_format.refusal import Code
from tests.formats.vector_makers.files import Folder

_VALID: tuple[tuple[str, cbor.Value], ...] = (
    ("the smallest number", 0),
    ("the largest number in one byte", 23),
    ("the smallest number in two bytes", 24),
    ("a number of 64 bits", 2**64 - 1),
    ("the least negative number", -1),
    ("the most negative number", -(2**64)),
    ("false", False),
    ("true", True),
    ("null", None),
    ("no bytes", b""),
    ("256 bytes", bytes(256)),
    ("text beyond ASCII", "Größe 水"),
    ("an empty array", []),
    ("an array", [1, [2, b"3"], "4"]),
    ("an empty map", {}),
    ("map keys in the order of their encoding", {10: 1, 100: 2, -1: 3, "z": 4, "aa": 5}),
    ("a tag", cbor.Tag(98, [0])),
    ("sixteen arrays in one another", [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]),
)

_REFUSED: tuple[tuple[str, str], ...] = (
    ("nothing", ""),
    ("a number that is not in its shortest form", "1817"),
    ("a length that is not in its shortest form", "580100"),
    ("an array of indefinite length", "9f00ff"),
    ("a map of indefinite length", "bf0000ff"),
    ("bytes of indefinite length", "5f4100ff"),
    ("half precision", "f93c00"),
    ("single precision", "fa3f800000"),
    ("double precision", "fb3ff0000000000000"),
    ("undefined", "f7"),
    ("a simple value in two bytes", "f8ff"),
    ("a reserved length", "1c"),
    ("bytes that end too early", "4200"),
    ("an array longer than what is there", "9b7fffffffffffffff"),
    ("a map longer than what is there", "bb7fffffffffffffff"),
    ("map keys out of order", "a201000000"),
    ("a map key twice", "a200000000"),
    ("a map key that is a byte string", "a1410000"),
    ("a map key that is true", "a1f500"),
    ("a map key that is an array", "a18000"),
    ("text that is not UTF-8", "61ff"),
    ("half of a surrogate pair", "63eda080"),
    ("bytes after the end", "0000"),
    ("seventeen arrays in one another", "81" * 16 + "80"),
)


def make(root: Path) -> None:
    folder = Folder(root, "encoding")
    for name, value in _VALID:
        folder.add(name, data=cbor.encode(value).hex())
    for name, data in _REFUSED:
        folder.add(name, Code.MALFORMED, data=data)
    folder.write()
