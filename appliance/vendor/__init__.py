"""The vendor: its certificate authorities, the register of what they issued, and the building of releases."""

from appliance.vendor.builder import ComponentSource
from appliance.vendor.release import Built, ReleaseOrder
from appliance.vendor.service import Enrolment, Vendor

__all__ = ["Built", "ComponentSource", "Enrolment", "ReleaseOrder", "Vendor"]
