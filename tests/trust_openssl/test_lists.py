"""`openssl crl` reads in our lists what we read, and believes the same signatures."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.x509 import load_der_x509_certificate
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.trust.revocation_list import RevocationList
from tests.tools import require
from tests.trust_openssl.forms import ListForm, World
from tests.trust_openssl.keys import STRANGER
from tests.trust_openssl.surgery import flip_signature, say_another_hash
from tests.trust_openssl.worlds import worlds
from tests.trust_world import pem


@settings(max_examples=25)
@given(data=st.data())
def test_openssl_reads_in_a_list_what_we_read(data: st.DataObject) -> None:
    world = data.draw(worlds())
    form, issuer = _one_of(world, data)
    found = RevocationList.read(form.der())
    assert found is not None
    assert found.signed_by(load_der_x509_certificate(issuer))
    shown = _openssl(form.der(), issuer, "-crlnumber", "-lastupdate", "-text")
    assert "verify OK" in shown
    assert int(_shown(r"crlNumber=0x([0-9A-F]+)", shown), 16) == found.number
    assert _seconds(_shown(r"lastUpdate=(.*)", shown)) == found.date
    serials = re.findall(r"Serial Number: ([0-9A-F]+)", shown)
    assert sorted(int(serial, 16) for serial in serials) == sorted(one.serial_number for one in found.crl)


SPOILED: dict[str, Callable[[ListForm], None]] = {
    "a stranger": lambda form: setattr(form, "signer", STRANGER),
    "a flipped bit": lambda form: setattr(form, "afterwards", flip_signature),
    "another outer algorithm": lambda form: setattr(form, "afterwards", say_another_hash),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
@settings(max_examples=5)
@given(data=st.data())
def test_neither_believes_a_list_that_its_issuer_did_not_sign(
    spoil: Callable[[ListForm], None], data: st.DataObject
) -> None:
    world = data.draw(worlds())
    form, issuer = _one_of(world, data)
    spoil(form)
    found = RevocationList.read(form.der())
    assert found is None or not found.signed_by(load_der_x509_certificate(issuer))
    assert "verify OK" not in _openssl(form.der(), issuer)


def _one_of(world: World, data: st.DataObject) -> tuple[ListForm, bytes]:
    """A list of the world and its issuer's certificate."""
    place = data.draw(st.sampled_from(range(len(world.lists))))
    return world.lists[place], world.chain[place + 1].der()


def _openssl(der: bytes, issuer: bytes, *shown: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "issuer"
        path.write_bytes(pem(issuer, "CERTIFICATE"))
        words = [require("openssl"), "crl", "-inform", "DER", "-noout", "-CAfile", str(path), *shown]
        done = subprocess.run(words, input=der, capture_output=True, timeout=60, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


def _shown(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text
    return found[1].strip()


def _seconds(text: str) -> int:
    """OpenSSL's way of writing a time."""
    return int(datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC).timestamp())
