"""Whether a release fits a device's slots: the same rules at the device, and at the box that asks first."""

from __future__ import annotations

from collections.abc import Mapping

from media_format.objects import Manifest
from media_format.refusal import Code, Refusal


def judge_regions(manifest: Manifest, capacities: Mapping[str, int]) -> None:
    """Whether components go to slots that updates may write, without touching one another.

    `capacities` names each such slot with its bytes. Raises Refusal(region-forbidden).
    """
    ends: dict[str, int] = {}
    for component in sorted(manifest.components, key=lambda component: component.offset):
        if component.slot not in capacities:
            raise Refusal(Code.REGION_FORBIDDEN, f"updates may not write to a slot {component.slot!r}")
        if component.offset < ends.get(component.slot, 0):
            raise Refusal(Code.REGION_FORBIDDEN, f"two components overlap in slot {component.slot!r}")
        ends[component.slot] = component.offset + component.size


def judge_space(manifest: Manifest, capacities: Mapping[str, int]) -> None:
    """Whether every component fits its slot, which `judge_regions` found. Raises Refusal(no-space)."""
    for component in manifest.components:
        end, capacity = component.offset + component.size, capacities[component.slot]
        if end > capacity:
            raise Refusal(Code.NO_SPACE, f"{component.name!r} ends at {end}, its slot at {capacity}")
