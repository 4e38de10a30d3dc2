"""Compression: bodies in the coding the client likes best, and heads that tell the truth about them."""

# Imported for their codecs.
from perfkit.features.compression import _brotli, _gzip, _zstd  # noqa: F401
from perfkit.features.compression._codec import Codec, register
from perfkit.features.compression._feature import Compression
from perfkit.features.compression._options import CompressionOptions
from perfkit.features.compression._outcome import REASONS, Outcome
from perfkit.features.compression._streams import Flush

__all__ = ["REASONS", "Codec", "Compression", "CompressionOptions", "Flush", "Outcome", "register"]
