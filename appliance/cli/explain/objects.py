"""A thing's explanation: which object it is, what is in it, who signed it."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from cryptography import x509

from appliance.cli.answer import plain
from appliance.cli.explain import receipts
from appliance.cli.explain.certificates import describe_certificate
from appliance.cli.explain.spans import day, span
from appliance.cli.explain.summaries import summary
from appliance.cli.explain.things import CERTIFICATES, Thing
from appliance.cli.quantities import counted
from appliance.trust.profile import UNREADABLE, read_certificate
from media_format import cose
from media_format.objects import TrustAnchor
from media_format.refusal import Refusal

Explanation: TypeAlias = dict[str, Any]
"""`kind`, `summary`, `fields` and `signers`, in the forms that JSON knows."""

_HIDDEN: Final = {"critical", "optional", "pages"}


def explain(thing: Thing, at: int) -> Explanation:
    """What a thing is. `at`, in seconds since the epoch, is when validity is told of.

    Raises Refusal(malformed) or (too-large) for certificates that cannot be read.
    """
    if thing.problem is not None:
        return {"kind": thing.kind, "code": thing.problem.code, "detail": thing.problem.detail}
    explained: Explanation = {"kind": thing.kind, "summary": _summary(thing, at)}
    if thing.digest is not None:
        explained["digest"] = thing.digest.hex()
    explained["fields"] = _visible(plain(_fields(thing, at)))
    explained["signers"] = [_signer(signature, at) for signature in thing.signatures]
    if isinstance(thing.record, TrustAnchor):
        roots = [read_certificate(root.certificate) for root in thing.record.roots]
        explained["roots"] = [describe_certificate(root, at) for root in roots]
    if thing.certificates:
        explained["certificates"] = [describe_certificate(held, at) for held in thing.certificates]
    return explained


def _summary(thing: Thing, at: int) -> str:
    if thing.crl is not None:
        number, revoked = _number(thing.crl), len(list(thing.crl))
        issued = int(thing.crl.last_update_utc.timestamp())
        age = f"issued {day(issued)}" + (f", {span(at - issued)} ago" if at > issued else "")
        return f"number {number} of {thing.crl.issuer.rfc4514_string()}, {age}; {revoked} revoked"
    if thing.bundle is not None:
        return _bundle(thing)
    if thing.content is not None:
        return thing.content.summary
    if thing.kind == CERTIFICATES:
        return f"{len(thing.certificates)} in PEM"
    if thing.parts or thing.record is None:
        return receipts.summary([part.record for part in thing.parts], thing.record)
    return summary(thing.record)


def _bundle(thing: Thing) -> str:
    assert thing.bundle is not None
    described = [describe_certificate(held, 0) for held in thing.certificates]
    holders = sorted({held["identity"]["id"] for held in described if "identity" in held})
    who = f"certificates of {', '.join(holders)}, " if holders else ""
    anchor, lists = thing.bundle.anchor, len(thing.bundle.crls)
    return f"from {anchor.vendor}: {who}trust anchor, {counted(lists, 'revocation list')}"


def _fields(thing: Thing, at: int) -> object:
    if thing.crl is not None:
        return _list_fields(thing.crl)
    if thing.content is not None:
        return thing.content.fields
    if thing.parts:
        return {"receipts": [explain(part, at) for part in thing.parts]}
    return {} if thing.record is None else thing.record


def _list_fields(crl: x509.CertificateRevocationList) -> dict[str, Any]:
    following = crl.next_update_utc
    return {
        "issuer": crl.issuer.rfc4514_string(),
        "number": _number(crl),
        "issued": crl.last_update_utc.isoformat(),
        "next by": None if following is None else following.isoformat(),
        "revoked": [
            {"serial": f"{entry.serial_number:x}", "since": entry.revocation_date_utc.isoformat()}
            for entry in crl
        ],
    }


def _number(crl: x509.CertificateRevocationList) -> int:
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _signer(signature: cose.Signature, at: int) -> dict[str, Any]:
    """Who made a signature, and the chain from there up, as far as it came along."""
    if not signature.chain:
        return {"algorithm": signature.algorithm.name, "holder": "the key in the object itself"}
    chain = [read_certificate(der) for der in signature.chain]
    state = "matches" if matches(signature, chain[0]) else "DOES NOT MATCH"
    leaf, *above = (describe_certificate(certificate, at) for certificate in chain)
    return {"algorithm": signature.algorithm.name, "signature": state, **leaf, "chain": above}


def matches(signature: cose.Signature, leaf: x509.Certificate) -> bool:
    """Whether a signature is that of a certificate's key."""
    try:
        signature.verify(leaf.public_key())
    except (Refusal, *UNREADABLE):
        return False
    return True


def _visible(value: Any) -> Any:
    """A value without what nobody wants to read: the extension maps, and the references to pages."""
    if isinstance(value, dict):
        return {name: _visible(item) for name, item in value.items() if name not in _HIDDEN}
    return [_visible(item) for item in value] if isinstance(value, list) else value
