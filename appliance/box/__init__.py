"""The update box: its store of sealed releases, admission of requests, re-sealing, receipts, ledger.

`BoxService` is the facade through which the command line and the kiosk use them. What notices media is loaded
when it is first used: the kiosk watches, verbs are given their medium.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance import media
from appliance.box.admission import Admission
from appliance.box.backup import BackupMade
from appliance.box.checking import StoreFinding
from appliance.box.delivering import Cancel, Written
from appliance.box.fleet import DeviceFilter, DeviceInfo
from appliance.box.health import BoxStatus
from appliance.box.holdings import StoredPackage
from appliance.box.importing import ReleaseInfo
from appliance.box.ledger import LedgerState
from appliance.box.ledger_search import LedgerQuery
from appliance.box.merging import LeftOut
from appliance.box.offering import Withheld
from appliance.box.receipts import CollectedReceipt, ReceiptFilter, ReceiptInfo
from appliance.box.restoring import Person, Restored
from appliance.box.rules import Rule, Verdict
from appliance.box.service import BoxService
from appliance.box.survey import Action, MediumReport, PackageInfo
from appliance.box.users import Session, User, UserRole
from appliance.box.writing import WriteResult
from appliance.media.formatting import Formatted
from appliance.trust.directive_result import DirectiveResult
from appliance.trust.ledger_chain import LedgerEntry
from media_format.errors import MachineFault, Misuse
from media_format.progress import Pace, Progress
from media_format.refusal import Refusal

if TYPE_CHECKING:
    from appliance.media import MediaWatcher, MediumEvent, MediumInserted, MediumPassedOver, MediumRemoved

_OF_MEDIA: Final = {"MediaWatcher", "MediumEvent", "MediumInserted", "MediumPassedOver", "MediumRemoved"}

__all__ = [
    "Action",
    "Admission",
    "BackupMade",
    "BoxService",
    "BoxStatus",
    "Cancel",
    "CollectedReceipt",
    "DeviceFilter",
    "DeviceInfo",
    "DirectiveResult",
    "Formatted",
    "LedgerEntry",
    "LedgerQuery",
    "LedgerState",
    "LeftOut",
    "MachineFault",
    "MediaWatcher",
    "MediumEvent",
    "MediumInserted",
    "MediumPassedOver",
    "MediumRemoved",
    "MediumReport",
    "Misuse",
    "Pace",
    "PackageInfo",
    "Person",
    "Progress",
    "ReceiptFilter",
    "ReceiptInfo",
    "Refusal",
    "ReleaseInfo",
    "Restored",
    "Rule",
    "Session",
    "StoreFinding",
    "StoredPackage",
    "User",
    "UserRole",
    "Verdict",
    "Withheld",
    "WriteResult",
    "Written",
]


def __getattr__(name: str) -> object:
    if name not in _OF_MEDIA:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(media, name)
