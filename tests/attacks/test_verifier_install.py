"""Attacks on a device's verifier: releases that are no way forward, or do not fit."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from appliance.trust.device_view import SlotSpace
from media_format import limits
from media_format.objects import Present, Run
from media_format.refusal import Code
from tests.attacks.pieces import head
from tests.trust_world import World, make_component, make_manifest, make_pages, refused

# 8. Key chain


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"head": head(6)}, Code.ROLLBACK),
        ({"head": head(5)}, Code.EQUIVOCATION),
        ({"pending": head(5)}, Code.EQUIVOCATION),
        ({"security_floor": 6}, Code.SIGNER_SUPERSEDED),
    ],
    ids=["older than the head", "the head's index", "the pending index", "below the floor"],
)
def test_there_is_no_way_back(world: World, changes: dict[str, Any], code: Code) -> None:
    for also in ({}, {"retry": True}):
        with refused(code):
            world.admit(view=world.view(**changes, **also))


def test_a_stick_that_stays_in_the_port_makes_no_loop(world: World) -> None:
    digest = world.admit().manifest_digest
    with refused(Code.ALREADY_INSTALLED):
        world.admit(view=world.view(head=head(5, digest), installed=digest))
    world.admit(view=world.view(head=head(5, digest), installed=digest, retry=True))
    world.admit(view=world.view(head=head(5, digest)))
    with refused(Code.PREVIOUSLY_FAILED):
        world.admit(view=world.view(failed=frozenset({digest})))
    world.admit(view=world.view(failed=frozenset({digest}), retry=True))


# 9. Compatibility


@pytest.mark.parametrize("changes", [{"product": "valve"}, {"line": "beta"}, {"hardware": "rev-c"}])
def test_a_release_for_something_else_is_refused(world: World, changes: dict[str, Any]) -> None:
    with refused(Code.INCOMPATIBLE_HARDWARE):
        world.admit(view=world.view(**changes))


def test_chunks_must_fit_the_devices_memory(world: World) -> None:
    world.admit(view=world.view(largest_chunk=4096))
    with refused(Code.TOO_LARGE):
        world.admit(view=world.view(largest_chunk=4095))


def test_chunks_come_from_the_installed_release_only_where_the_device_can_do_that(world: World) -> None:
    base = bytes([7]) * 32
    present = Present(runs=(Run(first=0, count=1),), page_offsets=(0, 10), base=base)
    package = world.package(present=present, payload_length=100)
    with refused(Code.UNSUPPORTED_FORMAT):
        world.admit(package)
    with refused(Code.WRONG_BASE):
        world.admit(package, world.view(reuse=True, bases=frozenset({bytes(32)})))
    world.admit(package, world.view(reuse=True, bases=frozenset({base})))


@pytest.mark.parametrize(
    "changes",
    [
        {"runs": (Run(first=3, count=2),)},
        {"runs": (Run(first=0, count=2**63 - 1),)},
        {"runs": (Run(first=2**62, count=1),)},
        {"page_offsets": (0,)},
        {"page_offsets": (0, 0, 0)},
        {"page_offsets": (0, 2**63 - 1)},
    ],
)
def test_chunks_that_are_said_to_be_there_lie_within_the_release(
    world: World, changes: dict[str, Any]
) -> None:
    base = bytes([7]) * 32
    present = Present(runs=(Run(first=0, count=1),), page_offsets=(0, 10), base=base)
    package = world.package(present=dataclasses.replace(present, **changes), payload_length=100)
    with refused(Code.MALFORMED):
        world.admit(package, world.view(reuse=True, bases=frozenset({base})))


@pytest.mark.parametrize("length", [4179, 10**6, 2**41])
def test_some_of_the_chunks_take_no_more_room_than_all(world: World, length: int) -> None:
    base = bytes([7]) * 32
    present = Present(runs=(Run(first=0, count=1),), page_offsets=(0, 10), base=base)
    package = world.package(present=present, payload_length=length, segment_size=limits.MAX_SEGMENT_SIZE)
    with refused(Code.MALFORMED):
        world.admit(package, world.view(reuse=True, bases=frozenset({base})))


# 10. Regions, 11. Space


@pytest.mark.parametrize("slot", ["boot-indicator", "certificates", "rootfs-a", "../rootfs", "ROOTFS"])
def test_a_manifest_that_names_another_region_is_refused(world: World, slot: str) -> None:
    components = (make_component(slot=slot), make_component(name="hook"))
    with refused(Code.REGION_FORBIDDEN):
        world.admit(world.package(make_manifest(components=components, stored_size=0)))


@pytest.mark.parametrize(("offset", "overlaps"), [(0, True), (4095, True), (4096, False)])
def test_components_do_not_overlap(world: World, offset: int, overlaps: bool) -> None:
    pair = (make_component(), make_component(name="second", offset=offset))
    for components in (pair, pair[::-1]):
        package = world.package(make_manifest(components=components, stored_size=0))
        if overlaps:
            with refused(Code.REGION_FORBIDDEN):
                world.admit(package)
        else:
            world.admit(package)


@pytest.mark.parametrize(
    ("offset", "size"), [(0, (1 << 20) + 1), (1 << 20, 1), (2**62, 4096), ((1 << 20) - 4095, 4096)]
)
def test_a_component_must_fit_its_slot(world: World, offset: int, size: int) -> None:
    component = make_component(offset=offset, size=size)
    pages = make_pages()[: component.pages]
    manifest = make_manifest(pages, components=(component,), stored_size=0)
    with refused(Code.NO_SPACE):
        world.admit(world.package(manifest))


def test_a_component_may_fill_its_slot(world: World) -> None:
    manifest = make_manifest(make_pages()[:1], components=(make_component(size=4096),), stored_size=0)
    world.admit(world.package(manifest), world.view(slots={"rootfs": SlotSpace(4096)}))
