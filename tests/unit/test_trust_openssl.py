"""OpenSSL reads what the vendor issues, believes the same chains, and refuses the same broken ones.

Our purposes are private, so OpenSSL is asked for the path and the dates; what a certificate may be used
for is judged by our own code alone (RFC 5280 leaves private purposes to whoever defines them).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust.chain import verify_chain
from appliance.trust.purpose import Purpose
from media_format.refusal import Refusal
from tests.tools import require
from tests.trust_world import NOW, World, pem


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def chains(world: World) -> dict[Purpose, tuple[bytes, ...]]:
    """A chain of every kind that the vendor issues."""
    return {
        Purpose.BOX_IDENTITY: world.box.issued.identity,
        Purpose.BOX_TRANSPORT: world.box.issued.encryption,
        Purpose.DEVICE_IDENTITY: world.device.issued.identity,
        Purpose.DEVICE_ENCRYPTION: world.device.issued.encryption,
        Purpose.RELEASE_SIGNER: world.release_signer().chain,
        Purpose.RELEASE_SEALER: world.release_sealer().chain,
    }


def openssl(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [require("openssl"), *map(str, arguments)], input=given, capture_output=True, check=False
    )


def believes(folder: Path, root: bytes, chain: tuple[bytes, ...], *options: object) -> bool:
    """Whether `openssl verify` finds a valid path from the leaf to the root."""
    for name, ders in (("root", (root,)), ("above", chain[1:]), ("leaf", chain[:1])):
        (folder / name).write_bytes(b"".join(pem(der, "CERTIFICATE") for der in ders))
    found = openssl(
        "verify", "-x509_strict", "-attime", NOW, *options, "-CAfile", folder / "root",
        "-untrusted", folder / "above", folder / "leaf",
    )  # fmt: skip
    return found.returncode == 0


def root_of(world: World) -> bytes:
    return world.root.certificate.public_bytes(Encoding.DER)


def we_believe(world: World, chain: tuple[bytes, ...], purpose: Purpose) -> bool:
    try:
        verify_chain(chain, world.anchor, purpose)
    except Refusal:
        return False
    return True


def test_openssl_believes_every_chain_that_we_issue(world: World, tmp_path: Path) -> None:
    for purpose, chain in chains(world).items():
        assert believes(tmp_path, root_of(world), chain), purpose
        assert we_believe(world, chain, purpose)


def test_both_refuse_a_chain_without_its_issuer(world: World, tmp_path: Path) -> None:
    for purpose, chain in chains(world).items():
        assert not believes(tmp_path, root_of(world), chain[:1])
        assert not we_believe(world, chain[:1], purpose)


def test_both_refuse_another_vendors_root(world: World, tmp_path: Path) -> None:
    other = World()
    for purpose, chain in chains(world).items():
        assert not believes(tmp_path, root_of(other), chain)
        assert not we_believe(other, chain, purpose)


@pytest.mark.parametrize("place", [0, 1], ids=["leaf", "issuer"])
def test_both_refuse_a_changed_signature(world: World, tmp_path: Path, place: int) -> None:
    for purpose, chain in chains(world).items():
        changed = bytearray(chain[place])
        changed[-1] ^= 1
        broken = (*chain[:place], bytes(changed), *chain[place + 1 :])
        assert not believes(tmp_path, root_of(world), broken)
        assert not we_believe(world, broken, purpose)


def test_both_refuse_a_leaf_that_issues(world: World, tmp_path: Path) -> None:
    leaf = world.box.issued.identity
    chain = (world.device.issued.identity[0], leaf[0], *leaf[1:])
    assert not believes(tmp_path, root_of(world), chain)
    assert not we_believe(world, chain, Purpose.DEVICE_IDENTITY)


def test_our_profile_is_stricter_about_purposes(world: World, tmp_path: Path) -> None:
    """OpenSSL does not know our purposes: a box's certificate stands for a device as far as it can say."""
    chain = world.box.issued.identity
    assert believes(tmp_path, root_of(world), chain)
    assert not we_believe(world, chain, Purpose.DEVICE_IDENTITY)


def test_openssl_reads_our_lists_and_refuses_what_they_revoke(world: World, tmp_path: Path) -> None:
    good, bad = world.new_box("box-good").issued.identity, world.new_box("box-bad").issued.identity
    lists = (world.crl(Purpose.BOX_CA, 7, bad[0]), world.crl(None, 3))
    (tmp_path / "lists").write_bytes(b"".join(pem(der, "X509 CRL") for der in lists))
    shown = openssl("crl", "-inform", "DER", "-noout", "-text", given=lists[0])
    assert shown.returncode == 0, shown.stderr
    assert b"X509v3 CRL Number: \n                7" in shown.stdout
    issuer = tmp_path / "issuer"
    issuer.write_bytes(pem(good[1], "CERTIFICATE"))
    checked = openssl("crl", "-inform", "DER", "-noout", "-CAfile", issuer, given=lists[0])
    assert b"verify OK" in checked.stderr + checked.stdout
    options = ("-crl_check_all", "-CRLfile", tmp_path / "lists")
    assert believes(tmp_path, root_of(world), good, *options)
    assert not believes(tmp_path, root_of(world), bad, *options)


def test_openssl_agrees_that_devices_do_not_expire_and_boxes_do(world: World, tmp_path: Path) -> None:
    late = ("-attime", 4_000_000_000)
    assert believes(tmp_path, root_of(world), world.device.issued.identity, *late)
    assert not believes(tmp_path, root_of(world), world.box.issued.identity, *late)
