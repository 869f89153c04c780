"""One bit of what was signed is another: in the bytes, or in a certificate that vouches for them."""

from __future__ import annotations

import pytest

from media_format import cose, layout
from media_format.objects import Envelope, Manifest
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import device_refuses, device_refuses_and_reports
from tests.cli.workshop import Workshop, mounted, package_on, run

PARTS = (layout.MANIFEST, layout.ENVELOPE)
NOTICED = {Code.MALFORMED, Code.CHAIN_INVALID, Code.PURPOSE_MISMATCH, Code.SIGNATURE_INVALID}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("eighth", range(8))
def test_a_bit_flipped_anywhere_is_noticed(delivered: Workshop, part: str, eighth: int) -> None:
    with mounted(delivered.stick) as volume:
        path = f"{package_on(volume)}/{part}"
        attacker.flip(volume, path, len(volume.read_object(path, 1 << 20)) * eighth // 8 + 1)
    tried = run("device", "apply", delivered.device, delivered.stick, "--dry-run", "--json")
    code = Code(tried.data["code"])
    assert code in NOTICED
    device_refuses(delivered, code)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("link", [0, 1], ids=["leaf", "authority"])
def test_a_bit_flipped_in_a_certificate_of_the_chain_is_noticed(
    delivered: Workshop, part: str, link: int
) -> None:
    with mounted(delivered.stick) as volume:
        path = f"{package_on(volume)}/{part}"
        data = volume.read_object(path, 1 << 20)
        certificate = _chain(part, data)[link]
        attacker.flip(volume, path, data.index(certificate) + len(certificate) - 1)
    device_refuses_and_reports(delivered, Code.CHAIN_INVALID)


def _chain(part: str, data: bytes) -> tuple[bytes, ...]:
    if part == layout.MANIFEST:
        return cose.read_sign(data, Manifest.CONTENT_TYPE, Manifest.LIMIT).signatures[0].chain
    return cose.read_sign1(data, Envelope.CONTENT_TYPE, Envelope.LIMIT).signatures[0].chain
