"""Revocation lists that are wrong in one place, or that revoke."""

from __future__ import annotations

from typing import Final

from cryptography import x509

from appliance.trust.profile import key_id
from media_format.refusal import Code
from tests.trust_openssl.breakage import below_the_root, broken, issuers, lists, rows
from tests.trust_openssl.forms import EntryForm, World
from tests.trust_openssl.keys import STRANGER
from tests.trust_openssl.surgery import flip_signature, say_another_hash, sign_with_sha1
from tests.trust_openssl.worlds import MAX_AGE, UNKNOWN, name
from tests.trust_world import DAY

SCOPE: Final = "a list is of everything that its issuer issued"


# What a list says


@broken(below_the_root, Code.REVOKED)
def a_certificate_is_on_the_list(world: World, place: int) -> None:
    world.lists[place].entries.append(EntryForm(world.chain[place].serial, world.at - DAY))


@broken(below_the_root, Code.REVOKED)
def a_certificate_is_on_the_list_from_tomorrow_on(world: World, place: int) -> None:
    world.lists[place].entries.append(EntryForm(world.chain[place].serial, world.at + DAY))


@broken(below_the_root, Code.REVOKED)
def a_certificate_is_on_hold(world: World, place: int) -> None:
    _list_with_reason(world, place, x509.ReasonFlags.certificate_hold)


@broken(
    below_the_root, Code.REVOKED, stricter="removeFromCRL has no meaning in a whole list (RFC 5280, 5.3.1)"
)
def a_certificate_is_on_the_list_to_be_removed_from_it(world: World, place: int) -> None:
    _list_with_reason(world, place, x509.ReasonFlags.remove_from_crl)


# Whose list it is


@broken(lists, Code.REVOCATION_STALE)
def a_list_is_missing(world: World, place: int) -> None:
    del world.lists[place]


@broken(lists, Code.REVOCATION_STALE)
def a_bit_of_the_lists_signature_is_flipped(world: World, place: int) -> None:
    world.lists[place].afterwards = flip_signature


@broken(lists, Code.REVOCATION_STALE)
def a_stranger_signed_the_list(world: World, place: int) -> None:
    world.lists[place].signer = STRANGER


@broken(lists, Code.REVOCATION_STALE)
def the_list_is_signed_by_another_issuer_of_the_chain(world: World, place: int) -> None:
    world.lists[place].signer = world.lists[place - 1].signer


@broken(lists, Code.REVOCATION_STALE)
def the_list_is_issued_under_another_name(world: World, place: int) -> None:
    world.lists[place].issuer = name("somebody else", 9)


@broken(lists, Code.REVOCATION_STALE)
def the_lists_authority_key_identifier_names_another_key(world: World, place: int) -> None:
    other = key_id(STRANGER.public_key())
    world.lists[place].extensions.put(x509.AuthorityKeyIdentifier(other, None, None))


@broken(lists, Code.REVOCATION_STALE, stricter="a list names its issuer's key (RFC 5280, 5.2.1)")
def the_list_has_no_authority_key_identifier(world: World, place: int) -> None:
    world.lists[place].extensions.take(x509.AuthorityKeyIdentifier.oid)


@broken(lists, Code.REVOCATION_STALE, stricter="lists are signed over no weaker a hash than certificates")
def the_list_is_signed_over_sha_1(world: World, place: int) -> None:
    world.lists[place].afterwards = sign_with_sha1


@broken(lists, Code.REVOCATION_STALE)
def the_lists_outer_signature_algorithm_is_another(world: World, place: int) -> None:
    world.lists[place].afterwards = say_another_hash


@broken(issuers, Code.REVOCATION_STALE)
def an_issuer_may_not_sign_lists(world: World, place: int) -> None:
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"), False
    )
    world.chain[place].extensions.put(
        x509.KeyUsage(
            **usage,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        ),
        critical=True,
    )


# Dates and numbers


