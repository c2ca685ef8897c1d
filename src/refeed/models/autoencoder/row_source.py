"""What an autoencoder is trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refeed.data.history import History


@dataclass(frozen=True)
class RowSource:
    """The rows that a network is trained on: users over items, or items over users.

    Attributes:
        counts: number of ratings of each row, int64 (rows,).
        rows: the rows at the given indices, int64 (B,), offsets subtracted.
    """

    counts: npt.NDArray[np.int64]
    rows: Callable[[npt.NDArray[np.int64]], History]
