"""What is plugged in: noticing media, the rule which disks may be touched, opening their volume.

The names are loaded when they are first used: a courier lives in this package, starts for every medium,
and must not load what it never uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from appliance.media.detect import (
        MediaWatcher,
        MediumEvent,
        MediumInserted,
        MediumPassedOver,
        MediumRemoved,
    )
    from appliance.media.opening import open_medium
    from appliance.media.rule import check_disk

__all__ = [
    "MediaWatcher",
    "MediumEvent",
    "MediumInserted",
    "MediumPassedOver",
    "MediumRemoved",
    "check_disk",
    "open_medium",
]

_ELSEWHERE: Final = {"open_medium": "opening", "check_disk": "rule"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ELSEWHERE.get(name, 'detect')}"), name)