@broken(lists, Code.REVOCATION_STALE)
def the_list_is_too_old(world: World, place: int) -> None:
    world.lists[place].date = world.at - MAX_AGE - 1
    world.lists[place].following = world.at - 1


@broken(lists, looser="the policy's crl_max_age bounds a list's age, not its nextUpdate: media travel slowly")
def the_next_list_is_due(world: World, place: int) -> None:
    world.lists[place].following = world.at - 1
    world.lists[place].date = min(world.lists[place].date, world.at - DAY)


@broken(lists, Code.REVOCATION_STALE, stricter="the policy's crl_max_age bounds a list's age")
def the_list_is_older_than_the_policy_allows(world: World, place: int) -> None:
    world.lists[place].date = world.at - MAX_AGE - 1


@broken(lists, Code.TIME_BEFORE_FLOOR)
def the_list_is_of_tomorrow(world: World, place: int) -> None:
    world.lists[place].date = world.at + DAY
    world.lists[place].following = world.at + 2 * DAY


@broken(lists, Code.REVOCATION_STALE, stricter="a list has a number (RFC 5280, 5.2.3): the highest counts")
def the_list_has_no_number(world: World, place: int) -> None:
    world.lists[place].extensions.take(x509.CRLNumber.oid)


# Extensions


@broken(lists, Code.REVOCATION_STALE)
def an_unknown_extension_of_the_list_is_critical(world: World, place: int) -> None:
    world.lists[place].extensions.put(x509.UnrecognizedExtension(UNKNOWN, b"\5\0"), critical=True)


@broken(lists, Code.REVOCATION_STALE)
def an_unknown_extension_of_an_entry_is_critical(world: World, place: int) -> None:
    entry = EntryForm(7, world.at - DAY)
    entry.extensions.put(x509.UnrecognizedExtension(UNKNOWN, b"\5\0"), critical=True)
    world.lists[place].entries.append(entry)


@broken(lists, Code.REVOCATION_STALE, stricter=f"{SCOPE} (OpenSSL looks at this with -extended_crl only)")
def the_list_says_only_what_changed(world: World, place: int) -> None:
    world.lists[place].extensions.put(x509.DeltaCRLIndicator(1), critical=True)


@broken(lists, Code.REVOCATION_STALE, stricter=f"{SCOPE} (OpenSSL looks at this with -extended_crl only)")
def the_list_says_only_what_changed_without_being_critical(world: World, place: int) -> None:
    world.lists[place].extensions.put(x509.DeltaCRLIndicator(1))


@broken(lists, Code.REVOCATION_STALE)
def the_list_is_of_attribute_certificates_only(world: World, place: int) -> None:
    world.lists[place].extensions.put(_scope(attributes=True), critical=True)


@broken(lists, Code.REVOCATION_STALE)
def the_list_is_of_attribute_certificates_only_without_being_critical(world: World, place: int) -> None:
    world.lists[place].extensions.put(_scope(attributes=True))


@broken(lambda _world: range(1), Code.REVOCATION_STALE)
def the_leafs_list_is_of_authorities_only(world: World, place: int) -> None:
    world.lists[place].extensions.put(_scope(authorities=True), critical=True)


@broken(lambda _world: range(1), Code.REVOCATION_STALE, stricter=SCOPE)
def the_leafs_list_is_of_leaves_only(world: World, place: int) -> None:
    world.lists[place].extensions.put(_scope(users=True), critical=True)


def _list_with_reason(world: World, place: int, reason: x509.ReasonFlags) -> None:
    entry = EntryForm(world.chain[place].serial, world.at - DAY)
    entry.extensions.put(x509.CRLReason(reason))
    world.lists[place].entries.append(entry)


def _scope(
    *, users: bool = False, authorities: bool = False, attributes: bool = False
) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=None,
        relative_name=None,
        only_contains_user_certs=users,
        only_contains_ca_certs=authorities,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=attributes,
    )


LISTS: Final = rows(vars())
