"""The keystore's client: the TPM protocol, spoken to the process that holds the keys."""

from __future__ import annotations

import select
import socket
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Final

from appliance.tpm.keystore.messages import Status, receive, send
from appliance.tpm.protocol import Authorisation, KeyKind, TpmStatus
from media_format import cbor
from media_format.errors import Misuse
from media_format.refusal import Code, Refusal

_ATTEMPTS: Final = 3
"""A connection may be of a keystore that ended, and so may the next, while its end is on the way."""

Connect = Callable[[], socket.socket]
"""A new connection to the keystore. Refusal(tpm-unavailable) where there is none."""


class KeystoreTpm:
    """Implements `appliance.tpm.protocol.Tpm`. Safe for several threads; connects when it is first needed.

    A keystore that was restarted is found again. A call that changes something is not repeated then: whether
    it took effect is not known, and the caller's own state decides (Refusal(tpm-unavailable)).
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()

    def random(self, size: int) -> bytes:
        return _bytes(self._call("random", size))

    def create(self, key: str, kind: KeyKind, auth: Authorisation) -> bytes:
        return _bytes(self._call("create", key, str(kind), auth.secret, again=False))

    def public(self, key: str) -> bytes:
        return _bytes(self._call("public", key))

    def sign(self, key: str, message: bytes, auth: Authorisation) -> bytes:
        return _bytes(self._call("sign", key, message, auth.secret))

    def open(
        self, key: str, encapsulation: bytes, ciphertext: bytes, info: bytes, auth: Authorisation
    ) -> bytes:
        return _bytes(self._call("open", key, encapsulation, ciphertext, info, auth.secret))

    def seal(self, data: bytes, pin: str | None) -> bytes:
        return _bytes(self._call("seal", data, pin))

    def unseal(self, blob: bytes, pin: str | None) -> bytes:
        # An attempt with a PIN counts, so it is made once.
        return _bytes(self._call("unseal", blob, pin, again=pin is None))

    def counter(self, name: str) -> int:
        return _number(self._call("counter", name))

    def increment(self, name: str) -> int:
        return _number(self._call("increment", name, again=False))

    def store(self, name: str, value: bytes) -> None:
        self._call("store", name, value)

    def load(self, name: str) -> bytes | None:
        value = self._call("load", name)
        return None if value is None else _bytes(value)

    def status(self) -> TpmStatus:
        match self._call("status"):
            case [str() as backend, [*kinds], int() as failures, int() as allowed, None | int() as until]:
                return TpmStatus(
                    backend, tuple(KeyKind(str(kind)) for kind in kinds), failures, allowed, until
                )
        raise _unavailable("the keystore answers in another way than expected")

    def close(self) -> None:
        with self._lock:
            self._hang_up()

    def _call(self, name: str, *arguments: cbor.Value, again: bool = True) -> cbor.Value:
        with self._lock:
            for _ in range(_ATTEMPTS if again else 1):
                try:
                    return _value(_ask(self._connected(), [name, *arguments]))
                except OSError:
                    self._hang_up()
        raise _unavailable("the keystore stopped answering")

    def _connected(self) -> socket.socket:
        """A connection on which the keystore answers: one may be ending just when it is found."""
        if self._connection is not None and not _hung_up(self._connection):
            return self._connection
        for _ in range(_ATTEMPTS):
            self._hang_up()
            self._connection = connection = self._connect()
            # Whoever forgets the client hangs up too.
            weakref.finalize(self, connection.close)
            try:
                _ask(connection, ["status"])
            except OSError:
                continue
            return connection
        raise _unavailable("the keystore stops answering as soon as it is asked")

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _ask(connection: socket.socket, message: Sequence[cbor.Value]) -> Sequence[cbor.Value]:
    send(connection, message)
    reply = receive(connection)
    if reply is None:
        raise ConnectionResetError("the keystore hung up")
    return reply


def _hung_up(connection: socket.socket) -> bool:
    """Whether the other side is known to be gone: it says nothing unasked, so this can only be its end."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _value(reply: Sequence[cbor.Value]) -> cbor.Value:
    match reply:
        case [Status.DONE, value]:
            return value
        case [Status.REFUSED, str() as code, str() as detail] if code in set(Code):
            raise Refusal(Code(code), detail)
        case [Status.MISUSED, str() as text]:
            raise Misuse(text)
    raise _unavailable("the keystore answers in another way than expected")


def _bytes(value: cbor.Value) -> bytes:
    if not isinstance(value, bytes):
        raise _unavailable("the keystore answers in another way than expected")
    return value


def _number(value: cbor.Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _unavailable("the keystore answers in another way than expected")
    return value


def _unavailable(detail: str) -> Refusal:
    return Refusal(Code.TPM_UNAVAILABLE, detail)
