"""A hash of each history, by which a model recognises the users whose ratings it was trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refeed.data.history import History


def row_digests(history: History) -> npt.NDArray[np.int64]:
    """Hash the items and ratings of each row, int64 (B,); 0 for a row without ratings.

    The sum, modulo 2**64, of a mixed 64-bit word for each rating (the finaliser of SplitMix64: Steele, Lea & Flood 2014), so
    two different histories of a user collide about once in 2**64.
    """
    bits = (history.values + np.float32(0.0)).view(np.uint32)  # -0.0 is the rating 0.0
    words = (history.indices.astype(np.uint64) << np.uint64(32)) | bits
    words += np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    sums = np.zeros(history.num_ratings + 1, np.uint64)
    np.cumsum(words ^ (words >> np.uint64(31)), out=sums[1:])
    return (sums[history.indptr[1:]] - sums[history.indptr[:-1]]).view(np.int64)
