"""The agent: notices media, applies what is for this device, leaves receipts and a request."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from appliance.device.applying import ApplyResult
from appliance.device.service import Device
from appliance.media import MediaWatcher, MediumInserted, MediumPassedOver, open_medium
from media_format.errors import MachineFault, Misuse
from media_format.refusal import Refusal

_LOG = logging.getLogger("updatebox.device")

Done = Callable[[Path, ApplyResult], None]
"""Told of every medium that was dealt with."""


def watch(device: Device, watcher: MediaWatcher, done: Done) -> None:
    """Deal with media until the watcher is closed. A hostile or dying medium ends in a line of the log."""
    while (event := watcher.next()) is not None:
        if isinstance(event, MediumInserted):
            _serve(device, event.path, done)
            watcher.finished(event.path)
        elif isinstance(event, MediumPassedOver):
            _LOG.info("%s is passed over: %s", event.path, event.reason)


def _serve(device: Device, path: Path, done: Done) -> None:
    try:
        volume = open_medium(path, writable=True, loops=device.configuration.watch.loops)
        try:
            result = device.apply(volume)
            if not result.requested:
                device.write_request(volume)
        finally:
            volume.close()
    except Refusal as refusal:
        _LOG.warning("%s: %s. %s", path, refusal, refusal.advice)
    except (Misuse, MachineFault, OSError) as error:
        _LOG.error("%s: %s", path, error)
    except Exception:
        # Nobody is there to start the agent again, and the medium that ended it would still be plugged in.
        _LOG.exception("%s: the agent goes on without this medium", path)
    else:
        for order in result.directives:
            what = f"directive {order.sequence}, {order.order.name.lower()}"
            _LOG.info("%s: %s: %s", path, what, order.code or "done")
        for package in result.packages:
            name = package.outcome.name.lower() if package.outcome else "nothing to do"
            _LOG.info("%s: %s: %s %s", path, package.folder, name, package.code or package.version or "")
        done(path, result)
