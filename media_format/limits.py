"""The numbers of the format: sizes a writer uses, and bounds a reader enforces."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

FORMAT_VERSION: Final = 1
"""What this code writes and reads. A higher version is Refusal(unsupported-format)."""

DEFAULT_CHUNK_SIZE: Final = 64 * KIB
"""Plaintext bytes per chunk where a release does not say otherwise."""
MIN_CHUNK_SIZE: Final = 4 * KIB
MAX_CHUNK_SIZE: Final = 16 * MIB
"""Chunk sizes are powers of two between these; a device states the largest it has memory for."""

PAGE_CHUNKS: Final = 1024
"""Chunks on one page of the chunk table; only the last page of a component has fewer."""
MAX_PAGES: Final = 16384
MAX_PAGE_BYTES: Final = 128 * KIB
MAX_COMPONENTS: Final = 64

DEFAULT_SEGMENT_SIZE: Final = GIB
"""The payload is cut into files of this many bytes."""
SEGMENT_UNIT: Final = 4 * KIB
"""Boundaries are multiples of a page, so that whole pages are read and written on both sides of one."""
MIN_SEGMENT_SIZE: Final = 64 * KIB
MAX_SEGMENT_SIZE: Final = 4 * GIB - 64 * KIB
"""Below FAT's limit of 2^32 - 1 bytes for a file."""
MAX_SEGMENTS: Final = 1000

MAX_MANIFEST: Final = MIB
MAX_ENVELOPE: Final = 256 * KIB
MAX_REQUEST: Final = 64 * KIB
MAX_RECEIPT: Final = 64 * KIB
MAX_ANCHOR: Final = 64 * KIB
MAX_ENROLMENT: Final = 64 * KIB
MAX_DIRECTIVE: Final = 64 * KIB
MAX_CRL: Final = MIB

MAX_LIFETIME: Final = 366 * 86400
"""Seconds from the issue of a delivery to its expiry."""

MAX_SIGNATURES: Final = 8
MAX_CHAIN: Final = 4
"""Certificates in one chain, the leaf included, the root not."""
MAX_CERTIFICATE: Final = 16 * KIB
MAX_HEADER: Final = 2 * MAX_CHAIN * MAX_CERTIFICATE + KIB
"""Bytes of one protected header: a chain, a bag, and the small fields."""
MAX_SIGNATURE: Final = 4 * KIB
MAX_SIGN1_OVERHEAD: Final = MAX_HEADER + MAX_SIGNATURE + KIB
"""Bytes that COSE_Sign1 may add to its payload."""
MAX_SIGN_OVERHEAD: Final = MAX_SIGNATURES * MAX_SIGN1_OVERHEAD
"""Bytes that COSE_Sign may add to its payload."""
MAX_RECIPIENTS: Final = 256
MAX_RUNS: Final = 8192
