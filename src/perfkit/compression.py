"""Codecs of your own for `Compression`, and what it tells of a response.

A `Codec` that is given to `register` can be named in the option ``codings``. What became of a response is in
``exchange.facts["compression"]``, an `Outcome`.
"""

from perfkit.features.compression import REASONS, Codec, CompressionOptions, Flush, Outcome, register

__all__ = ["REASONS", "Codec", "CompressionOptions", "Flush", "Outcome", "register"]
