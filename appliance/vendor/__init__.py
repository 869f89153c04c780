"""The vendor: its certificate authorities, the register of what they issued, and the building of releases."""

from appliance.vendor.builder import ComponentSource
from appliance.vendor.receipts import DeviceHistory, Fleet, Imported
from appliance.vendor.release import Built, ReleaseOrder
from appliance.vendor.service import Enrolment, Vendor

__all__ = [
    "Built",
    "ComponentSource",
    "DeviceHistory",
    "Enrolment",
    "Fleet",
    "Imported",
    "ReleaseOrder",
    "Vendor",
]
