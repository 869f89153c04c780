"""The vendor: its certificate authorities, the register of what they issued, and the building of releases."""

from appliance.vendor.addressee import Addressee
from appliance.vendor.builder import ComponentSource
from appliance.vendor.directives import Directives, IssuedDirective
from appliance.vendor.receipts import DeviceHistory, Fleet, Imported
from appliance.vendor.register import Issued
from appliance.vendor.release import Built, ReleaseOrder
from appliance.vendor.resealing import SealOrder
from appliance.vendor.service import Enrolment, Vendor
from appliance.vendor.typed import Meant

__all__ = [
    "Addressee",
    "Built",
    "ComponentSource",
    "DeviceHistory",
    "Directives",
    "Enrolment",
    "Fleet",
    "Imported",
    "Issued",
    "IssuedDirective",
    "Meant",
    "ReleaseOrder",
    "SealOrder",
    "Vendor",
]
