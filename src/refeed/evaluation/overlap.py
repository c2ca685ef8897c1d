"""Which ratings of one set of histories are also in another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refeed.data.history import History


def also_in(history: History, other: History) -> npt.NDArray[np.bool_]:
    """For each rating of `history`, bool (nnz,): whether `other` has one in the same row for the same item.

    Args:
        history: B rows over n items, the items of each row increasing.
        other: likewise.
    """
    own, theirs = (rows.row_of_rating * rows.num_items + rows.indices for rows in (history, other))  # both increase
    found = np.searchsorted(theirs, own)
    shared: npt.NDArray[np.bool_] = np.append(theirs, -1)[found] == own
    return shared
