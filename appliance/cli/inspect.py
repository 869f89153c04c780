"""updatebox inspect: explains any object, package or medium."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click
from cryptography import x509

from appliance.cli.answer import Answer, answering, plain
from appliance.cli.files import read_file
from appliance.trust.bundle import ANCHOR_LABEL, MAX_BUNDLE, Bundle
from appliance.trust.profile import read_certificate, read_profile
from appliance.trust.purpose import Purpose
from media_format import cose, layout, limits
from media_format.objects import (
    Directive,
    EnrolmentRequest,
    Envelope,
    Manifest,
    Receipt,
    Request,
    TrustAnchor,
)
from media_format.package import PackageReader, list_packages
from media_format.refusal import Code, Refusal
from media_format.volume import open_volume
from media_format.volume.seam import Volume
from media_format.wire import Record

_LIMIT: Final = limits.MAX_MANIFEST + limits.MAX_SIGN_OVERHEAD
_SIGNED_ONCE: Final = (Envelope, Request, Receipt, EnrolmentRequest, Directive)
_HIDDEN: Final = {"critical", "optional", "pages"}


@click.command()
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@answering
def inspect(path: Path) -> Answer:
    """Explain an object, a package or a medium: who signed, for whom, valid when, what is inside.

    Signatures are checked against the keys that came along; whether those are the vendor's is for the
    machine with the trust anchor to judge.
    """
    if path.is_file():
        found = _file(read_file(path, max(MAX_BUNDLE, _LIMIT))) if path.stat().st_size <= MAX_BUNDLE else None
        if found is not None:
            return Answer({"found": [found]}, _tell(found))
    explained = list(_medium(path))
    if not explained:
        raise Refusal(Code.MALFORMED, f"{path} is no object, package or medium of this project")
    return Answer({"found": explained}, "\n\n".join(map(_tell, explained)))


def _medium(path: Path) -> Iterator[dict[str, Any]]:
    volume = open_volume(path, writable=False)
    try:
        if any(entry.name.upper() == layout.ENVELOPE for entry in volume.list("")):
            yield from _package(PackageReader(volume, ""))
        for folder in list_packages(volume):
            yield from _package(PackageReader(volume, folder))
        for folder in (layout.REQUESTS, layout.RECEIPTS, layout.TRUST):
            yield from _objects(volume, folder)
    finally:
        volume.close()


def _package(reader: PackageReader) -> Iterator[dict[str, Any]]:
    for part, read in ((layout.ENVELOPE, reader.envelope), (layout.MANIFEST, reader.manifest)):
        yield {"file": layout.inside(reader.folder, part), **_guarded(read)}


def _objects(volume: Volume, folder: str) -> Iterator[dict[str, Any]]:
    for entry in volume.list(folder):
        if not entry.folder and layout.is_object(entry.name, entry.name.upper()[-4:]):
            path = f"{folder}/{entry.name}"
            yield {"file": path, **_guarded(functools.partial(volume.read_object, path, _LIMIT))}


def _guarded(read: Callable[[], bytes]) -> dict[str, Any]:
    """What a file is, or why it cannot be said."""
    try:
        return _file(read()) or {"kind": "unknown"}
    except Refusal as refusal:
        return {"kind": "damaged", "code": refusal.code, "detail": refusal.detail}


def _file(data: bytes) -> dict[str, Any] | None:
    if f"-----BEGIN {ANCHOR_LABEL}".encode() in data[:MAX_BUNDLE]:
        return _bundle(Bundle.from_pem(data))
    for kind in _SIGNED_ONCE:
        found = _signed(kind, functools.partial(cose.read_sign1, data, kind.CONTENT_TYPE, kind.LIMIT))
        if found is not None:
            return found
    found = _signed(Manifest, lambda: cose.read_sign(data, Manifest.CONTENT_TYPE, Manifest.LIMIT))
    return found or _crl(data)


def _signed(kind: type[Record], read: Callable[[], cose.SignedObject]) -> dict[str, Any] | None:
    try:
        signed = read()
    except Refusal:
        return None
    record = kind.from_bytes(signed.payload)
    return {
        "kind": kind.NAME,
        "fields": _visible(plain(record)),
        "signers": [_signer(part) for part in signed.signatures],
    }


def _visible(value: Any) -> Any:
    """A value without what no person wants to read: the extension maps, and the references to pages."""
    if isinstance(value, dict):
        return {name: _visible(item) for name, item in value.items() if name not in _HIDDEN}
    return [_visible(item) for item in value] if isinstance(value, list) else value


def _signer(signature: cose.Signature) -> dict[str, Any]:
    if not signature.chain:
        return {"algorithm": signature.algorithm.name, "holder": "the key in the object itself"}
    leaf = read_certificate(signature.chain[0])
    try:
        signature.verify(leaf.public_key())
        state = "matches"
    except Refusal:
        state = "DOES NOT MATCH"
    return {"algorithm": signature.algorithm.name, "signature": state, **_certificate(leaf)}


def _certificate(leaf: x509.Certificate) -> dict[str, Any]:
    purpose = _purpose(leaf)
    described: dict[str, Any] = {
        "holder": leaf.subject.rfc4514_string(),
        "purpose": purpose.name.lower().replace("_", " ") if purpose else "of no purpose known here",
        "serial": f"{leaf.serial_number:x}",
        "valid from": leaf.not_valid_before_utc.isoformat(),
        "valid until": leaf.not_valid_after_utc.isoformat(),
    }
    if purpose is not None and purpose.issuer is not None:
        profile = read_profile(leaf, purpose)
        for name in ("identity", "release", "kind"):
            value = getattr(profile, name)
            if value is not None:
                described[name] = _visible(plain(value))
    return described


def _purpose(leaf: x509.Certificate) -> Purpose | None:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    return next((purpose for purpose in Purpose if purpose.oid in usage), None)


def _bundle(bundle: Bundle) -> dict[str, Any]:
    anchor: TrustAnchor = bundle.anchor
    certificates = [_certificate(read_certificate(der)) for der in bundle.certificates]
    fields = {"vendor": anchor.vendor, "policy": _visible(plain(anchor.policy)), "crls": len(bundle.crls)}
    return {"kind": "certificates and trust anchor", "fields": fields, "signers": certificates}


def _crl(data: bytes) -> dict[str, Any] | None:
    try:
        crl = x509.load_der_x509_crl(data)
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (ValueError, x509.ExtensionNotFound):
        return None
    fields = {
        "issuer": crl.issuer.rfc4514_string(),
        "number": number,
        "issued": crl.last_update_utc.isoformat(),
        "revoked": [f"{entry.serial_number:x}" for entry in crl],
    }
    return {"kind": "revocation list", "fields": fields, "signers": []}


def _tell(found: dict[str, Any]) -> str:
    lines = [f"{found['kind'].upper()}  {found.get('file', '')}".rstrip()]
    if "code" in found:
        lines.append(f"  {found['code']}: {found['detail']}")
    lines += _lines(found.get("fields", {}), "  ")
    for signer in found.get("signers", ()):
        lines.append("  signed by" if "algorithm" in signer else "  certificate")
        lines += _lines(signer, "    ")
    return "\n".join(lines)


def _lines(values: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for name, value in values.items():
        if value in (None, [], ()):
            continue
        if isinstance(value, dict):
            lines += [f"{indent}{name}", *_lines(value, indent + "  ")]
        elif isinstance(value, list) and isinstance(value[0], dict):
            for place, item in enumerate(value):
                lines += [f"{indent}{name} {place + 1}", *_lines(item, indent + "  ")]
        else:
            lines.append(f"{indent}{name:<16} {_shown(name, value)}")
    return lines


def _shown(name: str, value: Any) -> str:
    if isinstance(value, int) and name in (
        "created",
        "issued_at",
        "expires",
        "install_by",
        "time",
        "time_floor",
    ):
        moment = datetime.datetime.fromtimestamp(min(value, 253402300799), datetime.UTC)
        return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else f"{text[:64]}… ({len(text)} characters)"
