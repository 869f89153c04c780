"""Every byte of a small package flipped, one after the other: each is noticed, and named as it should be."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appliance.trust.crl import RevocationLists
from appliance.trust.verifier import PackageBytes, admit_package
from media_format.refusal import Code
from tests.trust_world import NOW, World, refused

ALLOWED = (Code.MALFORMED, Code.SIGNATURE_INVALID, Code.CHAIN_INVALID)
BOUNDED = (Code.TOO_LARGE, Code.UNSUPPORTED_FORMAT)
"""A flip may make a length too large, or name an algorithm that does not exist."""
PURPOSE = (Code.PURPOSE_MISMATCH, Code.SIGNER_SUPERSEDED, Code.THRESHOLD_NOT_MET)
"""None of these: nothing is said of what a signature means before the signature is known to be right."""


@pytest.fixture(scope="module")
def judge(world: World) -> Callable[[PackageBytes], None]:
    anchor, view = world.anchor, world.view()
    lists = RevocationLists(anchor)

    def admit(package: PackageBytes) -> None:
        admit_package(package, view, anchor, lists, (("rtc", NOW),))

    return admit


def flips(data: bytes) -> list[bytes]:
    """The data with one bit of each byte flipped; which bit goes round."""
    return [
        data[:position] + bytes([byte ^ (1 << position % 8)]) + data[position + 1 :]
        for position, byte in enumerate(data)
    ]


def test_every_byte_of_the_manifest_matters(world: World, judge: Callable[[PackageBytes], None]) -> None:
    good = world.package()
    judge(good)
    for flipped in flips(good.manifest):
        with refused(*ALLOWED, *BOUNDED):
            judge(PackageBytes(flipped, good.envelope))


def test_every_byte_of_the_envelope_matters(world: World, judge: Callable[[PackageBytes], None]) -> None:
    good = world.package()
    for flipped in flips(good.envelope):
        with refused(*ALLOWED, *BOUNDED):
            judge(PackageBytes(good.manifest, flipped))


def test_no_cut_and_no_addition_is_accepted(world: World, judge: Callable[[PackageBytes], None]) -> None:
    good = world.package()
    for end in range(0, len(good.manifest), 11):
        with refused(Code.MALFORMED):
            judge(PackageBytes(good.manifest[:end], good.envelope))
    for end in range(0, len(good.envelope), 11):
        with refused(Code.MALFORMED):
            judge(PackageBytes(good.manifest, good.envelope[:end]))
    for package in (
        PackageBytes(good.manifest + b"\0", good.envelope),
        PackageBytes(good.manifest, good.envelope + b"\0"),
    ):
        with refused(Code.MALFORMED):
            judge(package)
