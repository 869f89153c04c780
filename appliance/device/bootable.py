"""What may boot: banks that hold, whole and at its place, what one signed manifest says of them.

The files that say what is installed are not trusted. They only lead to the signed manifests, and what may
run is worked out from these: which slots, at which place, how much, with which digest.
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.device.installed import BankContent, contents_of
from appliance.device.machine import Machine
from appliance.trust.manifest import verify_manifest
from media_format.errors import MachineFault
from media_format.objects import Manifest
from media_format.refusal import Code, Refusal


def find_problem(machine: Machine, banks: Mapping[str, int]) -> Refusal | None:
    """Why these banks may not run: signature, security floor, parts of several releases, or content.

    Banks that no update has begun to write hold what the factory put there.
    """
    try:
        _judge(machine, banks)
    except Refusal as refusal:
        return refusal
    except MachineFault as fault:
        # A bank that fails to read is as wrong as one with other bytes: it must not stop the way back.
        return Refusal(Code.SLOT_READBACK_MISMATCH, str(fault))
    return None


def _judge(machine: Machine, banks: Mapping[str, int]) -> None:
    facts, contents = machine.record.facts, machine.contents(banks)
    known = {content.slot for content in contents}
    for slot, number in banks.items():
        bank = machine.slots.bank(slot, number).name
        if slot not in known and bank in facts.written:
            raise Refusal(Code.SLOT_READBACK_MISMATCH, f"bank {bank} holds no whole release")
    if not contents and facts.security_floor:
        raise Refusal(Code.ROLLBACK, "what the factory installed is below the security floor")
    releases = {
        digest: _release(machine, digest, facts.security_floor)
        for digest in {content.manifest_digest for content in contents}
    }
    for slot, number in banks.items():
        _judge_slot(releases, slot, {one for one in contents if one.slot == slot}, number)
    _judge_whole(releases, {content.slot: content.manifest_digest for content in contents})
    if not machine.measures_right(contents):
        raise Refusal(Code.SLOT_READBACK_MISMATCH, "a slot does not hold what the vendor signed")


def _release(machine: Machine, digest: bytes, floor: int) -> Manifest:
    signed = machine.installed.manifest(digest)
    if signed is None:
        raise Refusal(Code.SIGNATURE_INVALID, "the manifest of a slot is missing")
    verified = verify_manifest(signed, machine.bundle().anchor)
    if verified.digest != digest:
        raise Refusal(Code.SIGNATURE_INVALID, "the manifest of a slot is another one")
    if verified.manifest.index < floor:
        raise Refusal(Code.ROLLBACK, f"release {verified.manifest.index} is below the security floor")
    return verified.manifest


def _judge_slot(releases: Mapping[bytes, Manifest], slot: str, said: set[BankContent], number: int) -> None:
    """That what is said of a bank is all that one signed manifest puts there, and where it puts it."""
    digests = {content.manifest_digest for content in said}
    signed = {
        content for digest in digests for content in contents_of(releases[digest], digest, {slot: number})
    }
    if len(digests) > 1 or said != signed:
        raise Refusal(Code.SIGNATURE_INVALID, f"slot {slot} is not described by its manifest")


def _judge_whole(releases: Mapping[bytes, Manifest], slots: Mapping[str, bytes]) -> None:
    """That no release is there in part: what is missing of it made room for a newer one.

    A release need not use all slots, so the others may hold an older one; never the other way round.
    """
    for digest, release in releases.items():
        for slot in {component.slot for component in release.components}:
            there = slots.get(slot)
            if there != digest and (there is None or releases[there].index <= release.index):
                detail = f"slot {slot} does not hold its part of {release.version}: parts of several releases"
                raise Refusal(Code.SLOT_READBACK_MISMATCH, detail)
