"""A box's or device's admission of a directive: the vendor's order to this one machine.

The checks, in their order: bounds and encoding; chain, purpose and signature; whom it is for; that it is
newer than the last one acted on; dates; revocation. What an order may change is judged by whoever acts on
it (`appliance.trust.renewal`).

Without a trusted time everything is judged but what needs one: the directive that lowers a time floor must
reach a machine whose clock lies behind it. That opens nothing: a directive is for one machine, and its
sequence can be used once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.trust.chain import VerifiedCertificate, judge_dates, verify_chain
from appliance.trust.clock import SKEW, TrustedTime, moment
from appliance.trust.crl import RevocationLists
from appliance.trust.profile import RoleIdentity
from appliance.trust.purpose import Purpose
from media_format import cose
from media_format.objects import CrlNumber, Directive, Role, TrustAnchor
from media_format.refusal import Code, Refusal
from media_format.wire import malformed


@dataclass(frozen=True, slots=True)
class Target:
    """The machine that reads directives. `sequence` is the last one's it acted on, 0 before the first.

    `crl_numbers` says how new revocation lists must be, as far as the machine remembers it apart from them.
    """

    role: Role
    identity: RoleIdentity
    sequence: int
    crl_numbers: tuple[CrlNumber, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifiedDirective:
    """A directive of the vendor to this machine, newer than the last. Made by `admit_directive` only.

    `lists` are the revocation lists after taking over newer ones; `now` is the trusted time, None where
    there was none.
    """

    directive: Directive
    signer: VerifiedCertificate
    lists: RevocationLists
    now: TrustedTime | None


def admit_directive(
    data: bytes,
    target: Target,
    anchor: TrustAnchor,
    lists: RevocationLists,
    now: TrustedTime | None,
    crls: Sequence[bytes] = (),
) -> VerifiedDirective:
    """Judge a directive, with the revocation lists `crls` that came along.

    Raises Refusal(malformed), (too-large), (unsupported-format), (chain-invalid), (purpose-mismatch),
    (signature-invalid), (not-for-this-device), (request-replayed), (certificate-*), (revoked) or
    (revocation-stale).
    """
    signed = cose.read_sign1(data, Directive.CONTENT_TYPE, Directive.LIMIT)
    directive = Directive.from_bytes(signed.payload)
    signature = signed.signatures[0]
    if signature.bag:
        raise malformed(Directive.NAME, "carries certificates besides the chain")
    signer = verify_chain(signature.chain, anchor, Purpose.DIRECTIVE_SIGNER)
    signature.verify(signer.key)
    _check_target(directive, target)
    if now is not None and directive.issued_at > now.time + SKEW:
        detail = f"issued at {moment(directive.issued_at)}, now is {moment(now.time)}"
        raise Refusal(Code.CERTIFICATE_NOT_YET_VALID, detail)
    judge_dates(signer, directive.issued_at)
    known = lists.take(crls, signer.issuers)
    policy = anchor.policy if now else dataclasses.replace(anchor.policy, crl_max_age=None)
    known.judge(signer, now.time if now else directive.issued_at, policy, target.crl_numbers)
    return VerifiedDirective(directive, signer, known, now)


def _check_target(directive: Directive, target: Target) -> None:
    named = (directive.role, directive.target, directive.epoch)
    own = target.identity
    if named != (target.role, own.id, own.epoch):
        detail = f"a directive for the {directive.role} {directive.target!r}, epoch {directive.epoch}"
        raise Refusal(
            Code.NOT_FOR_THIS_DEVICE,
            detail,
            "This directive is for another machine; take it to the one it names.",
        )
    if directive.sequence <= target.sequence:
        detail = f"directive {target.sequence} was followed already, and this is number {directive.sequence}"
        raise Refusal(
            Code.REQUEST_REPLAYED,
            detail,
            "It was followed already, or a later one was; nothing needs to be done.",
        )
