"""The TPM abstraction: one protocol, one backend a file. Keys are used here and never read."""

from appliance.tpm.protocol import NO_AUTHORISATION, Authorisation, KeyKind, Tpm, TpmStatus
from appliance.tpm.uri import open_tpm

__all__ = ["NO_AUTHORISATION", "Authorisation", "KeyKind", "Tpm", "TpmStatus", "open_tpm"]
