"""Names on the medium: write-once files with upper-case 8.3 names, readable by the smallest FAT driver."""

from __future__ import annotations

import hashlib
import re
from typing import Final

ROOT: Final = "UPDATEBX"
REQUESTS: Final = f"{ROOT}/REQUESTS"
PACKAGES: Final = f"{ROOT}/PACKAGES"
RECEIPTS: Final = f"{ROOT}/RECEIPTS"
TRUST: Final = f"{ROOT}/TRUST"

REQUEST_SUFFIX: Final = ".REQ"
RECEIPT_SUFFIX: Final = ".RCP"
CRL_SUFFIX: Final = ".CRL"
DIRECTIVE_SUFFIX: Final = ".DIR"

MANIFEST: Final = "MANIFEST.CBR"
CHUNKS: Final = "CHUNKS.CBR"
ENVELOPE: Final = "ENVELOPE.CBR"
"""Written last: it makes a package exist."""

_STEM: Final = re.compile("[0-9A-Z]{1,8}")


def stem(data: bytes) -> str:
    """The 8 hexadecimal digits that name a file by its content. Readers do not rely on names."""
    return hashlib.sha256(data).hexdigest()[:8].upper()


def package_folder(package_id: bytes) -> str:
    """The folder of a package."""
    return f"{PACKAGES}/{package_id[:4].hex().upper()}"


def segment(number: int) -> str:
    """The name of the payload's file `number`, counted from 0 to 999."""
    return f"PAYLOAD.{number:03d}"


def inside(folder: str, name: str) -> str:
    """The path of a name in a folder; "" is the root of the medium."""
    return f"{folder}/{name}" if folder else name


def is_object(name: str, suffix: str) -> bool:
    """Whether a name can be an object of ours; sidecar files ("._X", "Thumbs.db") are not.

    An empty suffix asks about folders. Case does not matter: some systems show names in lower case.
    """
    shown = name.upper()
    return shown.endswith(suffix) and _STEM.fullmatch(shown.removesuffix(suffix)) is not None
