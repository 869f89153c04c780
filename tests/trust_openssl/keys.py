"""A small pool of keys that are the same in every run: examples are cheap and can be repeated."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUERS: Final = tuple(
    ec.derive_private_key(1_000_003 + number, curve)
    for number in range(4)
    for curve in (ec.SECP384R1(), ec.SECP256R1())
)
"""Keys of authorities."""
STRANGER: Final = ec.derive_private_key(77_777, ec.SECP384R1())
"""A key that no certificate names."""
HOLDER: Final = ec.derive_private_key(2_000_003, ec.SECP256R1())
"""The key of a box, a device or a signer; the only kind that can be sealed to."""
OTHER_SIGNERS: Final = (
    ec.derive_private_key(3_000_017, ec.SECP384R1()),
    ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
)
"""Other kinds of key that a release may be signed with."""
SECP256K1: Final = ec.derive_private_key(4_000_037, ec.SECP256K1())
P521: Final = ec.derive_private_key(4_000_081, ec.SECP521R1())
BRAINPOOL: Final = ec.derive_private_key(4_000_039, ec.BrainpoolP256R1())
RSA: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
"""Kinds of key that the format does not use. The RSA key is another one in every run."""
