"""Ratings less their offsets, and pairs as places of a sparse output."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from refeed.data.history import History
from refeed.data.row_blocks import pointers
from refeed.models.common.sparse_rows import SparseRows


def centred(history: History, offsets: npt.NDArray[np.float32]) -> History:
    """The history with `offsets`, (nnz,), taken off its ratings."""
    return History(
        indptr=history.indptr,
        indices=history.indices,
        values=history.values - offsets,
        num_items=history.num_items,
        users=history.users,
        timestamps=history.timestamps,
    )


def unique_pairs(
    rows: npt.NDArray[np.int64], items: npt.NDArray[np.int64], num_items: int, device: torch.device
) -> tuple[npt.NDArray[np.int64], SparseRows, npt.NDArray[np.int64]]:
    """Pairs, (P,), in any order and with repeats, as distinct places for `Network.output_at`.

    Returns:
        the rows that occur, int64 (A,); the places over these A rows; and the place of each pair, int64 (P,).
    """
    distinct, place_of_pair = np.unique(rows * num_items + items, return_inverse=True)
    asked, row_of_place = np.unique(distinct // num_items, return_inverse=True)
    places = SparseRows(
        indptr=torch.from_numpy(pointers(np.bincount(row_of_place, minlength=len(asked)))).to(device),
        columns=torch.from_numpy(distinct % num_items).to(device),
        values=torch.zeros(len(distinct), device=device),
        num_columns=num_items,
    )
    return asked, places, place_of_pair
