"""A daemon that speaks gpsd's protocol and says what a test wants, whatever a real one would."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def saying(*lines: bytes) -> Iterator[int]:
    """Says these lines to whoever asks to watch, then hangs up. Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, lines))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(server: socket.socket, lines: tuple[bytes, ...]) -> None:
    with suppress(OSError):  # the test is over, and the socket shut down
        while True:
            connection, _ = server.accept()
            with connection, suppress(ConnectionError):
                connection.recv(4096)
                for line in lines:
                    connection.sendall(line)
