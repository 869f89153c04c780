"""Certificates whose contents are wrong in one place."""

from __future__ import annotations

from typing import Final

from cryptography import x509

from appliance.trust.profile import DEVICE_KIND, ROLE_IDENTITY, ca_key_usage, key_id
from appliance.trust.purpose import Purpose
from media_format.refusal import Code
from tests.trust_openssl.breakage import authorities, below_the_root, broken, leaf, rows
from tests.trust_openssl.forms import HolderKey, World
from tests.trust_openssl.keys import BRAINPOOL, P521, RSA, SECP256K1
from tests.trust_openssl.surgery import extension_twice, version_1, with_serial
from tests.trust_openssl.worlds import UNKNOWN

PROFILE: Final = "a certificate has exactly one purpose, and the key usage that goes with it"
KEYS: Final = "the format knows P-256, P-384 and Ed25519, and seals to P-256 alone"
_KEY_USAGE: Final = x509.KeyUsage.oid


# Extensions


@broken(below_the_root)
def an_unknown_extension_is_critical(world: World, place: int) -> None:
    world.chain[place].extensions.put(x509.UnrecognizedExtension(UNKNOWN, b"\5\0"), critical=True)


@broken(below_the_root, Code.MALFORMED)
def an_extension_is_there_twice(world: World, place: int) -> None:
    world.chain[place].afterwards = extension_twice


@broken(leaf, Code.PURPOSE_MISMATCH, stricter=PROFILE)
def the_leaf_is_a_ca(world: World, place: int) -> None:
    world.chain[place].extensions.put(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    world.chain[place].extensions.put(ca_key_usage(), critical=True)


@broken(leaf, Code.PURPOSE_MISMATCH, stricter=PROFILE)
def the_leafs_key_may_do_more(world: World, place: int) -> None:
    usage = {field: True for field in ("digital_signature", "key_agreement")}
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_cert_sign", "crl_sign")
    none = dict.fromkeys((*others, "encipher_only", "decipher_only"), False)
    world.chain[place].extensions.put(x509.KeyUsage(**usage, **none), critical=True)


@broken(leaf, Code.PURPOSE_MISMATCH, stricter=PROFILE)
def the_leaf_has_no_key_usage(world: World, place: int) -> None:
    world.chain[place].extensions.take(_KEY_USAGE)


@broken(below_the_root, Code.PURPOSE_MISMATCH, stricter=PROFILE)
def a_purpose_is_missing(world: World, place: int) -> None:
    world.chain[place].extensions.take(x509.ExtendedKeyUsage.oid)


@broken(below_the_root, Code.PURPOSE_MISMATCH, stricter=PROFILE)
def a_purpose_is_another(world: World, place: int) -> None:
    other = Purpose.DEVICE_CA if world.purpose.issuer is not Purpose.DEVICE_CA else Purpose.BOX_CA
    world.chain[place].extensions.put(x509.ExtendedKeyUsage([other.oid]))


@broken(below_the_root, Code.PURPOSE_MISMATCH, stricter=PROFILE)
def there_is_another_purpose_besides(world: World, place: int) -> None:
    both = [world.purpose.oid, (world.purpose.issuer or world.purpose).oid]
    world.chain[place].extensions.put(x509.ExtendedKeyUsage(both))


@broken(leaf, Code.PURPOSE_MISMATCH, stricter="the profile's own extensions are required")
def nobody_is_named(world: World, place: int) -> None:
    world.chain[place].extensions.take(ROLE_IDENTITY)


@broken(leaf, Code.MALFORMED, stricter="the profile's own extensions are read strictly")
def who_is_named_cannot_be_read(world: World, place: int) -> None:
    world.chain[place].extensions.put(x509.UnrecognizedExtension(ROLE_IDENTITY, b"\x30\0"))


@broken(
    leaf, Code.PURPOSE_MISMATCH, stricter="the profile's own extensions are those of the purpose, no more"
)
def the_kind_of_device_is_there_or_missing_against_the_purpose(world: World, place: int) -> None:
    extensions = world.chain[place].extensions
    if DEVICE_KIND in extensions.by_oid:
        extensions.take(DEVICE_KIND)
    else:
        extensions.put(x509.UnrecognizedExtension(DEVICE_KIND, b"\x30\x09\x0c\x01a\x0c\x01b\x0c\x01c"))


# Keys, versions, serial numbers, names


@broken(leaf, Code.CHAIN_INVALID, Code.PURPOSE_MISMATCH, stricter=KEYS)
def the_leafs_key_is_rsa(world: World, place: int) -> None:
    _certify(world, place, RSA)


@broken(leaf, Code.CHAIN_INVALID, Code.PURPOSE_MISMATCH, stricter=KEYS)
def the_leafs_key_is_on_p_521(world: World, place: int) -> None:
    _certify(world, place, P521)


@broken(leaf, Code.CHAIN_INVALID, Code.PURPOSE_MISMATCH, stricter=KEYS)
def the_leafs_key_is_on_bitcoins_curve(world: World, place: int) -> None:
    _certify(world, place, SECP256K1)


@broken(leaf, Code.CHAIN_INVALID, Code.PURPOSE_MISMATCH, stricter=KEYS)
def the_leafs_key_is_on_a_brainpool_curve(world: World, place: int) -> None:
    _certify(world, place, BRAINPOOL)


@broken(leaf, stricter="certificates are of version 3")
def the_leaf_is_of_version_1(world: World, place: int) -> None:
    world.chain[place].afterwards = version_1


@broken(authorities)
def an_authority_is_of_version_1(world: World, place: int) -> None:
    world.chain[place].afterwards = version_1


@broken(below_the_root, Code.MALFORMED, stricter="serial numbers are positive (RFC 5280, 4.1.2.2)")
def the_serial_number_is_negative(world: World, place: int) -> None:
    world.chain[place].afterwards = with_serial(b"\xff\x01")


@broken(below_the_root, Code.MALFORMED, stricter="serial numbers are positive (RFC 5280, 4.1.2.2)")
def the_serial_number_is_zero(world: World, place: int) -> None:
    world.chain[place].afterwards = with_serial(b"\0")


@broken(leaf)
def the_leaf_has_no_name(world: World, place: int) -> None:
    world.chain[place].subject = x509.Name([])


def _certify(world: World, place: int, key: HolderKey) -> None:
    form = world.chain[place]
    form.key = key
    form.extensions.put(x509.SubjectKeyIdentifier(key_id(key.public_key())))


CERTIFICATES: Final = rows(vars())
