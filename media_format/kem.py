"""The key encapsulation mechanisms under which content keys travel (RFC 9180, section 7.1).

They stand apart from the objects that name them: a keystore needs these, and none of those.
"""

from __future__ import annotations

from enum import IntEnum


class Kem(IntEnum):
    """HPKE key encapsulation mechanisms; KDF is HKDF-SHA256 (1), AEAD AES-256-GCM (2)."""

    P256 = 0x0010
    XWING = 0x647A
