"""OpenSSL believes the chains that we believe, and refuses what we refuse, but for what has a reason.

The chains are of ECDSA: OpenSSL knows ML-DSA only from version 3.5 on. Purposes are private, so OpenSSL is
asked for paths, dates and revocation (RFC 5280 leaves private purposes to whoever defines them).
"""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.trust_openssl.breakage import Breakage
from tests.trust_openssl.broken_certificates import CERTIFICATES
from tests.trust_openssl.broken_lists import LISTS
from tests.trust_openssl.broken_paths import PATHS
from tests.trust_openssl.forms import World
from tests.trust_openssl.verdicts import openssls, ours
from tests.trust_openssl.worlds import worlds

BREAKAGES = (*PATHS, *CERTIFICATES, *LISTS)


@settings(max_examples=60)
@given(worlds())
def test_both_believe_a_valid_chain(world: World) -> None:
    assert (ours(world), openssls(world)) == (None, None)


@pytest.mark.parametrize("breakage", BREAKAGES, ids=[one.name.replace(" ", "-") for one in BREAKAGES])
@settings(max_examples=5, phases=(Phase.generate, Phase.shrink))
@given(data=st.data())
def test_a_chain_that_is_broken_in_one_place(breakage: Breakage, data: st.DataObject) -> None:
    world = data.draw(worlds(breakage.authorities))
    place = data.draw(st.sampled_from(breakage.places(world)))
    breakage.apply(world, place)
    assert ours(world) in (breakage.ours or (None,))
    complaint = openssls(world)
    assert (complaint is not None) is breakage.openssl, complaint


def test_every_difference_has_a_reason() -> None:
    for breakage in BREAKAGES:
        differs = bool(breakage.ours) is not breakage.openssl
        assert bool(breakage.because) is differs, breakage.name


def test_we_accept_no_more_of_what_openssl_refuses_than_this() -> None:
    assert [breakage.name for breakage in BREAKAGES if not breakage.ours] == [
        "it is the last second of a certificate",
        "the root has expired",
        "the next list is due",
    ]
