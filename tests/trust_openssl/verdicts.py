"""What the product says of a world, and what OpenSSL says of it."""

from __future__ import annotations

import dataclasses
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from appliance.trust.chain import judge_dates, verify_chain
from appliance.trust.clock import trusted_time
from appliance.trust.crl import RevocationLists
from media_format.objects import Family, Root, TrustAnchor
from media_format.refusal import Code, Refusal
from tests.tools import require
from tests.trust_openssl.forms import World
from tests.trust_openssl.worlds import MAX_AGE
from tests.trust_world import POLICY, YEAR, pem

_SECURITY_LEVEL: Final = 2
"""OpenSSL's: at least 112 bits, so no SHA-1."""
_HORIZON: Final = 10 * YEAR


def ours(world: World) -> Code | None:
    """The code of the refusal, as a device that holds no list yet judges; None where all is well."""
    chain = tuple(world.chain[place].der() for place in world.sent)
    root = Root(family=Family.ECDSA, certificate=world.chain[-1].der())
    policy = dataclasses.replace(POLICY, crl_max_age=MAX_AGE, clock_horizon=_HORIZON)
    anchor = TrustAnchor(format=1, vendor="Acme", roots=(root,), policy=policy)
    try:
        verified = verify_chain(chain, anchor, world.purpose)
        lists = RevocationLists(anchor).take([form.der() for form in world.lists], verified.issuers)
        now = trusted_time((("rtc", world.at),), 0, _HORIZON + world.at, lists.dates)
        judge_dates(verified, now.time)
        lists.judge(verified, now.time, policy)
    except Refusal as refusal:
        return refusal.code
    return None


def openssls(world: World) -> str | None:
    """Why `openssl verify` refuses the leaf; None where it does not."""
    ders = [form.der() for form in world.chain]
    files = {
        "root": [pem(ders[-1], "CERTIFICATE")],
        "above": [pem(ders[place], "CERTIFICATE") for place in world.sent[1:]],
        "leaf": [pem(ders[world.sent[0]], "CERTIFICATE")],
        "lists": [pem(form.der(), "X509 CRL") for form in world.lists],
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, pems in files.items():
            (Path(folder) / name).write_bytes(b"".join(pems))
        given = [
            word
            for option, name in (("-CAfile", "root"), ("-untrusted", "above"), ("-CRLfile", "lists"))
            if files[name]
            for word in (option, name)
        ]
        done = subprocess.run(
            [
                require("openssl"), "verify", "-x509_strict", "-crl_check_all",
                "-auth_level", str(_SECURITY_LEVEL), "-attime", str(world.at), *given, "leaf",
            ],
            cwd=folder, capture_output=True, text=True, errors="replace", timeout=60, check=False,
        )  # fmt: skip
    return None if done.returncode == 0 else done.stdout + done.stderr
