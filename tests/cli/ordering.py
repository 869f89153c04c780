"""Directives as a vendor orders them, directives that others sign, and what these may not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust.clock import DAY
from appliance.trust.issuing import Revocation, issue_crl, issue_directive_signer
from appliance.trust.profile import RoleIdentity, read_certificate
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner
from media_format import cose, layout
from media_format.crl_files import write_crls
from media_format.objects import Directive, Order, Role
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import box_refuses, device_refuses
from tests.cli.state import read_record
from tests.cli.workshop import Workshop, mounted, put

PUMP, BOX = "device:PUMP-1", "box:BOX-1"


def order(shop: Workshop, verb: str, *options: object, whom: str = PUMP) -> list[dict[str, Any]]:
    """The vendor writes a directive onto the stick; returns what was written."""
    who = ("--for", whom, "--out", shop.stick)
    done = shop.do("vendor", "directive", verb, shop.vendor, *who, *options, *shop.passphrase())
    return list(done["directives"])


def followed(shop: Workshop) -> list[str]:
    """What PUMP-1 does of the directives on the stick."""
    found = shop.do("device", "apply", shop.device, shop.stick)["directives"]
    return [entry["order"] for entry in found if entry["code"] is None]


def followed_by_box(shop: Workshop) -> list[str]:
    """What BOX-1 does of the directives on the stick."""
    found = shop.do("box", "directives", shop.box, shop.stick)["directives"]
    return [entry["order"] for entry in found if entry["code"] is None]


def signer(shop: Workshop) -> KeySigner:
    """A directive signer of the vendor's in the wrong hands."""
    ca, key = attacker.vendor_issuer(shop, Purpose.DIRECTIVE_SIGNER), attacker.new_key()
    identity = RoleIdentity("directives", 0)
    return KeySigner(key, issue_directive_signer(ca, key.public_key(), identity, attacker.now()))


def revoked_signer(shop: Workshop) -> KeySigner:
    """The same after the vendor has taken its certificate back; the list that says so is on the stick."""
    by, ca = signer(shop), attacker.vendor_issuer(shop, Purpose.DIRECTIVE_SIGNER)
    revoked = Revocation(read_certificate(by.chain[0]).serial_number, attacker.now())
    crl = issue_crl(ca, [revoked], 1000, attacker.now(), attacker.now() + DAY)
    with mounted(shop.stick) as volume:
        write_crls(volume, [crl])
    return by


def put_directive(shop: Workshop, by: cose.Signer, **changes: Any) -> None:
    """A directive for PUMP-1, or for BOX-1 where `changes` name it, signed by whoever, on the stick."""
    fields: dict[str, Any] = {
        "format": 1,
        "directive_id": bytes(16),
        "role": Role.DEVICE,
        "target": "PUMP-1",
        "epoch": 1,
        "sequence": 100,
        "issued_at": attacker.now(),
        "order": Order.TIME_FLOOR,
    }
    fields |= changes
    if fields["order"] is Order.TIME_FLOOR:
        fields.setdefault("time_floor", attacker.now())
    if fields["role"] is Role.BOX:
        fields |= {"target": "BOX-1", "epoch": 0}
    payload = Directive(**fields).to_bytes()
    data = cose.sign1(Directive.CONTENT_TYPE, payload, by)
    with mounted(shop.stick) as volume:
        put(volume, f"{layout.TRUST}/{layout.stem(data)}{layout.DIRECTIVE_SUFFIX}", data)


def device_follows_nothing(shop: Workshop, code: Code, advice: str | None = None) -> None:
    """PUMP-1 refuses the directive, and keeps its roots, certificates, floor and sequence."""
    before = device_trust(shop.device)
    device_refuses(shop, code, advice=advice)
    assert device_trust(shop.device) == before


def box_follows_nothing(shop: Workshop, code: Code, advice: str | None = None) -> None:
    """BOX-1 refuses the directive, and keeps its roots, certificates and store."""
    before = (shop.box / "certificates.pem").read_bytes()
    box_refuses(shop, code, "directives", shop.box, shop.stick, advice=advice)
    assert (shop.box / "certificates.pem").read_bytes() == before


def device_trust(device: Path) -> tuple[bytes, int, int]:
    """What directives may change of a device."""
    facts = read_record(device).facts
    return (device / "certificates.pem").read_bytes(), facts.time_floor, facts.directive


def authority(shop: Workshop, name: str) -> list[bytes]:
    """The certificates (DER) of one of the vendor's CAs, the one in use first."""
    pem = (shop.vendor / "authority" / f"{name}.pem").read_bytes()
    return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(pem)]
