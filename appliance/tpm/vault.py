"""The soft TPM's directory: encrypted, authenticated entries under a machine secret.

Every entry is a file "KIND-NAME" sealed with AES-256-GCM under a key derived from the machine secret
(and, for keys, from their authorisation), with its own name as additional data, so that an entry
moved to another name does not open. All changes are durable when a call returns.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from appliance.tpm.disk import failing
from media_format.durable import replace_file
from media_format.errors import Misuse
from media_format.locking import locked
from media_format.refusal import Code, Refusal

_SECRET: Final = "machine-secret"
_LOCK: Final = "lock"
_NONCE: Final = 12
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

Replace = Callable[[Path, bytes], None]


class Closed(Exception):
    """An entry does not open with this key."""


class Vault:
    """The entries below `folder`. `replace` makes a file durable; tests cut the power there."""

    def __init__(self, folder: Path, replace: Replace = replace_file) -> None:
        self._folder = folder
        self._replace = replace
        try:
            _check_private(folder)
            _check_private(folder / _SECRET)
            self._secret = (folder / _SECRET).read_bytes()
        except OSError as error:
            raise unavailable(f"{folder}: {os.strerror(error.errno or 0)}") from None
        if len(self._secret) != 32:
            raise unavailable(f"{folder}: the machine secret is damaged")

    @classmethod
    def create(cls, folder: Path, secret: bytes, replace: Replace = replace_file) -> Vault:
        """A new vault. Misuse if there is one."""
        if (folder / _SECRET).exists():
            raise Misuse(f"{folder}: there is a soft TPM already")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_private(folder)
        replace(folder / _SECRET, secret)
        return cls(folder, replace)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time: reading, deciding and writing belong together."""
        if not self._folder.is_dir():
            raise unavailable(f"{self._folder}: there is no soft TPM any more")
        path = self._folder / _LOCK
        with ExitStack() as held:
            try:
                held.enter_context(locked(path))
            except OSError as error:
                raise failing(path, error) from None
            yield

    def exists(self, kind: str, name: str) -> bool:
        """Whether there is such an entry."""
        return self._path(kind, name).exists()

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of all entries of a kind."""
        try:
            return tuple(
                sorted(path.name.removeprefix(f"{kind}-") for path in self._folder.glob(f"{kind}-*"))
            )
        except OSError as error:
            raise failing(self._folder, error) from None

    def write(self, kind: str, name: str, data: bytes, nonce: bytes, auth: bytes = b"") -> None:
        """Seal and keep an entry, replacing what was there."""
        path = self._path(kind, name)
        try:
            self._replace(path, self.seal(f"{kind}-{name}", data, nonce, auth))
        except OSError as error:
            raise failing(path, error) from None

    def read(self, kind: str, name: str, auth: bytes = b"") -> bytes | None:
        """Open an entry; None if there is none. Closed if it does not open."""
        path = self._path(kind, name)
        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise failing(path, error) from None
        return self.open(f"{kind}-{name}", sealed, auth)

    def seal(self, purpose: str, data: bytes, nonce: bytes, auth: bytes = b"") -> bytes:
        """Encrypt for this machine, `purpose` and `auth` alone."""
        return nonce + AESGCM(self._key(purpose, auth)).encrypt(nonce, data, purpose.encode())

    def open(self, purpose: str, sealed: bytes, auth: bytes = b"") -> bytes:
        """What `seal` encrypted; Closed for anything else."""
        try:
            nonce, data = sealed[:_NONCE], sealed[_NONCE:]
            return AESGCM(self._key(purpose, auth)).decrypt(nonce, data, purpose.encode())
        except (InvalidTag, ValueError):
            raise Closed from None

    def _key(self, purpose: str, auth: bytes) -> bytes:
        info = b"updatebox soft tpm\0" + purpose.encode() + b"\0" + auth
        return HKDF(hashes.SHA256(), 32, None, info).derive(self._secret)

    def _path(self, kind: str, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise Misuse(f"{name!r} is no name for the TPM: use lower-case letters, digits, '.', '_' and '-'")
        return self._folder / f"{kind}-{name}"


def _check_private(path: Path) -> None:
    status = path.stat()
    if status.st_mode & 0o077:
        raise unavailable(f"{path} can be read by others; run: chmod go= {path}")
    if status.st_uid != os.geteuid():
        raise unavailable(f"{path} belongs to another user")


def unavailable(detail: str) -> Refusal:
    """The refusal for a TPM that cannot be used."""
    return Refusal(Code.TPM_UNAVAILABLE, detail)
