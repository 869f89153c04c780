"""Paths that are wrong in one place: who issued what, what a CA may do, and until when."""

from __future__ import annotations

from typing import Final

from cryptography import x509

from appliance.trust.profile import key_id, leaf_key_usage
from appliance.trust.purpose import Purpose
from media_format.refusal import Code
from tests.trust_openssl.breakage import (
    authorities,
    below_the_root,
    broken,
    issuers,
    leaf,
    root,
    rows,
)
from tests.trust_openssl.forms import World
from tests.trust_openssl.keys import STRANGER
from tests.trust_openssl.surgery import (
    flip_signature,
    say_another_hash,
    sign_with_sha1,
)
from tests.trust_openssl.worlds import name
from tests.trust_world import DAY

_KEY_USAGE: Final = x509.KeyUsage.oid
_LOCALITY: Final = x509.NameConstraints(
    permitted_subtrees=[x509.DirectoryName(name("elsewhere", 9))], excluded_subtrees=None
)


# Signatures and who issued what


@broken(below_the_root)
def a_bit_of_the_signature_is_flipped(world: World, place: int) -> None:
    world.chain[place].afterwards = flip_signature


@broken(below_the_root)
def signed_by_a_stranger_under_the_issuers_name(world: World, place: int) -> None:
    world.chain[place].signer = STRANGER


@broken(below_the_root)
def issued_under_another_name(world: World, place: int) -> None:
    world.chain[place].issuer = name("somebody else", 9)


@broken(below_the_root)
def signed_over_sha_1(world: World, place: int) -> None:
    world.chain[place].afterwards = sign_with_sha1


@broken(below_the_root)
def the_outer_signature_algorithm_is_another(world: World, place: int) -> None:
    world.chain[place].afterwards = say_another_hash


@broken(root)
def another_root_of_the_same_name_is_pinned(world: World, place: int) -> None:
    form = world.chain[place]
    form.key = form.signer = STRANGER
    form.extensions.put(x509.SubjectKeyIdentifier(key_id(STRANGER.public_key())))
    form.extensions.put(x509.AuthorityKeyIdentifier(key_id(STRANGER.public_key()), None, None))


@broken(authorities)
def an_authority_does_not_come_along(world: World, place: int) -> None:
    world.sent.remove(place)


@broken(leaf, authorities=2, stricter="x5chain is in the order of the path (RFC 9360, 2)")
def the_authorities_come_along_in_another_order(world: World, _place: int) -> None:
    world.sent = [0, 2, 1]


@broken(authorities, stricter="a chain holds no certificate that does not belong to it")
def an_authority_comes_along_twice(world: World, place: int) -> None:
    world.sent.insert(place, place)


# Key identifiers


@broken(below_the_root)
def the_authority_key_identifier_names_another_key(world: World, place: int) -> None:
    world.chain[place].extensions.put(x509.AuthorityKeyIdentifier(bytes(32), None, None))


@broken(below_the_root)
def there_is_no_authority_key_identifier(world: World, place: int) -> None:
    world.chain[place].extensions.take(x509.AuthorityKeyIdentifier.oid)


@broken(issuers)
def the_subject_key_identifier_is_of_another_key(world: World, place: int) -> None:
    world.chain[place].extensions.put(x509.SubjectKeyIdentifier(bytes(32)))


@broken(issuers)
def there_is_no_subject_key_identifier(world: World, place: int) -> None:
    world.chain[place].extensions.take(x509.SubjectKeyIdentifier.oid)


@broken(leaf, stricter="every subject key identifier is the key's SHA-256")
def the_leafs_subject_key_identifier_is_of_another_key(world: World, place: int) -> None:
    world.chain[place].extensions.put(x509.SubjectKeyIdentifier(bytes(32)))


# What a CA may do


@broken(issuers)
def an_issuer_is_no_ca(world: World, place: int) -> None:
    world.chain[place].extensions.put(x509.BasicConstraints(ca=False, path_length=None), critical=True)


@broken(issuers)
def an_issuer_has_no_basic_constraints(world: World, place: int) -> None:
    world.chain[place].extensions.take(x509.BasicConstraints.oid)


@broken(issuers)
def an_issuers_basic_constraints_are_not_critical(world: World, place: int) -> None:
    world.chain[place].extensions.put(x509.BasicConstraints(ca=True, path_length=None))


@broken(root, authorities=1)
def the_root_leaves_no_room_for_an_authority(world: World, place: int) -> None:
    world.chain[place].extensions.put(x509.BasicConstraints(ca=True, path_length=0), critical=True)


@broken(lambda _world: range(2, 4), authorities=2)
def an_issuer_leaves_no_room_for_what_stands_below(world: World, place: int) -> None:
    world.chain[place].extensions.put(x509.BasicConstraints(ca=True, path_length=place - 2), critical=True)


@broken(issuers)
def an_issuer_may_not_sign_certificates(world: World, place: int) -> None:
    world.chain[place].extensions.put(leaf_key_usage(Purpose.BOX_IDENTITY), critical=True)


@broken(issuers)
def an_issuer_has_no_key_usage(world: World, place: int) -> None:
    world.chain[place].extensions.take(_KEY_USAGE)


@broken(authorities)
def names_are_constrained_to_others(world: World, place: int) -> None:
    world.chain[place].extensions.put(_LOCALITY, critical=True)


@broken(authorities)
def names_are_constrained_without_being_critical(world: World, place: int) -> None:
    world.chain[place].extensions.put(_LOCALITY)


# Dates


@broken(below_the_root, Code.CERTIFICATE_EXPIRED)
def a_certificate_has_expired(world: World, place: int) -> None:
    _certify_earlier(world)
    world.chain[place].ends = world.at - 1


@broken(below_the_root, Code.CERTIFICATE_NOT_YET_VALID)
def a_certificate_is_not_valid_yet(world: World, place: int) -> None:
    world.chain[place].begins = world.at + 1


@broken(below_the_root, looser="valid through notAfter, inclusive (RFC 5280, 4.1.2.5)")
def it_is_the_last_second_of_a_certificate(world: World, place: int) -> None:
    _certify_earlier(world)
    world.chain[place].ends = world.at


@broken(root, looser="a root is pinned: a trust anchor is a name and a key (RFC 5280, 6.1.1 d)")
def the_root_has_expired(world: World, place: int) -> None:
    _certify_earlier(world)
    world.chain[place].ends = world.at - 1


def _certify_earlier(world: World) -> None:
    """Leave room for an end that has passed."""
    for form in world.chain:
        form.begins = min(form.begins, world.at - DAY)


PATHS: Final = rows(vars())
