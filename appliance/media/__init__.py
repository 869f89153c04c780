"""What is plugged in: noticing media, the rule which disks may be touched, opening their volume."""

from appliance.media.detect import MediaWatcher, MediumEvent, MediumInserted, MediumPassedOver, MediumRemoved
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
