"""Access to a medium past the page cache: O_DIRECT (open(2)), with the alignment that it wants."""

from __future__ import annotations

import errno
import mmap
import os
from contextlib import suppress
from typing import Final

_BLOCK: Final = 4 * 1024 * 1024
"""What is written at once, and read at once from a medium that is read in sequence."""


def aligned_memory(size: int) -> mmap.mmap:
    """Memory that O_DIRECT accepts (open(2), NOTES): a mapping begins on a page.

    Where the kernel gives huge pages for it, reading takes half the time.
    """
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


class DirectAccess:
    """A medium by a descriptor with O_DIRECT: offset, length and memory are multiples of `alignment`."""

    def __init__(self, fd: int, alignment: int) -> None:
        self.fd = fd
        self._alignment = alignment
        self._buffer: mmap.mmap | None = None
        self._held = (0, 0)
        self._read_to = -1

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes, fewer at the end. What lies around them is read as well, and kept."""
        parts: list[bytes] = []
        ahead = offset == self._read_to
        while length:
            if not self._held[0] <= offset < self._held[1]:
                self._hold(offset, _BLOCK if ahead else length)
            start, end = self._held
            with memoryview(self._aligned()) as whole:
                part = bytes(whole[offset - start : min(end, offset + length) - start])
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        self._read_to = offset
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def write(self, offset: int, data: memoryview) -> int:
        """Write what is whole in the alignment; returns how many bytes, the rest is for the caller."""
        self.forget()
        done, straight = 0, True
        while len(data) - done >= self._alignment:
            span = min(_BLOCK, (len(data) - done) // self._alignment * self._alignment)
            part = data[done : done + span]
            try:
                if straight:
                    done += os.pwrite(self.fd, part, offset + done)
                else:
                    with memoryview(self._aligned()) as whole, whole[:span] as view:
                        view[:] = part
                        done += os.pwrite(self.fd, view, offset + done)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                if not straight:
                    # Some file systems want larger alignment than they say: the page cache has none.
                    break
                # The caller's memory is not aligned: it goes through some that is.
                straight = False
        return done

    def forget(self) -> None:
        """Give nothing out that was read before."""
        self._held = (0, 0)

    def close(self) -> None:
        """Let go of it."""
        os.close(self.fd)
        if self._buffer is not None:
            self._buffer.close()
            self._buffer = None

    def _hold(self, offset: int, length: int) -> None:
        """Fill the buffer from the medium; whoever reads in sequence gets a long run at once."""
        start = offset - offset % self._alignment
        span = min(_BLOCK, -(-(offset + length - start) // self._alignment) * self._alignment)
        self._held = (0, 0)
        with memoryview(self._aligned()) as whole, whole[:span] as view:
            self._held = (start, start + os.preadv(self.fd, [view], start))

    def _aligned(self) -> mmap.mmap:
        if self._buffer is None:
            self._buffer = aligned_memory(_BLOCK)
        return self._buffer
