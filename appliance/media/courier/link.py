"""The client's end of the socket: one request, one answer, within bounds, and an end if not.

Whatever the process does wrong ends it: it is killed, the call and every later one is refused.
"""

from __future__ import annotations

import select
import socket
import subprocess
import threading
import time
from contextlib import suppress
from typing import Final

from appliance.media.courier.messages import (
    CODES,
    MAX_MESSAGE,
    Operation,
    Outcome,
    decode,
    encode,
    harmless,
)
from media_format.cbor import Value
from media_format.errors import MachineFault, Misuse
from media_format.limits import GIB
from media_format.refusal import Code, Refusal

_CPU_SECONDS: Final = 2.0
_CPU_SECONDS_PER_GIB: Final = 0.25
_MAX_CPU_SECONDS: Final = 60.0
_CHANGING: Final = frozenset({Operation.BEGIN, Operation.COMMIT, Operation.DELETE})
_CHANGING_FACTOR: Final = 5
"""Before its first change a volume that was left dirty is looked through as a whole."""
SILENCE: Final = 120.0
"""Seconds without an answer after which a medium is taken for dead; the kernel's own limit is below."""
_LOOK: Final = 0.1
_GRACE: Final = 5.0


class Link:
    """One courier process and the socket to it.

    `name` and `size` (bytes) are those of its medium; `silence` is how many seconds are waited for an
    answer at the longest.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], end: socket.socket, name: str, size: int, silence: float
    ) -> None:
        self._process = process
        self._end = end
        self._name = name
        self._cpu = min(_CPU_SECONDS + size / GIB * _CPU_SECONDS_PER_GIB, _MAX_CPU_SECONDS)
        self._silence = silence
        self._lock = threading.Lock()
        self._over: Refusal | None = None

    def call(self, operation: Operation, *arguments: Value) -> Value:
        """The value of the answer. The refusals of a volume, Misuse and MachineFault as the courier says."""
        with self._lock:
            if self._over is not None:
                raise Refusal(self._over.code, self._over.detail)
            try:
                self._end.send(encode([operation, *arguments]))
                cpu = self._cpu * (_CHANGING_FACTOR if operation in _CHANGING else 1)
                return self._value(self._receive(cpu, self._silence))
            except OSError:
                raise self._fail(Code.MEDIUM_UNREADABLE, "the courier that read it has died") from None
            except (Refusal, Misuse, MachineFault):
                raise
            except BaseException:
                # Interrupted between question and answer: the next answer would be taken for another's.
                self._fail(Code.MEDIUM_PULLED, "the courier was interrupted")
                raise

    def distrust(self, why: str) -> Refusal:
        """The refusal to raise where an answer breaks the protocol; the courier is ended."""
        return self._fail(Code.MEDIUM_UNREADABLE, f"the courier answered with nonsense: {why}")

    def ready(self) -> list[Value]:
        """The message with which the courier begins. MachineFault if it does not."""
        try:
            return self._decoded(self._receive(SILENCE, SILENCE))
        except (OSError, Refusal):
            self._fail(Code.MEDIUM_UNREADABLE, "the courier did not start")
            raise MachineFault("the courier, which reads media, does not start") from None

    @property
    def pid(self) -> int:
        """The courier's process number."""
        return self._process.pid

    @property
    def over(self) -> bool:
        """Whether the process was ended or has died; its volume can no longer be settled."""
        return self._over is not None

    def end(self) -> None:
        """Let the process go: it ends by itself now, or is killed. Ending twice is harmless."""
        self._end.close()
        if self._over is None:
            self._over = Refusal(Code.MEDIUM_PULLED, f"{self._name} was closed")
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._kill()

    def _receive(self, cpu: float, silence: float) -> bytes:
        """One message; `cpu` and `silence` are the seconds that the process may compute, and take in all."""
        budget, deadline = self._cpu_time() + cpu, time.monotonic() + silence
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        while not poll.poll(_LOOK * 1000):
            if self._cpu_time() > budget:
                why = "its file system takes longer to read than one may"
                raise self._fail(Code.MEDIUM_UNREADABLE, why)
            if time.monotonic() > deadline:
                raise self._fail(Code.MEDIUM_PULLED, "it has stopped answering")
        message = self._end.recv(MAX_MESSAGE + 1)
        if not message:
            raise ConnectionResetError
        return message

    def _value(self, answer: bytes) -> Value:
        match self._decoded(answer):
            case [Outcome.DONE, value]:
                return value
            case [Outcome.REFUSED, str(code), str(detail)] if code in CODES:
                raise Refusal(Code(code), harmless(detail))
            case [Outcome.MISUSE, str(detail)]:
                raise Misuse(harmless(detail))
            case [Outcome.FAULT, str(detail)]:
                raise MachineFault(harmless(detail))
        raise self.distrust("an answer of no known kind")

    def _decoded(self, message: bytes) -> list[Value]:
        try:
            return decode(message, "the courier's answer")
        except Refusal as refusal:
            raise self.distrust(refusal.detail) from None

    def _cpu_time(self) -> float:
        """Seconds that the process has computed; its clock is the one of clock_getcpuclockid(3)."""
        with suppress(OSError):
            return time.clock_gettime(~self._process.pid << 3 | 2)
        return 0.0

    def _fail(self, code: Code, why: str) -> Refusal:
        self._over = Refusal(code, f"{self._name}: {why}")
        self._kill()
        self._end.close()
        return self._over

    def _kill(self) -> None:
        self._process.kill()
        # A process that waits for a dying medium cannot be killed before the kernel gives up on that.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
