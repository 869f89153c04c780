"""zstd (RFC 8878): the standard library's from Python 3.14 on, its backport before."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import (
        DecompressionParameter,
        ZstdDecompressor,
        ZstdError,
        compress,
        get_frame_info,
    )
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError, compress, get_frame_info

__all__ = ["DecompressionParameter", "ZstdDecompressor", "ZstdError", "compress", "get_frame_info"]
