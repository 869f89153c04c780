"""The device: asks, checks, installs into the banks that do not run, switches, confirms, reports.

`Device` is the facade through which the command line and the agent use it.
"""

from appliance.device.applying import ApplyResult
from appliance.device.booting import BootResult
from appliance.device.configuration import DeviceConfiguration, WatchSettings
from appliance.device.judging import PackageResult
from appliance.device.service import Device, DeviceStatus
from appliance.trust.directive_result import DirectiveResult

__all__ = [
    "ApplyResult",
    "BootResult",
    "Device",
    "DeviceConfiguration",
    "DeviceStatus",
    "DirectiveResult",
    "PackageResult",
    "WatchSettings",
]
