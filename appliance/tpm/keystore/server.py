"""The keystore's server: answers calls of processes of its own user, one thread a connection."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from appliance.tpm.disk import reason
from appliance.tpm.keystore.audit import Audit
from appliance.tpm.keystore.messages import Status, receive, send
from appliance.tpm.keystore.peer import Peer, peer_of
from appliance.tpm.protocol import Authorisation, KeyKind, Tpm
from media_format import cbor
from media_format.errors import Misuse
from media_format.refusal import Code, Refusal

Arguments: TypeAlias = Sequence[cbor.Value]
Call: TypeAlias = Callable[[Tpm, Arguments], cbor.Value]
_MAX_CONNECTIONS: Final = 64
_MAX_RANDOM: Final = 4096
_MAX_NAME: Final = 64
"""Characters of a name that the audit keeps: lines of bounded length do not push the others out."""
_BETWEEN_NOTES: Final = 60.0
"""Seconds between two lines of the audit about those who were turned away; each says how many they were."""


class KeystoreServer:
    """Serves one TPM on a listening Unix socket, for processes of `allowed` users only.

    `serve` returns when nobody has been connected for `idle` seconds; None means never.
    """

    def __init__(self, tpm: Tpm, audit: Audit, allowed: frozenset[int], idle: float | None) -> None:
        self._tpm = tpm
        self._audit = audit
        self._allowed = allowed
        self._idle = idle
        self._connected = threading.Semaphore(_MAX_CONNECTIONS)
        self._attending: set[threading.Thread] = set()
        self._turned_away = 0
        self._next_note = 0.0

    def serve(self, listener: socket.socket) -> None:
        """Answer until idle. A client that connects at that very moment is hung up on, and comes again."""
        listener.settimeout(self._idle)
        while self._accept(listener) or self._attending:
            pass

    def _accept(self, listener: socket.socket) -> bool:
        """Take in the next client; False where none came in time."""
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            return False
        self._welcome(connection)
        return True

    def _welcome(self, connection: socket.socket) -> None:
        peer = peer_of(connection)
        if peer.uid not in self._allowed or not self._connected.acquire(blocking=False):
            connection.close()
            self._turn_away(peer)
            return
        connection.settimeout(None)
        thread = threading.Thread(target=self._attend, args=(connection, peer), daemon=True)
        self._attending.add(thread)
        thread.start()

    def _turn_away(self, peer: Peer) -> None:
        """Whoever is turned away may come as often as he likes: he must not fill the audit with it."""
        self._turned_away += 1
        if self._next_note > time.monotonic():
            return
        others = self._turned_away - 1
        with suppress(OSError):
            self._audit.note(peer, "connect", "", f"turned away{f', and {others} before' if others else ''}")
        self._next_note, self._turned_away = time.monotonic() + _BETWEEN_NOTES, 0

    def _attend(self, connection: socket.socket, peer: Peer) -> None:
        try:
            while (message := receive(connection)) is not None:
                send(connection, self._answer(peer, message))
        except (OSError, Refusal):
            return  # the client is gone, or speaks something else: it is hung up on
        finally:
            connection.close()
            self._connected.release()
            self._attending.discard(threading.current_thread())

    def _answer(self, peer: Peer, message: Arguments) -> list[cbor.Value]:
        name, *arguments = message
        call = CALLS.get(str(name))
        if call is None:
            return [Status.MISUSED, "the keystore knows no such call"]
        outcome, reply = self._made(call, arguments)
        if name in USES:
            try:
                self._audit.note(peer, str(name), _named(arguments), outcome)
            except OSError as error:
                # No use without a trace: what came of it is not given out.
                return [Status.REFUSED, str(Code.TPM_UNAVAILABLE), reason(self._audit.path, error)]
        return reply

    def _made(self, call: Call, arguments: Arguments) -> tuple[str, list[cbor.Value]]:
        """A call's outcome for the audit, and the reply."""
        try:
            return "done", [Status.DONE, call(self._tpm, arguments)]
        except Refusal as refusal:
            return str(refusal.code), [Status.REFUSED, str(refusal.code), refusal.detail]
        except Misuse as misuse:
            return "misuse", [Status.MISUSED, str(misuse)]
        except OSError as error:
            return "failed", [Status.REFUSED, str(Code.TPM_UNAVAILABLE), os.strerror(error.errno or 0)]


def _named(arguments: Arguments) -> str:
    """The key that a call names, as the audit keeps it: no longer than names of keys are."""
    return arguments[0][:_MAX_NAME] if arguments and isinstance(arguments[0], str) else ""


# Arguments come from another process: each is taken by its type, and nothing else is.


def _text(arguments: Arguments, place: int) -> str:
    value = arguments[place] if place < len(arguments) else None
    if not isinstance(value, str):
        raise Misuse(f"argument {place + 1} must be text")
    return value


def _bytes(arguments: Arguments, place: int) -> bytes:
    value = arguments[place] if place < len(arguments) else None
    if not isinstance(value, bytes):
        raise Misuse(f"argument {place + 1} must be bytes")
    return value


def _pin(arguments: Arguments, place: int) -> str | None:
    return None if place < len(arguments) and arguments[place] is None else _text(arguments, place)


def _auth(arguments: Arguments, place: int) -> Authorisation:
    return Authorisation(_bytes(arguments, place))


def _random(tpm: Tpm, arguments: Arguments) -> bytes:
    size = arguments[0] if arguments else None
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= _MAX_RANDOM:
        raise Misuse(f"the keystore gives 0 to {_MAX_RANDOM} random bytes at once")
    return tpm.random(size)


def _create(tpm: Tpm, arguments: Arguments) -> bytes:
    try:
        kind = KeyKind(_text(arguments, 1))
    except ValueError:
        raise Misuse("the keystore knows no such kind of key") from None
    return tpm.create(_text(arguments, 0), kind, _auth(arguments, 2))


def _open(tpm: Tpm, arguments: Arguments) -> bytes:
    encapsulation, ciphertext, info = (_bytes(arguments, place) for place in (1, 2, 3))
    return tpm.open(_text(arguments, 0), encapsulation, ciphertext, info, _auth(arguments, 4))


def _store(tpm: Tpm, arguments: Arguments) -> None:
    tpm.store(_text(arguments, 0), _bytes(arguments, 1))


def _status(tpm: Tpm, _: Arguments) -> list[cbor.Value]:
    found = tpm.status()
    kinds = [str(kind) for kind in found.kinds]
    return [found.backend, kinds, found.failures, found.failures_allowed, found.locked_until]


CALLS: Final[Mapping[str, Call]] = {
    "random": _random,
    "create": _create,
    "public": lambda tpm, given: tpm.public(_text(given, 0)),
    "sign": lambda tpm, given: tpm.sign(_text(given, 0), _bytes(given, 1), _auth(given, 2)),
    "open": _open,
    "seal": lambda tpm, given: tpm.seal(_bytes(given, 0), _pin(given, 1)),
    "unseal": lambda tpm, given: tpm.unseal(_bytes(given, 0), _pin(given, 1)),
    "counter": lambda tpm, given: tpm.counter(_text(given, 0)),
    "increment": lambda tpm, given: tpm.increment(_text(given, 0)),
    "store": _store,
    "load": lambda tpm, given: tpm.load(_text(given, 0)),
    "status": _status,
}
USES: Final = frozenset({"create", "sign", "open", "seal", "unseal", "increment"})
"""The calls that the audit keeps."""
